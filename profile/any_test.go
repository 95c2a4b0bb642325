package profile

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/secret"
)

// Whatever stands in a profile: defaults change nothing about what is said, nothing
// is said twice, each side is told of its own, and what is refused with every switch
// off is not allowed by turning one off.
func TestAnyProfile(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 4_000 {
		p, policy := anyProfile(r), anyPolicy(r)
		issues := p.Validate(policy)
		require.Equal(t, issues, p.WithDefaults().Validate(policy), "%+v %+v", p, policy)
		seen := make(map[string]bool)
		for _, i := range issues {
			require.False(t, seen[i.Code], "%s twice: %+v", i.Code, p)
			seen[i.Code] = true
		}
		failing := slices.ContainsFunc(issues, func(i Issue) bool { return i.Level == Error })
		require.True(t, failing == (issues.Err() != nil) && failing == (p.Err(policy) != nil), "an error is what has an error among it")

		// A side that is not used and not filled in is no obstacle to the other.
		one := p
		one.Outgoing = Endpoint{}
		require.Equal(t, errorsOf(issues, Incoming), errorsOf(one.Validate(policy), Incoming), "%+v %+v", p, policy)
		if p.OwnOutgoing {
			one = p
			one.Incoming = Endpoint{}
			require.Equal(t, errorsOf(issues, Outgoing), errorsOf(one.Validate(policy), Outgoing), "%+v %+v", p, policy)
		}
		if issues.Err() == nil {
			require.NoError(t, p.Err(loosened(policy)), "%+v %+v", p, policy)
		}
	}
}

// errorsOf returns the codes of the errors that concern a side.
func errorsOf(issues Issues, side Side) (codes []string) {
	for _, i := range issues.Of(side) {
		if i.Level == Error {
			codes = append(codes, i.Code)
		}
	}
	return codes
}

// loosened turns on every switch of a policy that only ever permits.
func loosened(policy Policy) Policy {
	policy.AllowPlaintext, policy.AllowBasicWithoutTLS, policy.ADAuthentication, policy.FIPS = true, true, Allowed, false
	policy.AllowPorts = append(policy.AllowPorts, 22, 8443)
	return policy
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func anyPolicy(r *rand.Rand) Policy {
	yes := func() bool { return r.IntN(2) == 0 }
	return Policy{
		Deployment: pick(r, Cloud, SelfHosted), TenantID: pick(r, "", ownTenant, otherTenant), AllowPlaintext: yes(), AllowBasicWithoutTLS: yes(),
		ADAuthentication: pick(r, ByDeployment, Allowed, Refused), FIPS: yes(),
	}
}

func anyProfile(r *rand.Rand) Profile {
	yes := func() bool { return r.IntN(4) == 0 }
	p := Profile{
		Kind:         pick(r, ExchangeServer, ExchangeServerHybrid, ExchangeOnline, ExchangeOnlineHybrid, IMAPSMTP, POP3SMTP, IMAPSMTP, POP3SMTP, "x400"),
		Autodiscover: yes(), OwnOutgoing: yes(), TenantID: pick(r, "", ownTenant, otherTenant, "x"), Application: pick(r, Application{}, registered),
		Exchange: pick(r, "", Exchange2007, Exchange2010SP3, Exchange2013, Exchange2019, ExchangeSE, "x"), AlertOwner: yes(), MoveUndeliverable: yes(),
	}
	p.Incoming, p.Outgoing = anyEndpoint(r, p.Kind), anyEndpoint(r, p.Kind)
	if !p.OwnOutgoing && !yes() {
		p.Outgoing = Endpoint{Host: p.Outgoing.Host, URL: p.Outgoing.URL, TLS: p.Outgoing.TLS}
	}
	return p
}

func anyEndpoint(r *rand.Rand, kind Kind) Endpoint {
	yes := func() bool { return r.IntN(6) == 0 }
	e := Endpoint{
		TLS: pick(r, ImplicitTLS, ImplicitTLS, StartTLS, Plaintext, "x"), Authentication: pick(r, AutoDetect, AutoDetect, Negotiate, NTLM, Basic, SCRAM, CRAMMD5, Bearer, "x"),
		Credentials: pick(r, FromMailbox, FromMailbox, FromProfile, ServerToServer, IntegratedWindows, Anonymous, OAuth, ClientCertificate, "x"), Impersonate: yes(), GrantDelegate: yes(),
	}
	if e.Credentials == FromProfile {
		e.Username, e.Password = pick(r, "u", "u@example.com", ""), pick(r, secret.New("p"), secret.New("p\n"), secret.Text{})
	}
	if kind.IsExchange() != yes() {
		e.URL = pick(r, "", "https://mail.example.com/", "http://mail.example.com/", ExchangeOnlineURL, "https://mail.example.com:8443/", "x")
	} else {
		e.Host = pick(r, "imap.mail.yahoo.com", "imap.gmail.com", "outlook.office365.com", "smtp.live.com", "mail.example.com", "", " ", "a b")
		e.Port = pick(r, 0, 0, 0, 993, 25, 22, -1, 65536)
	}
	return e
}

// FuzzValidate holds that no text makes validation panic, that defaults change
// nothing about what is said of it, and that what is allowed can be put into a
// command or a header.
func FuzzValidate(f *testing.F) {
	f.Add("imap.example.com", ExchangeOnlineURL, "u@example.com", ownTenant, "ann@example.com", 993)
	f.Add("0x7f.1", "https://[::1%25eth0]:443/", "\x00", "{}", "@", -1)
	f.Add("[::1]", "https://h:99999999999999999999/", "\xff", "-", "a@b@c", 1<<30)
	f.Fuzz(func(t *testing.T, host, url, username, tenant, address string, port int) {
		for _, kind := range []Kind{IMAPSMTP, POP3SMTP, ExchangeServer, ExchangeOnline, Kind(host)} {
			p := Profile{ID: ID(username), Name: username, Kind: kind, TenantID: tenant, Owner: Owner{Address: address}, Application: registered}
			p.Incoming = Endpoint{Credentials: FromProfile, Username: username, Password: secret.New(username)}
			if kind.IsExchange() {
				p.Incoming.URL = url
			} else {
				p.Incoming.Host, p.Incoming.Port, p.Outgoing.Host = host, port, host
			}
			issues := p.Validate(selfHosted)
			require.Equal(t, issues, p.WithDefaults().Validate(selfHosted))
			if issues.Err() == nil {
				require.False(t, strings.ContainsAny(p.Name+p.Incoming.Host+p.Incoming.URL+p.Incoming.Username+tenant+address, "\x00\r\n"))
				require.True(t, port >= 0 && port < 1<<16 || kind.IsExchange())
			}
		}
	})
}
