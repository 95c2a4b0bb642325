package s2s

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-serversync/serversync/internal/tokens"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// An exchange carries azidentity's requests for one token to the authority, and keeps what came of them: it is a
// policy.Transporter. It belongs to one goroutine.
type exchange struct {
	s       *Source
	ctx     context.Context
	tenant  string
	secrets []secret.Text

	tokenURL string // the token endpoint, once it is known
	learnt   []byte // what the authority has said of it just now
	failed   error  // why a request was not made or not answered

	// Of the answer.
	status int
	header http.Header
	body   []byte
	sent   time.Time     // when its request was, as our clock has it
	life   time.Duration // of the token in it
}

// endpoints are what an authority says of itself for a tenant.
type endpoints struct {
	at       time.Time
	body     []byte
	tokenURL string
}

const (
	maxBody = 1 << 20

	// leastPart is how long a part of an assertion is that nobody says by chance.
	leastPart = 32

	// endpointsLife is how long it stands. It hardly ever changes.
	endpointsLife = 24 * time.Hour
)

var (
	errElsewhere = errors.New("a request for a token would go to another server than the authority")
	errLarge     = errors.New("the issuer's answer is too large")
	errEndpoints = errors.New("what the authority says of itself names no token endpoint of its own")
)

func limit(r io.Reader) io.Reader { return io.LimitReader(r, maxBody) }

// Do makes a request, and bounds it.
func (x *exchange) Do(r *http.Request) (*http.Response, error) {
	answer, err := x.do(r)
	if err != nil {
		x.failed = err
		return nil, err
	}
	return answer, nil
}

func (x *exchange) do(r *http.Request) (*http.Response, error) {
	// Region and proxy of azidentity's come from the environment.
	if !x.s.atAuthority(r.URL) {
		return nil, fail(opToken, provider.ErrUnsafe, "", "check the source's Cloud, and leave AZURE_REGIONAL_AUTHORITY_NAME out of the environment", errElsewhere)
	}
	discovery := r.Method == http.MethodGet
	if known, ok := x.s.endpointsOf(x.tenant); ok && discovery {
		x.tokenURL = known.tokenURL
		return answerOf(r, http.StatusOK, http.Header{"Content-Type": {"application/json"}}, known.body), nil
	}
	if !discovery {
		x.s.in.stats.requests.Add(1)
		if err := x.keepSecrets(r); err != nil {
			return nil, err
		}
	}
	limited, cancel := context.WithTimeout(r.Context(), x.s.timeout())
	defer cancel()
	x.sent = x.s.now()
	x.status, x.header, x.body = 0, nil, nil
	answer, err := x.s.in.own.RoundTrip(r.WithContext(limited))
	var body []byte
	if err == nil {
		body, err = io.ReadAll(io.LimitReader(answer.Body, maxBody+1))
		answer.Body.Close()
	}
	if err != nil {
		return nil, x.unanswered(limited, err)
	}
	x.s.readDate(answer.Header, x.sent, x.s.now())
	if len(body) > maxBody {
		return nil, fail(opToken, provider.ErrTooLarge, "", "check the source's Cloud; the issuer's answer is larger than any token", errLarge)
	}
	x.status, x.header, x.body = answer.StatusCode, answer.Header, body
	if x.status/100 == 2 { // of which azidentity takes more than the one
		if discovery {
			err = x.learn(body)
		} else {
			err = x.read(body)
		}
	}
	return answerOf(r, x.status, x.header, body), err
}

// atAuthority reports whether a URL is of the cloud's authority.
func (s *Source) atAuthority(u *url.URL) bool {
	authority, err := url.Parse(s.in.cloud.Authority)
	return err == nil && u.Scheme == "https" && u.User == nil && strings.EqualFold(u.Host, authority.Host)
}

// endpointsOf returns what is known of the authority for a tenant.
func (s *Source) endpointsOf(tenant string) (endpoints, bool) {
	s.in.mu.RLock()
	defer s.in.mu.RUnlock()
	e, known := s.in.endpoints[tenant]
	return e, known && s.now().Sub(e.at).Abs() < endpointsLife
}

