package schema

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What the checker takes for granted is so in both editions: contents are unambiguous, what has
// no bound is optional or comes at least once, and places of attributes fit in 64 bits.
func TestTableIsFitForTheChecker(t *testing.T) {
	for _, e := range []Edition{Newest, Exchange2013SP1} {
		table := tables(e)
		assert.Greater(t, len(table.lines), 700)
		for name, c := range table.types {
			assert.LessOrEqual(t, len(c.attrs), 64, name)
			var walk func(p *particle)
			walk = func(p *particle) {
				if p == nil {
					return
				}
				assert.True(t, p.lo <= 1 || p.hi != many, name)
				assert.True(t, p.hi == many || p.lo <= p.hi && p.hi > 0, name)
				for _, k := range p.kids {
					walk(k)
				}
			}
			walk(c.content)
			m := c.machine()
			for at := range m.follow {
				seen := map[Name]*element{}
				for n, steps := range m.at {
					for _, s := range steps {
						if !m.follow[at].has(s.to) {
							continue
						}
						if old := seen[n]; old != nil {
							assert.Same(t, old, s.el, "%v is ambiguous after %d in %v", n, at, name)
						}
						seen[n] = s.el
					}
				}
				for _, w := range m.wild {
					assert.False(t, m.follow[at].has(w) && len(seen) > 0, "a wildcard is ambiguous in %v", name)
				}
			}
		}
	}
}

// The order is the same whatever the edition, so that a writer needs to know of none.
func TestEditionsHaveOneOrder(t *testing.T) {
	compared := 0
	for name, old := range tables(Exchange2013SP1).types {
		if now := tables(Newest).types[name]; now != nil {
			last := -1
			for _, child := range old.order {
				if at, ok := now.rank[child]; ok {
					assert.Greater(t, at, last, "%s in %v", child, name)
					last = at
				}
			}
			compared++
		}
	}
	assert.Greater(t, compared, 300)
}

func TestParseRefusesWhatIsNoTable(t *testing.T) {
	for name, text := range map[string]string{
		"keyword":            "thing t:A",
		"no name":            "type",
		"unknown type":       "type t:A : B=C",
		"unknown base":       "type t:A extends B",
		"base of itself":     "type t:A extends A",
		"text of itself":     "simple t:A A",
		"unknown element":    "type t:A : &B",
		"unknown head":       "element t:A string for t:B",
		"unknown text":       "simple t:A decimal",
		"no facet":           "simple t:A int least=1",
		"no pattern":         "simple t:A string /(/",
		"no end of a group":  "type t:A : ( B=string",
		"no term":            "type t:A : B",
		"attribute's type":   "type t:A : @B",
		"attribute of types": "type t:A : @B=A",
		"word of an element": "element t:A string twice",
		"word of a type":     "type t:A final",
	} {
		_, err := parse(text, Newest)
		assert.Error(t, err, name)
	}
	_, err := parse("# nothing\n\ntype t:A : ( B=string | C=int* )? @D=boolean! @soap:*", Newest)
	assert.NoError(t, err)
}

// eventsOf are the calls that make a checker follow a GetItem of n ids.
func eventsOf(n int) func(c *Checker) error {
	id := []Attr{{Name{"", "Id"}, strings.Repeat("AAMkAD", 25)}, {Name{"", "ChangeKey"}, "CQAAABYAAAC"}}
	return func(c *Checker) error {
		*c = Checker{frames: c.frames[:0], value: value{text: c.value.text[:0]}}
		var failed error
		do := func(err error) {
			if failed == nil {
				failed = err
			}
		}
		do(c.Start(Name{SOAP, "Envelope"}, nil))
		do(c.Start(Name{SOAP, "Body"}, nil))
		do(c.Start(Name{Messages, "GetItem"}, nil))
		do(c.Start(Name{Messages, "ItemShape"}, nil))
		do(c.Start(Name{Types, "BaseShape"}, nil))
		do(c.Text("IdOnly"))
		do(c.End())
		do(c.End())
		do(c.Start(Name{Messages, "ItemIds"}, nil))
		for range n {
			do(c.Start(Name{Types, "ItemId"}, id))
			do(c.End())
		}
		for range 4 {
			do(c.End())
		}
		return failed
	}
}

// Following a message costs no memory an element.
func TestCheckerDoesNotAllocate(t *testing.T) {
	var c Checker
	follow := eventsOf(100)
	require.NoError(t, follow(&c))
	assert.LessOrEqual(t, testing.AllocsPerRun(20, func() {
		if err := follow(&c); err != nil {
			t.Error(err)
		}
	}), 5.0)
}

func BenchmarkCheckerGetItem100(b *testing.B) {
	var c Checker
	follow := eventsOf(100)
	b.ReportAllocs()
	for b.Loop() {
		if err := follow(&c); err != nil {
			b.Fatal(err)
		}
	}
}

// The same with the parsing of its 20 kB.
func BenchmarkCheckGetItem100(b *testing.B) {
	id := `<t:ItemId Id="` + strings.Repeat("AAMkAD", 25) + `" ChangeKey="CQAAABYAAAC"/>`
	message := soapOf("", strings.Replace(getItem, `<t:ItemId Id="A" ChangeKey="B"/>`, strings.Repeat(id, 100), 1))
	b.SetBytes(int64(len(message)))
	for b.Loop() {
		if err := Check(strings.NewReader(message), Newest); err != nil {
			b.Fatal(err)
		}
	}
}
