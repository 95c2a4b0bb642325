package profile

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "draw the tables of docs/profiles.md anew")

const document = "../docs/profiles.md"

// The tables of docs/profiles.md are drawn from the rules: go test ./profile -update
func TestDocument(t *testing.T) {
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	want := string(text)
	for name, table := range map[string]string{"rules": drawn(rules), "entry": drawn(entryRules)} {
		begin, end := "<!-- "+name+" begin -->\n", "<!-- "+name+" end -->"
		head, rest, found := strings.Cut(want, begin)
		_, tail, ends := strings.Cut(rest, end)
		if !found || !ends {
			t.Fatalf("%s has no place for %s", document, name)
		}
		want = head + begin + table + end + tail
	}
	switch {
	case want == string(text):
	case *update:
		if err := os.WriteFile(document, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s is not as the rules are: run go test ./profile -update", document)
	}
}

func drawn(rules []rule) string {
	var b strings.Builder
	b.WriteString("| code | Original | Rule | level | field | what is wrong; what to do |\n|---|---|---|---|---|---|\n")
	for i := range rules {
		r := &rules[i]
		both := func(at func(Side) string) string {
			in, out := at(Incoming), at(Outgoing)
			switch {
			case in == out || r.side == Incoming:
				return in
			case r.side == Outgoing:
				return out
			}
			return in + ", " + out
		}
		code := "`" + strings.ReplaceAll(both(r.codeAt), ", ", "`, `") + "`"
		cells := []string{code, both(r.originalAt), r.matrix, string(r.level), both(r.fieldAt), r.message + "; " + r.remedy}
		b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	return b.String()
}
