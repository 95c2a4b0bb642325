package autodiscover

import (
	"net/url"
	"strings"
	"testing"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// FuzzLocation has any text be what a server names (SSRF-05): what is taken leads where it seems to, to
// a public host over https, and is seen by nobody but the mailbox's own domain.
func FuzzLocation(f *testing.F) {
	for _, text := range []string{
		"https://mail.northwind.example/EWS/Exchange.asmx", "https://good@evil.example/", "https://northwind.example:443@evil.example/", "https://evil.example#northwind.example", `https://northwind.example\@evil.example`,
		"https:evil.example", "//evil.example", "https://northwind.example%2eevil.example/", "https://[::1]/", "https://0x7f.1/", "/x", "?x", "https://northwind.example./", "https://NORTHWIND.EXAMPLE:8443/x",
	} {
		f.Add(text, false)
		f.Add(text, true)
	}
	s, err := (&Finder{}).search(provider.Account{
		Mailbox: mailbox.Mailbox{Address: "anna@northwind.example", Password: secret.New("x")}, Profile: profile.Profile{Kind: profile.ExchangeServer},
	})
	if err != nil {
		f.Fatal(err)
	}
	base, _ := url.Parse("https://autodiscover.northwind.example/autodiscover/autodiscover.xml")
	f.Fuzz(func(t *testing.T, text string, relative bool) {
		from := base
		if !relative {
			from = nil
		}
		u, err := s.parse(text, from, false)
		if err != nil {
			if provider.KindOf(err) != provider.ErrUnsafe {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		again, err := url.Parse(u.String())
		switch {
		case err != nil || again.Host != u.Host || u.Scheme != "https" || u.User != nil || u.Fragment != "":
			t.Fatalf("%q became %q", text, u)
		case profile.CheckHost(u.Hostname()) != nil || !strings.Contains(bare(u.Hostname()), ".") && !strings.Contains(u.Hostname(), ":"):
			t.Fatalf("%q leads to %q", text, u.Host)
		case s.maySee(u.Hostname()) && bare(u.Hostname()) != "northwind.example" && !strings.HasSuffix(bare(u.Hostname()), ".northwind.example"):
			t.Fatalf("%q would be seen by %q", text, u.Host)
		}
	})
}
