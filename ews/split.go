package ews

import (
	"bufio"
	"bytes"
	"io"
	"mime"
	"slices"
	"strings"

	"github.com/go-serversync/serversync/item"
)

// A message of up to wholeSize goes to the server in one request. As base64 and with the envelope
// that is below 4 MiB, which is what ASP.NET takes where nobody has said otherwise
// (httpRuntime's maxRequestLength); Exchange's own setups say 64 MB on premises and 35 MB or
// more online. Of a larger one the attachments of at least partSize go one by one.
const (
	wholeSize = 3_000_000
	partSize  = 64 << 10
)

// An enclosure is an attachment that goes by itself.
type enclosure struct {
	span       span // with the delimiter in front of it
	attachment *item.Attachment
}

// divide returns what is to be taken out of a large message so that the rest is small, largest
// first. It takes only what stands directly in a multipart/mixed and is a plain file: whoever
// signed or encrypted something has put it into a part that stays whole, or made the
// message itself that part. Nothing is returned for a message whose structure is not
// beyond doubt.
func (l *letter) divide() ([]enclosure, error) {
	if l.sub.Raw.Size() <= wholeSize {
		return nil, nil
	}
	parts, err := partsOf(l.sub.Raw, l.body, boundaryOf(l.fields))
	if err != nil || len(parts) < 2 {
		return nil, err
	}
	parts = parts[1:] // the first is the text
	slices.SortStableFunc(parts, func(a, b part) int { return int(b.whole.size() - a.whole.size()) })
	var out []enclosure
	for rest := l.sub.Raw.Size(); len(parts) > 0 && rest > wholeSize && parts[0].whole.size() >= partSize; parts = parts[1:] {
		a, err := l.fileIn(parts[0].content)
		if err != nil {
			return nil, err
		}
		if a != nil {
			out = append(out, enclosure{parts[0].whole, a})
			rest -= parts[0].whole.size()
		}
	}
	return out, nil
}

// fileIn returns the file that a part is, nil if it is anything else.
func (l *letter) fileIn(content span) (*item.Attachment, error) {
	alone := &excerpt{from: l.sub.Raw.Open()}
	alone.add(content)
	blob, err := alone.blob()
	if err != nil {
		return nil, err
	}
	m, err := item.ParseMessage(blob, l.limits.Item)
	if err != nil {
		return nil, err
	}
	for _, w := range m.Warnings {
		if w != item.WarnDate && w != item.WarnMessageID && w != item.WarnFromAmbiguous {
			return nil, nil
		}
	}
	if len(m.Attachments) != 1 || m.Text != "" || m.HTML != "" {
		return nil, nil
	}
	a := &m.Attachments[0]
	if strings.HasPrefix(a.Type, "multipart/") || strings.HasPrefix(a.Type, "message/") || typeOf(m.Fields) != a.Type {
		return nil, nil
	}
	return a, nil
}

// typeOf returns the media type in a header, "" if it is not said plainly.
func typeOf(fields []item.Field) string {
	kind, _, _ := contentType(fields)
	return kind
}

// boundaryOf returns the boundary of a multipart/mixed, "" of anything else.
func boundaryOf(fields []item.Field) string {
	kind, params, ok := contentType(fields)
	if !ok || kind != "multipart/mixed" {
		return ""
	}
	return params["boundary"]
}

func contentType(fields []item.Field) (kind string, params map[string]string, ok bool) {
	for _, f := range fields {
		if !strings.EqualFold(f.Name, "Content-Type") {
			continue
		}
		if ok {
			return "", nil, false // twice, and nobody knows which counts
		}
		var err error
		if kind, params, err = mime.ParseMediaType(f.Value); err != nil {
			return "", nil, false
		}
		ok = true
	}
	return kind, params, ok
}

// A part is one of a multipart.
type part struct {
	whole   span // from its delimiter to the next one
	content span // its header and body
}

// partsOf returns the parts of a multipart (RFC 2046, section 5.1.1), none if it does not
// come to its proper end.
func partsOf(raw *item.Blob, from int64, boundary string) (parts []part, err error) {
	if boundary == "" {
		return nil, nil
	}
	delimiter := []byte("--" + boundary)
	r := bufio.NewReaderSize(io.NewSectionReader(raw.Open(), from, raw.Size()-from), 64<<10)
	at, lineEnd, begun := from, int64(0), true
	for {
		line, err := r.ReadSlice('\n')
		if err == io.EOF && len(line) == 0 {
			return nil, nil // without an end
		}
		if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
			return nil, err
		}
		next := at + int64(len(line))
		if rest, found := bytes.CutPrefix(line, delimiter); found && begun {
			rest = bytes.TrimRight(rest, " \t\r\n")
			closing := string(rest) == "--"
			if closing || len(rest) == 0 {
				if n := len(parts); n > 0 {
					parts[n-1].whole.to = at
					parts[n-1].content.to = max(at-lineEnd, parts[n-1].content.from)
				}
				if closing {
					return parts, nil
				}
				parts = append(parts, part{whole: span{from: at}, content: span{from: next}})
			}
		}
		begun = err == nil
		lineEnd = int64(len(line) - len(bytes.TrimRight(line, "\r\n")))
		at = next
	}
}
