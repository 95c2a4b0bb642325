package item

import (
	"bytes"
	"hash"
)

// longRun is the most CRs that count as one line end with the LF behind them.
const longRun = 1 << 10

// lineEnds makes every line end \n: LF, CR, CR LF, and CR CR LF, which gateways
// produce. It works a run of bytes at a time.
type lineEnds struct {
	replaceNUL bool // U+FFFD for NUL: databases refuse it
	hadNUL     bool
	crs        int // CRs at the end of the last run
	out        []byte
}

// convert returns b with its line ends made \n. The result holds until the next
// call; it is b itself where there is nothing to do.
func (l *lineEnds) convert(b []byte) []byte {
	nul := l.replaceNUL && bytes.IndexByte(b, 0) >= 0
	if l.crs == 0 && !nul && bytes.IndexByte(b, '\r') < 0 {
		return b
	}
	out := l.out[:0]
	for len(b) > 0 {
		if l.crs > 0 && b[0] != '\r' {
			if b[0] == '\n' {
				b, l.crs = b[1:], 1
			}
			for ; l.crs > 0; l.crs-- {
				out = append(out, '\n')
			}
			continue
		}
		end := bytes.IndexByte(b, '\r')
		if end < 0 {
			end = len(b)
		}
		out = l.plain(out, b[:end])
		for ; end < len(b) && b[end] == '\r'; end++ {
			if l.crs++; l.crs == longRun { // so that a run of them is not held back
				out = append(out, bytes.Repeat([]byte{'\n'}, longRun-1)...)
				l.crs = 1
			}
		}
		b = b[end:]
	}
	l.out = out
	return out
}

// plain appends a run without CR.
func (l *lineEnds) plain(out, b []byte) []byte {
	for l.replaceNUL {
		i := bytes.IndexByte(b, 0)
		if i < 0 {
			break
		}
		l.hadNUL = true
		out = append(append(out, b[:i]...), "\uFFFD"...)
		b = b[i+1:]
	}
	return append(out, b...)
}

// close returns what the end of the text leaves.
func (l *lineEnds) close() []byte {
	n := l.crs
	l.crs = 0
	return bytes.Repeat([]byte{'\n'}, n)
}

// A normalizer hashes text with \n line ends and without those at its very end,
// which come and go on the way.
type normalizer struct {
	sum   hash.Hash
	lines lineEnds
	ends  int // line ends held back
}

func (n *normalizer) reset() {
	n.sum.Reset()
	n.lines, n.ends = lineEnds{out: n.lines.out}, 0
}

func (n *normalizer) write(b []byte) { n.hash(n.lines.convert(b)) }

func (n *normalizer) hash(b []byte) {
	text := bytes.TrimRight(b, "\n")
	if len(text) > 0 {
		for ; n.ends > 0; n.ends-- {
			n.sum.Write([]byte{'\n'})
		}
		n.sum.Write(text)
	}
	n.ends += len(b) - len(text)
}
