package schema

import (
	"encoding/xml"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// schemaFolder is where Microsoft's documents are. The test is skipped when they are not there.
func schemaFolder(t *testing.T, set string) string {
	t.Helper()
	root := os.Getenv("EWS_SCHEMA_DIR")
	if root == "" {
		root = filepath.Join("..", "..", "..", "..", "shared", "ews-schema")
	}
	folder := filepath.Join(root, set)
	if _, err := os.Stat(filepath.Join(folder, "types.xsd")); err != nil {
		t.Skip("the schemas of Exchange are not here; EWS_SCHEMA_DIR says where they are")
	}
	return folder
}

// A node is an element of an XML Schema document, read without any knowledge of the table's.
type node struct {
	XMLName xml.Name
	Attrs   []xml.Attr `xml:",any,attr"`
	Kids    []*node    `xml:",any"`
}

func (n *node) attr(name string) string {
	for _, a := range n.Attrs {
		if a.Name.Local == name {
			return strings.TrimSpace(a.Value)
		}
	}
	return ""
}

func (n *node) kid(names ...string) *node {
	for _, k := range n.Kids {
		if slices.Contains(names, k.XMLName.Local) {
			return k
		}
	}
	return nil
}

// A dump says of each element and type, in one spelling, all that there is to say: so that two
// sources of knowledge can be compared. needs says which others each of them names.
type dump struct {
	facts map[string][]string
	needs map[string][]string
}

func newDump() *dump { return &dump{map[string][]string{}, map[string][]string{}} }

func (d *dump) say(of, format string, args ...any) {
	d.facts[of] = append(d.facts[of], fmt.Sprintf(format, args...))
}

func (d *dump) need(of, name string) string {
	if !strings.HasPrefix(name, "xs:") && name != "" {
		d.needs[of] = append(d.needs[of], name)
	}
	return name
}

// An official reads the pair of documents of one server.
type official struct {
	*dump
	p               string // prefix of the document that is read
	groups, attrSet map[string]*node
}

func readOfficial(t *testing.T, set string) *dump {
	folder := schemaFolder(t, set)
	o := &official{dump: newDump(), groups: map[string]*node{}, attrSet: map[string]*node{}}
	docs := map[string]*node{}
	for p, file := range map[string]string{"t:": "types.xsd", "m:": "messages.xsd"} {
		data, err := os.ReadFile(filepath.Join(folder, file))
		require.NoError(t, err)
		docs[p] = &node{}
		require.NoError(t, xml.Unmarshal(data, docs[p]))
		for _, k := range docs[p].Kids {
			switch k.XMLName.Local {
			case "group":
				o.groups[p+k.attr("name")] = k
			case "attributeGroup":
				o.attrSet[p+k.attr("name")] = k
			}
		}
	}
	for p, doc := range docs {
		o.p = p
		for _, k := range doc.Kids {
			name := p + k.attr("name")
			switch k.XMLName.Local {
			case "element":
				o.top(name, k)
			case "complexType":
				o.complex("type "+name, name, k)
			case "simpleType":
				o.text("type "+name, name, k)
			}
		}
	}
	return o.dump
}

// q spells a reference the one way.
func (o *official) q(ref string) string {
	if rest, ok := strings.CutPrefix(ref, "tns:"); ok {
		return o.p + rest
	}
	return ref
}

func (o *official) top(name string, k *node) {
	of := "element " + name
	o.say(of, "of %s abstract=%v for=%s", o.need(of, "type "+o.typeOf(name+".Type", k))[5:], k.attr("abstract") == "true", o.q(k.attr("substitutionGroup")))
	if head := o.q(k.attr("substitutionGroup")); head != "" {
		o.need("element "+head, "element "+name)
	}
}

// typeOf returns the name of an element's or attribute's type, and reads one that has none.
func (o *official) typeOf(anonymous string, k *node) string {
	if c := k.kid("complexType"); c != nil {
		o.complex("type "+anonymous, anonymous, c)
		return anonymous
	}
	if s := k.kid("simpleType"); s != nil {
		o.text("type "+anonymous, anonymous, s)
		return anonymous
	}
	return o.q(k.attr("type"))
}

func (o *official) complex(of, name string, k *node) {
	base, how, body := "", "", k
	if c := k.kid("complexContent", "simpleContent"); c != nil {
		body = c.kid("extension", "restriction")
		base, how = o.q(body.attr("base")), body.XMLName.Local
		if c.XMLName.Local == "simpleContent" {
			how = "text"
		}
		o.need(of, typeName(base))
	}
	o.say(of, "abstract=%v %s %s", k.attr("abstract") == "true", how, base)
	o.attributes(of, body)
	if p := body.kid("sequence", "choice", "all", "group"); p != nil {
		o.say(of, "content %s", o.particle(of, name, p))
	}
}

func typeName(name string) string {
	if strings.HasPrefix(name, "xs:") {
		return name
	}
	return "type " + name
}

func (o *official) attributes(of string, body *node) {
	for _, a := range body.Kids {
		switch a.XMLName.Local {
		case "anyAttribute":
			o.say(of, "@%s", a.attr("namespace"))
		case "attributeGroup":
			o.attributes(of, o.attrSet[o.q(a.attr("ref"))])
		case "attribute":
			switch {
			case a.attr("ref") != "":
				o.say(of, "@%s", a.attr("ref"))
			case a.attr("use") == "prohibited":
				o.say(of, "@%s prohibited", a.attr("name"))
			default:
				o.need(of, typeName(o.q(a.attr("type"))))
				o.say(of, "@%s %s required=%v fixed=%s", a.attr("name"), o.q(a.attr("type")), a.attr("use") == "required", a.attr("fixed"))
			}
		}
	}
}

func (o *official) particle(of, owner string, k *node) string {
	bound := func(name string) string {
		if v := k.attr(name); v != "" {
			return strings.Replace(v, "unbounded", "-1", 1)
		}
		return "1"
	}
	times := "{" + bound("minOccurs") + "," + bound("maxOccurs") + "}"
	switch k.XMLName.Local {
	case "element":
		if ref := k.attr("ref"); ref != "" {
			return "&" + o.need(of, "element "+o.q(ref))[8:] + times
		}
		name := o.typeOf(owner+"."+k.attr("name"), k)
		o.need(of, typeName(name))
		return k.attr("name") + "=" + name + times
	case "any":
		return "any " + k.attr("namespace") + " " + k.attr("processContents") + times
	case "group":
		k = o.groups[o.q(k.attr("ref"))].kid("sequence", "choice")
	}
	var kids []string
	for _, p := range k.Kids {
		if p.XMLName.Local != "annotation" {
			kids = append(kids, o.particle(of, owner, p))
		}
	}
	return group(k.XMLName.Local, kids, times)
}

// group spells a group of terms. One of a single term is the term itself, as often.
func group(kind string, kids []string, times string) string {
	if len(kids) == 1 {
		if name, once := strings.CutSuffix(kids[0], "{1,1}"); once {
			return name + times
		}
		if times == "{1,1}" {
			return kids[0]
		}
	}
	return kind + "(" + strings.Join(kids, " ") + ")" + times
}

func (o *official) text(of, name string, k *node) {
	part := func(n string, k *node) string {
		o.text("type "+n, n, k)
		o.need(of, "type "+n)
		return n
	}
	if r := k.kid("restriction"); r != nil {
		o.say(of, "restricts %s", o.q(r.attr("base")))
		o.need(of, typeName(o.q(r.attr("base"))))
		for _, f := range r.Kids {
			if f.XMLName.Local != "annotation" {
				o.say(of, "%s %s", f.XMLName.Local, f.attr("value"))
			}
		}
	} else if l := k.kid("list"); l != nil {
		item := o.q(l.attr("itemType"))
		if item == "" {
			item = part(name+".item", l.kid("simpleType"))
		}
		o.say(of, "list %s", item)
		o.need(of, typeName(item))
	} else {
		u := k.kid("union")
		members := strings.Fields(u.attr("memberTypes"))
		for i, s := range u.Kids {
			members = append(members, part(fmt.Sprintf("%s.%d", name, i+1), s))
		}
		o.say(of, "union %s", strings.Join(members, " "))
	}
}

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
