package item

import "cmp"

// Limits bounds what a message may make us hold. A field that is zero or less means
// its default. Over a limit a message is cut and warned about, never refused.
type Limits struct {
	Header      int // bytes of one header block. Default: 1 MiB
	Fields      int // header fields in one block. Default: 2,000
	Field       int // bytes of one header field. Default: 64 KiB
	Parts       int // MIME parts in a message. Default: 1,000
	Depth       int // levels of nested parts. Default: 50
	Parameters  int // parameters of one header field. Default: 100
	Addresses   int // addresses in one header field. Default: 5,000
	References  int // ids kept of References and In-Reply-To. Default: 50
	Text        int // bytes kept of the text and of the HTML body, each. Default: 5 MiB
	Attachments int // attachments listed. Default: 1,000
}

// WithDefaults returns l with every field that is zero or less set to its default.
func (l Limits) WithDefaults() Limits {
	l.Header = cmp.Or(max(l.Header, 0), 1<<20)
	l.Fields = cmp.Or(max(l.Fields, 0), 2000)
	l.Field = cmp.Or(max(l.Field, 0), 64<<10)
	l.Parts = cmp.Or(max(l.Parts, 0), 1000)
	l.Depth = cmp.Or(max(l.Depth, 0), 50)
	l.Parameters = cmp.Or(max(l.Parameters, 0), 100)
	l.Addresses = cmp.Or(max(l.Addresses, 0), 5000)
	l.References = cmp.Or(max(l.References, 0), 50)
	l.Text = cmp.Or(max(l.Text, 0), 5<<20)
	l.Attachments = cmp.Or(max(l.Attachments, 0), 1000)
	return l
}