// learn reads what the authority says of itself (OpenID Connect Discovery, section 4.2).
func (x *exchange) learn(body []byte) error {
	var said struct {
		TokenURL string `json:"token_endpoint"`
	}
	if json.Unmarshal(body, &said) != nil {
		return nil // which azidentity will not be able to read either
	}
	x.tokenURL = strings.ReplaceAll(said.TokenURL, "{tenant}", x.tenant)
	if u, err := url.Parse(x.tokenURL); err != nil || !x.s.atAuthority(u) {
		return fail(opToken, provider.ErrUnsafe, "", "check the source's Cloud", errEndpoints)
	}
	x.learnt = body
	return nil
}

// keep keeps what the authority has said of itself once it has led to who gives tokens, or refuses them. What led
// elsewhere, as an answer of somebody in between does, must not be gone by for a day.
func (x *exchange) keep(given bool) {
	there := given || x.status == http.StatusBadRequest || x.status == http.StatusUnauthorized
	busy := x.status == 0 || x.status >= 500 || x.status == http.StatusTooManyRequests
	x.s.in.mu.Lock()
	defer x.s.in.mu.Unlock()
	switch {
	case there && x.learnt != nil:
		for tenant, e := range x.s.in.endpoints {
			if x.sent.Sub(e.at).Abs() >= endpointsLife {
				delete(x.s.in.endpoints, tenant)
			}
		}
		x.s.in.endpoints[x.tenant] = endpoints{x.sent, x.learnt, x.tokenURL}
	case !there && !busy:
		delete(x.s.in.endpoints, x.tenant)
	}
}

// read reads how long the token lives. azidentity counts by the system's clock.
func (x *exchange) read(body []byte) error {
	var said struct {
		Token     string          `json:"access_token"`
		ExpiresIn json.RawMessage `json:"expires_in"`
	}
	if json.Unmarshal(body, &said) != nil || said.Token == "" {
		return nil // as above
	}
	x.secrets = append(x.secrets, secret.New(said.Token))
	x.life = tokens.Life(said.ExpiresIn)
	return nil
}

// keepSecrets notes what proves us in a request, so that no answer that repeats it is quoted.
func (x *exchange) keepSecrets(r *http.Request) error {
	if r.Body == nil {
		return nil
	}
	body, err := io.ReadAll(limit(r.Body))
	r.Body.Close()
	if err != nil {
		return fail(opToken, provider.ErrUnavailable, "", "", errors.New("the request cannot be read"))
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	if form, err := url.ParseQuery(string(body)); err == nil {
		x.secrets = append(x.secrets, secret.New(form.Get("client_secret")), secret.New(form.Get("client_assertion")))
		for part := range strings.SplitSeq(form.Get("client_assertion"), ".") { // of which a whole one is less than half of all
			if len(part) >= leastPart {
				x.secrets = append(x.secrets, secret.New(part))
			}
		}
	}
	return nil
}

// repeats reports whether a text shows what proves us, or a token.
func (x *exchange) repeats(text string) bool {
	for _, t := range x.secrets {
		if t.In(text) {
			return true
		}
	}
	return false
}

// unanswered says what it means that no answer came.
func (x *exchange) unanswered(limited context.Context, err error) error {
	var known *provider.Error
	switch {
	case x.ctx.Err() != nil:
		return x.ctx.Err()
	case limited.Err() != nil:
		return fail(opToken, provider.ErrUnavailable, "TimedOut", remedyWait, errTime)
	}
	err = wire.Error("s2s: "+opToken, err)
	if !errors.As(err, &known) { // a host's transport has ended with a context of its own
		return fail(opToken, provider.ErrUnavailable, "TimedOut", remedyWait, errTime)
	}
	told := *known // whose remedy speaks of mail servers
	told.Op, told.Err = "s2s: "+opToken, fmt.Errorf("no answer from the issuer: %w", known.Err)
	if known.Kind == provider.ErrUnavailable {
		told.Remedy = remedyWay
	}
	return &told
}

// answerOf is an answer whose body is in memory.
func answerOf(r *http.Request, status int, h http.Header, body []byte) *http.Response {
	return &http.Response{
		StatusCode: status, Status: fmt.Sprintf("%d %s", status, http.StatusText(status)), ProtoMajor: 1, ProtoMinor: 1,
		Header: h.Clone(), Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), Request: r,
	}
}
