package mime

func (h *HTMLWriter) startTag(end bool) {
	h.state, h.tagLen, h.end = htmlTag, 0, end
}

// endTag acts on a whole tag.
func (h *HTMLWriter) endTag() {
	h.state = htmlText
	name := ""
	if h.tagLen <= len(h.tag) {
		name = htmlNames[string(h.tag[:h.tagLen])]
	}
	if name == "" {
		h.words.Break()
		return
	}
	if name[0] == '!' && !h.end {
		h.words.Break()
		h.state, h.hidden = htmlHidden, name[1:]
	}
}

// htmlNames holds the elements that do not part words, and with a "!" those that
// are not visible.
var htmlNames = map[string]string{
	"a": "a", "abbr": "a", "acronym": "a", "b": "a", "bdi": "a", "bdo": "a", "big": "a", "cite": "a",
	"code": "a", "del": "a", "dfn": "a", "em": "a", "font": "a", "i": "a", "ins": "a", "kbd": "a",
	"mark": "a", "q": "a", "s": "a", "samp": "a", "small": "a", "span": "a", "strike": "a",
	"strong": "a", "sub": "a", "sup": "a", "time": "a", "tt": "a", "u": "a", "var": "a", "wbr": "a",
	"o:p":    "a", // Word's paragraphs
	"script": "!script", "style": "!style", "title": "!title",
}

// attribute takes a byte between a tag's name and its end, but for values.
func (h *HTMLWriter) attribute(c byte) (again bool) {
	switch {
	case c == '>':
		if h.state == htmlEqual {
			h.link = false
		}
		h.endTag()
		return false
	case isHTMLSpace(c):
		if h.state == htmlAttr {
			h.state = htmlAttrEnd
		}
		return false
	}
	switch h.state {
	case htmlSpace, htmlAttrEnd:
		if c == '=' && h.state == htmlAttrEnd {
			h.state = htmlEqual
			return false
		}
		if c != '/' {
			h.state, h.attrLen = htmlAttr, 0
			return h.attribute(c) // now htmlAttr: once
		}
	case htmlAttr:
		switch {
		case c == '=' && h.attrLen > 0:
			h.state = htmlEqual
		case c == '/':
			h.state = htmlSpace
		default:
			if h.attrLen < len(h.attr) {
				h.attr[h.attrLen] = lower(c)
			}
			h.attrLen = min(h.attrLen+1, len(h.attr)+1)
		}
	case htmlEqual:
		h.state, h.quote = htmlValue, 0
		h.link, h.cid, h.wrote = h.pointsSomewhere(), 0, false
		if c == '"' || c == '\'' {
			h.quote = c
			return false
		}
		return true
	}
	return false
}

func (h *HTMLWriter) pointsSomewhere() bool {
	if h.end || h.attrLen > len(h.attr) {
		return false
	}
	name := string(h.attr[:h.attrLen])
	return name == "href" || name == "src"
}

// value takes a byte of an attribute's value.
func (h *HTMLWriter) value(c byte) (again bool) {
	switch {
	case h.quote != 0 && c == h.quote, h.quote == 0 && isHTMLSpace(c):
		h.endLink()
		h.state = htmlSpace
	case h.quote == 0 && c == '>':
		h.endLink()
		h.state = htmlSpace
		return true
	case c == '&' && h.link:
		h.startEntity()
	case h.link:
		h.linkByte(c)
	}
	return false
}

// linkByte takes a byte of what a link points to. White space is left out, as
// browsers do for line ends, and "cid:" links wholly: they name a part, and how
// parts are called is not content.
func (h *HTMLWriter) linkByte(c byte) {
	const cid = "cid:"
	if c <= ' ' || !h.link {
		return
	}
	if h.cid >= 0 && h.cid < len(cid) {
		if lower(c) == cid[h.cid] {
			h.cid++
			h.link = h.cid < len(cid)
			return
		}
		h.out = append(h.out, cid[:h.cid]...)
		h.cid = -1
	}
	h.cid, h.wrote = -1, true
	h.out = append(h.out, c)
	if len(h.out) > 4<<10 {
		h.flushLinks()
	}
}

func (h *HTMLWriter) endLink() {
	if h.link && h.cid > 0 {
		h.out = append(h.out, "cid:"[:h.cid]...)
		h.wrote = true
	}
	if h.link && h.wrote {
		h.out = append(h.out, ' ')
	}
	h.link = false
}

func (h *HTMLWriter) flushLinks() {
	if len(h.out) > 0 {
		h.links.Write(h.out) // a hash: it does not fail
		h.out = h.out[:0]
	}
}
