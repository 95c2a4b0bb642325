package s2s

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-serversync/serversync/internal/tokens"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s/internal/jwt"
)

// claims are what a token says of itself, without anybody having verified it.
type claims struct {
	read        bool
	audiences   []string
	tenant      string // in small letters
	application string
	roles       []string
	expires     time.Time
}

// claimsOf reads a token. One that cannot be read is opaque, which is an issuer's right.
func claimsOf(token string) (c claims) {
	_, all, err := jwt.Claims(token)
	if err != nil {
		return c
	}
	c.read = true
	text := func(name string) string {
		s, _ := all[name].(string)
		return s
	}
	texts := func(name string) []string {
		var words []string
		list, _ := all[name].([]any)
		if s := text(name); s != "" {
			list = []any{s}
		}
		for _, v := range list {
			if s, ok := v.(string); ok {
				words = append(words, s)
			}
		}
		return words
	}
	c.audiences, c.roles = texts("aud"), texts("roles")
	c.tenant, c.application = strings.ToLower(text("tid")), text("appid")
	if c.application == "" {
		c.application = text("azp") // as version 2.0 has it
	}
	if n, ok := all["exp"].(float64); ok && n > 0 && n < 1<<40 {
		c.expires = time.Unix(int64(n), 0)
	}
	return c
}

// A need is a role that an endpoint's protocol needs.
type need struct {
	protocol profile.Protocol
	role     string

	// rbac is the role of Exchange's RBAC for Applications that permits as much, without the token saying so.
	rbac string
}

var needs = [...]need{
	{profile.EWS, "full_access_as_app", "Application EWS.AccessAsApp"},
	{profile.IMAP, "IMAP.AccessAsApp", ""},
	{profile.POP3, "POP.AccessAsApp", ""},
	{profile.SMTP, "SMTP.SendAsApp", "Application SMTP.SendAsApp"},
}

// A told is what Permission said of a token.
type told struct {
	evidence provider.Evidence
	err      error
}

// Permission tells what t permits, as [provider.TokenInspector] has it.
func (s *Source) Permission(a provider.Account, t provider.Token) (provider.Evidence, error) {
	if err := s.Check(); err != nil {
		return provider.Evidence{}, err
	}
	var w *want
	var cur *current
	key := s.entryKey(&a)
	if e := s.known(&key, s.now()); e != nil {
		w, cur = e.want, e.cell.now.Load()
	} else {
		var err error
		if w, err = s.wantOf(a); err != nil {
			return provider.Evidence{}, err
		}
	}
	if w.realm != "" {
		return s.permissionOfIssued(a, w, t)
	}
	if cur == nil || !cur.token.Value.Equal(t.Value) {
		cur = &current{claims: claimsOf(t.Value.Reveal())}
	}
	if !cur.claims.read {
		return provider.Evidence{}, nil
	}
	side := sideOf(a)
	told := cur.told[side].Load()
	if told == nil {
		told = s.look(a, w, &cur.claims, side)
		cur.told[side].Store(told)
	}
	e := told.evidence
	skew := s.skew()
	e.Text = also(e.Text, skew)
	if told.err != nil {
		return e, told.err
	}
	if end := cur.claims.expires; !end.IsZero() && !s.issuerNow().Before(end) {
		return e, w.named(fail(opPermission, provider.ErrAuth, CodeExpired, also("set this machine's clock if it is wrong, and try again", skew), fmt.Errorf("the token was good until %s", stamp(end))))
	}
	return e, nil
}

// sideOf returns which of needs are a's. Where both sides of a profile look alike, it is the incoming one.
func sideOf(a provider.Account) int {
	p := a.Profile.Kind.Incoming()
	in, out := a.Profile.Endpoint(profile.Incoming), a.Profile.Endpoint(profile.Outgoing)
	if is(a.Endpoint, out) && !is(a.Endpoint, in) {
		p = a.Profile.Kind.Outgoing()
	}
	for i, n := range needs {
		if n.protocol == p {
			return i
		}
	}
	return 0
}

