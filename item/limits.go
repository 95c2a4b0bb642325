package item

import "cmp"

// Limits bounds what a message may make us hold. The zero value of a field means
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

// WithDefaults returns l with every zero field set to its default.
func (l Limits) WithDefaults() Limits {
	l.Header = cmp.Or(l.Header, 1<<20)
	l.Fields = cmp.Or(l.Fields, 2000)
	l.Field = cmp.Or(l.Field, 64<<10)
	l.Parts = cmp.Or(l.Parts, 1000)
	l.Depth = cmp.Or(l.Depth, 50)
	l.Parameters = cmp.Or(l.Parameters, 100)
	l.Addresses = cmp.Or(l.Addresses, 5000)
	l.References = cmp.Or(l.References, 50)
	l.Text = cmp.Or(l.Text, 5<<20)
	l.Attachments = cmp.Or(l.Attachments, 1000)
	return l
}
