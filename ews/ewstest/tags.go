package ewstest

import (
	"cmp"
	"encoding/base64"
	"strconv"
	"strings"
)

// extendedValue returns an extended property of an item: one that was set, or one of those that
// every item has.
func (it *stored) extendedValue(p propertyName) (values []string, ok bool) {
	if e, ok := find(it.ext, p); ok {
		return e.values, true
	}
	if p.set == sets["InternetHeaders"] && p.kind == "String" {
		for _, f := range it.head().Fields {
			if strings.EqualFold(f.Name, p.name) {
				return []string{f.Text()}, true
			}
		}
		return nil, false
	}
	if p == keywords {
		values = texts(it.property(nil, "Categories"))
		return values, len(values) > 0
	}
	if p.tag == 0 {
		return nil, false
	}
	v := it.tag(p.tag, p.kind)
	return []string{v}, v != ""
}

// The extended properties that are also others.
var (
	flagStatus = propertyName{tag: 0x1090, kind: "Integer"}
	keywords   = propertyName{set: sets["PublicStrings"], name: "Keywords", kind: "StringArray"}
)

// setExtended sets an extended property, or the one that it is another name of.
func (it *stored) setExtended(e extended) {
	switch e.propertyName {
	case flagStatus:
		status := map[string]string{"1": "Complete", "2": "Flagged"}[e.values[0]]
		it.set["Flag"] = group("Flag", elem("FlagStatus", cmp.Or(status, "NotFlagged")))
	case keywords:
		it.set["Categories"] = stringList("Categories", e.values)
	default:
		it.ext = put(it.ext, e)
	}
}

// unsetExtended removes an extended property.
func (it *stored) unsetExtended(p propertyName) {
	switch p {
	case flagStatus:
		delete(it.set, "Flag")
	case keywords:
		delete(it.set, "Categories")
	default:
		it.ext = drop(it.ext, p)
	}
}

// tag returns the value of a MAPI property that the item has by itself, "" if it has none.
func (it *stored) tag(tag uint32, kind string) string {
	switch kind {
	case "String":
		return it.stringTag(tag)
	case "Binary":
		return it.binaryTag(tag)
	case "Integer", "Long":
		return it.integerTag(tag)
	case "Boolean":
		switch tag {
		case 0x0E1B: // PidTagHasAttachments
			return boolean(it.hasFiles())
		case 0x0E69: // PidTagRead
			return boolean(it.read)
		case 0x0029: // PidTagReadReceiptRequested
			return it.property(nil, "IsReadReceiptRequested").value()
		}
	case "SystemTime":
		switch tag {
		case 0x0E06: // PidTagMessageDeliveryTime
			return stamp(it.received)
		case 0x0039: // PidTagClientSubmitTime
			return it.property(nil, "DateTimeSent").value()
		case 0x3007:
			return stamp(it.created)
		case 0x3008:
			return stamp(it.modified)
		}
	}
	return ""
}

func (it *stored) stringTag(tag uint32) string {
	text := func(name string) string { return it.property(nil, name).value() }
	switch tag {
	case 0x001A:
		return it.class
	case 0x0037, 0x0E1D: // PidTagSubject, PidTagNormalizedSubject
		return text("Subject")
	case 0x0070:
		return it.topic()
	case 0x007D: // PidTagTransportMessageHeaders
		if raw := it.bytes(); raw != nil && !it.draft {
			return string(header(raw))
		}
	case 0x0C1A, 0x0042: // PidTagSenderName, PidTagSentRepresentingName
		a := it.sender()
		if a.Name == "" {
			return a.Addr
		}
		return a.Name
	case 0x0C1F, 0x0065, 0x5D01, 0x5D02: // addresses of PidTagSender… and PidTagSentRepresenting…
		return it.sender().Addr
	case 0x0E02:
		return it.display("BccRecipients")
	case 0x0E03:
		return it.display("CcRecipients")
	case 0x0E04:
		return it.display("ToRecipients")
	case 0x1000: // PidTagBody
		return it.plain()
	case 0x1035:
		return text("InternetMessageId")
	case 0x1039:
		return text("References")
	case 0x1042:
		return text("InReplyTo")
	case 0x10F3: // PidTagUrlCompName
		return strings.NewReplacer("/", "_xF8FF_", "?", "_x003F_").Replace(first(it.subject(), 60)) + "-" + strconv.FormatUint(it.number, 10) + ".EML"
	}
	return ""
}

func (it *stored) binaryTag(tag uint32) string {
	switch tag {
	case 0x0071:
		return it.conversationIndex()
	case 0x0FFF, 0x0FF9: // PidTagEntryId, PidTagRecordKey
		return key64("entry"+it.home.id, it.birth)
	case 0x300B: // PidTagSearchKey
		return key64("search", it.birth)
	case 0x3013: // PidTagConversationId
		raw, _ := base64.StdEncoding.DecodeString(it.conversation().attr("Id")[6:46])
		return base64.StdEncoding.EncodeToString(raw[:16])
	case 0x65E2, 0x65E3: // PidTagChangeKey, PidTagPredecessorChangeList
		return it.key()
	}
	return ""
}

func (it *stored) integerTag(tag uint32) string {
	switch tag {
	case 0x0E07: // PidTagMessageFlags
		flags := 0
		if it.read {
			flags |= 1
		}
		if it.log.updated == 0 && !it.draft {
			flags |= 2
		}
		if it.submitted {
			flags |= 4
		}
		if it.draft {
			flags |= 8
		}
		if it.hasFiles() {
			flags |= 16
		}
		if it.associated {
			flags |= 64
		}
		return strconv.Itoa(flags)
	case 0x0E08:
		return strconv.FormatInt(it.length(), 10)
	case 0x0E23: // PidTagInternetArticleNumber
		return strconv.FormatUint(it.number, 10)
	case 0x0017: // PidTagImportance
		return map[string]string{"Low": "0", "Normal": "1", "High": "2"}[it.property(nil, "Importance").value()]
	case 0x1090: // PidTagFlagStatus
		switch it.property(nil, "Flag").child("FlagStatus").value() {
		case "Flagged":
			return "2"
		case "Complete":
			return "1"
		}
	}
	return ""
}

// folderTag returns the value of a MAPI property that a folder has by itself.
func (f *folder) folderTag(p propertyName) string {
	switch p.tag {
	case 0x3001:
		return f.name
	case 0x3613:
		return f.class
	case 0x3602:
		return strconv.Itoa(len(f.items))
	case 0x3603:
		return strconv.Itoa(f.unread)
	case 0x360A:
		return boolean(len(f.folders) > 0)
	case 0x10F4: // PidTagAttributeHidden
		return "false"
	case 0x0E08:
		var size int64
		for _, it := range f.items {
			size += it.length()
		}
		return strconv.FormatInt(size, 10)
	case 0x670A: // PidTagLocalCommitTimeMax
		return stamp(f.touched)
	case 0x670B: // PidTagDeletedCountTotal
		return strconv.Itoa(f.deleted)
	case 0x0FFF:
		return key64("folder", hash(f.id))
	case 0x3008:
		return stamp(f.touched)
	case 0x6751: // the next number of an item
		return strconv.FormatUint(f.articles+1, 10)
	case 0x6752:
		return strconv.FormatUint(f.articles, 10)
	}
	return ""
}
