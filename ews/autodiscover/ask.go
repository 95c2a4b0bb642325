package autodiscover

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-serversync/serversync/internal/websignin"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// A query is one question to one server.
type query struct {
	protocol Protocol
	url      *url.URL
}

// A next says what to do after a query without an answer.
type next int

const (
	found         next = iota
	otherProtocol      // the server may speak another
	otherHost          // it is no use to ask this server more
)

// follow asks, and asks on where it is told to.
func (s *search) follow(ctx context.Context, q query, why string) (*answer, next) {
	for !s.done(ctx) {
		st := Step{Protocol: q.protocol, URL: shown(q.url)}
		if st.Err = s.admit(ctx, q.url, why, s.maySee); st.Err == nil {
			st.Err = s.enter(q)
		}
		if st.Err != nil {
			s.note(st)
			return nil, otherHost
		}
		began := s.now()
		a, next := s.ask(ctx, q, &st)
		var to query
		if st.Err == nil && a.url != "" {
			to, st.Err = s.redirect(q, a.url)
			next = otherHost
		}
		if st.Err == nil {
			st.Text = a.text(to.url)
		}
		st.Took = s.now().Sub(began)
		s.note(st)
		if st.Err != nil {
			return nil, next
		}
		if to.url == nil {
			a.from = q.url.Hostname()
			return a, found
		}
		q, why = to, q.url.Hostname()+" redirects there"
	}
	return nil, otherHost
}

// enter counts a query, and refuses one too many and one that was asked before.
func (s *search) enter(q query) error {
	what := fmt.Sprintf("%s %s %s", q.protocol, q.url, s.address)
	switch {
	case s.requests >= maxRequests:
		s.over = fail(provider.ErrProtocol, answerRemedy, "there is no end to the servers that are named")
		return s.over
	case s.asked[what]:
		return fail(provider.ErrProtocol, answerRemedy, "it was asked before")
	}
	s.requests++
	s.asked[what] = true
	return nil
}

// redirect returns the query that an answer to q points to.
func (s *search) redirect(q query, location string) (query, error) {
	if s.hops++; s.hops > maxHops {
		s.over = fail(provider.ErrProtocol, answerRemedy, "there is no end to the redirects")
		return query{}, s.over
	}
	u, err := s.parse(location, q.url, false)
	if err != nil {
		return query{}, err
	}
	to := query{q.protocol, u}
	switch path := strings.ToLower(u.Path); {
	case strings.HasSuffix(path, ".svc"):
		to.protocol = SOAP
	case strings.HasSuffix(path, ".xml"):
		to.protocol = POX
	case strings.Contains(path, "autodiscover.json"):
		to.protocol = JSON
	}
	return to, nil
}

