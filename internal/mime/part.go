package mime

import "strings"

// A Part is one part of a message that is no multipart: its text or an attachment.
// A message without parts is itself one.
type Part struct {
	Type        string  // media type in lower case: "text/plain"
	Params      []Param // Content-Type's parameters
	Disposition string  // in lower case: "", "inline", "attachment"
	FileParams  []Param // Content-Disposition's parameters
	Encoding    string  // "base64", "quoted-printable" or "" for bytes as they are
	ContentID   string  // without angle brackets

	Parent string // the multipart's type; "" for the message itself
	Index  int    // of the part in its multipart
	Depth  int    // number of multiparts around it

	Preamble bool // what stands before a multipart's first boundary
	Dropped  bool // a boundary came after the Preamble, so that it is no content. Known at End
	Opaque   bool // a limit was hit: it may hold more parts

	From, To int64 // where the encoded body lies in the message. To is known at End

	multipart       bool
	boundary, other []byte
	last            bool // it goes on to the end, whatever boundaries come
}

// describe fills p.part from its header. usual is the type of a part that says none
// (RFC 2045, section 5.2).
func (p *Parser) describe(fields []Field, usual string) {
	part := &p.part
	part.Type = usual
	var typed, encoded, disposed, named bool
	for _, f := range fields {
		switch {
		case f.Is("content-type"):
			p.contentType(f, usual, typed)
			typed = true
		case f.Is("content-transfer-encoding"):
			p.contentEncoding(f, encoded)
			encoded = true
		case f.Is("content-disposition"):
			if disposed {
				p.flag(Duplicate)
				continue
			}
			disposed = true
			var fl Flags
			part.Disposition, part.FileParams, fl = parseValue(f.Value, p.limits.Parameters)
			p.flag(fl)
		case f.Is("content-id"):
			if named {
				p.flag(Duplicate)
				continue
			}
			named = true
			part.ContentID = MessageID(Text(f.Value))
		}
	}
	p.settle()
}

// contentType reads a Content-Type. Of a second one only the boundary is used, as
// another program may have gone by that one.
func (p *Parser) contentType(f Field, usual string, second bool) {
	kind, params, flags := parseValue(f.Value, p.limits.Parameters)
	part := &p.part
	if second {
		p.flag(Ambiguous)
		part.addBoundary(params)
		return
	}
	p.flag(flags)
	part.Params = params
	switch slash := strings.IndexByte(kind, '/'); {
	case slash > 0 && slash < len(kind)-1 && !strings.ContainsAny(kind, " \t\"(),;<>@[]"):
		part.Type = kind
	case kind == "text", kind == "":
		part.Type = usual
	default:
		p.flag(BadParameter)
		part.Type = "application/octet-stream"
	}
	part.addBoundary(params)
	if part.other != nil {
		p.flag(Ambiguous)
	}
}

// addBoundary takes the boundaries among params, as long as there is room for them.
func (part *Part) addBoundary(params []Param) {
	for _, param := range params {
		if param.Name != "boundary" {
			continue
		}
		b := []byte(strings.TrimRight(param.Value, " \t"))
		switch {
		case len(b) == 0 || len(b) > longBoundary:
		case part.boundary == nil:
			part.boundary = b
		case part.other == nil && string(b) != string(part.boundary):
			part.other = b
		}
	}
}

func (p *Parser) contentEncoding(f Field, second bool) {
	encoding, known := normalEncoding(f.Value)
	if second || !known {
		p.flag(BadEncoding)
	}
	if !second {
		p.part.Encoding = encoding
	}
}

// settle decides whether the part is a multipart that is taken apart.
func (p *Parser) settle() {
	part := &p.part
	if !strings.HasPrefix(part.Type, "multipart/") {
		part.boundary, part.other = nil, nil
		return
	}
	if part.Encoding != "" {
		p.flag(BadEncoding)
		part.Encoding = ""
	}
	if len(p.levels) >= p.limits.Depth {
		p.flag(TooDeep)
		part.boundary, part.other, part.Opaque = nil, nil, true
		return
	}
	part.multipart = true
}

// normalEncoding returns what a Content-Transfer-Encoding means, and whether it is
// one we know (RFC 2045, section 6). People write "8-bit", "base64 (x)" and
// "Quoted-Printable;".
func normalEncoding(value []byte) (encoding string, known bool) {
	var word [24]byte
	n := 0
	for _, c := range value {
		if c == '(' || c == ';' {
			break
		}
		if c == '-' || c == '"' || isBlank(c) {
			continue
		}
		if n == len(word) {
			return "", false
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		word[n] = c
		n++
	}
	switch string(word[:n]) {
	case "base64":
		return "base64", true
	case "quotedprintable":
		return "quoted-printable", true
	case "", "7bit", "8bit", "binary", "7bits", "8bits":
		return "", true
	}
	return "", false
}
