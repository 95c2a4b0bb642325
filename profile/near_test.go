package profile

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/secret"
)

// onlyURL is an Exchange endpoint with nothing but a place to sign in at.
func onlyURL(e Endpoint) Endpoint {
	return Endpoint{URL: server().Incoming.URL, Credentials: e.Credentials, Authentication: e.Authentication}
}

// nearRows are as rows: what they spoil is near to what a second rule looks at, which
// has to keep silent.
var nearRows = []struct {
	want   string
	good   func() Profile
	policy Policy
	spoil  func(p *Profile)
}{
	{"kind-unknown 8005E242 - error both Kind", yahooMail, cloud, func(p *Profile) {
		p.Kind, p.Incoming.Host, p.MoveUndeliverable, p.Autodiscover, p.Incoming.Impersonate = "x400", "outlook.office365.com", true, true, true
	}},
	{"description-form - - error both Description", yahooMail, cloud, func(p *Profile) { p.Description = "\xff" }},
	{"owner-address-form - - error both Owner.Address", yahooMail, cloud, func(p *Profile) { p.Owner.Address = strings.Repeat("a", 99) + "@b" }},

	{"outgoing-host-not-exchange - V4 error outgoing Outgoing.Host", server, selfHosted, func(p *Profile) { p.Outgoing.Host = "a b" }},
	{"outgoing-host-not-exchange - V4 error outgoing Outgoing.Host", server, selfHosted, func(p *Profile) { p.Outgoing.Port = -1 }},
	{"outgoing-url-form 8005E20A - error outgoing Outgoing.URL", server, selfHosted, func(p *Profile) { p.Outgoing.URL = "x" }},
	{"incoming-url-https 8005E23E - error both Incoming.TLS", server, unsafe, func(p *Profile) { p.Incoming.TLS = Plaintext }},
	{"outgoing-url-https 8005E23F - error outgoing Outgoing.TLS", server, unsafe, func(p *Profile) { p.Outgoing.URL, p.Outgoing.TLS = p.Incoming.URL, Plaintext }},
	{"outgoing-url-http 8005E241 - error outgoing Outgoing.URL", server, unsafe, func(p *Profile) { p.Outgoing.URL = "http://mail.example.com/" }},
	{"incoming-port-refused - - error incoming Incoming.Port", yahooMail, cloud, func(p *Profile) { p.Incoming.Port = 1 }},
	{"outgoing-url-port-refused - - error outgoing Outgoing.URL", hybridServer, cloud, func(p *Profile) { p.Outgoing.URL = "https://mail.example.com:8443/" }},
	{"incoming-tls-unknown - - error both Incoming.TLS", server, selfHosted, func(p *Profile) { p.Incoming.TLS = "ssl" }},
	{"outgoing-tls-unknown - - error outgoing Outgoing.TLS", server, selfHosted, func(p *Profile) { p.Outgoing.URL, p.Outgoing.TLS = p.Incoming.URL, "ssl" }},
	{"outgoing-tls-exchange - - error outgoing Outgoing.TLS", server, selfHosted, func(p *Profile) { p.Outgoing.URL, p.Outgoing.TLS = p.Incoming.URL, StartTLS }},
	{"incoming-plaintext-cloud 8005E201 - error both Incoming.TLS", hybridServer, cloud, func(p *Profile) {
		p.Incoming.TLS, p.Incoming.URL = Plaintext, "http://mail.example.com:443/"
	}},
	{"outgoing-plaintext-cloud 8005E201 - error outgoing Outgoing.TLS", hybridServer, cloud, func(p *Profile) {
		p.Outgoing.TLS, p.Outgoing.URL = Plaintext, "http://mail.example.com:443/"
	}},
	{"outgoing-plaintext 8005E234 - error outgoing Outgoing.TLS", server, selfHosted, func(p *Profile) { p.Outgoing.TLS, p.Outgoing.URL = Plaintext, "http://mail.example.com/" }},
	{"incoming-plaintext-cloud 8005E201 - error incoming Incoming.TLS", gmailPOP, cloud, func(p *Profile) { p.Incoming.TLS, p.Incoming.Port = Plaintext, 0 }},

	{"exchange-version-unused - - warning both Exchange", online, cloud, func(p *Profile) { p.Exchange = Exchange2010 }},
	{"exchange-version-unused - - warning both Exchange", online, cloud, func(p *Profile) { p.Exchange = ExchangeSE }},
	{"exchange-version-old 8005E242 V7 error both Exchange", server, selfHosted, func(p *Profile) { p.Exchange = Exchange2007 }},
	{"incoming-s2s-other-tenant - V2 warning both Incoming.Credentials", online, cloud, func(p *Profile) { p.TenantID, p.Autodiscover = otherTenant, false }},
	{"incoming-basic-ended - - error both Incoming.Credentials", onlineFromPremises, selfHosted, func(p *Profile) {
		p.Incoming = Endpoint{Credentials: FromProfile, Username: "crm@example.com", Password: secret.New("x")}
	}},
	{"incoming-gmail-password - - warning both Incoming.Credentials", gmailMail, cloud, func(p *Profile) { p.Incoming.Credentials, p.Application = FromMailbox, Application{} }},
	{"incoming-oauth-on-premises - - warning both Incoming.Credentials", modern, selfHosted, func(p *Profile) { p.Incoming.Credentials, p.Application = OAuth, registered }},
	{"incoming-password-form - - error both Incoming.Password", server, selfHosted, func(p *Profile) { p.Incoming.Password = secret.New("a\x00") }},
	{"incoming-password-form - - error both Incoming.Password", server, selfHosted, func(p *Profile) { p.Incoming.Password = secret.New("\ra") }},
	{"incoming-credentials-unused - - warning both Incoming.Credentials", hybridServer, cloud, func(p *Profile) {
		p.Incoming = onlyURL(Endpoint{})
		p.Incoming.Username = "crm"
	}},
	{"incoming-impersonate-username 8005E24D - error both Incoming.Username", hybridServer, cloud, func(p *Profile) { p.Incoming.Username = " " }},

	{"incoming-authentication-unknown 8005E23B - error both Incoming.Authentication", gmailMail, cloud, func(p *Profile) { p.Incoming.Authentication = "digest" }},
	{"incoming-authentication-credentials 8005E23B - error both Incoming.Authentication", server, selfHosted, func(p *Profile) { p.Incoming.Authentication = Bearer }},
	{"incoming-authentication-credentials 8005E23B - error both Incoming.Authentication", modern, selfHosted, func(p *Profile) { p.Incoming.Authentication = Basic }},
	{"incoming-authentication-extension 8005E23B - warning incoming Incoming.Authentication", yahooMail, Policy{ADAuthentication: Allowed}, func(p *Profile) { p.Incoming.Authentication = Negotiate }},
	{"outgoing-ad-refused 8005E23C - error outgoing Outgoing.Authentication", twoWays, cloud, func(p *Profile) { p.Outgoing.Authentication = Negotiate }},
}

