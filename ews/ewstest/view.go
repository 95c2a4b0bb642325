package ewstest

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/go-serversync/serversync/item"
)

// A view is what is known of an item's MIME.
type view struct {
	head *item.Message // the header; nil if nobody has looked
	made []byte        // the MIME of a message that is not kept, while it is looked at
}

// blob returns the item's MIME as it is kept, nil if there is none. That of a message that is
// not kept is made anew.
func (it *stored) blob() *item.Blob {
	if it.raw != nil || it.make == nil {
		return it.raw
	}
	return plainBlob(it.bytes())
}

// bytes returns the item's MIME as it is kept.
func (it *stored) bytes() []byte {
	if it.raw != nil {
		b, _ := it.raw.Bytes()
		return b
	}
	if it.make == nil {
		return nil
	}
	if it.seen == nil {
		return it.make()
	}
	if it.seen.made == nil {
		it.seen.made = it.make()
	}
	return it.seen.made
}

// hold keeps what is made of a message that is not kept, until the function that it returns is
// called: whoever looks at many properties of it wants that.
func (it *stored) hold() (release func()) {
	if it.make == nil || it.seen != nil {
		return func() {}
	}
	it.seen = &view{}
	return func() { it.seen = nil }
}

// noMail is the header of what has no MIME.
var noMail = item.ParseHeader(nil, item.Limits{})

// head returns the header of the item's MIME.
func (it *stored) head() *item.Message {
	if it.seen != nil && it.seen.head != nil {
		return it.seen.head
	}
	raw := it.bytes()
	if raw == nil {
		return noMail
	}
	head := item.ParseHeader(header(raw), item.Limits{})
	if it.raw != nil {
		it.seen = &view{}
	}
	if it.seen != nil {
		it.seen.head = head
	}
	return head
}

// header returns the header of a message, without the empty line behind it.
func header(raw []byte) []byte {
	end := len(raw)
	if bytes.HasPrefix(raw, []byte("\r\n")) || bytes.HasPrefix(raw, []byte("\n")) {
		return nil
	}
	for _, mark := range []string{"\r\n\r\n", "\n\n", "\n\r\n"} {
		if i := bytes.Index(raw[:end], []byte(mark)); i >= 0 {
			end = i + strings.IndexByte(mark, '\n') + 1
		}
	}
	return raw[:end]
}

// mail returns the item's MIME with its bodies and attachments, which is not kept for later.
func (it *stored) mail() *item.Message {
	raw := it.bytes()
	if raw == nil {
		return noMail
	}
	whole, err := item.ParseMessage(item.NewBlob(raw), item.Limits{})
	if err != nil {
		return noMail
	}
	return whole
}

// field returns the value of a header field, decoded, "" if there is none.
func field(m *item.Message, name string) string {
	for _, f := range m.Fields {
		if strings.EqualFold(f.Name, name) {
			return f.Text()
		}
	}
	return ""
}

// cut returns a blob in whose middle reading fails.
func cut(raw []byte) *item.Blob {
	return item.OpenBlob(halfReader{bytes.NewReader(raw), int64(len(raw) / 2)}, int64(len(raw)), [32]byte{}, nil)
}

var errCut = errors.New("ewstest: the message ends in its middle")

// A halfReader fails behind a place.
type halfReader struct {
	io.ReaderAt
	end int64
}

func (h halfReader) ReadAt(p []byte, at int64) (int, error) {
	if at >= h.end {
		return 0, errCut
	}
	if rest := h.end - at; int64(len(p)) > rest {
		n, _ := h.ReaderAt.ReadAt(p[:rest], at)
		return n, errCut
	}
	return h.ReaderAt.ReadAt(p, at)
}

// plainBlob returns a blob of bytes that nobody asks the digest of.
func plainBlob(b []byte) *item.Blob {
	return item.OpenBlob(bytes.NewReader(b), int64(len(b)), [32]byte{}, nil)
}
