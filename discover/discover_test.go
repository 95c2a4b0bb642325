package discover_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/discover"
	"github.com/go-serversync/serversync/imap/imaptest"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/smtp/smtptest"
)

const anna = "anna@northwind.example"

func TestSRVRecords(t *testing.T) {
	w := newWorld(t)
	w.imap("mail.northwind.example", 993, imaptest.Options{})
	w.smtp("mail.northwind.example", 587, smtptest.Options{TLS: profile.StartTLS})
	w.record("imaps", "northwind.example", 10, 0, "mail.northwind.example.", 993)
	w.record("imaps", "northwind.example", 20, 0, "reserve.northwind.example.", 993)
	w.record("pop3s", "northwind.example", 0, 0, ".", 0)
	w.record("submission", "northwind.example", 0, 0, "mail.northwind.example.", 587)
	results, err := w.finder().Discover(t.Context(), anna)
	require.NoError(t, err)
	require.Len(t, results, 1)
	r := results[0]
	require.Equal(t, discover.FromSRV, r.Source)
	require.True(t, r.Confirmed)
	require.Equal(t, profile.IMAPSMTP, r.Profile.Kind)
	require.Equal(t, profile.Endpoint{Host: "mail.northwind.example", Port: 993}, r.Profile.Incoming)
	require.Equal(t, profile.Endpoint{Host: "mail.northwind.example", Port: 587, TLS: profile.StartTLS}, r.Profile.Outgoing)
	require.Equal(t, "_imaps._tcp.northwind.example SRV 10 0 993 mail.northwind.example.", r.Incoming.Record)
	for _, server := range []discover.Server{r.Incoming, r.Outgoing} {
		require.Equal(t, "mail.northwind.example", server.Verified)
		require.Contains(t, server.Mechanisms, "PLAIN")
		require.NotEmpty(t, server.Stages)
	}
	require.Contains(t, r.Incoming.Capabilities, "QRESYNC")
	require.NoError(t, r.Issues.Err())
}

// X4: nothing that could be a credential is shown to anybody, nor the address.
func TestX4NothingIsTold(t *testing.T) {
	w := newWorld(t)
	var mu sync.Mutex
	var said []string
	hear := func(line string) string { mu.Lock(); said = append(said, line); mu.Unlock(); return "" }
	for _, host := range []string{"imap", "mail"} {
		w.imap(host+".northwind.example", 993, imaptest.Options{Fail: hear})
	}
	s := w.smtp("smtp.northwind.example", 465, smtptest.Options{})
	w.web("autoconfig.northwind.example", func(rw http.ResponseWriter, r *http.Request) {
		hear(fmt.Sprint(r.URL, r.Header))
		rw.Header().Set("WWW-Authenticate", "Basic")
		rw.WriteHeader(http.StatusUnauthorized)
	})
	_, err := w.finder().Discover(t.Context(), anna)
	require.NoError(t, err)
	mu.Lock() // a goodbye may still be on its way
	defer mu.Unlock()
	said = append(said, s.Commands()...)
	require.NotEmpty(t, said)
	for _, line := range said {
		for _, word := range []string{"anna", "LOGIN", "AUTHENTICATE", "AUTH ", "MAIL FROM", "Authorization", "Cookie"} {
			require.NotContains(t, strings.ToUpper(line), strings.ToUpper(word), line)
		}
	}
}

// AD-01: the domain is asked as it is, and never one above it.
func TestAD01TheDomainIsNeverShortened(t *testing.T) {
	w := newWorld(t)
	_, err := w.finder().Discover(t.Context(), "u@example.co.uk")
	require.Equal(t, provider.ErrNotFound, provider.KindOf(err))
	require.NotEmpty(t, w.asked)
	for _, name := range w.asked {
		require.True(t, strings.HasSuffix(strings.TrimSuffix(name, "."), "example.co.uk"), "asked for %s", name)
	}
}

// AD-02: whoever asks for a password by HTTP gets none.
func TestAD02Basic(t *testing.T) {
	w := newWorld(t)
	asked := 0
	w.web("autoconfig.northwind.example", func(rw http.ResponseWriter, r *http.Request) {
		asked++
		_, _, has := r.BasicAuth()
		require.False(t, has)
		rw.Header().Set("WWW-Authenticate", "Basic")
		rw.WriteHeader(http.StatusUnauthorized)
	})
	_, err := w.finder().Discover(t.Context(), anna)
	require.Equal(t, provider.ErrNotFound, provider.KindOf(err))
	require.Equal(t, 1, asked)
}

