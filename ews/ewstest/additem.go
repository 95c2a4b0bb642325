package ewstest

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"github.com/go-serversync/serversync/ews/internal/soap"
)

// parseItem reads the properties of an item.
func parseItem(kind, properties string) (*node, error) {
	if kindOf(kind) == nil {
		return nil, errors.New("there is no kind of item " + kind)
	}
	return readTree(`<t:` + kind + ` xmlns:t="` + soap.Types + `">` + properties + `</t:` + kind + `>`)
}

// readTree reads an element with all that is in it.
func readTree(document string) (*node, error) {
	d := xml.NewDecoder(strings.NewReader(document))
	open := []*node{{}}
	for {
		token, err := d.Token()
		last := open[len(open)-1]
		switch t := token.(type) {
		case xml.StartElement:
			n := &node{name: soap.Name{Space: t.Name.Space, Local: t.Name.Local}}
			for _, a := range t.Attr {
				if a.Name.Space != "xmlns" && a.Name.Local != "xmlns" {
					n.attrs = append(n.attrs, soap.Attr{Name: soap.Name{Space: a.Name.Space, Local: a.Name.Local}, Value: a.Value})
				}
			}
			last.children = append(last.children, n)
			open = append(open, n)
		case xml.EndElement:
			if len(last.children) > 0 {
				last.text = ""
			}
			open = open[:len(open)-1]
		case xml.CharData:
			last.text += string(t)
		}
		switch {
		case err == io.EOF:
			return open[0].first(), nil
		case err != nil:
			return nil, err
		}
	}
}
