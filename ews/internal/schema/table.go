package schema

import (
	_ "embed"
	"sync"
)

//go:embed exchange.txt
var text string

// A table is exchange.txt in one edition, ready for use. Nothing changes it any more.
type table struct {
	elements map[Name]*element // that stand by themselves
	types    map[Name]*typ
	simples  map[Name]*simple
	members  map[Name][]*element // by the head that they may stand for
	lines    []any               // *element, *typ and *simple as they stand in the text
}

var (
	newest = sync.OnceValue(func() *table { return mustParse(text, Newest) })
	sp1    = sync.OnceValue(func() *table { return mustParse(text, Exchange2013SP1) })
)

func tables(e Edition) *table {
	if e == Exchange2013SP1 {
		return sp1()
	}
	return newest()
}

type role string

const (
	request  role = "request"
	response role = "response"
	header   role = "header"
)

// An element is a declaration: of one that stands by itself, or of one inside a type.
type element struct {
	name     Name
	typeName Name
	typ      *typ    // what elements of it may be, or
	simple   *simple // their text
	abstract bool
	head     Name // whose place it may take
	role     role
}

// A typ is a complex type.
type typ struct {
	name      Name
	abstract  bool
	base      Name
	restricts bool
	textType  Name
	own       *particle // what its line has
	ownAttrs  []attribute

	simple   *simple   // of its text; nil when it has elements or nothing
	content  *particle // with that of its bases; nil when it is empty
	attrs    []attribute
	soap     bool // attributes of SOAP's namespace are welcome
	bases    []*typ
	order    []string       // its children
	rank     map[string]int // where in order
	machine  func() *machine
	resolved bool
}

type attribute struct {
	name       Name
	typeName   Name
	simple     *simple
	required   bool
	prohibited bool
	soap       bool
}

type kind int

const (
	one      kind = iota // an element
	ref                  // an element that stands by itself
	wildcard             // any element
	sequence
	choice
)

// many is a particle's bound when there is none.
const many = -1

// A particle is a term of a type's content.
type particle struct {
	kind         kind
	el           *element // of one; of ref once it is resolved
	name         Name     // of ref
	foreign, lax bool     // of wildcard: other namespaces only; what is known is checked
	kids         []*particle
	lo, hi       int
}

// A simple is a type of text.
type simple struct {
	name    Name
	base    Name // of a restriction
	list    Name
	union   []Name
	facets  []facet
	builtin string // the type of XML Schema that it comes down to; "" for list and union

	item    *simple
	members []*simple
	all     []facet // with those of its bases
	values  map[string]bool
}
