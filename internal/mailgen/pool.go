package mailgen

import (
	"bytes"
	"encoding/base64"
	"mime/quotedprintable"
	"slices"
	"strings"
	"sync"
)

// poolSize is the size of a pool: far more than a usual message takes, and small
// enough to stay in the processor's cache.
const poolSize = 256 << 10

// A pool is ready-made body text. Copying out of it is what makes messages cheap.
type pool struct {
	bytes []byte
	units []int // where a unit starts; a unit ends in CRLF and decodes by itself
}

func (p *pool) add(unit []byte) {
	p.units = append(p.units, len(p.bytes))
	p.bytes = append(p.bytes, unit...)
}

// slice returns whole units from a place that at names, n bytes or the rest of
// the pool, or nothing if not even the unit at that place fits.
func (p *pool) slice(at uint64, n int) []byte {
	start := p.units[at%uint64(len(p.units))]
	if n >= len(p.bytes)-start {
		return p.bytes[start:]
	}
	end, exact := slices.BinarySearch(p.units, start+n)
	if !exact {
		end--
	}
	return p.bytes[start:p.units[end]]
}

// A set is one pool for each way to write a body.
type set struct {
	ascii  pool // plain English
	utf8   pool // plain text in several languages, for 8bit
	quoted pool // the same languages, quoted-printable
	html   pool // paragraphs and tables of HTML, quoted-printable
	reply  pool // English quoted with "> "
	base64 pool // bytes that do not compress
}

// pools makes the pools when they are first needed. They are the same for every
// seed: messages differ in what they take from where.
var pools = sync.OnceValue(func() *set {
	r := newRNG(1, 0)
	s := new(set)
	for len(s.ascii.bytes) < poolSize {
		line := sentence(&r, english, 60+r.below(14))
		s.ascii.add([]byte(line + "\r\n"))
		s.reply.add([]byte("> " + line + "\r\n"))
	}
	for len(s.utf8.bytes) < poolSize {
		line := sentence(&r, pick(&r, languages), 60+r.below(14))
		s.utf8.add([]byte(line + "\r\n"))
		s.quoted.add(quote(line))
	}
	for len(s.html.bytes) < poolSize {
		s.html.add(quote(htmlBlock(&r)))
	}
	raw := make([]byte, 57)
	for len(s.base64.bytes) < poolSize {
		for i := range raw {
			raw[i] = byte(r.next())
		}
		s.base64.add([]byte(base64.StdEncoding.EncodeToString(raw) + "\r\n"))
	}
	return s
})

// sentence returns words, n characters or a few more together.
func sentence(r *rng, words []string, n int) string {
	var b strings.Builder
	for b.Len() < n {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(pick(r, words))
	}
	return b.String()
}

func htmlBlock(r *rng) string {
	words := pick(r, languages)
	switch r.below(4) {
	case 0:
		return `<tr><td style="padding:4px">` + sentence(r, words, 20) + `</td><td align="right">` + sentence(r, words, 8) + "</td></tr>"
	case 1:
		return `<li><a href="https://www.mailgen.example/p?x=` + sentence(r, english, 3) + `">` + sentence(r, words, 24) + "</a></li>"
	default:
		return `<p class="MsoNormal" style="margin:0 0 8px 0">` + sentence(r, words, 90) + "</p>"
	}
}

// quote returns line in quoted-printable, ended by a hard line break.
func quote(line string) []byte {
	var b bytes.Buffer
	w := quotedprintable.NewWriter(&b)
	// Writing to a bytes.Buffer cannot fail.
	_, _ = w.Write([]byte(line + "\r\n"))
	_ = w.Close()
	return b.Bytes()
}
