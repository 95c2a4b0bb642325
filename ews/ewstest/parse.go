package ewstest

import (
	"encoding/xml"
	"io"
	"strings"

	"github.com/go-serversync/serversync/ews/internal/soap"
)

// The bounds of a request, which no client comes near.
const (
	maxDepth = 256
	maxNodes = 500_000
	maxAttrs = 64
)

// Words are an error in the words of Exchange.
type words string

func (w words) Error() string { return string(w) }

const (
	errDTD   = words("For security reasons DTD is prohibited in this XML document.")
	errRoot  = words("Root element is missing.")
	errRoots = words("There are multiple root elements.")
	errText  = words("Data at the root level is invalid.")
	errDepth = words("The message is nested too deeply.")
	errNodes = words("The message has too many elements.")
	errAttrs = words("An element has too many attributes.")
)

// A badXML says where a document is none, or leaves the schema.
type badXML struct {
	line, column int
	err          error
}

func (b *badXML) Error() string { return b.err.Error() }

// A watcher looks at a document while it is taken apart.
type watcher interface {
	start(soap.Name, []soap.Attr) error
	text(string) error
	end() error
}

// parse takes a document apart. The error is a *badXML. Long text without references is part of
// body, so that a large message is held once.
func parse(body string, w watcher) (*node, error) {
	p := &parser{body: body, watch: w, in: &elided{body: body}}
	p.decoder = xml.NewDecoder(p.in)
	if err := p.run(); err != nil {
		line, column := position(body, p.at)
		return nil, &badXML{line, column, err}
	}
	return p.root, nil
}

type parser struct {
	body    string
	watch   watcher
	in      *elided
	decoder *xml.Decoder
	at      int // in body
	root    *node
	open    []*node
	nodes   int
}

func (p *parser) run() error {
	for {
		from := p.in.original(p.decoder.InputOffset())
		p.at = from
		token, err := p.decoder.Token()
		switch {
		case err == io.EOF && p.root == nil:
			return errRoot
		case err == io.EOF:
			return nil
		case err != nil:
			p.at = p.in.original(p.decoder.InputOffset())
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			p.at++ // the name, behind the bracket
			err = p.start(t)
		case xml.EndElement:
			p.open = p.open[:len(p.open)-1]
			err = p.watch.end()
		case xml.CharData:
			err = p.text(from, p.in.original(p.decoder.InputOffset()), t)
		case xml.Directive:
			return errDTD
		}
		if err != nil {
			return err
		}
	}
}

func (p *parser) start(t xml.StartElement) error {
	n := &node{name: soap.Name(t.Name)}
	for _, a := range t.Attr {
		if a.Name.Space != "xmlns" && a.Name != (xml.Name{Local: "xmlns"}) {
			n.attrs = append(n.attrs, soap.Attr{Name: soap.Name(a.Name), Value: a.Value})
		}
	}
	p.nodes++
	switch {
	case len(p.open) == maxDepth:
		return errDepth
	case p.nodes > maxNodes:
		return errNodes
	case len(t.Attr) > maxAttrs:
		return errAttrs
	case len(p.open) == 0 && p.root != nil:
		return errRoots
	case len(p.open) == 0:
		p.root = n
	default:
		up := p.open[len(p.open)-1]
		up.children = append(up.children, n)
		up.text = ""
	}
	p.open = append(p.open, n)
	return p.watch.start(n.name, n.attrs)
}

func (p *parser) text(from, to int, t xml.CharData) error {
	if len(p.open) == 0 {
		if strings.TrimSpace(string(t)) != "" {
			return errText
		}
		return nil
	}
	s := p.body[from:to]
	if strings.ContainsAny(s, "&\r<") { // what is written is not what is meant
		s = string(t)
	}
	if n := p.open[len(p.open)-1]; len(n.children) == 0 {
		n.text += s
	}
	return p.watch.text(s)
}

// position returns the line and the column of a byte, both from 1.
func position(body string, at int) (line, column int) {
	before := body[:min(at, len(body))]
	return 1 + strings.Count(before, "\n"), len(before) - strings.LastIndexByte(before, '\n')
}

// A run of base64 that is so long is kept away from the XML decoder, which would hold it
// twice over.
const (
	longRun = 64 << 10
	keptRun = 64 // of it the decoder sees so much
)

// An elided reads a document without the middle of long runs of base64.
type elided struct {
	body string
	at   int
	to   int   // what is before is to be read
	gaps []gap // in order
}

// A gap is where something was left out.
type gap struct{ at, size int } // at is where the reader's output goes on

func (e *elided) Read(b []byte) (int, error) {
	if e.at == e.to {
		if e.at == len(e.body) {
			return 0, io.EOF
		}
		e.more()
	}
	n := copy(b, e.body[e.at:e.to])
	e.at += n
	return n, nil
}

// more finds how far the document can be read as it is.
func (e *elided) more() {
	if run := base64Run(e.body[e.at:]); run >= longRun && strings.HasPrefix(e.body[e.at+run:], "<") {
		left := run - keptRun
		out := e.at
		for _, g := range e.gaps {
			out -= g.size
		}
		e.gaps = append(e.gaps, gap{out, left})
		e.at += left
		e.to = e.at + keptRun
		return
	}
	// Up to behind the next bracket, where a run may begin.
	e.to = len(e.body)
	for at := e.at; ; {
		i := strings.IndexByte(e.body[at:], '>') // the bracket that a run may follow
		if i < 0 {
			return
		}
		at += i + 1
		if len(e.body)-at < longRun {
			return
		}
		if base64Run(e.body[at:at+longRun]) == longRun {
			e.to = at
			return
		}
	}
}

// base64Run returns how many bytes of base64 s begins with.
func base64Run(s string) int {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '+', c == '/', c == '=', c == '\n', c == ' ':
		default:
			return i
		}
	}
	return len(s)
}

// original returns where in the document an offset of what was read is.
func (e *elided) original(offset int64) int {
	at := int(offset)
	for _, g := range e.gaps {
		if int(offset) > g.at {
			at += g.size
		}
	}
	return at
}

// A blind watcher lets everything pass.
type blind struct{}

func (blind) start(soap.Name, []soap.Attr) error { return nil }
func (blind) text(string) error                  { return nil }
func (blind) end() error                         { return nil }
