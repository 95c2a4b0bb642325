package oauth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"

	"github.com/go-serversync/serversync/internal/tokens"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// A call is one request to an issuer: for whom, and what it must not be quoted on.
type call struct {
	op      string
	issuer  *Issuer
	app     profile.Application
	tenant  string
	secrets []secret.Text
	lost    bool // the request may have been done although no answer came
}

// errTime says that the issuer took too long.
var errTime = errors.New("the issuer did not answer in time")

// config returns what x/oauth2 writes requests from. It is made anew for each of them:
// one that lives on keeps the context that it was made with.
func (c *call) config(redirect string, scopes []string) *oauth2.Config {
	style := oauth2.AuthStyleInParams // said, so that a code is not tried both ways and lost
	if c.issuer.SecretIn == InHeader {
		style = oauth2.AuthStyleInHeader
	}
	return &oauth2.Config{
		ClientID: c.app.ClientID, ClientSecret: c.app.Secret.Reveal(), RedirectURL: redirect, Scopes: scopes,
		Endpoint: oauth2.Endpoint{AuthURL: at(c.issuer.AuthURL, c.tenant), TokenURL: at(c.issuer.TokenURL, c.tenant), DeviceAuthURL: at(c.issuer.DeviceURL, c.tenant), AuthStyle: style},
	}
}

// post sends a form with the application's id and secret (RFC 6749, section 2.3.1).
func (s *Source) post(ctx context.Context, c *call, location string, form url.Values) (answer, error) {
	if c.issuer.SecretIn != InHeader {
		form.Set("client_id", c.app.ClientID)
		if !c.app.Secret.IsZero() {
			form.Set("client_secret", c.app.Secret.Reveal())
		}
	}
	req, err := http.NewRequest(http.MethodPost, at(location, c.tenant), strings.NewReader(form.Encode()))
	if err != nil {
		return answer{}, fail(c.op, provider.ErrUnsupported, "", "check the issuer's URLs", errURL)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if c.issuer.SecretIn == InHeader {
		req.SetBasicAuth(url.QueryEscape(c.app.ClientID), url.QueryEscape(c.app.Secret.Reveal()))
	}
	a, _, err := s.do(ctx, c, req)
	return a, err
}

// through has x/oauth2 send a request and reads the answer itself, so that there is one
// place where an issuer is judged, and bounded, whoever wrote the request.
func (s *Source) through(ctx context.Context, c *call, send func(context.Context) error) (answer, error) {
	var a answer
	var failed error
	client := &http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
		var body []byte
		if a, body, failed = s.do(ctx, c, req); failed != nil {
			return nil, failed
		}
		return &http.Response{
			StatusCode: http.StatusOK, Status: "200 OK", ProtoMajor: 1, ProtoMinor: 1, Request: req,
			Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
		}, nil
	})}
	err := send(context.WithValue(ctx, oauth2.HTTPClient, client))
	switch {
	case failed != nil:
		return answer{}, failed
	case err != nil: // its words may quote the answer
		return answer{}, fail(c.op, provider.ErrProtocol, "", "check the issuer's URLs", errors.New("the issuer's answer cannot be used"))
	}
	return a, nil
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// do sends a request and returns the answer, if it is a success, and its body. The error
// is an *provider.Error, or ctx's own.
func (s *Source) do(ctx context.Context, c *call, req *http.Request) (answer, []byte, error) {
	limited, cancel := context.WithTimeout(ctx, s.timeout())
	defer cancel()
	var wrote atomic.Bool
	req = req.WithContext(httptrace.WithClientTrace(limited, &httptrace.ClientTrace{WroteHeaders: func() { wrote.Store(true) }}))
	req.Header.Set("Accept", "application/json")
	sent := s.now()
	res, err := s.own.RoundTrip(req)
	var body []byte
	if err == nil {
		defer res.Body.Close()
		body, err = io.ReadAll(io.LimitReader(res.Body, tokens.MaxBody+1))
	}
	if err != nil {
		c.lost = res != nil || wrote.Load() || s.Transport != nil // a host's own need not tell what it wrote
		return answer{}, nil, c.unanswered(ctx, limited, err)
	}
	s.readDate(c.issuer, res.Header, sent, s.now())
	var a answer
	if len(body) > tokens.MaxBody {
		err = tokens.ErrLarge
	} else {
		a, err = decode(body, c.issuer.OwnerField)
	}
	c.secrets = append(c.secrets, c.app.Secret)
	good := res.StatusCode == http.StatusOK && a.code == "" && (!a.access.IsZero() || !a.deviceCode.IsZero())
	revoked := c.op == opRevoke && res.StatusCode == http.StatusOK && (len(body) == 0 || err == nil && a.code == "") // RFC 7009, section 2.2
	if err == nil && good || revoked {
		return a, body, nil
	}
	return a, nil, classify(c.op, res.StatusCode, res.Header, a, err, c.secrets, s.now())
}

// unanswered says what it means that no answer came.
func (c *call) unanswered(ctx, limited context.Context, err error) error {
	var known *provider.Error
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case limited.Err() != nil:
		return fail(c.op, provider.ErrUnavailable, "TimedOut", remedyWait, errTime)
	}
	err = wire.Error("oauth: "+c.op, err)
	if !errors.As(err, &known) { // a host's transport has ended with a context of its own
		return fail(c.op, provider.ErrUnavailable, "TimedOut", remedyWait, errTime)
	}
	told := *known // whose remedy speaks of mail servers
	told.Op, told.Err = "oauth: "+c.op, fmt.Errorf("no answer from the issuer: %w", known.Err)
	if known.Kind == provider.ErrUnavailable {
		told.Remedy = remedyWay
	}
	return &told
}

// readDate learns how far our clock is from the issuer's (TOK-4). Times of tokens and
// claims are the issuer's then, which all processes that share a Store agree upon. The
// header counts seconds, so a small difference is none, and one of more than a day is
// no clock's.
func (s *Source) readDate(i *Issuer, h http.Header, sent, got time.Time) {
	offset, said := tokens.Offset(h, sent, got)
	if !said || offset.Abs() > 24*time.Hour {
		return
	}
	s.offsets.Store(i.Name, offset)
}

// issuerNow returns the issuer's time.
func (s *Source) issuerNow(i *Issuer) time.Time {
	if offset, known := s.offsets.Load(i.Name); known {
		return s.now().Add(offset.(time.Duration))
	}
	return s.now()
}