// AD-03: redirects lead nowhere.
func TestAD03Redirects(t *testing.T) {
	w := newWorld(t)
	w.imap("imap.evil.example", 993, imaptest.Options{})
	w.web("evil.example", func(rw http.ResponseWriter, r *http.Request) {
		t.Error("the redirect was followed")
		io.WriteString(rw, document("imap", "imap.evil.example", "993", "SSL"))
	})
	w.web("autoconfig.northwind.example", func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, "https://evil.example/", http.StatusFound)
	})
	_, err := w.finder().Discover(t.Context(), anna)
	require.Equal(t, provider.ErrNotFound, provider.KindOf(err))
}

// AD-05: what SRV records name is dialled under the policy, and not much of it.
func TestAD05SRVStorm(t *testing.T) {
	w := newWorld(t)
	for i := range 10_000 {
		w.record("imaps", "northwind.example", uint16(i%7), uint16(i), fmt.Sprintf("h%d.northwind.example.", i), 993)
		w.host(fmt.Sprintf("h%d.northwind.example", i), 0, "")
		w.a[fmt.Sprintf("h%d.northwind.example", i)] = fmt.Sprintf("127.9.%d.%d", i/250, i%250)
	}
	w.record("submissions", "northwind.example", 0, 0, "inner.northwind.example.", 8443)
	w.record("submission", "northwind.example", 0, 0, "kubernetes.default.svc.", 587)
	w.record("pop3s", "northwind.example", 0, 0, ".", 0)
	w.a["inner.northwind.example"], w.a["kubernetes.default.svc"] = "10.0.0.5", "10.0.0.6"
	_, err := w.finder().Discover(t.Context(), anna)
	require.Equal(t, provider.ErrUnavailable, provider.KindOf(err), "%v", err) // named, and not there
	dialled := 0
	for _, target := range w.proxy.Targets() {
		require.False(t, strings.HasPrefix(target, "10."), target)
		if strings.HasPrefix(target, "127.9.") {
			dialled++
		}
	}
	require.Equal(t, 4, dialled)
	f := w.finder()
	f.Policy.AllowNetworks = nil // nor is another port looked up then
	w.asked = nil
	_, err = f.Discover(t.Context(), anna)
	require.Error(t, err)
	require.NotContains(t, w.asked, "inner.northwind.example.")
	require.NotContains(t, w.asked, "kubernetes.default.svc.")
}

// AD-07: where every name leads to one attacker, his certificate is for none of
// them.
func TestAD07WildcardDNS(t *testing.T) {
	w := newWorld(t)
	certificate := w.certificate("*.attacker.example")
	s := w.imap("mail.attacker.example", 993, imaptest.Options{Certificate: &certificate})
	w.any = w.a["mail.attacker.example"]
	w.at[w.any+":465"], w.at[w.any+":443"] = s.Addr(), s.Addr()
	w.at[w.any+":995"] = s.Addr()
	_, err := w.finder().Discover(t.Context(), anna)
	require.Equal(t, provider.ErrNotFound, provider.KindOf(err), "%v", err)
	require.Contains(t, w.proxy.Targets(), w.any+":993")
}

// AD-08: what is no such document, or is one without end, is none.
func TestAD08OddDocuments(t *testing.T) {
	good := document("imap", "mail.northwind.example", "993", "SSL")
	for name, body := range map[string]string{
		"JSON":        `{"Protocol":"imap","Url":"https://mail.northwind.example"}`,
		"HTML":        "<html><body>Welcome!</body></html>",
		"a DTD":       "<!DOCTYPE clientConfig [<!ENTITY x \"mail.northwind.example\">]>" + good,
		"an entity":   strings.Replace(good, "mail.northwind.example", "&x;", 1),
		"depth":       "<clientConfig>" + strings.Repeat("<a>", 1000) + good,
		"elements":    strings.Replace(good, "<emailProvider", strings.Repeat("<a/>", 1001)+"<emailProvider", 1),
		"attributes":  strings.Replace(good, "<emailProvider", "<emailProvider "+strings.Repeat(`a="b" `, 50), 1),
		"length":      good + strings.Repeat(" ", 70_000),
		"cut":         good[:len(good)-20],
		"two roots":   good + good,
		"plaintext":   strings.Replace(good, "SSL", "plain", 1),
		"an address":  strings.Replace(good, "mail.northwind.example", "localhost", 1),
		"a wrong end": strings.Replace(good, "</hostname>", "</b>", 1),
		"a port":      strings.Replace(good, "993", "x", 1),
		"a script":    strings.Replace(good, "mail.northwind.example", "m\u0430il.northwind.example", 1),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.imap("mail.northwind.example", 9993, imaptest.Options{})
			w.host("mail.northwind.example", 993, "") // but not where it is guessed
			w.web("autoconfig.northwind.example", func(rw http.ResponseWriter, _ *http.Request) { io.WriteString(rw, body) })
			_, err := w.finder().Discover(t.Context(), anna)
			require.Equal(t, provider.ErrNotFound, provider.KindOf(err), "%v", err)
		})
	}
}

