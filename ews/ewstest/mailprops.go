package ewstest

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"github.com/go-serversync/serversync/item"
)

// ofMail returns a property that a message has of its MIME.
func (it *stored) ofMail(name string) *node {
	m, h := it.home.box.model, it.head()
	switch name {
	case "Subject":
		return maybe(name, first(h.Subject, 255))
	case "From", "Sender":
		if who := it.people(name); len(who) > 0 {
			return group(name, m.address(who[0]))
		}
	case "ToRecipients", "CcRecipients", "BccRecipients", "ReplyTo":
		return m.addresses(name, it.people(name))
	case "DisplayTo":
		return elem(name, it.display("ToRecipients"))
	case "DisplayCc":
		return elem(name, it.display("CcRecipients"))
	case "InternetMessageId":
		if id := messageID(h); id != "" {
			return elem(name, "<"+id+">")
		}
	case "InReplyTo":
		return maybe(name, bracketed(h.InReplyTo))
	case "References":
		return maybe(name, bracketed(h.References))
	case "DateTimeSent":
		if h.Date.IsZero() {
			return elem(name, stamp(it.received))
		}
		return elem(name, stamp(h.Date))
	case "PostedTime":
		return elem(name, stamp(it.received))
	case "Importance":
		return elem(name, importance(h))
	case "Sensitivity":
		return elem(name, sensitivity(h))
	case "IsReadReceiptRequested":
		return elem(name, boolean(field(h, "Disposition-Notification-To") != ""))
	case "IsDeliveryReceiptRequested":
		return elem(name, boolean(field(h, "Return-Receipt-To") != ""))
	case "IsResponseRequested", "ReminderIsSet":
		return elem(name, "false")
	case "ConversationId":
		return it.conversation()
	case "ConversationIndex":
		return maybe(name, it.conversationIndex())
	case "ConversationTopic":
		return maybe(name, it.topic())
	case "InternetMessageHeaders":
		return internetHeaders(h)
	case "Categories":
		if words := field(h, "Keywords"); words != "" {
			return stringList(name, strings.Split(words, ","))
		}
	case "ReceivedBy", "ReceivedRepresenting":
		if !it.draft {
			return group(name, m.address(item.Address{Name: it.home.box.name, Addr: it.home.box.address}))
		}
	case "Flag":
		return group(name, elem("FlagStatus", "NotFlagged"))
	case "Preview":
		return elem(name, first(strings.Join(strings.Fields(it.plain()), " "), 255))
	}
	return nil
}

// stringList returns a list of String elements.
func stringList(name string, list []string) *node {
	n := group(name)
	for _, s := range list {
		if s = strings.TrimSpace(s); s != "" {
			n.children = append(n.children, elem("String", s))
		}
	}
	return n
}

// first returns the first n characters of s.
func first(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n])
}

// messageID returns the Message-ID that a sender gave, "" if there is none.
func messageID(h *item.Message) string { return h.MessageID }

func bracketed(ids []string) string {
	if len(ids) == 0 {
		return ""
	}
	return "<" + strings.Join(ids, "> <") + ">"
}

func importance(h *item.Message) string {
	switch value := strings.ToLower(field(h, "Importance")); {
	case value == "high" || value == "low":
		return strings.ToUpper(value[:1]) + value[1:]
	case value != "":
		return "Normal"
	}
	switch p := field(h, "X-Priority"); {
	case strings.HasPrefix(p, "1"), strings.HasPrefix(p, "2"):
		return "High"
	case strings.HasPrefix(p, "4"), strings.HasPrefix(p, "5"):
		return "Low"
	}
	return "Normal"
}

func sensitivity(h *item.Message) string {
	switch strings.ToLower(field(h, "Sensitivity")) {
	case "personal":
		return "Personal"
	case "private":
		return "Private"
	case "company-confidential":
		return "Confidential"
	}
	return "Normal"
}

// maxHeaderValue is how many bytes of a header field InternetMessageHeaders has.
const maxHeaderValue = 8 << 10

// internetHeaders returns the header fields of a message.
func internetHeaders(h *item.Message) *node {
	if len(h.Fields) == 0 {
		return nil
	}
	n := group("InternetMessageHeaders")
	for _, f := range h.Fields {
		value := f.Text()
		n.children = append(n.children, elem("InternetMessageHeader", value[:min(len(value), maxHeaderValue)]).with("HeaderName", f.Name))
	}
	return n
}

// topic is the subject of a conversation: the Thread-Topic, else the subject without what
// answering puts before it.
func (it *stored) topic() string {
	if n, ok := it.set["ConversationTopic"]; ok {
		return n.value()
	}
	if t := field(it.head(), "Thread-Topic"); t != "" {
		return first(t, 255)
	}
	subject := it.subject()
	for {
		i := strings.IndexByte(subject, ':')
		if i < 1 || i > 3 || strings.ContainsAny(subject[:i], " 0123456789") {
			return first(subject, 255)
		}
		subject = strings.TrimSpace(subject[i+1:])
	}
}

func (it *stored) subject() string {
	if n, ok := it.set["Subject"]; ok {
		return n.value()
	}
	return it.head().Subject
}

// conversationIndex is the Thread-Index, else one that every answer to the same message begins
// with.
func (it *stored) conversationIndex() string {
	if n, ok := it.set["ConversationIndex"]; ok {
		return n.value()
	}
	if index := strings.Join(strings.Fields(field(it.head(), "Thread-Index")), ""); index != "" {
		if _, err := base64.StdEncoding.DecodeString(index); err == nil {
			return index
		}
	}
	var conversation [16]byte
	sum := sha256.Sum256([]byte(it.root()))
	copy(conversation[:], sum[:])
	return item.NewThreadIndex(it.received, conversation)
}

// root says which conversation an item is of.
func (it *stored) root() string {
	h := it.head()
	switch {
	case len(h.References) > 0:
		return h.References[0]
	case len(h.InReplyTo) > 0:
		return h.InReplyTo[0]
	case h.MessageID != "":
		return h.MessageID
	}
	return it.topic()
}

// conversation returns the ConversationId: that of the index if the message came with one.
func (it *stored) conversation() *node {
	key := it.root()
	if index, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(field(it.head(), "Thread-Index")), "")); err == nil && len(index) >= 22 {
		key = string(index[6:22])
	}
	sum := sha256.Sum256([]byte(key))
	return elem("ConversationId", "").with("Id", "AAQkAD"+base64.StdEncoding.EncodeToString(sum[:30])+"AQAAA=")
}

// plain returns the text of an item's body.
func (it *stored) plain() string {
	kind, text := it.body("Text")
	if kind == "HTML" {
		return visible(text)
	}
	return text
}
