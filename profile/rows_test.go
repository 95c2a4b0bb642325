package profile

import (
	"strings"
	"time"

	"github.com/go-serversync/serversync/secret"
)

const (
	ownTenant   = "11111111-2222-3333-4444-555555555555"
	otherTenant = "AAAAAAAA-bbbb-cccc-dddd-eeeeeeeeeeee"
)

var (
	cloud      = Policy{TenantID: ownTenant}
	selfHosted = Policy{Deployment: SelfHosted}
	unsafe     = Policy{Deployment: SelfHosted, AllowPlaintext: true, AllowBasicWithoutTLS: true}
	registered = Application{ClientID: "66666666-2222-3333-4444-555555555555", Secret: secret.New("app's")}
)

// The good profiles from which the rows below start. Nothing is said about them
// under the policy that the row names.
func yahooMail() Profile { return Yahoo("p") }
func yahooPOP() Profile  { return YahooPOP3("p") }
func gmailMail() Profile { return Gmail("p", registered) }
func online() Profile    { return MicrosoftExchangeOnline("p", registered) }

func onlineFromPremises() Profile {
	p := New(ExchangeOnlineHybrid, "p")
	p.TenantID, p.Application = otherTenant, registered
	return p
}

func server() Profile {
	p := New(ExchangeServer, "p")
	p.Incoming = Endpoint{
		URL: "https://mail.example.com/EWS/Exchange.asmx", Credentials: FromProfile,
		Username: "EXAMPLE\\service", Password: secret.New("x"), Impersonate: true,
	}
	return p
}

func hybridServer() Profile {
	p := server()
	p.Kind, p.Incoming.Username = ExchangeServerHybrid, "service@example.com"
	return p
}

// modern is an Exchange Server with hybrid modern authentication.
func modern() Profile {
	p := server()
	p.TenantID, p.Application = otherTenant, Application{ClientID: "66666666-2222-3333-4444-555555555555"}
	p.Incoming = Endpoint{URL: p.Incoming.URL, Credentials: ServerToServer}
	return p
}

// twoWays has credentials of its own on each side.
func twoWays() Profile {
	p := yahooMail()
	p.OwnOutgoing = true
	return p
}

func twoWaysServer() Profile {
	p := server()
	p.OwnOutgoing, p.Outgoing = true, p.Incoming
	return p
}