func is(e, side profile.Endpoint) bool {
	return strings.EqualFold(e.Host, side.Host) && e.Port == side.Port && e.TLS == side.TLS
}

// look holds a token against what an endpoint needs.
func (s *Source) look(a provider.Account, w *want, c *claims, side int) *told {
	t := &told{evidence: provider.Evidence{Text: c.words()}}
	online := w.audience == exchangeOnline || tokens.For(s.in.cloud.Hosts, hostOf(w.audience))
	switch {
	case len(c.audiences) > 0 && !s.takes(w, c.audiences, online):
		t.err = w.named(fail(opPermission, provider.ErrAuth, CodeAudience, "check the application's resource in the profile: the server takes tokens for "+w.audience,
			fmt.Errorf("the token is for %s and not for %s", list(c.audiences), w.audience)))
	case c.tenant != "" && c.tenant != w.tenant:
		t.err = w.named(fail(opPermission, provider.ErrAuth, CodeTenant, "check the tenant in the profile, and of which tenant what proves this host is", fmt.Errorf("the token is of the tenant %s", wire.Quote(c.tenant))))
	case !online && !a.Profile.Kind.IsExchangeServer(): // another service, whose roles are its own
	default:
		s.lacking(w, c, needs[side], t)
	}
	return t
}

// lacking says what it means if the role is missing.
func (s *Source) lacking(w *want, c *claims, n need, t *told) {
	for _, role := range c.roles {
		if strings.EqualFold(role, n.role) {
			return
		}
	}
	if n.rbac != "" {
		t.evidence.Text += ", without " + n.role + ": Exchange's RBAC for Applications decides (" + n.rbac + ")"
		return
	}
	t.err = w.named(fail(opPermission, provider.ErrAuth, CodePermission,
		"add the application permission "+n.role+" of Office 365 Exchange Online to the application, and have an administrator of the tenant consent; then allow up to an hour, as tokens that were given before do not change",
		errors.New("the token holds no role "+n.role)))
}

// takes reports whether a server that w is for takes a token for one of audiences. Entra ID
// names Exchange Online by its id or by any of its hosts; the id of another service tells nothing.
func (s *Source) takes(w *want, audiences []string, online bool) bool {
	for _, aud := range audiences {
		aud = strings.TrimRight(aud, "/")
		switch {
		case strings.EqualFold(aud, w.audience):
			return true
		case online && (strings.EqualFold(aud, exchangeOnline) || tokens.For(s.in.cloud.Hosts, hostOf(aud))):
			return true
		case !online && tokens.IsGUID(aud):
			return true
		}
	}
	return false
}

// words says what a token says of itself.
func (c *claims) words() string {
	words := make([]string, 0, 5)
	for _, w := range []struct{ what, value string }{{"tenant ", c.tenant}, {"application ", c.application}} {
		if w.value != "" {
			words = append(words, w.what+clip(w.value))
		}
	}
	if len(c.audiences) > 0 {
		words = append(words, "for "+list(c.audiences))
	}
	if len(c.roles) > 0 {
		words = append(words, "roles "+list(c.roles))
	} else {
		words = append(words, "no roles")
	}
	if !c.expires.IsZero() {
		words = append(words, "good until "+stamp(c.expires))
	}
	return strings.Join(words, ", ")
}

// The bounds of what is repeated of a token.
const (
	mostShown  = 10
	mostLetter = 64
)

// list writes the first of many words.
func list(all []string) string {
	var b strings.Builder
	for i, s := range all {
		if i == mostShown {
			fmt.Fprintf(&b, " and %d more", len(all)-i)
			break
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(clip(s))
	}
	return b.String()
}

// clip quotes what is no plain word, and cuts what is long.
func clip(s string) string {
	if len(s) > mostLetter {
		s = strings.ToValidUTF8(s[:mostLetter], "") + "…"
	}
	if strings.ContainsAny(s, " ,;\"") {
		s = `"` + strings.ReplaceAll(s, `"`, `'`) + `"`
	}
	return wire.Quote(s)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
