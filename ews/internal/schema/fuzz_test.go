package schema

import (
	"errors"
	"strings"
	"testing"
)

// Whatever comes, Check ends without a panic, says one thing about a message however often it is
// asked, and what it says is short and has a place.
func FuzzCheck(f *testing.F) {
	f.Add(soapOf("", getItem), 0)
	f.Add(soapOf(`<t:RequestServerVersion Version="Exchange2016"/>`, createItem(`<t:Message><t:IsRead>True</t:IsRead></t:Message>`)), 1)
	f.Add(soapOf("", `<s:Fault><faultcode>x</faultcode><faultstring/><detail><t:FieldURI FieldURI="item:Body"/></detail></s:Fault>`), 0)
	g := newGenerator(Newest, 3)
	for range 20 {
		f.Add(g.message().String(), 0)
	}
	f.Fuzz(func(t *testing.T, message string, edition int) {
		err := Check(strings.NewReader(message), Edition(edition))
		again := Check(strings.NewReader(message), Edition(edition))
		if (err == nil) != (again == nil) || err != nil && err.Error() != again.Error() {
			t.Errorf("%v, then %v", err, again)
		}
		var v *Violation
		if errors.As(err, &v) && (v.Text == "" || v.Line < 1 || len(v.Text) > 20_000) {
			t.Errorf("%+v", v)
		}
	})
}

// The calls of a Checker may come in any order, as those of a program with a mistake in it.
func FuzzChecker(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 200, 201, 255, 255})
	var names []Name
	for _, line := range tables(Newest).lines {
		if e, ok := line.(*element); ok {
			names = append(names, e.name)
		}
	}
	names = append(names, Name{SOAP, "Envelope"}, Name{SOAP, "Header"}, Name{SOAP, "Body"}, Name{SOAP, "Fault"}, Name{"", "faultcode"}, Name{"", "detail"}, Name{Types, "ItemId"}, Name{Messages, "ItemIds"})
	f.Fuzz(func(t *testing.T, calls []byte) {
		c := Checker{Edition: Edition(len(calls) % 2)}
		var failed error
		for _, b := range calls {
			var err error
			switch {
			case b == 255:
				err = c.End()
			case b > 200:
				err = c.Text(strings.Repeat("x ", int(b-200)))
			default:
				err = c.Start(names[int(b)%len(names)], []Attr{{Name{"", "Id"}, "x"}}[:int(b)%2])
			}
			if failed != nil && err != failed {
				t.Fatalf("%v became %v", failed, err)
			}
			failed = err
		}
	})
}
