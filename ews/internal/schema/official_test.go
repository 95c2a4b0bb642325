package schema

import (
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

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
