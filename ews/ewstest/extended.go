package ewstest

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-serversync/serversync/ews/internal/soap"
)

// A propertyName is what addresses an extended property: a tag, or a set with a name or an id.
type propertyName struct {
	tag  uint32
	set  string // a GUID in lower case
	name string
	id   int
	kind string // of its value, such as "String"
}

// An extended property is one that an item or folder has besides those of its schema.
type extended struct {
	propertyName
	values []string
	uri    *node // as it was given
}

// sets are the distinguished property sets by their GUIDs.
var sets = map[string]string{
	"Meeting":           "6ed8da90-450b-101b-98da-00aa003f1305",
	"Appointment":       "00062002-0000-0000-c000-000000000046",
	"Common":            "00062008-0000-0000-c000-000000000046",
	"PublicStrings":     "00020329-0000-0000-c000-000000000046",
	"Address":           "00062004-0000-0000-c000-000000000046",
	"InternetHeaders":   "00020386-0000-0000-c000-000000000046",
	"CalendarAssistant": "11000e07-b51b-40d6-af21-caa85edab1d0",
	"UnifiedMessaging":  "4442858e-a9e3-4e80-b900-317a210cc15b",
	"Task":              "00062003-0000-0000-c000-000000000046",
	"Sharing":           "00062040-0000-0000-c000-000000000046",
}

// readPropertyName reads an ExtendedFieldURI.
func readPropertyName(n *node) (p propertyName, err error) {
	p.kind = n.attr("PropertyType")
	p.set = strings.ToLower(strings.Trim(n.attr("PropertySetId"), "{}"))
	if d := n.attr("DistinguishedPropertySetId"); d != "" {
		if p.set != "" {
			return p, fail("ErrorInvalidExtendedProperty", "An extended property is addressed by one property set only.")
		}
		p.set = sets[d]
	}
	p.name = n.attr("PropertyName")
	if p.set == sets["InternetHeaders"] {
		p.name = strings.ToLower(p.name)
	}
	if id := n.attr("PropertyId"); id != "" {
		p.id, _ = strconv.Atoi(id)
	}
	if tag := n.attr("PropertyTag"); tag != "" {
		v, e := strconv.ParseUint(tag, 0, 32)
		if e != nil || v >= 0x8000 || p.set != "" || p.name != "" || p.id != 0 {
			return p, fail("ErrorInvalidExtendedProperty", "The extended property is not valid: a property tag is below 0x8000 and stands alone.")
		}
		p.tag = uint32(v)
		return p, nil
	}
	if p.set == "" || (p.name == "") == (p.id == 0) {
		return p, fail("ErrorInvalidExtendedProperty", "The extended property needs a property set, and either a name or an id.")
	}
	return p, nil
}

// readExtended reads an ExtendedProperty.
func readExtended(n *node) (e extended, err error) {
	uri := n.child("ExtendedFieldURI")
	if e.propertyName, err = readPropertyName(uri); err != nil {
		return e, err
	}
	e.uri = uri
	if values := n.child("Values"); values != nil {
		for _, v := range values.children {
			e.values = append(e.values, v.value())
		}
	} else {
		e.values = []string{n.child("Value").value()}
	}
	isArray := strings.HasSuffix(e.kind, "Array")
	if isArray != (n.child("Values") != nil) {
		return e, fail("ErrorInvalidExtendedPropertyValue", "An array has Values, and everything else a Value.")
	}
	for i, v := range e.values {
		if e.values[i], err = normalize(strings.TrimSuffix(e.kind, "Array"), v); err != nil {
			return e, err
		}
	}
	return e, nil
}

// normalize returns a value as the server gives it.
func normalize(kind, v string) (string, error) {
	bad := fail("ErrorInvalidExtendedPropertyValue", "The value is not of the type that the extended property has.")
	switch kind {
	case "Boolean":
		switch v {
		case "true", "1":
			return "true", nil
		case "false", "0":
			return "false", nil
		}
		return "", bad
	case "Integer", "Short", "Long", "Currency", "Error":
		if _, err := strconv.ParseInt(v, 10, 64); err != nil {
			return "", bad
		}
	case "Double", "Float", "ApplicationTime":
		f, err := strconv.ParseFloat(v, 64)
		if err != nil {
			return "", bad
		}
		return strconv.FormatFloat(f, 'g', -1, 64), nil
	case "SystemTime":
		t, ok := readTime(v)
		if !ok {
			return "", bad
		}
		return stamp(t), nil
	case "Binary":
		if _, err := base64.StdEncoding.DecodeString(v); err != nil {
			return "", bad
		}
	}
	return v, nil
}

// same reports whether two names address one property. Types must be the same too, as they are
// part of a tag and checked for a name.
func (p propertyName) same(q propertyName) bool { return p == q }

// find returns the value of an extended property that somebody set.
func find(list []extended, p propertyName) (extended, bool) {
	for _, e := range list {
		if e.same(p) {
			return e, true
		}
	}
	return extended{}, false
}

// put sets an extended property.
func put(list []extended, e extended) []extended {
	for i := range list {
		if list[i].same(e.propertyName) {
			out := append([]extended(nil), list...)
			out[i] = e
			return out
		}
	}
	return append(list[:len(list):len(list)], e)
}

// drop removes an extended property.
func drop(list []extended, p propertyName) (rest []extended) {
	for _, e := range list {
		if !e.same(p) {
			rest = append(rest, e)
		}
	}
	return rest
}

// writeExtended writes an ExtendedProperty.
func writeExtended(w *soap.Writer, uri *node, values []string, array bool) {
	w.Start("t:ExtendedProperty")
	uri.write(w)
	if array {
		w.Start("t:Values")
		for _, v := range values {
			w.Elem("t:Value", v)
		}
		w.End()
	} else if len(values) > 0 {
		w.Elem("t:Value", values[0])
	}
	w.End()
}

// key64 is a binary key of its own for each number.
func key64(what string, number uint64) string {
	raw, _ := hex.DecodeString(fmt.Sprintf("%016x%016x", hash(what), number))
	return base64.StdEncoding.EncodeToString(raw)
}
