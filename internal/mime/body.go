package mime

import "bytes"

// longBoundary is the longest boundary looked for. RFC 2046, section 5.1.1 allows
// 70.
const longBoundary = 512

// scan reads a body up to a boundary of an open level or the end, and hands it to
// part, which may be nil. The line end before a boundary belongs to the boundary
// (RFC 2046, section 5.1.1). If guess, a line that looks like a boundary becomes
// one of the innermost level.
func (p *Parser) scan(part *Part, guess bool) {
	whole := part != nil && part.last
	delimiter := []byte{p.src.eol, '-', '-'}
	if !whole && p.delimiterAhead(0, guess) {
		p.ended(part)
		return
	}
	for {
		w := p.src.window(2*lookahead + 8)
		eof := p.src.eof && len(w) <= piece
		n := min(len(w), piece)
		i := -1
		if !whole && len(p.levels) > 0 {
			i = bytes.Index(w[:n], delimiter)
		}
		switch {
		case i < 0 && eof:
			p.pass(part, n, 0)
			p.ended(part)
			return
		case i < 0:
			// The tail may be the start of CR CR LF - -.
			p.pass(part, n-4, 0)
		case i > 2 && i+1+2*lookahead > len(w) && !p.src.eof:
			p.pass(part, i-2, 0) // so that all of the line can be seen
		case p.delimiterAhead(i+1, guess):
			end := i
			for end > 0 && end > i-2 && w[end-1] == '\r' {
				end--
			}
			p.pass(part, end, i+1-end)
			p.ended(part)
			return
		default:
			p.pass(part, i+3, 0)
		}
	}
}

// pass hands n bytes of the window to part and skips as many and skip more.
func (p *Parser) pass(part *Part, n, skip int) {
	b := p.src.buf[p.src.pos : p.src.pos+n]
	p.work += int64(n)
	p.src.skip(n)
	if part != nil {
		part.To = p.src.offset()
		p.emit(p.transfer.Decode(p.out[:0], b))
	}
	p.src.skip(skip)
}

// ended settles where part's body ended if it is empty.
func (p *Parser) ended(part *Part) {
	if part != nil && part.To < part.From {
		part.To = part.From
	}
}

// delimiterAhead reports whether the line that starts at bytes ahead is a
// boundary.
func (p *Parser) delimiterAhead(at int, guess bool) bool {
	if len(p.levels) == 0 {
		return false
	}
	w := p.src.window(at + 2*lookahead)[at:]
	line, size := firstLine(w[:min(len(w), lookahead)], p.src.eol)
	if size == 0 && len(w) < lookahead && p.src.eof {
		size = len(w)
	}
	line = trimCR(line)
	p.work += int64(len(line))
	if _, _, ok := p.match(line, size); ok {
		return true
	}
	return guess && size > 0 && p.guessBoundary(line, w[size:])
}

// atBoundary reports whether line, which takes size bytes, is a boundary.
func (p *Parser) atBoundary(line []byte, size int) bool {
	_, _, ok := p.match(line, size)
	return ok
}

// match finds the level whose boundary line is. The innermost open one counts,
// then the innermost that had its final boundary already. Only white space may
// follow the boundary, so that one may be the prefix of another.
func (p *Parser) match(line []byte, size int) (index int, final, ok bool) {
	if size == 0 || len(line) < 2 || line[0] != '-' || line[1] != '-' {
		return 0, false, false
	}
	token := trimRight(line[2:])
	index = -1
	for i := len(p.levels) - 1; i >= 0; i-- {
		p.work++
		l := &p.levels[i]
		same, end := l.matches(token)
		if same && !l.closed {
			return i, end, true
		}
		if same && index < 0 {
			index, final = i, end
		}
	}
	return index, final, index >= 0
}

func (l *level) matches(token []byte) (same, final bool) {
	same, final = isBoundary(token, l.boundary)
	if !same && l.other != nil {
		same, final = isBoundary(token, l.other)
	}
	return same, final
}

// isBoundary compares lengths and last bytes first: a hostile message asks this for
// many lines and levels.
func isBoundary(token, boundary []byte) (same, final bool) {
	n := len(boundary)
	if n == 0 || len(token) != n && len(token) != n+2 || token[n-1] != boundary[n-1] {
		return false, false
	}
	if len(token) == n+2 && (token[n] != '-' || token[n+1] != '-') {
		return false, false
	}
	return bytes.Equal(token[:n], boundary), len(token) == n+2
}

func trimRight(b []byte) []byte {
	for len(b) > 0 && isBlank(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

// guessBoundary takes line for a boundary of the innermost level, whose own was
// not seen yet, if a Content- field follows it. Programs exist that declare one
// boundary and write another.
func (p *Parser) guessBoundary(line, next []byte) bool {
	top := &p.levels[len(p.levels)-1]
	token := trimRight(line)
	if len(token) < 3 || token[0] != '-' || token[1] != '-' {
		return false
	}
	token = token[2:]
	if top.other != nil || len(token) > longBoundary || bytes.ContainsAny(token, " \t") {
		return false
	}
	next, _ = firstLine(next[:min(len(next), lookahead)], p.src.eol)
	const field = "content-"
	if len(next) < len(field) || !equalFold(next[:len(field)], field) || nameLen(next) == 0 {
		return false
	}
	p.flag(OddBoundary)
	top.other = bytes.Clone(token)
	return true
}
