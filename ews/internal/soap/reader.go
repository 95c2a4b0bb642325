package soap

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
)

// Limits bound what a document may make a Reader hold. The zero value of a field means its
// default.
type Limits struct {
	Depth      int   // of elements. Default: 64
	Attributes int   // of an element. Default: 32
	Name       int   // bytes of a name. Default: 256
	Value      int   // bytes of an attribute's value. Default: 64 KiB
	Bytes      int64 // of the document, without what is read as base64 or by Text with more. Default: 64 MiB
}

func (l Limits) withDefaults() Limits {
	l.Depth = cmp.Or(l.Depth, 64)
	l.Attributes = cmp.Or(l.Attributes, 32)
	l.Name = cmp.Or(l.Name, 256)
	l.Value = cmp.Or(l.Value, 64<<10)
	l.Bytes = cmp.Or(l.Bytes, 64<<20)
	return l
}

// The errors of a Reader, besides those of what it reads from and io.ErrUnexpectedEOF
// for a document that ends too early.
var (
	ErrSyntax   = errors.New("it is no XML")
	ErrDoctype  = errors.New("it has a document type declaration")
	ErrInclude  = errors.New("it has its content elsewhere (XOP), where nobody looks")
	ErrTooLarge = errors.New("it is larger than its limits")
)

// A Name is the name of an element or attribute.
type Name struct{ Space, Local string }

// An Attr is an attribute.
type Attr struct {
	Name  Name
	Value string
}

// An Element is one that has begun.
type Element struct {
	Name  Name
	Attrs []Attr // without declarations of namespaces

	depth int // how many elements are around it
}

// Is reports whether e has this name.
func (e Element) Is(space, local string) bool { return e.Name.Local == local && e.Name.Space == space }

// Attr returns the value of an attribute without a namespace, "" if there is none.
func (e Element) Attr(local string) string {
	for _, a := range e.Attrs {
		if a.Name.Local == local && a.Name.Space == "" {
			return a.Value
		}
	}
	return ""
}

// bufferSize is large enough for decoding to be fast and small enough for a hundred readers.
const bufferSize = 32 << 10

// A Reader reads one document, or several that follow each other. It is for one
// goroutine.
type Reader struct {
	// Repeats, if it is set, reports whether a text of the server's must not be told. It is for who
	// tells: what is read is not changed.
	Repeats func(text string) bool

	from   io.Reader
	limits Limits
	buf    []byte
	at, n  int   // buf[at:n] is to be read
	ended  error // of from

	budget int64 // bytes that may yet come
	err    error // the first; it stays

	open   []string // the qualified names of the open elements
	spaces []binding
	names  map[string]string
	word   []byte // a name or an attribute's value
	held   []byte // text
	empty  bool   // the innermost open element was written as <a/>
	cdata  bool   // in a section of CDATA
	free   bool   // what is read does not count against the budget
}

// A binding is a prefix that stands for a namespace within an element.
type binding struct {
	prefix, space string
	depth         int
}

// NewReader returns a Reader of r.
func NewReader(r io.Reader, l Limits) *Reader {
	l = l.withDefaults()
	return &Reader{from: r, limits: l, buf: make([]byte, bufferSize), budget: l.Bytes, names: make(map[string]string)}
}

// Err returns the first error, nil if there was none. After an error no element is given.
func (r *Reader) Err() error { return r.err }

// Fail makes err the Reader's error, unless it has one.
func (r *Reader) Fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *Reader) syntax(format string, a ...any) {
	r.Fail(fmt.Errorf("%w: %s", ErrSyntax, fmt.Sprintf(format, a...)))
}

func (r *Reader) tooLarge(what string) { r.Fail(fmt.Errorf("%w: %s", ErrTooLarge, what)) }

// Root returns the document's outermost element. It returns false at the end of what there
// is to read, and after an error. What is open is passed over first.
func (r *Reader) Root() (Element, bool) {
	e, ok := r.next(0)
	if !ok && errors.Is(r.err, io.EOF) {
		r.err = nil // nothing follows, and that is no error
	}
	return e, ok
}

