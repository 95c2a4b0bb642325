package schema

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
)

var prefixes = map[string]string{Types: "t", Messages: "m", xsdNamespace: "xs"}

// WriteXSD writes what an edition has of a namespace, Types or Messages, as the XML Schema
// document that Exchange serves as types.xsd or messages.xsd. The latter refers to the former by
// that name. An xml:lang may have any value there, so that the document stands without one for
// the xml namespace.
func WriteXSD(w io.Writer, space string, e Edition) error {
	if space != Types && space != Messages {
		return fmt.Errorf("schema: no document for the namespace %q", space)
	}
	d := &document{}
	d.line(`<?xml version="1.0" encoding="utf-8"?>`)
	d.open("xs:schema", "xmlns:xs", xsdNamespace, "xmlns:t", Types, "xmlns:m", Messages,
		"targetNamespace", space, "elementFormDefault", "qualified")
	if space == Messages {
		d.empty("xs:import", "namespace", Types, "schemaLocation", "types.xsd")
	}
	for _, line := range tables(e).lines {
		switch l := line.(type) {
		case *element:
			if l.name.Space == space {
				d.empty("xs:element", append(declaration(l), "abstract", yes(l.abstract), "substitutionGroup", qualified(l.head))...)
			}
		case *typ:
			if l.name.Space == space {
				d.complexType(l)
			}
		case *simple:
			if l.name.Space == space {
				d.simpleType(l)
			}
		}
	}
	d.close("xs:schema")
	_, err := w.Write(d.Bytes())
	return err
}

// A document is XML that is being written, one element a line.
type document struct {
	bytes.Buffer
	depth int
}

func (d *document) line(s string) {
	d.WriteString(strings.Repeat("  ", d.depth) + s + "\n")
}

// tag makes a tag of a name and pairs of attributes and values, leaving out the empty ones.
func tag(name string, pairs []string) string {
	var b strings.Builder
	b.WriteString("<" + name)
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			b.WriteString(" " + pairs[i] + `="`)
			xml.EscapeText(&b, []byte(pairs[i+1]))
			b.WriteByte('"')
		}
	}
	return b.String()
}

func (d *document) empty(name string, pairs ...string) { d.line(tag(name, pairs) + "/>") }

func (d *document) open(name string, pairs ...string) {
	d.line(tag(name, pairs) + ">")
	d.depth++
}

func (d *document) close(names ...string) {
	for _, name := range names {
		d.depth--
		d.line("</" + name + ">")
	}
}

// qualified writes a name with its prefix, and no name as nothing.
func qualified(n Name) string {
	if n == (Name{}) {
		return ""
	}
	return prefixes[n.Space] + ":" + n.Local
}

func yes(b bool) string {
	if b {
		return "true"
	}
	return ""
}

func declaration(e *element) []string {
	return []string{"name", e.name.Local, "type", qualified(e.typeName)}
}

func (d *document) complexType(c *typ) {
	d.open("xs:complexType", "name", c.name.Local, "abstract", yes(c.abstract))
	var within []string
	switch {
	case c.textType != (Name{}):
		within = []string{"xs:extension", "xs:simpleContent"}
		d.open("xs:simpleContent")
		d.open("xs:extension", "base", qualified(c.textType))
	case c.base != (Name{}):
		how := "xs:extension"
		if c.restricts {
			how = "xs:restriction"
		}
		within = []string{how, "xs:complexContent"}
		d.open("xs:complexContent")
		d.open(how, "base", qualified(c.base))
	}
	if c.own != nil {
		d.particle(c.own)
	}
	for _, a := range c.ownAttrs {
		d.attribute(a)
	}
	d.close(append(within, "xs:complexType")...)
}

func (d *document) attribute(a attribute) {
	switch {
	case a.soap:
		d.empty("xs:anyAttribute", "namespace", SOAP, "processContents", "lax")
	case a.name.Space == xmlNamespace:
		d.empty("xs:anyAttribute", "namespace", xmlNamespace, "processContents", "lax")
	case a.prohibited:
		d.empty("xs:attribute", "name", a.name.Local, "use", "prohibited")
	case a.required:
		d.empty("xs:attribute", "name", a.name.Local, "type", qualified(a.typeName), "use", "required")
	default:
		d.empty("xs:attribute", "name", a.name.Local, "type", qualified(a.typeName))
	}
}

func (d *document) particle(p *particle) {
	counts := occurs(p)
	switch p.kind {
	case one:
		d.empty("xs:element", append(declaration(p.el), counts...)...)
	case ref:
		d.empty("xs:element", append([]string{"ref", qualified(p.name)}, counts...)...)
	case wildcard:
		kind := []string{"processContents", "lax"}
		if p.foreign {
			kind = []string{"namespace", "##other", "processContents", "skip"}
		}
		d.empty("xs:any", append(kind, counts...)...)
	default:
		name := "xs:sequence"
		if p.kind == choice {
			name = "xs:choice"
		}
		d.open(name, counts...)
		for _, kid := range p.kids {
			d.particle(kid)
		}
		d.close(name)
	}
}

// occurs writes how often a particle may come, where it is not once.
func occurs(p *particle) []string {
	lo, hi := "", ""
	if p.lo != 1 {
		lo = strconv.Itoa(p.lo)
	}
	if p.hi == many {
		hi = "unbounded"
	} else if p.hi != 1 {
		hi = strconv.Itoa(p.hi)
	}
	return []string{"minOccurs", lo, "maxOccurs", hi}
}

func (d *document) simpleType(s *simple) {
	d.open("xs:simpleType", "name", s.name.Local)
	switch {
	case s.list != (Name{}):
		d.empty("xs:list", "itemType", qualified(s.list))
	case s.union != nil:
		var members []string
		for _, m := range s.union {
			members = append(members, qualified(m))
		}
		d.empty("xs:union", "memberTypes", strings.Join(members, " "))
	default:
		d.open("xs:restriction", "base", qualified(s.base))
		for _, f := range s.facets {
			d.empty("xs:"+facetNames[f.kind], "value", f.text)
		}
		d.close("xs:restriction")
	}
	d.close("xs:simpleType")
}