// What is unusual and allowed: nothing is said.
func TestAllowed(t *testing.T) {
	plaintext := Policy{Deployment: SelfHosted, AllowPlaintext: true}
	for name, row := range map[string]struct {
		good   func() Profile
		policy Policy
		change func(p *Profile)
	}{
		"a relay without TLS":           {twoWaysPOP, plaintext, func(p *Profile) { p.Outgoing = Endpoint{Host: p.Outgoing.Host, TLS: Plaintext, Credentials: Anonymous} }},
		"a hashed password without TLS": {twoWaysPOP, plaintext, func(p *Profile) { p.Outgoing = Endpoint{Host: p.Outgoing.Host, TLS: Plaintext, Authentication: NTLM} }},
		"SCRAM without TLS":             {twoWaysPOP, plaintext, func(p *Profile) { p.Outgoing = Endpoint{Host: p.Outgoing.Host, TLS: Plaintext, Authentication: SCRAM} }},
		"CRAM-MD5 without TLS": {twoWaysPOP, plaintext, func(p *Profile) {
			p.Outgoing = Endpoint{Host: p.Outgoing.Host, TLS: Plaintext, Authentication: CRAMMD5}
		}},
		"SCRAM where FIPS 140 is required": {yahooMail, Policy{FIPS: true}, func(p *Profile) { p.Incoming.Authentication = SCRAM }},
		"a certificate of TLS":             {yahooPOP, cloud, func(p *Profile) { p.Incoming.Credentials = ClientCertificate }},
		"delegate access":                  {server, selfHosted, func(p *Profile) { p.Outgoing.GrantDelegate = true }},
		"undeliverable mail in Exchange":   {server, selfHosted, func(p *Profile) { p.MoveUndeliverable = true }},
		"Negotiate":                        {server, selfHosted, func(p *Profile) { p.Incoming.Authentication = Negotiate }},
		"NTLM":                             {server, selfHosted, func(p *Profile) { p.Incoming.Authentication = NTLM }},
		"Negotiate with a Windows identity": {server, selfHosted, func(p *Profile) {
			p.Incoming = onlyURL(Endpoint{Credentials: IntegratedWindows, Authentication: Negotiate})
		}},
		"NTLM with a Windows identity":         {twoWaysPOP, selfHosted, func(p *Profile) { p.Outgoing.Credentials, p.Outgoing.Authentication = IntegratedWindows, NTLM }},
		"a token said by name":                 {gmailMail, cloud, func(p *Profile) { p.Incoming.Authentication = Bearer }},
		"a certificate said by name":           {modern, selfHosted, func(p *Profile) { p.Incoming.Authentication = Bearer }},
		"a certificate for another tenant":     {modern, cloud, func(p *Profile) { p.Kind = ExchangeServerHybrid }},
		"Gmail without any tenant":             {gmailMail, Policy{}, func(p *Profile) {}},
		"the usual address from premises":      {onlineFromPremises, Policy{Deployment: SelfHosted, TenantID: otherTenant}, func(p *Profile) { p.Autodiscover = false }},
		"a server of Exchange at outlook.com":  {server, selfHosted, func(p *Profile) { p.Incoming.URL = "https://outlook.com/EWS/Exchange.asmx" }},
		"the same, where FIPS 140 is required": {server, Policy{Deployment: SelfHosted, FIPS: true}, func(p *Profile) { p.Incoming.URL = "https://outlook.com/EWS/Exchange.asmx" }},
	} {
		p := row.good()
		row.change(&p)
		require.Empty(t, p.Validate(row.policy), name)
	}
}