func document(kind, host, port, socket string) string {
	return `<?xml version="1.0" encoding="UTF-8"?><clientConfig version="1.1"><emailProvider id="x"><domain>x</domain>
<incomingServer type="` + kind + `"><hostname>` + host + `</hostname><port>` + port + `</port><socketType>` + socket + `</socketType>
<authentication>password-cleartext</authentication><username>%EMAILLOCALPART%</username></incomingServer>
<outgoingServer type="smtp"><hostname>smtp.hoster.example</hostname><port>465</port><socketType>SSL</socketType><authentication>OAuth2</authentication><username>%EMAILADDRESS%</username></outgoingServer>
</emailProvider></clientConfig>`
}

// Hosts of somebody else must be confirmed, unless the host trusts them.
func TestAutoconfig(t *testing.T) {
	w := newWorld(t)
	w.imap("imap.northwind.example.hoster.example", 993, imaptest.Options{})
	w.smtp("smtp.hoster.example", 465, smtptest.Options{})
	w.web("northwind.example", func(rw http.ResponseWriter, r *http.Request) {
		require.Equal(t, "/.well-known/autoconfig/mail/config-v1.1.xml", r.URL.String())
		io.WriteString(rw, document("imap", "imap.%EMAILDOMAIN%.hoster.example", "993", "SSL"))
	})
	f := w.finder()
	results, err := f.Discover(t.Context(), anna)
	require.NoError(t, err)
	require.Len(t, results, 1)
	r := results[0]
	require.Equal(t, discover.FromAutoconfig, r.Source)
	require.False(t, r.Confirmed)
	require.Equal(t, []string{"imap.northwind.example.hoster.example", "smtp.hoster.example"}, r.Confirm)
	require.Equal(t, "anna", r.Username)
	require.Empty(t, r.Outgoing.Username)
	require.True(t, r.Profile.OwnOutgoing)
	require.Equal(t, profile.OAuth, r.Profile.Outgoing.Credentials)
	require.Equal(t, "https://northwind.example/.well-known/autoconfig/mail/config-v1.1.xml", r.Incoming.Record)
	f.Trusted = []string{"hoster.example"}
	results, err = f.Discover(t.Context(), anna)
	require.NoError(t, err)
	require.True(t, results[0].Confirmed)
	f.Trusted = []string{"oster.example", "evil.example"}
	results, err = f.Discover(t.Context(), anna)
	require.NoError(t, err)
	require.False(t, results[0].Confirmed)
}

// Without a prober a server is dialled and greets; IMAP goes before POP3.
func TestProbing(t *testing.T) {
	w := newWorld(t)
	w.imap("imap.northwind.example", 993, imaptest.Options{})
	w.smtp("mail.northwind.example", 465, smtptest.Options{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			io.WriteString(c, "+OK hi\r\n")
			io.Copy(io.Discard, c)
			c.Close()
		}
	}()
	w.host("pop.northwind.example", 110, l.Addr().String())
	w.host("mail.northwind.example", 143, l.Addr().String()) // no IMAP
	f := w.finder()
	f.Probers = nil
	results, err := f.Discover(t.Context(), anna)
	require.NoError(t, err)
	require.Len(t, results, 2)
	require.Equal(t, profile.IMAPSMTP, results[0].Profile.Kind)
	require.Equal(t, "imap.northwind.example", results[0].Incoming.Verified)
	require.Equal(t, profile.POP3SMTP, results[1].Profile.Kind)
	require.Empty(t, results[1].Incoming.Verified)
	require.Contains(t, results[1].Notes, "the certificate of the server for incoming mail was not seen")
	for _, r := range results {
		require.Equal(t, discover.FromProbing, r.Source)
		require.Equal(t, "mail.northwind.example", r.Outgoing.Host)
	}
}

