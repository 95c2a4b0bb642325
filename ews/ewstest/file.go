package ewstest

import (
	"cmp"
	"encoding/base64"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A file is an attachment.
type file struct {
	number    int // within its item, for its id
	name      string
	mediaType string
	contentID string
	inline    bool
	content   []byte
	size      int64
	item      *stored // of an item that is attached
	changed   time.Time
}

// attached returns an item's attachments: those in its MIME, then those that were added.
func (it *stored) attached() []*file {
	var all []*file
	if !it.kind.isMail() || it.raw == nil && it.make == nil {
		return it.files
	}
	for i := range it.mail().Attachments {
		if it.cutIn[i] {
			continue
		}
		a := it.mailFile(i)
		if a != nil {
			all = append(all, a)
		}
	}
	return append(all, it.files...)
}

// mailFile returns an attachment of the MIME.
func (it *stored) mailFile(i int) *file {
	attachments := it.mail().Attachments
	if i >= len(attachments) {
		return nil
	}
	a := &attachments[i]
	f := &file{number: i, name: a.Name, mediaType: a.Type, contentID: a.ContentID, inline: a.Inline, size: a.Size, changed: it.received}
	f.content, _ = io.ReadAll(a.Open())
	if a.Type == "message/rfc822" {
		f.item = newMail(it.home.box.model, f.content, it.received)
		f.item.home, f.item.id = it.home, it.id
	}
	if f.name == "" && f.item != nil {
		f.name = f.item.subject()
	}
	return f
}

// hasFiles reports whether an item has attachments that are not part of its text.
func (it *stored) hasFiles() bool {
	if len(it.files) > 0 {
		return true
	}
	if !it.mayHaveFiles() {
		return false
	}
	if it.withFiles == 0 {
		it.withFiles = -1
		if slices.ContainsFunc(it.attached(), func(f *file) bool { return !f.inline }) {
			it.withFiles = 1
		}
	}
	return it.withFiles > 0
}

// mayHaveFiles reports whether the header leaves it open that the MIME has attachments, so that
// what is plain text need not be read for it.
func (it *stored) mayHaveFiles() bool {
	if !it.kind.isMail() || it.raw == nil && it.make == nil {
		return false
	}
	kind := strings.ToLower(field(it.head(), "Content-Type"))
	return kind != "" && !strings.HasPrefix(kind, "text/") || field(it.head(), "Content-Disposition") != ""
}

// attachmentEnd is what the id of an attachment has in place of the end of its item's.
const attachmentEnd = "ABEgAQ"

// id returns the attachment's id.
func (f *file) id(of *stored) string {
	return strings.TrimSuffix(of.id, idEnd) + attachmentEnd + base64.StdEncoding.EncodeToString([]byte{'f', byte(f.number >> 8), byte(f.number)}) + "=="
}

// attachment finds an attachment by its id.
func (m *model) attachment(id string) (*stored, *file, error) {
	i := strings.LastIndex(id, attachmentEnd)
	if i < 0 {
		return nil, nil, fail("ErrorInvalidAttachmentId", "The specified attachment Id is invalid.")
	}
	it := m.items[id[:i]+idEnd]
	if it == nil {
		return nil, nil, noItem()
	}
	for _, f := range it.attached() {
		if f.id(it) == id {
			return it, f, nil
		}
	}
	return nil, nil, noItem()
}

// attachmentList returns the Attachments of an item, without their content; nil without any.
func (it *stored) attachmentList() *node {
	if len(it.files) == 0 && !it.mayHaveFiles() {
		return nil
	}
	list := it.attached()
	if len(list) == 0 {
		return nil
	}
	n := group("Attachments")
	for _, f := range list {
		n.children = append(n.children, f.element(it))
	}
	return n
}

// element returns what is known of an attachment, without its content.
func (f *file) element(of *stored) *node {
	name := "FileAttachment"
	if f.item != nil {
		name = "ItemAttachment"
	}
	contentType := elem("ContentType", cmp.Or(f.mediaType, "application/octet-stream"))
	if f.item != nil {
		contentType = nil
	}
	return group(name,
		elem("AttachmentId", "").with("Id", f.id(of)),
		elem("Name", f.name),
		contentType,
		maybe("ContentId", f.contentID),
		elem("Size", strconv.FormatInt(f.size, 10)),
		elem("LastModifiedTime", stamp(f.changed)),
		elem("IsInline", boolean(f.inline)),
	)
}
