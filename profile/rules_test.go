package profile

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/secret"
)

func describe(i Issue) string {
	or := func(s, empty string) string {
		if s == "" {
			return empty
		}
		return s
	}
	return strings.Join([]string{i.Code, or(i.Original, "-"), or(i.Rule, "-"), string(i.Level), or(string(i.Side), "both"), i.Field}, " ")
}

func TestRules(t *testing.T) {
	for _, row := range slices.Concat(rows, nearRows) {
		t.Run(strings.ReplaceAll(row.want, " ", "_"), func(t *testing.T) {
			p := row.good()
			require.Empty(t, p.Validate(row.policy), "before it is spoiled")
			row.spoil(&p)
			issues := p.Validate(row.policy)
			var got []string
			for _, i := range issues {
				require.NotEmpty(t, i.Message)
				require.NotEmpty(t, i.Remedy)
				got = append(got, describe(i))
			}
			require.Equal(t, []string{row.want}, got)
			require.Equal(t, issues[0].Level == Error, p.Err(row.policy) != nil)
			require.Equal(t, issues, p.WithDefaults().Validate(row.policy), "defaults change nothing")
			if p.Kind.IsExchange() && !p.OwnOutgoing && slices.Contains(signInFields, issues[0].Field) {
				p.Outgoing.URL = "https://outgoing.example.com/"
				require.Contains(t, p.Validate(row.policy), issues[0], "who signs in is Incoming's affair, wherever Outgoing is")
			}
		})
	}
}

// signInFields are what Outgoing takes from Incoming.
var signInFields = []string{"Incoming.Credentials", "Incoming.Authentication", "Incoming.Username", "Incoming.Password", "Incoming.Impersonate"}

// Each rule has a row, on each side on which it has a code of its own.
func TestRulesAllHaveARow(t *testing.T) {
	seen := make(map[string]bool)
	for _, row := range rows {
		code, _, _ := strings.Cut(row.want, " ")
		seen[code] = true
	}
	codes := make(map[string]bool)
	for i := range rules {
		r := &rules[i]
		require.False(t, codes[r.code], "%s is there twice", r.code)
		codes[r.code] = true
		require.NotEqual(t, r.broken == nil, r.brokenEnd == nil, r.code)
		switch {
		case r.part == whole:
			require.True(t, seen[r.code], r.code)
		case r.outgoing != "":
			require.True(t, seen[r.codeAt(Incoming)] && seen[r.codeAt(Outgoing)], r.code)
		default:
			require.True(t, seen[r.codeAt(Incoming)] || seen[r.codeAt(Outgoing)], r.code)
		}
	}
}

// The codes of Dynamics 365 that a profile can be the cause of.
func TestRulesCoverTheOriginal(t *testing.T) {
	var missing []string
	for _, code := range strings.Fields(`E201 E202 E203 E204 E205 E20A E214 E218 E234 E235 E236 E238 E23A E23B E23C
		E23D E23E E23F E240 E241 E242 E243 E24B E24C E24D E24E E24F E251 E252 E253 E254 E256`) {
		if !slices.ContainsFunc(rows, func(r struct {
			want   string
			good   func() Profile
			policy Policy
			spoil  func(p *Profile)
		}) bool {
			return strings.Contains(r.want, " 8005"+code+" ")
		}) {
			missing = append(missing, code)
		}
	}
	require.Empty(t, missing)
}

// X3: an organization reaches ports of mail only, wherever the name leads, unless
// the operator opened the port or the network.
func TestPortPolicy(t *testing.T) {
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	for name, row := range map[string]struct {
		policy  Policy
		host    string
		refused bool
	}{
		"cloud":                      {Policy{}, "imap.mail.yahoo.com", true},
		"self-hosted":                {selfHosted, "imap.mail.yahoo.com", false},
		"opened":                     {Policy{AllowPorts: []int{1143}}, "imap.mail.yahoo.com", false},
		"inside a network":           {Policy{AllowNetworks: loopback}, "127.0.0.1", false},
		"outside of it":              {Policy{AllowNetworks: loopback}, "192.0.2.1", true},
		"a name, which may be there": {Policy{AllowNetworks: loopback}, "localhost", false},
		"an address, and none open":  {Policy{}, "127.0.0.1", true},
	} {
		t.Run(name, func(t *testing.T) {
			p := yahooMail()
			p.Incoming.Host, p.Incoming.Port = row.host, 1143
			require.Equal(t, row.refused, p.Err(row.policy) != nil)
		})
	}
}

// The bounds themselves are allowed.
func TestBounds(t *testing.T) {
	p := yahooMail()
	p.Name, p.Description = strings.Repeat("ü", 100), "\t\r\n"+strings.Repeat("ü", 1997)
	p.Owner.Address = strings.Repeat("ü", 97) + "~@b"
	p.MaxConnections, p.MinPollInterval, p.Timeout = 300, 24*time.Hour, 100*time.Second
	p.Application = Application{ClientID: strings.Repeat("a", 1024), Resource: strings.Repeat("a", 1024)}
	p.Incoming.Host = "yahoo.com" // the domain itself is in the domain
	require.Empty(t, p.Validate(cloud))
	p.MaxConnections, p.Owner = 1, Owner{Address: "a@b"}
	p.AlertOwner = true
	require.Empty(t, p.Validate(cloud))
	p.Owner = Owner{ID: "7"}
	require.Empty(t, p.Validate(cloud))

	p = server()
	p.Incoming.Username, p.Incoming.Password = strings.Repeat("ü", 250), secret.New("~ \t\x7f")
	p.Incoming.URL = "https://mail/" + strings.Repeat("a", 2084-len("https://mail/"))
	require.Empty(t, p.Validate(selfHosted))
	for _, location := range []string{"https://mail:1/", "https://mail:65535/"} {
		p.Incoming.URL = location
		require.Empty(t, p.Validate(selfHosted))
	}
	for _, port := range []int{1, 65535} {
		p = yahooPOP()
		p.Incoming.Port = port
		require.Empty(t, p.Validate(selfHosted))
	}
	for _, bad := range []string{"\x00", "a\x00"} {
		require.False(t, isText(bad) || isLines(bad))
	}
	for _, bad := range []string{"@b", "a@", "a", "a@b,c@d", "a@b\x00", "@"} {
		require.False(t, isAddress(bad), bad)
	}
}