func TestPresets(t *testing.T) {
	w := newWorld(t)
	w.mx["contoso.example."] = []*net.MX{{Host: "backup.hoster.example.", Pref: 20}, {Host: "contoso-example.mail.protection.outlook.com.", Pref: 0}}
	w.mx["fabrikam.example."] = []*net.MX{{Host: "ASPMX.L.GOOGLE.COM.", Pref: 1}}
	w.mx["evil.example."] = []*net.MX{{Host: "mail.protection.outlook.com.evil.example.", Pref: 1}}
	w.mx["family.example."] = []*net.MX{{Host: "x.olc.protection.outlook.com.", Pref: 1}}
	f := w.finder()
	f.Protocols = []profile.Protocol{profile.EWS, profile.IMAP, profile.POP3, profile.SMTP}
	for address, want := range map[string]string{
		"u@gmail.com":        "Gmail imap/smtp imap.gmail.com smtp.gmail.com oauth",
		"u@GoogleMail.com.":  "Gmail imap/smtp imap.gmail.com smtp.gmail.com oauth",
		"u@hotmail.co.uk":    "Outlook.com imap/smtp outlook.office365.com smtp-mail.outlook.com oauth",
		"u@yahoo.de":         "Yahoo! Mail imap/smtp imap.mail.yahoo.com smtp.mail.yahoo.com ",
		"u@me.com":           "iCloud imap/smtp imap.mail.me.com smtp.mail.me.com ",
		"u@web.de":           "WEB.DE imap/smtp imap.web.de smtp.web.de ",
		"u@fabrikam.example": "Google Workspace imap/smtp imap.gmail.com smtp.gmail.com oauth",
		"u@contoso.example":  "Exchange Online exchange-online   s2s",
		"u@family.example":   "Outlook.com imap/smtp outlook.office365.com smtp-mail.outlook.com oauth",
	} {
		results, err := f.Discover(t.Context(), address)
		require.NoError(t, err, address)
		p := results[0].Profile
		require.Equal(t, want, fmt.Sprint(p.Name, " ", p.Kind, " ", p.Incoming.Host, " ", p.Outgoing.Host, " ", p.Incoming.Credentials), address)
		require.True(t, results[0].Confirmed)
		require.NotEmpty(t, results[0].Notes)
	}
	results, err := f.Discover(t.Context(), "u@contoso.example")
	require.NoError(t, err)
	require.Len(t, results, 3)
	require.Equal(t, "smtp.office365.com", results[1].Profile.Outgoing.Host)
	_, err = f.Discover(t.Context(), "u@proton.me")
	require.Equal(t, provider.ErrUnsupported, provider.KindOf(err))
	_, err = f.Discover(t.Context(), "u@evil.example")
	require.Equal(t, provider.ErrNotFound, provider.KindOf(err))
	f.Presets = append([]discover.Preset{{Name: "Ours", Domains: []string{"gmail.com"}, Servers: []discover.Server{{Protocol: profile.IMAP, Host: "imap.ours.example", Port: 993, Username: "%@inner"}}}}, discover.Presets()...)
	results, err = f.Discover(t.Context(), "u@gmail.com")
	require.NoError(t, err)
	require.Equal(t, "imap.ours.example u@inner", results[0].Incoming.Host+" "+results[0].Username)
}

// What is said of providers is well-formed, and each profile validates but for the
// application that a host must be registered as.
func TestPresetsAreSound(t *testing.T) {
	domains := make(map[string]bool)
	for _, p := range discover.Presets() {
		require.NotEmpty(t, p.Name)
		require.True(t, p.Refuses != "" || len(p.Servers) > 1, p.Name)
		for _, d := range append(p.Domains, p.MX...) {
			require.NoError(t, profile.CheckHost(d), d)
			require.Equal(t, strings.ToLower(d), d)
		}
		for _, d := range p.Domains {
			require.False(t, domains[d], "%s is there twice", d)
			domains[d] = true
		}
		for _, s := range p.Servers {
			require.NoError(t, profile.CheckHost(s.Host))
			require.True(t, profile.Policy{}.PortAllowed(s.Port))
		}
	}
}

func TestSSRF06Addresses(t *testing.T) {
	w := newWorld(t)
	for _, address := range []string{
		"", "anna", "@x.example", "anna@", "anna@[127.0.0.1]", "anna@127.0.0.1", "anna@localhost", "a b@x.example", "anna@x.example>", "anna@x.example\r\n",
		"anna@b\u00fccher.example", "anna@xn--outlk-myea.com", "anna@x..example", "anna@x.example/", "anna@x.example:25",
	} {
		_, err := w.finder().Discover(t.Context(), address)
		require.Equal(t, provider.ErrUnsafe, provider.KindOf(err), address)
	}
	require.Empty(t, w.asked)
}

func TestP3ContextEndsADiscovery(t *testing.T) {
	w := newWorld(t)
	l, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	require.NoError(t, err)
	defer l.Close()
	w.host("imap.northwind.example", 993, l.Addr().String())
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for len(w.proxy.Targets()) == 0 {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	_, err = w.finder().Discover(ctx, anna)
	require.Equal(t, context.Canceled, err)
}
