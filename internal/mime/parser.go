package mime

import (
	"bytes"
	"io"
)

// A Handler is told what a message consists of, in order. What it is given holds
// only until it returns.
type Handler interface {
	// Header is called once, with the message's own header.
	Header(fields []Field)

	// Begin is called at the start of each part that is no multipart.
	Begin(part *Part)

	// Body is called with the next bytes of the part, decoded from its
	// Content-Transfer-Encoding.
	Body(part *Part, decoded []byte)

	// End is called at the end of each part that was begun.
	End(part *Part)
}

// A Parser takes messages apart. It may be used for one message after another,
// which saves memory, but not for two at once. The zero value is ready.
type Parser struct {
	src      source
	limits   Limits
	handler  Handler
	flags    Flags
	head     header
	dropped  int     // fields of this block over the limits
	levels   []level // open multiparts, outermost first
	parts    int     // begun so far, multiparts as well
	part     Part
	transfer Transfer
	out      []byte // decoded bytes
	work     int64  // bytes looked at, for the tests
}

// A level is an open multipart.
type level struct {
	boundary []byte // declared; nil if there is none
	other    []byte // a second boundary that is as good
	kind     string // such as "multipart/mixed"
	index    int    // parts begun in it
	closed   bool   // its final boundary was seen
}

// Parse reads a message from r and tells handler about it. The error is r's own.
func (p *Parser) Parse(r io.Reader, limits Limits, handler Handler) (Flags, error) {
	p.src.reset(r)
	return p.run(limits, handler)
}

// ParseBytes is Parse for a message in memory. It keeps nothing of b.
func (p *Parser) ParseBytes(b []byte, limits Limits, handler Handler) Flags {
	p.src.resetBytes(b)
	flags, _ := p.run(limits, handler)
	return flags
}

// ParseHeader reads a header block by itself. The fields hold until p is used
// again.
func (p *Parser) ParseHeader(b []byte, limits Limits) ([]Field, Flags) {
	p.src.resetBytes(b)
	p.limits, p.flags, p.levels, p.work = limits.withDefaults(), 0, p.levels[:0], 0
	p.start()
	fields := p.readBlock()
	p.src.buf = nil
	return fields, p.flags
}

func (p *Parser) run(limits Limits, handler Handler) (Flags, error) {
	p.limits, p.handler = limits.withDefaults(), handler
	p.flags, p.parts, p.levels, p.work = 0, 0, p.levels[:0], 0
	if p.out == nil {
		p.out = make([]byte, 0, piece+lookahead)
	}
	p.start()
	fields := p.readBlock()
	handler.Header(fields)
	p.part = Part{}
	p.describe(fields, "text/plain")
	for more := true; more && p.src.err == nil; {
		more = p.step()
	}
	if p.src.err == nil {
		p.closeLevels(0)
	}
	err := p.src.err
	p.src.r, p.src.buf, p.src.eof = nil, nil, true
	p.handler = nil
	return p.flags, err
}

func (p *Parser) flag(f Flags) { p.flags |= f }

// start moves past what may stand before the first header field.
func (p *Parser) start() {
	if p.src.findLineEnd() {
		p.flag(LineEnds)
	}
	if bytes.HasPrefix(p.src.window(3), []byte("\xef\xbb\xbf")) {
		p.flag(ByteOrder)
		p.src.skip(3)
	}
	if line, _, ok := p.src.line(); ok && isMboxLine(line) {
		p.flag(MboxLine)
		p.src.skipLine(nil)
	}
	w := p.src.window(lookahead)
	w = w[:min(len(w), lookahead)]
	blank := len(w) - len(bytes.TrimLeft(w, "\r\n"))
	if line, _ := firstLine(w[blank:], p.src.eol); blank > 0 && nameLen(line) > 0 {
		p.flag(BadLine)
		p.src.skip(blank)
	}
}

func isMboxLine(line []byte) bool {
	return bytes.HasPrefix(line, []byte("From ")) || bytes.HasPrefix(line, []byte(">From "))
}

// readBlock reads a header block. Its fields hold until the next call.
func (p *Parser) readBlock() []Field {
	p.dropped = 0
	return p.readHeader()
}

// step reads the body of the part whose header was just read, and the header of
// the next one. It reports whether there is one.
func (p *Parser) step() bool {
	if p.part.multipart {
		p.open()
	} else {
		p.leaf()
	}
	for {
		line, size, ok := p.src.line()
		if !ok {
			return false
		}
		i, final, found := p.match(line, size)
		if !found {
			return false // only after a read error
		}
		p.src.skip(size)
		p.closeLevels(i + 1)
		if !final {
			p.next()
			return true
		}
		p.levels[i].closed = true
		p.scan(nil, false)
	}
}

// next begins the part after a boundary of the innermost level.
func (p *Parser) next() {
	top := &p.levels[len(p.levels)-1]
	if top.closed {
		p.flag(OddBoundary)
		top.closed = false
	}
	p.part = Part{Parent: top.kind, Index: top.index, Depth: len(p.levels)}
	top.index++
	if p.parts+1 >= p.limits.Parts {
		p.flag(TooManyParts)
		p.part.Type, p.part.Opaque, p.part.last = "application/octet-stream", true, true
		return
	}
	usual := "text/plain"
	if top.kind == "multipart/digest" {
		usual = "message/rfc822"
	}
	p.describe(p.readBlock(), usual)
}

// open makes the current multipart the innermost level and reads up to its first
// boundary. What stands there is text if no boundary ever comes.
func (p *Parser) open() {
	p.parts++
	p.levels = append(p.levels, level{boundary: p.part.boundary, other: p.part.other, kind: p.part.Type})
	p.part = Part{
		Parent: p.part.Type, Depth: len(p.levels), Type: "text/plain", Preamble: true,
		From: p.src.offset(),
	}
	p.transfer.Reset("")
	p.handler.Begin(&p.part)
	p.scan(&p.part, true)
	p.finish()
}

// leaf reads the current part, which is no multipart.
func (p *Parser) leaf() {
	p.parts++
	p.part.From = p.src.offset()
	p.transfer.Reset(p.part.Encoding)
	p.handler.Begin(&p.part)
	p.scan(&p.part, false)
	p.finish()
}

// finish ends the current part, which scan has read.
func (p *Parser) finish() {
	if p.part.Preamble {
		line, size, ok := p.src.line()
		i, final, found := 0, false, false
		if ok {
			i, final, found = p.match(line, size)
		}
		p.part.Dropped = found && !final && i == len(p.levels)-1
		if !p.part.Dropped {
			p.flag(NoBoundary)
		}
	}
	p.emit(p.transfer.Close(p.out[:0]))
	p.flag(p.transfer.Faults())
	p.handler.End(&p.part)
}

// emit hands decoded bytes on.
func (p *Parser) emit(decoded []byte) {
	if p.part.Encoding != "" {
		p.out = decoded[:0] // it may have grown. Without an encoding it is the input itself
	}
	if len(decoded) > 0 {
		p.handler.Body(&p.part, decoded)
	}
}

// closeLevels ends the levels from index i on.
func (p *Parser) closeLevels(i int) {
	for _, l := range p.levels[i:] {
		if !l.closed && l.index > 0 {
			p.flag(Unterminated)
		}
	}
	p.levels = p.levels[:i]
}