// ask makes one query and reads the answer. Why there is none goes into st.
func (s *search) ask(ctx context.Context, q query, st *Step) (*answer, next) {
	ctx, cancel := context.WithTimeout(ctx, oneTime)
	defer cancel()
	got, err := s.exchange(ctx, q, st)
	if err != nil {
		st.Err = timely(ctx, err)
		return nil, otherHost
	}
	defer got.Body.Close()
	st.Status = got.StatusCode
	switch {
	case got.StatusCode/100 == 3 && got.Header.Get("Location") != "":
		return &answer{url: got.Header.Get("Location")}, found
	case got.StatusCode == http.StatusOK, got.StatusCode == http.StatusInternalServerError && q.protocol == SOAP, q.protocol == JSON && got.StatusCode/100 == 4 && got.StatusCode != http.StatusTooManyRequests:
	default:
		st.Err = status(got)
		if st.Status == http.StatusUnauthorized || provider.KindOf(st.Err) == provider.ErrThrottled {
			return nil, otherHost
		}
		return nil, otherProtocol
	}
	body, err := io.ReadAll(io.LimitReader(got.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = fail(provider.ErrTooLarge, "", "the answer is longer than any of autodiscover")
	}
	if err != nil {
		st.Err = timely(ctx, err)
		return nil, otherHost
	}
	a, err := read(q.protocol, body)
	if err != nil {
		st.Err = err
		if st.Status == http.StatusInternalServerError && errors.Is(err, errAnswer) {
			st.Err = status(got)
		}
		if provider.KindOf(err) == provider.ErrNotFound {
			return nil, otherHost // it is the right server, and knows no such mailbox
		}
		return nil, otherProtocol
	}
	return a, found
}

// exchange makes a request: without a credential, and again with one if the server asks for it and may see
// it.
func (s *search) exchange(ctx context.Context, q query, st *Step) (*http.Response, error) {
	host := q.url.Hostname()
	var asked http.Header // what the server has said to nobody
	signs := q.protocol != JSON && s.mayProve(host)
	if !(signs && s.method == provider.WithToken && s.online) {
		r, err := s.request(ctx, q)
		if err != nil {
			return nil, err
		}
		if signs && s.method == provider.WithToken {
			r.Header.Set("Authorization", "Bearer") // an empty one, at which Exchange tells that it takes tokens
		}
		got, err := s.plain.RoundTrip(r)
		if err != nil || got.StatusCode != http.StatusUnauthorized || q.protocol == JSON {
			return got, err
		}
		got.Body.Close()
		st.Status = got.StatusCode
		if !signs {
			return nil, fail(provider.ErrNotFound, "", "it asks for a sign-in, and is no server that the token is for")
		}
		asked = got.Header
	}
	return s.prove(ctx, q, asked, st)
}

// prove makes a request with the credential. asked is what the server has said without one, nil if it was not
// asked.
func (s *search) prove(ctx context.Context, q query, asked http.Header, st *Step) (*http.Response, error) {
	client, err := s.client(q.url)
	if err != nil {
		return nil, err
	}
	if asked != nil {
		if err := client.Learn(http.StatusUnauthorized, asked); err != nil {
			return nil, err
		}
	}
	if err := client.Prepare(ctx); err != nil { // there is no token to be had, for nobody
		if ctx.Err() == nil {
			s.over = err
		}
		return nil, err
	}
	r, err := s.request(ctx, q)
	if err != nil {
		return nil, err
	}
	got, err := client.Do(r)
	if err == nil || provider.KindOf(err) == provider.ErrAuth {
		st.SignIn = client.Method()
		if st.SignIn == "" {
			st.SignIn = string(s.method)
		}
	}
	if err != nil && provider.KindOf(err) == provider.ErrAuth {
		st.Status = http.StatusUnauthorized
		if s.refused++; s.refused >= maxRefused {
			s.over = err
		}
	}
	return got, err
}

// client returns the client that signs in to u's server. The account that it has names u, so
// that a source of tokens can tell whom the token is for.
func (s *search) client(u *url.URL) (*websignin.Client, error) {
	at := u.Scheme + "://" + strings.ToLower(u.Host)
	if c := s.signed[at]; c != nil {
		return c, nil
	}
	a := s.account
	if a.Tokens != nil {
		a.Tokens = listener{a.Tokens, s}
	}
	a.Endpoint.URL, a.Endpoint.TLS = u.Scheme+"://"+u.Host+u.Path, profile.ImplicitTLS
	c, err := websignin.New(op, s.http(), a)
	if err == nil {
		s.signed[at] = c
	}
	return c, err
}

// A listener notes the tokens that are shown, so that no server has us repeat one.
type listener struct {
	provider.TokenSource
	s *search
}

func (l listener) Token(ctx context.Context, a provider.Account, refused secret.Text) (provider.Token, error) {
	token, err := l.TokenSource.Token(ctx, a, refused)
	if !token.Value.IsZero() {
		l.s.secrets = append(l.s.secrets, token.Value)
	}
	return token, err
}

// request returns the request of a query.
func (s *search) request(ctx context.Context, q query) (*http.Request, error) {
	method, body := http.MethodGet, []byte(nil)
	switch q.protocol {
	case SOAP:
		method, body = http.MethodPost, soapRequest(q.url.String(), s.address)
	case POX:
		method, body = http.MethodPost, poxRequest(s.address)
	}
	r, err := http.NewRequestWithContext(ctx, method, q.url.String(), bytes.NewReader(body))
	if err != nil {
		return nil, &provider.Error{Op: op, Kind: provider.ErrUnsafe, Err: errors.New("the server names what is no URL")}
	}
	if body != nil {
		r.Header.Set("Content-Type", "text/xml; charset=utf-8")
	}
	if q.protocol == SOAP {
		r.Header.Set("SOAPAction", `"`+soapAction+`"`)
	}
	r.Header.Set("Accept", "application/json")
	if q.protocol != JSON {
		r.Header.Set("Accept", "text/xml")
		if isASCII(s.address) {
			r.Header.Set("X-AnchorMailbox", s.address)
		}
	}
	r.Header.Set("User-Agent", s.agent())
	return r, nil
}

func isASCII(text string) bool {
	return strings.IndexFunc(text, func(c rune) bool { return c <= ' ' || c > '~' }) < 0
}

// status says what an answer without content means.
func status(got *http.Response) error {
	after, err := strconv.Atoi(strings.TrimSpace(got.Header.Get("Retry-After")))
	wait := time.Duration(min(max(after, 1), 3600)) * time.Second
	code := wire.HTTPCode(got.StatusCode)
	switch {
	case got.StatusCode == http.StatusTooManyRequests, got.StatusCode == http.StatusServiceUnavailable && err == nil:
		return &provider.Error{Op: op, Kind: provider.ErrThrottled, Code: code, RetryAfter: wait, Err: errors.New("the server has too much to do")}
	case got.StatusCode == http.StatusUnauthorized:
		return fail(provider.ErrNotFound, "", "it asks for a sign-in")
	case got.StatusCode >= 500:
		return &provider.Error{Op: op, Kind: provider.ErrUnavailable, Code: code, Err: errors.New("the server has trouble of its own")}
	case got.StatusCode == http.StatusForbidden:
		return fail(provider.ErrNotFound, "", "the server lets nobody ask there")
	}
	return fail(provider.ErrNotFound, "", "there is no autodiscover there")
}
