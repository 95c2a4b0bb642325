package profile

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/secret"
)

func TestWithDefaults(t *testing.T) {
	p := Profile{Kind: IMAPSMTP, Incoming: Endpoint{Host: "a", Credentials: OAuth}, Outgoing: Endpoint{Host: "b", TLS: StartTLS}}
	d := p.WithDefaults()
	require.Equal(t, Endpoint{Host: "a", Port: 993, Credentials: OAuth}, d.Incoming)
	require.Equal(t, Endpoint{Host: "b", Port: 587, TLS: StartTLS, Credentials: OAuth}, d.Outgoing)
	require.Equal(t, 10, d.MaxConnections)
	require.Equal(t, d, d.WithDefaults())

	p.Kind, p.Incoming.Port, p.Outgoing, p.MaxConnections = POP3SMTP, 0, Endpoint{}, 3
	d = p.WithDefaults()
	require.Equal(t, 995, d.Incoming.Port)
	require.Equal(t, Endpoint{Credentials: OAuth}, d.Outgoing, "a server that is not named has no port")
	require.Equal(t, 3, d.MaxConnections)

	p.OwnOutgoing = true
	require.Equal(t, Endpoint{}, p.WithDefaults().Outgoing)
}

// Exchange Online has its URL in both directions, but where autodiscover finds it
// or another is named; no other kind has one.
func TestExchangeOnlineURL(t *testing.T) {
	for _, own := range []bool{false, true} {
		for _, kind := range []Kind{ExchangeOnline, ExchangeOnlineHybrid} {
			p := Profile{Kind: kind, OwnOutgoing: own}
			require.Equal(t, ExchangeOnlineURL, p.WithDefaults().Incoming.URL)
			for _, q := range []Profile{p, p.WithDefaults()} {
				require.Equal(t, "https://outlook.office365.com/EWS/Exchange.asmx", q.Endpoint(Incoming).URL)
				require.Equal(t, "https://outlook.office365.com/EWS/Exchange.asmx", q.Endpoint(Outgoing).URL)
			}
			p.Autodiscover = true
			require.Empty(t, p.WithDefaults().Incoming.URL)
			require.Empty(t, p.WithDefaults().Outgoing.URL)
		}
	}
	p := Profile{Kind: ExchangeOnline, Incoming: Endpoint{URL: "https://mail.example.com/"}}
	require.Equal(t, p.Incoming.URL, p.WithDefaults().Outgoing.URL)
	require.Empty(t, Profile{Kind: ExchangeServer}.WithDefaults().Incoming.URL)
	require.Empty(t, Profile{Kind: IMAPSMTP}.WithDefaults().Incoming.URL)
}

// What Outgoing takes from Incoming, and what it does not.
func TestEndpoint(t *testing.T) {
	in := Endpoint{Host: "a", Credentials: FromProfile, Username: "u", Password: secret.New("p"), Authentication: Basic, Impersonate: true}
	p := Profile{Kind: IMAPSMTP, Incoming: in, Outgoing: Endpoint{Host: "b", TLS: StartTLS, GrantDelegate: true}}
	e := p.Endpoint(Outgoing)
	require.True(t, e.Password.Equal(in.Password))
	e.Password = secret.Text{}
	require.Equal(t, Endpoint{Host: "b", TLS: StartTLS, GrantDelegate: true, Credentials: FromProfile, Username: "u", Authentication: Basic, Impersonate: true}, e)
	p.OwnOutgoing = true
	require.Equal(t, p.Outgoing, p.Endpoint(Outgoing))

	p = Profile{Kind: ExchangeServer, Incoming: Endpoint{URL: "http://a/", TLS: Plaintext}}
	require.Equal(t, p.Incoming, p.Endpoint(Outgoing))
	p.Outgoing.URL = "https://b/"
	require.Equal(t, Endpoint{URL: "https://b/"}, p.Endpoint(Outgoing))
}

func TestSharesAccount(t *testing.T) {
	for c, want := range map[Credentials]bool{
		FromMailbox: false, OAuth: false, ServerToServer: false, ClientCertificate: false, FromProfile: true, IntegratedWindows: true, Anonymous: true,
	} {
		p := Profile{Kind: ExchangeServer, Incoming: Endpoint{Credentials: c}}
		require.Equal(t, want, p.SharesAccount(Incoming), c)
		require.Equal(t, want, p.SharesAccount(Outgoing), c)
		require.Equal(t, c == FromProfile || c == IntegratedWindows, p.IsDelegate(Incoming), c)
		p.Incoming.Impersonate = true
		require.False(t, p.IsDelegate(Outgoing), c)
		p.Kind, p.Incoming.Impersonate = IMAPSMTP, false
		require.False(t, p.IsDelegate(Incoming), c)
	}
}

