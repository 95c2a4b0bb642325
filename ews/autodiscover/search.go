package autodiscover

import (
	"cmp"
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/go-serversync/serversync/internal/websignin"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// The bounds of a search, whatever servers and records say.
const (
	maxHops       = 10 // redirects of every kind (Microsoft: "Handling Autodiscover error messages")
	maxReaddress  = 3  // other addresses
	maxTargets    = 4  // of SRV
	maxRefused    = 2  // sign-ins
	maxRequests   = 40 // of all kinds
	maxAnswer     = 256 << 10
	oneTime       = 15 * time.Second // of one request
	maxCandidates = 6                // locations in one answer
)

// A search is one search for one mailbox.
type search struct {
	*Finder
	account provider.Account
	method  provider.Method
	online  bool   // the profile is of Exchange Online
	domain  string // of the mailbox's own address, in which servers are its own
	address string // that is asked about
	now     func() time.Time
	limits  provider.Limits

	plain   *wire.Transport
	secrets []secret.Text                // that servers were shown
	signed  map[string]*websignin.Client // by origin

	began                         time.Time
	steps                         []Step
	hops, readdressed             int
	refused, requests             int
	asked                         map[string]bool // what was asked, with the address
	confirmed                     map[string]bool // what Confirm said, by host
	pending                       []Pending
	over                          error // why nobody is asked any more
	unsafe, unknown, late, broken error // the first of each, see verdict
	throttled, unfit              error
}

// search checks what needs no network.
func (f *Finder) search(a provider.Account) (*search, error) {
	s := &search{
		Finder: f, account: a, address: a.Mailbox.Address, online: a.Profile.Kind.IsExchangeOnline(),
		now: f.clock(), limits: f.Limits.WithDefaults(),
		secrets: []secret.Text{passwordOf(a)}, signed: map[string]*websignin.Client{}, asked: map[string]bool{}, confirmed: map[string]bool{},
	}
	var err error
	if s.domain, err = domainOf(s.address); err != nil {
		return nil, err
	}
	if s.method, err = a.SignIn(op, provider.WithPassword, provider.WithWindows, provider.WithToken); err != nil {
		return nil, err
	}
	if s.method == provider.WithToken && a.Tokens == nil {
		return nil, fail(provider.ErrUnsupported, "give the Syncer a source of tokens", "there is no source of access tokens")
	}
	s.plain, err = wire.NewTransport(s.http())
	return s, err
}

func (s *search) http() wire.HTTPOptions {
	return wire.HTTPOptions{Op: op, TLSConfig: s.TLSConfig, Policy: s.account.Policy, Limits: s.limits}
}

// domainOf returns the domain of an address, as package discover takes it.
func domainOf(address string) (string, error) {
	const remedy = "enter the mailbox's address as name@example.com"
	at := strings.LastIndexByte(address, '@')
	if at < 1 || len(address) > 320 || strings.ContainsAny(address, " <>,;\"\\\r\n\t\x00") {
		return "", fail(provider.ErrUnsafe, remedy, "it is no email address")
	}
	domain := bare(address[at+1:])
	if _, err := netip.ParseAddr(strings.Trim(domain, "[]")); err == nil {
		return "", fail(provider.ErrUnsafe, remedy, "the address has no domain")
	}
	if err := profile.CheckHost(domain); err != nil {
		return "", fail(provider.ErrUnsafe, "enter the part behind the @ in ASCII, as xn--... where its script is another", "the domain: "+err.Error())
	}
	if !strings.Contains(domain, ".") {
		return "", fail(provider.ErrUnsafe, remedy, "the domain has no dot")
	}
	return domain, nil
}

// run searches, within the Finder's time.
func (s *search) run(ctx context.Context) (Result, error) {
	s.began = s.now()
	limited, cancel := context.WithTimeout(provider.WithTrace(ctx, nil), s.timeout())
	defer cancel()
	if s.Resolver != nil {
		limited = wire.WithLookup(limited, s.Resolver.LookupNetIP)
	}
	defer s.close()
	result, found := s.find(limited)
	result.Steps, result.Time = s.steps, s.began
	switch {
	case ctx.Err() != nil:
		return result, context.Cause(ctx)
	case found:
		return result, nil
	case limited.Err() != nil:
		s.late = cmp.Or[error](s.late, fail(provider.ErrUnavailable, "try again later, or enter the location of the web services in the profile", "not everybody could be asked in time"))
	}
	return result, s.verdict()
}

func (s *search) close() {
	s.plain.CloseIdleConnections()
	for _, client := range s.signed {
		client.Close()
	}
}

// find asks about the mailbox's address, and about each that it is said to have instead.
func (s *search) find(ctx context.Context) (Result, bool) {
	for {
		answer := s.pass(ctx)
		switch {
		case answer == nil:
			return Result{}, false
		case answer.address == "":
			return s.choose(ctx, answer)
		}
		domain, err := domainOf(answer.address)
		if s.readdressed++; err == nil && (s.readdressed > maxReaddress || s.asked["address "+bare(answer.address)]) {
			err = fail(provider.ErrProtocol, answerRemedy, "the servers name one other address after the other")
		}
		if err != nil {
			s.note(Step{Protocol: Check, URL: "@" + wire.Quote(domain), Err: err})
			return Result{}, false
		}
		s.asked["address "+bare(s.address)] = true
		s.address = answer.address
	}
}

// pass goes through the candidates for one address. What it returns has locations, or another
// address.
func (s *search) pass(ctx context.Context) *answer {
	domain, _ := domainOf(s.address)
	candidates := []func(context.Context, string) *answer{
		s.fixed, s.own(""), s.own("autodiscover."), s.redirected, s.records,
	}
	for _, ask := range candidates {
		if s.done(ctx) {
			break
		}
		if a := ask(ctx, domain); a != nil {
			return a
		}
	}
	return nil
}

func (s *search) done(ctx context.Context) bool { return ctx.Err() != nil || s.over != nil }

func (s *search) onlineHost() string { return cmp.Or(s.Online, "outlook.office365.com") }

// fixed asks Exchange Online itself, if the profile is of that: first, since it wants to know the address
// alone and no credential. For other profiles it is not asked. It has an answer for mailboxes that it
// does not have.
func (s *search) fixed(ctx context.Context, _ string) *answer {
	base := "https://" + s.onlineHost()
	at := base + "/autodiscover/autodiscover.json"
	if !s.online {
		s.note(Step{Protocol: JSON, URL: at, Text: "not asked, for the profile is of Exchange on premises"})
		return nil
	}
	u, err := url.Parse(at + "?" + url.Values{"Email": {s.address}, "Protocol": {"EWS"}}.Encode())
	if err != nil || profile.CheckHost(u.Hostname()) != nil {
		s.over = fail(provider.ErrUnsafe, "set Finder.Online to a bare host name", "the host of Exchange Online is no host name")
		return nil
	}
	a, next := s.follow(ctx, query{JSON, u}, "it is Exchange Online")
	if next == otherProtocol {
		a, _ = s.follow(ctx, query{SOAP, mustParse(base + soapPath)}, "it is Exchange Online")
	}
	return a
}

// The usual paths ([MS-OXDISCO], section 3.1.5; Microsoft: "Generate a list of Autodiscover endpoints").
const (
	soapPath = "/autodiscover/autodiscover.svc"
	poxPath  = "/autodiscover/autodiscover.xml"
)

// own asks a host of the address's domain.
func (s *search) own(prefix string) func(context.Context, string) *answer {
	return func(ctx context.Context, domain string) *answer {
		return s.host(ctx, mustParse("https://"+prefix+domain+poxPath), "the address "+wire.Quote(s.address)+" names it")
	}
}

// host asks a server by SOAP, which says more, and else by POX, which Exchange 2007 and others have
// alone. JSON is not asked for: it tells neither the inner location nor what the server can.
func (s *search) host(ctx context.Context, pox *url.URL, why string) *answer {
	a, next := s.follow(ctx, query{SOAP, mustParse(pox.Scheme + "://" + pox.Host + soapPath)}, why)
	if next == otherProtocol && !s.done(ctx) {
		a, _ = s.follow(ctx, query{POX, pox}, why)
	}
	return a
}

// mustParse parses what is put together of checked parts. What cannot be parsed leads to no host.
func mustParse(text string) *url.URL {
	u, err := url.Parse(text)
	if err != nil {
		return &url.URL{Scheme: "https"}
	}
	return u
}

// choose takes the first of the locations in an answer that may be used and where somebody is. The answer
// of a mailbox's own server is the last word: nobody else is asked.
func (s *search) choose(ctx context.Context, a *answer) (Result, bool) {
	result := Result{Address: s.address, GroupingInformation: a.grouping, Schemas: a.schemas, Version: a.version}
	found := false
	for _, location := range a.locations(s.account.Policy.PrivateAllowed()) {
		plaintext := s.account.Endpoint.TLS == profile.Plaintext && s.account.Policy.PlaintextAllowed()
		u, err := s.parse(location, nil, plaintext)
		if err != nil {
			s.note(Step{Protocol: Check, URL: wire.Quote(location), Err: err})
			continue
		}
		if err := s.admit(ctx, u, a.from+" says that the web services are there", s.mayProve); err != nil {
			s.note(Step{Protocol: Check, URL: shown(u), Err: err})
			continue
		}
		err = s.reach(ctx, u)
		if err == nil {
			result.URL, result.sure = u.String(), true
			return result, true
		}
		if !found && provider.KindOf(err) == provider.ErrUnavailable {
			result.URL, found = u.String(), true // it may be back soon
		}
	}
	return result, found && ctx.Err() == nil
}

// reach looks whether there is a server that we would sign in to, without signing in.
func (s *search) reach(ctx context.Context, u *url.URL) error {
	st := Step{Protocol: Check, URL: shown(u), Text: "there is a server"}
	began := s.now()
	ctx, cancel := context.WithTimeout(ctx, oneTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err == nil {
		r.Header.Set("User-Agent", s.agent())
		var got *http.Response
		if got, err = s.plain.RoundTrip(r); err == nil {
			got.Body.Close()
			if st.Status = got.StatusCode; st.Status == http.StatusNotFound || st.Status == http.StatusGone {
				err = fail(provider.ErrUnavailable, answerRemedy, "there are no web services")
			}
		}
	}
	st.Err, st.Took = timely(ctx, err), s.now().Sub(began)
	s.note(st)
	return st.Err
}

func (s *search) agent() string { return cmp.Or(s.UserAgent, "serversync") }
