package schema

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// dumpTable says the same of the table.
func dumpTable(e Edition) *dump {
	d := newDump()
	for _, line := range tables(e).lines {
		switch l := line.(type) {
		case *element:
			d.say("element "+qualified(l.name), "of %s abstract=%v for=%s", qualified(l.typeName), l.abstract, qualified(l.head))
		case *typ:
			of := "type " + qualified(l.name)
			how, base := "", qualified(l.base)
			switch {
			case l.textType != (Name{}):
				how, base = "text", qualified(l.textType)
			case l.restricts:
				how = "restriction"
			case base != "":
				how = "extension"
			}
			d.say(of, "abstract=%v %s %s", l.abstract, how, base)
			for _, a := range l.ownAttrs {
				switch {
				case a.soap:
					d.say(of, "@%s", SOAP)
				case a.name.Space == xmlNamespace:
					d.say(of, "@xml:%s", a.name.Local)
				case a.prohibited:
					d.say(of, "@%s prohibited", a.name.Local)
				default:
					d.say(of, "@%s %s required=%v fixed=", a.name.Local, qualified(a.typeName), a.required)
				}
			}
			if l.own != nil {
				d.say(of, "content %s", dumpParticle(l.own))
			}
		case *simple:
			of := "type " + qualified(l.name)
			switch {
			case l.union != nil:
				var members []string
				for _, m := range l.union {
					members = append(members, qualified(m))
				}
				d.say(of, "union %s", strings.Join(members, " "))
			case l.list != (Name{}):
				d.say(of, "list %s", qualified(l.list))
			default:
				d.say(of, "restricts %s", qualified(l.base))
				for _, f := range l.facets {
					d.say(of, "%s %s", facetNames[f.kind], f.text)
				}
			}
		}
	}
	return d
}

func dumpParticle(p *particle) string {
	times := fmt.Sprintf("{%d,%d}", p.lo, p.hi)
	switch p.kind {
	case one:
		return p.el.name.Local + "=" + qualified(p.el.typeName) + times
	case ref:
		return "&" + qualified(p.name) + times
	case wildcard:
		if p.foreign {
			return "any ##other skip" + times
		}
		return "any  lax" + times
	}
	var kids []string
	for _, k := range p.kids {
		kids = append(kids, dumpParticle(k))
	}
	return group(map[kind]string{sequence: "sequence", choice: "choice"}[p.kind], kids, times)
}

// settle brings what is the same into one form: neither attributes nor the values of an enumeration have an order.
func settle(facts []string) []string {
	facts = slices.Clone(facts)
	facts = slices.DeleteFunc(facts, func(f string) bool { return f == "content sequence(){1,1}" })
	sort.Strings(facts)
	return facts
}

// reachable is what a dump needs for the messages of the operations and the headers.
func (d *dump) reachable(from []string) map[string]bool {
	seen := map[string]bool{}
	for todo := from; len(todo) > 0; {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if !seen[n] {
			seen[n] = true
			todo = append(todo, d.needs[n]...)
		}
	}
	return seen
}

// The table says what Microsoft's documents say, of each thing that the operations reach, and of
// no other thing. What is not the same is listed here, and is so for the reason beside it.
func TestTableIsWhatTheOfficialSchemasSay(t *testing.T) {
	for _, tt := range []struct {
		set     string
		edition Edition
		differs map[string]string
	}{
		{"exchange2013sp1", Exchange2013SP1, map[string]string{
			"type t:RequestServerVersion.Type": "@Version t:ExchangeVersionType required=true fixed=Exchange2013_SP1", // clients name what they need
			"type t:ExchangeVersionType":       "",                                                                    // of all servers
		}},
		{"m365-2025", Newest, nil},
	} {
		t.Run(tt.set, func(t *testing.T) {
			theirs, ours := readOfficial(t, tt.set), dumpTable(tt.edition)
			var from []string
			for n, e := range tables(tt.edition).elements {
				if e.role != "" {
					from = append(from, "element "+qualified(n))
				}
			}
			reach := theirs.reachable(from)
			assert.Greater(t, len(reach), 700)
			assert.ElementsMatch(t, slices.Collect(maps.Keys(reach)), slices.Collect(maps.Keys(ours.facts)))
			for name := range reach {
				a, b := settle(theirs.facts[name]), settle(ours.facts[name])
				assert.NotEmpty(t, a, name)
				part, differs := tt.differs[name]
				if !differs {
					assert.Equal(t, a, b, name)
					continue
				}
				assert.NotEqual(t, a, b, "%s is the same by now", name)
				drop := func(f string) bool { return strings.HasPrefix(f, part) || strings.HasPrefix(f, "@Version") }
				if part != "" {
					assert.Equal(t, slices.DeleteFunc(a, drop), slices.DeleteFunc(b, drop), name)
				} else {
					assert.Subset(t, b, a, name)
				}
			}
		})
	}
}

// What the newest server of one's own says is in the table.
func TestTableHasWhatExchangeSESays(t *testing.T) {
	theirs, ours := readOfficial(t, "exchange-se-15.2.2562"), dumpTable(Newest)
	var from []string
	for n, e := range tables(Newest).elements {
		if e.role != "" {
			from = append(from, "element "+qualified(n))
		}
	}
	more := []string{"type m:ArrayOfResponseMessagesType", "type m:ReportMessageResponseMessageType", "type t:MeetingSuggestionType"}
	enumerations := 0
	for name := range theirs.reachable(from) {
		a, b := settle(theirs.facts[name]), settle(ours.facts[name])
		if strings.Contains(strings.Join(a, "\n"), "enumeration ") {
			enumerations++
			assert.Subset(t, b, a, name)
		} else if !slices.Contains(more, name) { // which only the cloud has whole
			assert.Equal(t, a, b, name)
		}
	}
	assert.Greater(t, enumerations, 50)
}