// The ready-made profiles are good as they are, and can be changed in one place.
func TestReadyMade(t *testing.T) {
	for _, row := range []struct {
		p         Profile
		name      string
		incoming  string
		outgoing  string
		outgoings TLS
	}{
		{Gmail("g", registered), "Gmail", "imap.gmail.com:993", "smtp.gmail.com:587", StartTLS},
		{GmailPOP3("g", registered), "Gmail (POP3)", "pop.gmail.com:995", "smtp.gmail.com:587", StartTLS},
		{Yahoo("y"), "Yahoo! Mail", "imap.mail.yahoo.com:993", "smtp.mail.yahoo.com:465", ImplicitTLS},
		{YahooPOP3("y"), "Yahoo! Mail (POP3)", "pop.mail.yahoo.com:995", "smtp.mail.yahoo.com:465", ImplicitTLS},
	} {
		require.Equal(t, row.name, row.p.Name)
		require.Equal(t, row.incoming, fmt.Sprint(row.p.Incoming.Host, ":", row.p.Incoming.Port))
		require.Equal(t, row.outgoing, fmt.Sprint(row.p.Outgoing.Host, ":", row.p.Outgoing.Port))
		require.Equal(t, row.outgoings, row.p.Outgoing.TLS)
		require.Equal(t, 10, row.p.MaxConnections)
		require.Empty(t, row.p.Validate(cloud), row.name)
		row.p.Incoming.Credentials = FromMailbox
		require.NoError(t, row.p.Err(cloud), "Outgoing follows Incoming")
	}
	p := MicrosoftExchangeOnline("e", registered)
	require.Equal(t, "Microsoft Exchange Online", p.Name)
	require.Equal(t, ExchangeOnline, p.Kind)
	require.Equal(t, ServerToServer, p.Endpoint(Outgoing).Credentials)
	require.True(t, p.Autodiscover)
	require.Empty(t, p.Validate(cloud))
	require.Equal(t, Profile{ID: "n", Kind: POP3SMTP, MaxConnections: 10}, New(POP3SMTP, "n"))
}

// These are beyond the support matrix: they work, with a warning that says so.
func TestReadyMadeBeyondTheMatrix(t *testing.T) {
	fips := []string{"system-untested", "incoming-system-maybe-not-fips", "outgoing-system-maybe-not-fips"}
	for _, row := range []struct {
		p                           Profile
		name, incoming, outgoing    string
		policy                      Policy
		warnings                    []string
		refusedByCloud, takesTokens bool
	}{
		{ExchangeOnlineIMAP("e", registered), "Exchange Online (IMAP)", "outlook.office365.com:993", "smtp.office365.com:587", cloud, []string{"kind-not-exchange-online"}, false, true},
		{ExchangeOnlinePOP3("e", registered), "Exchange Online (POP3)", "outlook.office365.com:995", "smtp.office365.com:587", cloud, []string{"kind-not-exchange-online"}, false, true},
		{OutlookCom("o", registered), "Outlook.com", "imap-mail.outlook.com:993", "smtp-mail.outlook.com:587", selfHosted, fips, true, true},
		{OutlookComPOP3("o", registered), "Outlook.com (POP3)", "pop-mail.outlook.com:995", "smtp-mail.outlook.com:587", selfHosted, fips[1:], true, true},
		{ICloud("i"), "iCloud Mail", "imap.mail.me.com:993", "smtp.mail.me.com:587", cloud, []string{"system-untested"}, false, false},
	} {
		require.Equal(t, row.name, row.p.Name)
		require.Equal(t, row.incoming, fmt.Sprint(row.p.Incoming.Host, ":", row.p.Incoming.Port))
		require.Equal(t, row.outgoing, fmt.Sprint(row.p.Outgoing.Host, ":", row.p.Outgoing.Port))
		require.NoError(t, row.p.Err(row.policy), row.name)
		var codes []string
		for _, i := range row.p.Validate(row.policy) {
			codes = append(codes, i.Code)
		}
		require.Equal(t, row.warnings, codes, row.name)
		require.Equal(t, row.refusedByCloud, row.p.Err(cloud) != nil, row.name)
		require.Equal(t, row.takesTokens, row.p.Endpoint(Outgoing).Credentials == OAuth, row.name)
	}
}

