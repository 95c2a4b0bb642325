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

// names are Microsoft's for the codes, where it gives one, for who searches by it.
var names = map[string]string{
	"8005E201": "EmailServerProfileSslRequiredForOnline",
	"8005E202": "InvalidCredentialRetrievalForOnline",
	"8005E203": "InvalidCredentialRetrievalForExchange",
	"8005E204": "AutoDiscoverNotAllowed",
	"8005E205": "LocationNotRequired",
	"8005E20A": "InvalidServerLocation",
	"8005E214": "InvalidCredentialTypeForNonExchangeIncomingConnection",
	"8005E218": "InvalidEmailServerLocation",
	"8005E234": "SslRequiredForOnPremise",
	"8005E235": "DelegateAccessNotAllowed",
	"8005E236": "ImpersonationNotAllowed",
	"8005E238": "OutgoingSettingsUpdateNotAllowed",
	"8005E23A": "InvalidCertificate",
	"8005E23B": "InvalidAuthenticationProtocol",
	"8005E23C": "ADBasedAuthenticationProtocolNotAllowed",
	"8005E23D": "BasicAuthenticationProtocolNotAllowed",
	"8005E242": "UnsupportedEmailServer",
	"8005E243": "S2SAccessTokenCannotBeAcquired",
	"8005E24D": "UserNameRequiredForImpersonation",
	"8005E24E": "PasswordRequiredForImpersonation",
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
		original := strings.TrimSpace(both(r.originalAt) + " " + names[r.originalAt(Incoming)])
		cells := []string{code, original, r.matrix, string(r.level), both(r.fieldAt), r.message + "; " + r.remedy}
		b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	return b.String()
}
