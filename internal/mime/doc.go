// Package mime reads messages as they are, not as the standards say they should
// be (RFC 5322, RFC 2045 to 2049, RFC 2231). Nothing is rejected: what is wrong is
// repaired or left out, and a [Flags] bit says so.
//
// Everything here is linear in its input and holds a bounded part of it in memory.
// Nothing recurses on the input's depth. How the input was cut into reads never
// changes a result.
package mime

import "cmp"

// Limits bounds what one message may make a [Parser] hold. A zero field means its
// default.
type Limits struct {
	Header     int // bytes kept of one header block. Default: 1 MiB
	Fields     int // fields kept of one header block. Default: 2,000
	Field      int // bytes kept of one field that is no address list. Default: 64 KiB
	Parts      int // parts told apart in a message. Default: 1,000
	Depth      int // levels of nested multiparts. Default: 50
	Parameters int // parameters of one field. Default: 100
}

func (l Limits) withDefaults() Limits {
	l.Header = cmp.Or(max(l.Header, 0), 1<<20)
	l.Fields = cmp.Or(max(l.Fields, 0), 2000)
	l.Field = cmp.Or(max(l.Field, 0), 64<<10)
	l.Parts = cmp.Or(max(l.Parts, 0), 1000)
	l.Depth = cmp.Or(max(l.Depth, 0), 50)
	l.Parameters = cmp.Or(max(l.Parameters, 0), 100)
	return l
}

// Flags says what was wrong with a message.
type Flags uint64

// What can be wrong. The comment says what was done about it.
const (
	LineEnds         Flags = 1 << iota // lines end with CR alone: read as such
	ByteOrder                          // a byte order mark stood first: left out
	MboxLine                           // an mbox "From " line stood first: left out
	BadLine                            // a header line is no field: left out
	NoBlankLine                        // no blank line ends the header: the body starts at the first of two lines that are no fields
	HeaderCut                          // a header block is over a limit: the rest is left out
	FieldCut                           // a field is over a limit: cut
	Duplicate                          // a field that stands once stands twice: the first counts
	Ambiguous                          // Content-Type or its boundary is given twice: parts of either boundary are listed
	BadParameter                       // parameters are repeated, broken or too many: the first count
	BadEncoding                        // Content-Transfer-Encoding is unknown, repeated or on a multipart: bytes stay as they are
	BadBase64                          // base64 has junk, lacks padding or ends in other text: junk left out
	BadQuoted                          // quoted-printable has a "=" that encodes nothing: kept as it stands
	BadCharset                         // the charset is unknown, or bytes are not of it: UTF-8, else windows-1252
	NoBoundary                         // a multipart has no boundary that is ever seen: shown as text
	OddBoundary                        // the boundary in use is not the declared one: the one in use counts
	Unterminated                       // a multipart has no final boundary: it ends with the message
	TooDeep                            // multiparts are nested too deep: the rest is one opaque part
	TooManyParts                       // too many parts: the rest is one opaque part
	BadAddress                         // an address list is malformed: read as far as it makes sense
	TooManyAddresses                   // an address list is over the limit: cut
	Group                              // an address list holds a group (RFC 5322, section 3.4)
	BadWord                            // an encoded word is broken: kept as it stands
	BadDate                            // a date is missing, unreadable or clamped
	NUL                                // text holds NUL: U+FFFD instead
)