func TestHosts(t *testing.T) {
	for host, want := range map[string]bool{
		"mail.example.com": true, "mail.example.com.": true, "localhost": true, "h": true, "a_b.example": true, "127.0.0.1": true,
		"2001:db8::1": true, "fe80::1%eth0": true, "xn--bcher-kva.example": true, "3com.example": true, "a.0b": true, "a.0": false, "a!b": true, "a~b": true,
		"": false, ".": false, ".example": false, "a..b": false, "a b": false, "a\tb": false, "a/b": false, "a@b": false, "a:25": false,
		"[::1]": false, "https://a": false, "bücher.example": false, "a\x00": false, "a\x7f": false, "127.1": false, "2130706433": false,
		"0x7f.0x1": false, "0X7F000001": false, "1.2.3.4.5": false, "a%b": false, "a?b": false, "a#b": false, `a\b`: false, "2001:db8::g": false,
		strings.Repeat("a", 253): true, strings.Repeat("a", 254): false,
	} {
		require.Equal(t, want, isHost(host), host)
	}
}

func TestURLs(t *testing.T) {
	for location, want := range map[string]place{
		"https://mail.example.com/EWS/Exchange.asmx": {true, "mail.example.com", 443},
		"HTTPS://mail.example.com:8443":              {true, "mail.example.com", 8443},
		"http://192.0.2.1/":                          {false, "192.0.2.1", 80},
		"https://mail.example.com/~ews":              {true, "mail.example.com", 443},
		"https://[2001:db8::1]:444/EWS":              {true, "2001:db8::1", 444},
	} {
		got, ok := parseURL(location)
		require.True(t, ok, location)
		require.Equal(t, want, got, location)
	}
	for _, bad := range []string{
		"", "mail.example.com", "/EWS", "//mail.example.com/", "ftp://mail.example.com/", "https:mail", "https:///EWS", "https://mail:0/",
		"https://mail:65536/", "https://mail:99999999999999999999/", "https://mail:/", "https://mail:x/", "https://u@mail/", "https://u:p@mail/", "https://@mail/", "https://mail/?", "https://mail/?a=b",
		"https://mail/#", "https://ma il/", "https://mail/\x00", "https://2130706433/", "https://bücher/", "https://mail/" + strings.Repeat("a", 2085-len("https://mail/")),
	} {
		_, ok := parseURL(bad)
		require.False(t, ok, bad)
	}
}

// Credentials entered over an unencrypted channel are refused, or warned of where
// the operator allows it.
func TestValidateEntry(t *testing.T) {
	risky := Policy{AllowUnprotectedEntry: true}
	p := server()
	p.Application = registered
	require.Empty(t, p.ValidateEntry(Policy{}, true))
	var got []string
	for _, policy := range []Policy{{}, risky} {
		for _, i := range p.ValidateEntry(policy, false) {
			got = append(got, describe(i))
		}
	}
	require.Equal(t, []string{
		"incoming-entry-unprotected - - error incoming Incoming.Password", "entry-secret-unprotected - - error both Application.Secret",
		"incoming-entry-risky - - warning incoming Incoming.Password", "entry-secret-risky - - warning both Application.Secret",
	}, got)
	p = twoWays()
	require.Empty(t, p.ValidateEntry(Policy{}, false), "nothing was entered")
	require.Empty(t, p.ValidateEntry(risky, false), "nothing was entered")
	p.Outgoing.Username = "x"
	require.Equal(t, "outgoing-entry-unprotected", p.ValidateEntry(Policy{}, false)[0].Code)
	p.Outgoing.Username, p.Outgoing.Password = "", secret.New("x")
	require.Equal(t, "outgoing-entry-risky", p.ValidateEntry(risky, false)[0].Code)
	for _, policy := range []Policy{{}, risky} {
		require.Len(t, twoWaysServer().ValidateEntry(policy, false), 2, "each password is another")
		p = server()
		p.Outgoing.Password = secret.New("y")
		require.Len(t, p.ValidateEntry(policy, false), 2, "each was entered, even where it is not used")
	}
}
