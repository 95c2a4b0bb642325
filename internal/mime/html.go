package mime

import (
	"bytes"
	"html"
	"io"
	"strings"
)

// An HTMLWriter writes the visible words of an HTML document to Words, and what its
// links and images point to, each followed by one space, to Links. Tags, comments,
// scripts, styles and the title are no words. Its input is whole runes of UTF-8.
//
// It is no parser of HTML, only as much of the tokenizer (HTML Living Standard,
// section 13.2.5) as tells words from markup. It holds a few bytes of its input,
// whatever that is.
type HTMLWriter struct {
	words WordWriter
	links io.Writer

	state htmlState
	quote byte // around the attribute's value

	tag    [12]byte // its name in lower case, as far as it fits
	tagLen int      // longer than tag if it does not fit
	end    bool     // it is an end tag

	attr    [10]byte
	attrLen int
	link    bool // the attribute's value points to something
	cid     int  // how much of "cid:" it starts with; -1 if it does not
	wrote   bool // it is not empty

	hidden string // in this element nothing is visible
	dashes int    // at the end of a comment so far

	entity    [40]byte // after "&"
	entityLen int
	back      htmlState // the state the entity is in

	out []byte
}

type htmlState byte

const (
	htmlText     htmlState = iota
	htmlOpen               // after "<"
	htmlEndOpen            // after "</"
	htmlTag                // in a tag's name
	htmlSpace              // in a tag, between attributes
	htmlAttr               // in an attribute's name
	htmlAttrEnd            // after it
	htmlEqual              // after "="
	htmlValue              // in the value
	htmlMarkup             // after "<!"
	htmlDash               // after "<!-"
	htmlComment            // in a comment
	htmlBogus              // in another "<!" or in "<?": up to ">"
	htmlEntity             // after "&"
	htmlHidden             // in an element that is not visible
	htmlHiddenLt           // after "<" in it
)

// Reset readies h for another document.
func (h *HTMLWriter) Reset(words, links io.Writer) {
	buf, out := h.words.buf[:0], h.out[:0]
	*h = HTMLWriter{links: links, out: out}
	h.words = WordWriter{W: words, buf: buf}
}

// Text takes the next run of the document.
func (h *HTMLWriter) Text(b []byte) {
	for i := 0; i < len(b); {
		switch h.state {
		case htmlText:
			i += h.text(b[i:])
		case htmlHidden:
			at := bytes.IndexByte(b[i:], '<')
			if at < 0 {
				return
			}
			h.state, h.tagLen, h.end = htmlHiddenLt, 0, false
			i += at + 1
		default:
			if h.state == htmlValue && h.quote != 0 && !h.link {
				// Nothing in here matters but its end.
				if at := bytes.IndexByte(b[i:], h.quote); at > 0 {
					i += at
				} else if at < 0 {
					return
				}
			}
			if !h.step(b[i]) {
				i++
			}
		}
	}
	h.flushLinks()
}

// Close ends the document.
func (h *HTMLWriter) Close() {
	if h.state == htmlEntity {
		h.endEntity("")
	}
	if h.state == htmlValue {
		h.endLink()
	}
	h.words.Close()
	h.flushLinks()
}

// text takes a run up to the next markup and returns its length.
func (h *HTMLWriter) text(b []byte) int {
	i := 0
	for i < len(b) && b[i] != '<' && b[i] != '&' {
		i++
	}
	h.words.Text(b[:i])
	if i == len(b) {
		return i
	}
	if b[i] == '<' {
		h.state = htmlOpen
	} else {
		h.startEntity()
	}
	return i + 1
}

// step takes one byte of markup. It returns true if the byte has to be taken again
// in the state that is now.
func (h *HTMLWriter) step(c byte) (again bool) {
	switch h.state {
	case htmlOpen:
		return h.open(c)
	case htmlEndOpen:
		switch {
		case isLetter(c):
			h.startTag(true)
			return true
		case c == '>':
			h.state = htmlText
		default:
			h.state = htmlBogus
		}
	case htmlTag:
		if c == '>' || c == '/' || isHTMLSpace(c) {
			h.state = htmlSpace
			return c == '>'
		}
		if h.tagLen < len(h.tag) {
			h.tag[h.tagLen] = lower(c)
		}
		h.tagLen = min(h.tagLen+1, len(h.tag)+1)
	case htmlSpace, htmlAttr, htmlAttrEnd, htmlEqual:
		return h.attribute(c)
	case htmlValue:
		return h.value(c)
	case htmlMarkup, htmlDash, htmlComment, htmlBogus:
		return h.markup(c)
	case htmlEntity:
		return h.inEntity(c)
	case htmlHiddenLt:
		return h.leave(c)
	}
	return false
}

func (h *HTMLWriter) open(c byte) (again bool) {
	switch {
	case isLetter(c):
		h.startTag(false)
		return true
	case c == '/':
		h.state = htmlEndOpen
	case c == '!':
		h.state = htmlMarkup
	case c == '?':
		h.state = htmlBogus
	default:
		h.words.Text([]byte{'<'})
		h.state = htmlText
		return true
	}
	return false
}

// markup takes a byte after "<!" or "<?".
func (h *HTMLWriter) markup(c byte) (again bool) {
	switch h.state {
	case htmlMarkup:
		if c == '-' {
			h.state = htmlDash
			return false
		}
		h.state = htmlBogus
		return true
	case htmlDash:
		if c == '-' {
			h.state, h.dashes = htmlComment, 2 // "<!-->" is a comment
			return false
		}
		h.state = htmlBogus
		return true
	case htmlComment:
		switch {
		case c == '-':
			h.dashes = min(h.dashes+1, 2)
		case c == '>' && h.dashes == 2:
			h.state = htmlText
		default:
			h.dashes = 0
		}
	case htmlBogus:
		if c == '>' {
			h.state = htmlText
		}
	}
	return false
}

func (h *HTMLWriter) startEntity() {
	h.back, h.state, h.entityLen = h.state, htmlEntity, 0
}

// inEntity takes a byte after "&".
func (h *HTMLWriter) inEntity(c byte) (again bool) {
	if c == ';' {
		h.endEntity(";")
		return false
	}
	fits := h.entityLen < len(h.entity)
	if fits && (isLetter(c) || '0' <= c && c <= '9' || c == '#' && h.entityLen == 0) {
		h.entity[h.entityLen] = c
		h.entityLen++
		return false
	}
	h.endEntity("")
	return true
}

// endEntity writes what the entity stands for, or itself.
func (h *HTMLWriter) endEntity(closing string) {
	h.state = h.back
	text := html.UnescapeString("&" + string(h.entity[:h.entityLen]) + closing)
	if h.state != htmlValue {
		h.words.Text([]byte(text))
		return
	}
	for i := range len(text) {
		h.linkByte(text[i])
	}
}

// leave takes a byte after "<" in an element that is not visible, looking for its
// end tag.
func (h *HTMLWriter) leave(c byte) (again bool) {
	switch {
	case !h.end && c == '/':
		h.end = true
	case h.end && h.tagLen < len(h.hidden) && lower(c) == h.hidden[h.tagLen]:
		h.tag[h.tagLen] = lower(c)
		h.tagLen++
	case h.end && h.tagLen == len(h.hidden) && (c == '>' || c == '/' || isHTMLSpace(c)):
		h.state = htmlSpace
		return c == '>'
	default:
		h.state = htmlHidden
		return true
	}
	return false
}

func isHTMLSpace(c byte) bool { return strings.IndexByte(" \t\n\r\f", c) >= 0 }

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