// Children goes through the elements in e. Of each what the loop leaves is passed
// over. After an error, which Err returns, none comes.
func (r *Reader) Children(e Element) iter.Seq[Element] {
	return func(yield func(Element) bool) {
		for {
			c, ok := r.next(e.depth + 1)
			if !ok || !yield(c) {
				return
			}
		}
	}
}

// Skip passes over the rest of e.
func (r *Reader) Skip(e Element) {
	for len(r.open) > e.depth && r.err == nil {
		r.step()
	}
}

// next returns the next element that has depth elements around it, false if the one
// around it ends first.
func (r *Reader) next(depth int) (Element, bool) {
	for len(r.open) > depth && r.err == nil { // what is deeper is passed over
		r.step()
	}
	for len(r.open) == depth && r.err == nil {
		if e, ok := r.step(); ok {
			return e, true
		}
	}
	return Element{}, false
}

// step passes over text and reads one tag. It reports whether that began an element.
func (r *Reader) step() (Element, bool) {
	if r.empty {
		r.close()
		return Element{}, false
	}
	for r.cdata && r.err == nil {
		if r.at < r.n || r.fill() {
			r.section()
		}
	}
	for r.err == nil {
		b, ok := r.upTo('<')
		if !ok { // the buffer's end
			r.outside(b)
			continue
		}
		if r.outside(b); r.err != nil {
			break
		}
		return r.tag()
	}
	return Element{}, false
}

// outside refuses text that is in no element. A mark of the byte order is none.
func (r *Reader) outside(b []byte) {
	if len(r.open) > 0 {
		return
	}
	for _, c := range b {
		if !isSpace(c) && c != 0xef && c != 0xbb && c != 0xbf {
			r.syntax("text outside of any element")
			return
		}
	}
}

// fill reads more behind what there is. At the end of the document it fails.
func (r *Reader) fill() bool {
	if r.err != nil {
		return false
	}
	if r.at > 0 {
		r.n = copy(r.buf, r.buf[r.at:r.n])
		r.at = 0
	}
	for tries := 0; r.ended == nil && tries < 100; tries++ {
		if r.n == len(r.buf) {
			r.tooLarge("a tag")
			return false
		}
		n, err := r.from.Read(r.buf[r.n:])
		r.n += n
		r.ended = err
		if n > 0 {
			return true
		}
	}
	switch err := cmp.Or(r.ended, io.ErrNoProgress); {
	case err == io.EOF && len(r.open) == 0 && r.at == r.n:
		r.Fail(io.EOF) // seen by Root alone
	case err == io.EOF:
		r.Fail(io.ErrUnexpectedEOF)
	default:
		r.Fail(err)
	}
	return false
}

// spend counts n bytes against the document's limit.
func (r *Reader) spend(n int) {
	if r.budget -= int64(n); r.budget < 0 {
		r.tooLarge("the document")
	}
}

// upTo returns what comes before the next c, which is read too, or as much of it as the
// buffer has. What it returns is there until the next call.
func (r *Reader) upTo(c byte) (b []byte, found bool) {
	if r.at == r.n && !r.fill() {
		return nil, false
	}
	b = r.buf[r.at:r.n]
	if i := bytes.IndexByte(b, c); i >= 0 {
		r.at += i + 1
		r.spend(i + 1)
		return b[:i], true
	}
	r.at = r.n
	r.spend(len(b))
	return b, false
}

// get reads a byte, 0 after an error.
func (r *Reader) get() byte {
	if r.at == r.n && !r.fill() {
		return 0
	}
	c := r.buf[r.at]
	r.at++
	r.spend(1)
	return c
}

// peek returns the next byte without reading it, 0 after an error.
func (r *Reader) peek() byte {
	if r.at == r.n && !r.fill() {
		return 0
	}
	return r.buf[r.at]
}