// What cannot be wrong by itself.
func TestTogether(t *testing.T) {
	office := twoWaysPOP()
	office.Outgoing.Host = "smtp.office365.com"
	with := func(p Profile, change func(p *Profile)) Profile { change(&p); return p }
	exchangeOnline := onlineFromPremises()
	for _, row := range []struct {
		p      Profile
		policy Policy
		want   string
	}{
		{with(office, func(p *Profile) { p.Outgoing.Authentication = NTLM }), selfHosted, "outgoing-authentication-server"},
		{with(exchangeOnline, func(p *Profile) { p.Incoming.Credentials, p.Incoming.Authentication = IntegratedWindows, NTLM }), selfHosted,
			"incoming-windows-exchange-online incoming-authentication-server"},
		{with(exchangeOnline, func(p *Profile) {
			p.Incoming.Credentials, p.Incoming.Authentication, p.Outgoing.URL = IntegratedWindows, NTLM, "https://outgoing.example.com/"
		}), selfHosted, "incoming-windows-exchange-online incoming-authentication-server outgoing-url-not-needed"},
		{with(office, func(p *Profile) { p.Outgoing.Credentials, p.Application = ServerToServer, registered }), selfHosted,
			"outgoing-s2s-exchange-online-mail tenant-missing"},
		{with(New(IMAPSMTP, "p"), func(p *Profile) {
			p.Incoming.Host, p.Outgoing.Host, p.Incoming.Credentials = "outlook.office365.com", "smtp.office365.com", ServerToServer
			p.Application = registered
		}), cloud, "kind-not-exchange-online incoming-s2s-exchange-online-mail"},
		{with(modern(), func(p *Profile) { p.Exchange = Exchange2007 }), selfHosted, "exchange-version-old exchange-version-tokens"},
		{with(yahooMail(), func(p *Profile) { p.Incoming.URL, p.Autodiscover = ExchangeOnlineURL, true }), cloud, "autodiscover-unsupported incoming-url-only-exchange"},
		{with(yahooMail(), func(p *Profile) { p.Incoming.TLS, p.Outgoing.TLS = "ssl", "ssl" }), cloud, "incoming-tls-unknown outgoing-tls-unknown"},
		{with(twoWaysServer(), func(p *Profile) { p.Incoming.URL, p.Outgoing.URL = "x", "x" }), selfHosted, "incoming-url-form outgoing-url-form"},
		{with(server(), func(p *Profile) { p.Incoming.Host, p.Outgoing.Host = "x", "x" }), selfHosted, "incoming-host-not-exchange outgoing-host-not-exchange"},
		{with(gmailPOP(), func(p *Profile) {
			p.Incoming.TLS, p.Incoming.Port, p.Outgoing.TLS, p.Outgoing.Port = Plaintext, 0, Plaintext, 0
		}), unsafe, "incoming-token-plaintext"},
		{with(yahooPOP(), func(p *Profile) {
			p.Incoming.TLS, p.Incoming.Port, p.Outgoing.TLS, p.Outgoing.Port = Plaintext, 0, Plaintext, 0
		}), Policy{Deployment: SelfHosted, AllowPlaintext: true}, "incoming-basic-plaintext"},
	} {
		var got []string
		for _, i := range row.p.Validate(row.policy) {
			got = append(got, i.Code)
		}
		slices.Sort(got)
		want := strings.Fields(row.want)
		slices.Sort(want)
		require.Equal(t, want, got)
	}
}

