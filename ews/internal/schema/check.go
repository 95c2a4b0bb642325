package schema

import (
	"encoding/xml"
	"errors"
	"io"
)

// Check holds a whole SOAP message against an edition. It returns a *Violation with the line and
// the position, in bytes, of what is wrong, or what the reader or the XML parser has to say.
func Check(r io.Reader, e Edition) error {
	d := xml.NewDecoder(r)
	c := Checker{Edition: e}
	for {
		line, column := d.InputPos()
		token, err := d.Token()
		if err == io.EOF {
			if c.ended {
				return nil
			}
			err = &Violation{Text: "Root element is missing."}
		} else if err == nil {
			err = c.token(token)
		}
		if v := (*Violation)(nil); errors.As(err, &v) {
			v.Line, v.Position = line, column
			if _, ok := token.(xml.StartElement); ok {
				v.Position++ // of the name, behind the bracket
			}
		}
		if err != nil {
			return err
		}
	}
}

// token takes what a parser of XML has read.
func (c *Checker) token(token xml.Token) error {
	switch t := token.(type) {
	case xml.StartElement:
		var attrs []Attr
		for _, a := range t.Attr {
			if a.Name.Space != "xmlns" && a.Name != (xml.Name{Local: "xmlns"}) {
				attrs = append(attrs, Attr{Name(a.Name), a.Value})
			}
		}
		return c.Start(Name(t.Name), attrs)
	case xml.EndElement:
		return c.End()
	case xml.CharData:
		return c.Text(string(t))
	case xml.Directive:
		return c.fail("For security reasons DTD is prohibited in this XML document.")
	}
	return nil
}