// rows spoil a good profile so that exactly one rule finds something: code,
// original, rule of the matrix, level, side ("both" for "") and field.
var rows = []struct {
	want   string
	good   func() Profile
	policy Policy
	spoil  func(p *Profile)
}{
	// The profile as a whole.
	{"kind-unknown 8005E242 - error both Kind", yahooMail, cloud, func(p *Profile) { p.Kind = "x400" }},
	{"kind-hybrid - V5 warning both Kind", hybridServer, cloud, func(p *Profile) { p.Kind = ExchangeServer }},
	{"kind-hybrid - V5 warning both Kind", online, cloud, func(p *Profile) { p.Kind = ExchangeOnlineHybrid }},
	{"kind-hybrid - V5 warning both Kind", server, selfHosted, func(p *Profile) { p.Kind, p.Incoming.Username = ExchangeServerHybrid, "a@b" }},
	{"kind-hybrid - V5 warning both Kind", onlineFromPremises, selfHosted, func(p *Profile) { p.Kind = ExchangeOnline }},
	{"id-form - - error both ID", yahooMail, cloud, func(p *Profile) { p.ID = "a\x00" }},
	{"name-form - - error both Name", yahooMail, cloud, func(p *Profile) { p.Name = "a\nb" }},
	{"name-form - - error both Name", yahooMail, cloud, func(p *Profile) { p.Name = "\xff" }},
	{"name-long - - error both Name", yahooMail, cloud, func(p *Profile) { p.Name = strings.Repeat("ü", 101) }},
	{"description-form - - error both Description", yahooMail, cloud, func(p *Profile) { p.Description = "a\r\n\tb\x1b" }},
	{"description-long - - error both Description", yahooMail, cloud, func(p *Profile) { p.Description = strings.Repeat("ü", 2001) }},
	{"owner-address-form - - error both Owner.Address", yahooMail, cloud, func(p *Profile) { p.Owner.Address = "Ann <ann@example.com>" }},
	{"owner-address-form - - error both Owner.Address", yahooMail, cloud, func(p *Profile) { p.Owner.Address = strings.Repeat("a", 100) + "@b" }},
	{"owner-missing - - warning both Owner", yahooMail, cloud, func(p *Profile) { p.AlertOwner = true }},
	{"connections-range - - error both MaxConnections", yahooMail, cloud, func(p *Profile) { p.MaxConnections = 301 }},
	{"connections-range - - error both MaxConnections", yahooMail, cloud, func(p *Profile) { p.MaxConnections = -1 }},
	{"poll-interval-range - - error both MinPollInterval", yahooMail, cloud, func(p *Profile) { p.MinPollInterval = 24*time.Hour + 1 }},
	{"poll-interval-range - - error both MinPollInterval", yahooMail, cloud, func(p *Profile) { p.MinPollInterval = -1 }},
	{"timeout-range - - error both Timeout", yahooMail, cloud, func(p *Profile) { p.Timeout = 100*time.Second + 1 }},
	{"timeout-range - - error both Timeout", yahooMail, cloud, func(p *Profile) { p.Timeout = -1 }},
	{"undeliverable-unsupported - - error both MoveUndeliverable", yahooPOP, cloud, func(p *Profile) { p.MoveUndeliverable = true }},
	{"undeliverable-beyond - - warning both MoveUndeliverable", yahooMail, cloud, func(p *Profile) { p.MoveUndeliverable = true }},
	{"autodiscover-unsupported 8005E204 - error both Autodiscover", yahooMail, cloud, func(p *Profile) { p.Autodiscover = true }},
	{"autodiscover-off - V1 warning both Autodiscover", online, cloud, func(p *Profile) { p.Autodiscover = false }},
	{"tenant-form 8005E243 - error both TenantID", modern, selfHosted, func(p *Profile) { p.TenantID = "{" + otherTenant[1:] }},
	{"application-form - - error both Application.ClientID", online, cloud, func(p *Profile) { p.Application.ClientID = "a\n" }},
	{"application-form - - error both Application.ClientID", online, cloud, func(p *Profile) { p.Application.ClientID = strings.Repeat("a", 1025) }},
	{"resource-form - - error both Application.Resource", online, cloud, func(p *Profile) { p.Application.Resource = "a\n" }},
	{"realm-form 8005E243 - error both Application.Realm", modern, selfHosted, func(p *Profile) { p.Application.Realm = "contoso.com@evil" }},
	{"realm-form 8005E243 - error both Application.Realm", modern, selfHosted, func(p *Profile) { p.Application.Realm = strings.Repeat("a", 254) }},
	{"realm-form 8005E243 - error both Application.Realm", modern, selfHosted, func(p *Profile) { p.Application.Realm = "contoso..com" }},
	{"realm-unused - - error both Application.Realm", online, cloud, func(p *Profile) { p.Application.Realm = "contoso.com" }},
	{"realm-unused - - error both Application.Realm", server, selfHosted, func(p *Profile) { p.Application.Realm = "contoso.com" }},
	{"resource-form - - error both Application.Resource", online, cloud, func(p *Profile) { p.Application.Resource = strings.Repeat("a", 1025) }},

	// Where the servers are.
	{"incoming-host-missing 8005E24B - error incoming Incoming.Host", yahooMail, cloud, func(p *Profile) { p.Incoming.Host = " " }},
	{"outgoing-host-missing 8005E24C - error outgoing Outgoing.Host", yahooMail, cloud, func(p *Profile) { p.Outgoing = Endpoint{} }},
	{"incoming-url-missing 8005E24B - error both Incoming.URL", server, selfHosted, func(p *Profile) { p.Incoming.URL = "" }},
	{"incoming-url-missing 8005E24B - error incoming Incoming.URL", twoWaysServer, selfHosted, func(p *Profile) { p.Incoming.URL = "" }},
	{"outgoing-url-missing 8005E24C - error outgoing Outgoing.URL", twoWaysServer, selfHosted, func(p *Profile) { p.Outgoing.URL = "" }},
	{"incoming-url-not-needed 8005E205 - error both Incoming.URL", server, selfHosted, func(p *Profile) { p.Autodiscover = true }},
	{"outgoing-url-not-needed 8005E205 - error outgoing Outgoing.URL", online, cloud, func(p *Profile) { p.Outgoing.URL = ExchangeOnlineURL }},
	{"incoming-host-not-exchange - V4 error incoming Incoming.Host", server, selfHosted, func(p *Profile) { p.Incoming.Host = "mail.example.com" }},
	{"outgoing-host-not-exchange - V4 error outgoing Outgoing.Host", online, cloud, func(p *Profile) { p.Outgoing.Host = "smtp.example.com" }},
	{"outgoing-host-not-exchange - V4 error outgoing Outgoing.Host", online, cloud, func(p *Profile) { p.Outgoing.Port = 587 }},
	{"incoming-url-only-exchange - V4 error incoming Incoming.URL", yahooMail, cloud, func(p *Profile) { p.Incoming.URL = ExchangeOnlineURL }},
	{"outgoing-url-only-exchange - V4 error outgoing Outgoing.URL", yahooPOP, cloud, func(p *Profile) { p.Outgoing.URL = ExchangeOnlineURL }},
	{"incoming-host-form 8005E218 - error incoming Incoming.Host", yahooMail, cloud, func(p *Profile) { p.Incoming.Host = "x/.yahoo.com" }},
	{"outgoing-host-form 8005E218 - error outgoing Outgoing.Host", yahooMail, cloud, func(p *Profile) { p.Outgoing.Host = "smtp://smtp.mail.yahoo.com" }},
	{"incoming-host-ascii 8005E218 - error incoming Incoming.Host", yahooMail, cloud, func(p *Profile) { p.Incoming.Host = "outl\u043e\u043ek.yahoo.com" }},
	{"outgoing-host-ascii 8005E218 - error outgoing Outgoing.Host", yahooMail, cloud, func(p *Profile) { p.Outgoing.Host = "b\u00fccher.yahoo.com" }},
	{"incoming-host-scripts 8005E218 - error incoming Incoming.Host", yahooMail, cloud, func(p *Profile) { p.Incoming.Host = "xn--outlk-myea.yahoo.com" }},
	{"outgoing-host-scripts 8005E218 - error outgoing Outgoing.Host", yahooMail, cloud, func(p *Profile) { p.Outgoing.Host = "xn--outlk-myea.yahoo.com" }},
	{"incoming-url-form 8005E20A - error both Incoming.URL", server, selfHosted, func(p *Profile) { p.Incoming.URL = "mail.example.com" }},
	{"outgoing-url-form 8005E20A - error outgoing Outgoing.URL", server, selfHosted, func(p *Profile) { p.Outgoing.URL = "https://u:p@mail.example.com/" }},
	{"incoming-url-https 8005E23E - error incoming Incoming.TLS", twoWaysServer, unsafe, func(p *Profile) { p.Incoming.TLS = Plaintext }},
	{"outgoing-url-https 8005E23F - error outgoing Outgoing.TLS", twoWaysServer, unsafe, func(p *Profile) { p.Outgoing.TLS = Plaintext }},
	{"incoming-url-http 8005E240 - error both Incoming.URL", server, unsafe, func(p *Profile) { p.Incoming.URL = "http://mail.example.com/" }},
	{"outgoing-url-http 8005E241 - error outgoing Outgoing.URL", twoWaysServer, unsafe, func(p *Profile) { p.Outgoing.URL = "http://mail.example.com/" }},
	{"incoming-port-range 8005E24F - error incoming Incoming.Port", yahooMail, cloud, func(p *Profile) { p.Incoming.Port = 65536 }},
	{"outgoing-port-range 8005E256 - error outgoing Outgoing.Port", yahooMail, cloud, func(p *Profile) { p.Outgoing.Port = -1 }},
	{"incoming-port-refused - - error incoming Incoming.Port", yahooMail, cloud, func(p *Profile) { p.Incoming.Port = 22 }},
	{"outgoing-port-refused - - error outgoing Outgoing.Port", yahooMail, cloud, func(p *Profile) { p.Outgoing.Port = 65535 }},
	{"incoming-url-port-refused - - error both Incoming.URL", hybridServer, cloud, func(p *Profile) { p.Incoming.URL = "https://mail.example.com:8443/" }},
	{"incoming-port-crossed - - warning incoming Incoming.Port", yahooMail, cloud, func(p *Profile) { p.Incoming.Port = 143 }},
	{"outgoing-port-crossed - - warning outgoing Outgoing.Port", yahooMail, cloud, func(p *Profile) { p.Outgoing.TLS = StartTLS }},
	{"incoming-tls-unknown - - error incoming Incoming.TLS", yahooMail, cloud, func(p *Profile) { p.Incoming.TLS, p.Incoming.Port = "ssl", 0 }},
	{"incoming-tls-exchange - - error both Incoming.TLS", server, selfHosted, func(p *Profile) { p.Incoming.TLS = StartTLS }},
	{"incoming-plaintext-cloud 8005E201 - error incoming Incoming.TLS", yahooMail, Policy{AllowPlaintext: true, AllowBasicWithoutTLS: true},
		func(p *Profile) { p.Incoming.TLS, p.Incoming.Port = Plaintext, 0 }},
	{"outgoing-plaintext 8005E234 - error outgoing Outgoing.TLS", yahooPOP, Policy{Deployment: SelfHosted, AllowBasicWithoutTLS: true},
		func(p *Profile) { p.Outgoing.TLS, p.Outgoing.Port = Plaintext, 0 }},
	{"incoming-plaintext 8005E234 - error both Incoming.TLS", server, selfHosted,
		func(p *Profile) { p.Incoming.TLS, p.Incoming.URL = Plaintext, "http://mail.example.com/" }},

	// The mail system.
	{"exchange-version-unknown - - error both Exchange", server, selfHosted, func(p *Profile) { p.Exchange = "5.5" }},
	{"exchange-version-unused - - warning both Exchange", online, cloud, func(p *Profile) { p.Exchange = Exchange2019 }},
	{"exchange-version-old 8005E242 V7 error both Exchange", server, selfHosted, func(p *Profile) { p.Exchange = Exchange2003 }},
	{"exchange-version-old 8005E242 V7 error both Exchange", server, selfHosted, func(p *Profile) { p.Exchange = Exchange2007SP1 }},
	{"exchange-version-old 8005E242 V7 error both Exchange", hybridServer, cloud, func(p *Profile) { p.Exchange = Exchange2010SP3 }},
	{"exchange-version-untested - V7 warning both Exchange", server, selfHosted, func(p *Profile) { p.Exchange = ExchangeSE }},
	{"exchange-version-untested - V7 warning both Exchange", hybridServer, cloud, func(p *Profile) { p.Exchange = Exchange2013 }},
	{"exchange-version-tokens - V7 error both Exchange", modern, selfHosted, func(p *Profile) { p.Exchange = Exchange2010SP3 }},
	{"system-untested - M5 warning both Kind", yahooMail, cloud, func(p *Profile) { p.Incoming.Host = "imap.example.com" }},
	{"system-untested - M5 warning both Kind", yahooMail, cloud, func(p *Profile) { p.Outgoing.Host = "notyahoo.com" }},
	{"system-untested - M5 warning both Kind", yahooPOP, selfHosted, func(p *Profile) { p.Kind, p.Incoming.Port = IMAPSMTP, 993 }},
	{"incoming-system-not-fips - V8 error incoming Incoming.Host", yahooMail, cloud, func(p *Profile) { p.Incoming.Host = "imap-mail.Outlook.com." }},
	{"outgoing-system-not-fips - V8 error outgoing Outgoing.Host", yahooPOP, Policy{Deployment: SelfHosted, FIPS: true}, func(p *Profile) { p.Outgoing.Host = "smtp.live.com" }},
	{"incoming-system-maybe-not-fips - V8 warning incoming Incoming.Host", yahooPOP, selfHosted, func(p *Profile) { p.Incoming.Host = "pop3.live.com" }},
	{"kind-not-exchange-online - V1 warning incoming Kind", modern, selfHosted, func(p *Profile) {
		p.OwnOutgoing, p.Outgoing, p.Incoming.URL = true, p.Incoming, ExchangeOnlineURL
	}},

	// Whose credentials.
	{"signin-locked 8005E238 - error outgoing OwnOutgoing", yahooMail, cloud, func(p *Profile) { p.Outgoing.Credentials = OAuth }},
	{"signin-locked 8005E238 - error outgoing OwnOutgoing", yahooMail, cloud, func(p *Profile) { p.Outgoing.Authentication = Basic }},
	{"signin-locked 8005E238 - error outgoing OwnOutgoing", yahooMail, cloud, func(p *Profile) { p.Outgoing.Username = "x" }},
	{"signin-locked 8005E238 - error outgoing OwnOutgoing", yahooMail, cloud, func(p *Profile) { p.Outgoing.Password = secret.New("x") }},
	{"signin-locked 8005E238 - error outgoing OwnOutgoing", yahooMail, cloud, func(p *Profile) { p.Outgoing.Impersonate = true }},
	{"incoming-credentials-unknown - - error both Incoming.Credentials", yahooMail, cloud, func(p *Profile) { p.Incoming.Credentials = "magic" }},
	{"outgoing-credentials-cloud 8005E202 - error outgoing Outgoing.Credentials", twoWays, cloud, func(p *Profile) { p.Outgoing.Credentials = Anonymous }},
	{"incoming-credentials-cloud 8005E202 - error both Incoming.Credentials", hybridServer, Policy{ADAuthentication: Allowed}, func(p *Profile) {
		p.Incoming = Endpoint{URL: p.Incoming.URL, Credentials: IntegratedWindows}
	}},
	{"incoming-anonymous-exchange 8005E203 - error both Incoming.Credentials", server, selfHosted, func(p *Profile) {
		p.Incoming = Endpoint{URL: p.Incoming.URL, Credentials: Anonymous}
	}},
	{"incoming-credentials-mail 8005E214 - error incoming Incoming.Credentials", yahooPOP, selfHosted, func(p *Profile) { p.Incoming.Credentials = Anonymous }},
	{"incoming-credentials-windows 8005E214 - warning incoming Incoming.Credentials", yahooPOP, selfHosted, func(p *Profile) { p.Incoming.Credentials = IntegratedWindows }},
	{"incoming-certificate-exchange 8005E203 - error both Incoming.Credentials", server, selfHosted, func(p *Profile) {
		p.Incoming = Endpoint{URL: p.Incoming.URL, Credentials: ClientCertificate}
	}},
	{"incoming-credentials-shared 8005E214 - warning incoming Incoming.Credentials", yahooMail, cloud, func(p *Profile) {
		p.Incoming.Credentials, p.Incoming.Username, p.Incoming.Password = FromProfile, "crm", secret.New("x")
	}},
	{"incoming-s2s-mail - - error both Incoming.Credentials", yahooMail, cloud, func(p *Profile) { p.Incoming.Credentials, p.Application = ServerToServer, registered }},
	{"outgoing-s2s-exchange-online-mail - V1 warning outgoing Outgoing.Credentials", twoWays, cloud, func(p *Profile) {
		p.Outgoing = Endpoint{Host: "smtp.office365.com", TLS: StartTLS, Credentials: ServerToServer}
		p.Application = registered
	}},
	{"incoming-credentials-own-tenant - V1 error both Incoming.Credentials", online, cloud, func(p *Profile) { p.Incoming.Credentials = OAuth }},
	{"incoming-oauth-other-tenant - V2 warning both Incoming.Credentials", online, cloud, func(p *Profile) {
		p.Incoming.Credentials, p.TenantID = OAuth, otherTenant
		p.Outgoing.Credentials = ""
	}},
	{"incoming-oauth-other-tenant - V2 warning both Incoming.Credentials", onlineFromPremises, Policy{Deployment: SelfHosted, TenantID: otherTenant}, func(p *Profile) {
		p.Incoming.Credentials = OAuth
	}},
	{"incoming-s2s-other-tenant - V2 warning both Incoming.Credentials", online, cloud, func(p *Profile) { p.TenantID = otherTenant }},
	{"incoming-basic-ended - - error both Incoming.Credentials", onlineFromPremises, selfHosted, func(p *Profile) { p.Incoming.Credentials = FromMailbox }},
	{"incoming-basic-ending - - warning outgoing Incoming.Credentials", yahooPOP, selfHosted, func(p *Profile) {
		p.Outgoing.Host = "smtp.office365.com"
	}},
	{"outgoing-basic-ending - - warning outgoing Outgoing.Credentials", twoWaysPOP, selfHosted, func(p *Profile) {
		p.Outgoing.Host = "smtp.office365.com"
	}},
	{"incoming-gmail-password - - warning both Incoming.Credentials", gmailMail, cloud, func(p *Profile) { p.Incoming.Credentials = FromMailbox }},
	{"incoming-oauth-on-premises - - warning both Incoming.Credentials", modern, selfHosted, func(p *Profile) { p.Incoming.Credentials = OAuth }},
	{"incoming-windows-exchange-online 8005E23B - error both Incoming.Credentials", onlineFromPremises, selfHosted, func(p *Profile) { p.Incoming.Credentials = IntegratedWindows }},
	{"tenant-missing 8005E243 - error both TenantID", modern, selfHosted, func(p *Profile) { p.TenantID = "" }},
	{"application-missing 8005E243 - error both Application.ClientID", online, cloud, func(p *Profile) { p.Application.ClientID = "" }},
	{"application-guid 8005E243 - error both Application.ClientID", modern, selfHosted, func(p *Profile) { p.Application.ClientID = "app" }},
	{"application-secret-missing - - warning both Application.Secret", gmailMail, cloud, func(p *Profile) { p.Application.Secret = secret.Text{} }},
	{"application-secret 8005E23A - error both Application.Secret", modern, selfHosted, func(p *Profile) { p.Application.Secret = secret.New("x") }},
	{"outgoing-username-missing 8005E252 - error outgoing Outgoing.Username", twoWays, cloud, func(p *Profile) {
		p.Outgoing.Credentials, p.Outgoing.Password = FromProfile, secret.New("x")
	}},
	{"outgoing-password-missing 8005E254 - error outgoing Outgoing.Password", twoWays, cloud, func(p *Profile) {
		p.Outgoing.Credentials, p.Outgoing.Username = FromProfile, "x"
	}},
	{"incoming-username-missing 8005E251 - error both Incoming.Username", server, selfHosted, func(p *Profile) { p.Incoming.Impersonate, p.Incoming.Username = false, " " }},
	{"incoming-password-missing 8005E253 - error both Incoming.Password", server, selfHosted, func(p *Profile) {
		p.Incoming.Impersonate, p.Incoming.Password = false, secret.Text{}
	}},
	{"incoming-username-form - - error both Incoming.Username", server, selfHosted, func(p *Profile) { p.Incoming.Username = "a\nb" }},
	{"incoming-username-form - - error both Incoming.Username", server, selfHosted, func(p *Profile) { p.Incoming.Username = strings.Repeat("ü", 251) }},
	{"incoming-password-form - - error both Incoming.Password", server, selfHosted, func(p *Profile) { p.Incoming.Password = secret.New("a\n") }},
	{"incoming-username-upn - - warning both Incoming.Username", hybridServer, cloud, func(p *Profile) { p.Incoming.Username = `EXAMPLE\service` }},
	{"incoming-credentials-unused - - warning both Incoming.Credentials", yahooMail, cloud, func(p *Profile) { p.Incoming.Username = "x" }},
	{"outgoing-credentials-unused - - warning outgoing Outgoing.Credentials", twoWays, cloud, func(p *Profile) { p.Outgoing.Password = secret.New("x") }},

	// How they are shown, and in whose name.
	{"incoming-authentication-unknown 8005E23B - error both Incoming.Authentication", yahooMail, cloud, func(p *Profile) { p.Incoming.Authentication = "digest" }},
	{"incoming-authentication-credentials 8005E23B - error both Incoming.Authentication", yahooMail, cloud, func(p *Profile) { p.Incoming.Authentication = Bearer }},
	{"incoming-authentication-credentials 8005E23B - error both Incoming.Authentication", gmailMail, cloud, func(p *Profile) { p.Incoming.Authentication = Basic }},
	{"incoming-authentication-credentials 8005E23B - error both Incoming.Authentication", server, selfHosted, func(p *Profile) {
		p.Incoming = Endpoint{URL: p.Incoming.URL, Credentials: IntegratedWindows, Authentication: Basic}
	}},
	{"outgoing-authentication-credentials 8005E23B - error outgoing Outgoing.Authentication", twoWaysPOP, selfHosted, func(p *Profile) {
		p.Outgoing.Credentials, p.Outgoing.Authentication = Anonymous, NTLM
	}},
	{"incoming-authentication-credentials 8005E23B - error both Incoming.Authentication", yahooPOP, selfHosted, func(p *Profile) {
		p.Incoming.Credentials, p.Incoming.Authentication = ClientCertificate, SCRAM
	}},
	{"outgoing-authentication-server 8005E23B - error outgoing Outgoing.Authentication", twoWaysPOP, selfHosted, func(p *Profile) {
		p.Outgoing.Host, p.Outgoing.Authentication = "smtp.office365.com", NTLM
	}},
	{"incoming-authentication-extension 8005E23B - warning incoming Incoming.Authentication", yahooPOP, selfHosted, func(p *Profile) { p.Incoming.Authentication = NTLM }},
	{"incoming-authentication-exchange 8005E23B - error both Incoming.Authentication", server, selfHosted, func(p *Profile) { p.Incoming.Authentication = SCRAM }},
	{"incoming-authentication-exchange 8005E23B - error both Incoming.Authentication", server, selfHosted, func(p *Profile) { p.Incoming.Authentication = CRAMMD5 }},
	{"incoming-cram-md5-fips 8005E23B - error both Incoming.Authentication", yahooPOP, Policy{Deployment: SelfHosted, FIPS: true}, func(p *Profile) { p.Incoming.Authentication = CRAMMD5 }},
	{"outgoing-certificate-plaintext - - error outgoing Outgoing.Credentials", twoWaysPOP, unsafe, func(p *Profile) {
		p.Outgoing.TLS, p.Outgoing.Port, p.Outgoing.Credentials = Plaintext, 0, ClientCertificate
	}},
	{"outgoing-ad-refused 8005E23C - error outgoing Outgoing.Authentication", twoWays, cloud, func(p *Profile) { p.Outgoing.Authentication = NTLM }},
	{"incoming-ad-refused 8005E23C - error both Incoming.Authentication", server, Policy{Deployment: SelfHosted, ADAuthentication: Refused}, func(p *Profile) {
		p.Incoming = Endpoint{URL: p.Incoming.URL, Credentials: IntegratedWindows}
	}},
	{"incoming-ntlm-fips 8005E23C - error both Incoming.Authentication", server, Policy{Deployment: SelfHosted, FIPS: true}, func(p *Profile) { p.Incoming.Authentication = NTLM }},
	{"outgoing-basic-plaintext 8005E23D - error outgoing Outgoing.Authentication", twoWaysPOP, Policy{Deployment: SelfHosted, AllowPlaintext: true}, func(p *Profile) {
		p.Outgoing.TLS, p.Outgoing.Port = Plaintext, 0
	}},
	{"outgoing-basic-plaintext 8005E23D - error outgoing Outgoing.Authentication", twoWaysPOP, Policy{Deployment: SelfHosted, AllowPlaintext: true}, func(p *Profile) {
		p.Outgoing.TLS, p.Outgoing.Port, p.Outgoing.Authentication = Plaintext, 0, Basic
	}},
	{"incoming-token-plaintext 8005E23B - error incoming Incoming.Authentication", gmailPOP, unsafe, func(p *Profile) {
		p.OwnOutgoing, p.Outgoing.Credentials = true, OAuth
		p.Incoming.TLS, p.Incoming.Port = Plaintext, 0
	}},
	{"incoming-impersonate-unsupported 8005E236 - error both Incoming.Impersonate", yahooMail, cloud, func(p *Profile) { p.Incoming.Impersonate = true }},
	{"incoming-impersonate-username 8005E24D - error both Incoming.Username", server, selfHosted, func(p *Profile) { p.Incoming.Username = "" }},
	{"incoming-impersonate-username 8005E24D - error both Incoming.Username", server, selfHosted, func(p *Profile) {
		p.Incoming = Endpoint{URL: p.Incoming.URL, Impersonate: true}
	}},
	{"incoming-impersonate-password 8005E24E - error both Incoming.Password", server, selfHosted, func(p *Profile) { p.Incoming.Password = secret.Text{} }},
	{"incoming-impersonate-needless - V1 warning both Incoming.Impersonate", online, cloud, func(p *Profile) { p.Incoming.Impersonate = true }},
	{"outgoing-delegate-unsupported 8005E235 - error outgoing Outgoing.GrantDelegate", yahooMail, cloud, func(p *Profile) { p.Outgoing.GrantDelegate = true }},
	{"incoming-delegate-unsupported 8005E235 - error incoming Incoming.GrantDelegate", twoWaysServer, selfHosted, func(p *Profile) { p.Incoming.GrantDelegate = true }},
}

func gmailPOP() Profile { return GmailPOP3("p", registered) }

func twoWaysPOP() Profile {
	p := yahooPOP()
	p.OwnOutgoing = true
	return p
}