// Servers protect the ports of mail in one way each, by RFC 8314.
func TestCrossedPorts(t *testing.T) {
	require.False(t, (&end{Endpoint: Endpoint{Port: 993, TLS: "ssl"}}).crossed(), "which is no way to protect anything, and is told as that")
	for port, from := range map[int]bool{465: true, 993: true, 995: true, 25: false, 110: false, 143: false, 587: false} {
		for _, tls := range []TLS{ImplicitTLS, StartTLS, Plaintext} {
			e := end{Endpoint: Endpoint{Port: port, TLS: tls}}
			require.Equal(t, from != (tls == ImplicitTLS), e.crossed(), "%d %q", port, tls)
		}
	}
	for _, port := range []int{0, 24, 26, 109, 111, 442, 443, 586, 588, 992, 994, 996} {
		for _, tls := range []TLS{ImplicitTLS, StartTLS, Plaintext} {
			require.False(t, (&end{Endpoint: Endpoint{Port: port, TLS: tls}}).crossed(), "%d %q", port, tls)
		}
	}
}

// Systems are known by their domains and by nothing that looks like them.
func TestSystems(t *testing.T) {
	for domain, want := range map[string]system{
		"gmail.com": gmail, "googlemail.com": gmail, "yahoo.com": yahoo, "office365.com": exchangeOnline, "outlook.office.com": exchangeOnline,
		"office365.us": exchangeOnline, "partner.outlook.cn": exchangeOnline, "outlook.com": outlookCom, "live.com": outlookCom, "hotmail.com": outlookCom,
		"msn.com": outlookCom, "": someSystem, ".": someSystem, "office.com": someSystem, "outlook.cn": someSystem, "example.com": someSystem,
	} {
		require.Equal(t, want, systemOf(domain), domain)
		if want != someSystem {
			require.Equal(t, want, systemOf("mail."+strings.ToUpper(domain)+"."), domain)
			require.Equal(t, someSystem, systemOf("not"+domain), domain)
			require.Equal(t, someSystem, systemOf(domain+".example"), domain)
		}
	}
}
