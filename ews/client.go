package ews

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"

	"github.com/go-serversync/serversync/ews/internal/soap"
	"github.com/go-serversync/serversync/internal/websignin"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

type readCloser = io.ReadCloser

// A client makes the requests of one mailbox. Its copies are the same mailbox's, or, with
// another account, those of another mailbox that the same identity serves.
type client struct {
	account provider.Account
	url     string
	at      *url.URL
	agent   string
	limits  provider.Limits
	web     *websignin.Client
	version string // the schema that is asked for
	driver  *Driver
	state   *state
	who     *identity
}

// A call is one request and how its answer is read. It is made once: whether it may be
// made again is for the Syncer to know.
type call struct {
	op    string             // the element in the Body, such as "GetItem"
	write func(*soap.Writer) // writes that element

	// read reads the element that answers, such as GetItemResponse. An error of r itself
	// need not be returned.
	read func(r *soap.Reader, e soap.Element) error

	header func(http.Header) // adds to the request's header; may be nil
	seen   func(http.Header) // is shown the answer's header; may be nil

	// many says that the answer is one message behind the other, for as long as the server
	// likes (MS-OXWSNTIF, section 3.1.4.1). read is called for each.
	many bool

	// most is how many bytes the answer may have. Default: what one message of
	// Limits.Message takes, and as much again for what is around it. No bound where it has many.
	most int64
}

// connect makes a client, which asks nothing yet but where the server is.
func (d *Driver) connect(ctx context.Context, a provider.Account) (*client, error) {
	limits := d.Limits.WithDefaults()
	if err := sayable(a.Mailbox.Address, a.Endpoint.Credentials != profile.FromMailbox && a.Endpoint.Credentials != profile.OAuth); err != nil {
		return nil, provider.FailStage(ctx, provider.StageSignIn, err)
	}
	location, err := d.locate(ctx, a)
	if err != nil {
		return nil, err
	}
	at, err := url.Parse(location)
	if err != nil || at.Hostname() == "" {
		return nil, provider.FailStage(ctx, provider.StageDNS, &provider.Error{Op: "ews", Kind: provider.ErrUnsafe, Err: errURL, Remedy: "enter the URL of Exchange's web services, such as https://mail.example.com/EWS/Exchange.asmx"})
	}
	a.Endpoint.URL = location // for whom a token is
	o := wire.HTTPOptions{Op: "ews", TLSConfig: d.TLSConfig, Policy: a.Policy, Limits: limits, Conns: mostConns}
	var web *websignin.Client
	who := new(identity)
	if provider.Traced(ctx) {
		web, err = websignin.New("ews", o, a) // what is to be told is done, and not shared
	} else {
		web, err = d.pool.Client("ews", "", o, a)
		who = d.known.identity(location, a)
	}
	if err != nil {
		return nil, provider.FailStage(ctx, provider.StageSignIn, err)
	}
	c := &client{account: a, url: location, at: at, agent: cmp.Or(d.UserAgent, "serversync"), limits: limits, web: web, driver: d, state: newState(a), who: who}
	c.state.refused = who.refusals()
	c.version = d.known.version(location, a)
	return c, nil
}

// tail is how much may stand behind an answer's end.
const tail = 4 << 10

// mostConns is how many connections an identity has to a server. How many requests are under
// way at once is for the Syncer to say; Exchange's own bound is 27 a mailbox.
const mostConns = 32

var (
	errURL     = errors.New("the location is no URL with a host")
	errAddress = errors.New("the mailbox's address has characters that no header can say, or that Exchange takes for other ones")
)

// sayable refuses an address that would be more than one line of a header; and where who signs in may open
// other mailboxes, one that is not ASCII: a directory takes letters that look alike, or have accents, for one
// another, so that it would name a mailbox of somebody else's.
func sayable(address string, others bool) error {
	for i := range len(address) {
		if c := address[i]; c < 0x20 || c == 0x7f || others && c > 0x7f {
			return &provider.Error{Op: "ews", Kind: provider.ErrUnsafe, Err: errAddress, Remedy: "enter the mailbox's address as Exchange has it, in ASCII"}
		}
	}
	return nil
}

func (c *client) close() { c.web.Close() }

// do makes a call. The error is an *provider.Error with the call's op, or ctx's own. A
// server that does not know the schema that is asked for is asked for an older one.
func (c *client) do(ctx context.Context, k call) error {
	for {
		err := c.once(ctx, k)
		if err == nil {
			c.settle()
		}
		if !c.stepDown(err) {
			return err
		}
	}
}

// once makes a call once.
func (c *client) once(ctx context.Context, k call) error {
	if k.many {
		ctx = wire.Unhurried(ctx)
	}
	if err := c.outdated(); err != nil {
		return c.failed(err, k, nil, nil)
	}
	var w soap.Writer
	c.envelope(&w, k.write)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, w.Open())
	if err != nil {
		return &provider.Error{Op: "ews: " + k.op, Kind: provider.ErrUnsafe, Err: errURL}
	}
	r.ContentLength = w.Size()
	r.GetBody = func() (body readCloser, err error) { return w.Open(), nil }
	c.head(r.Header, k)
	answer, err := c.web.Do(r)
	if err != nil {
		return c.failed(c.refused(err), k, r.Header, headerIn(err))
	}
	defer answer.Body.Close()
	c.state.keep(c, answer)
	if k.seen != nil {
		k.seen(answer.Header)
	}
	err = c.receive(answer, k)
	if err == nil {
		io.CopyN(io.Discard, answer.Body, tail) // so that the connection can be used again
	} else if ctx.Err() != nil && !told(err) {
		return context.Cause(ctx) // which stopped what was read
	}
	return c.failed(err, k, r.Header, answer.Header)
}

// told reports whether an error is what the server said.
func told(err error) bool {
	var e *provider.Error
	return errors.As(err, &e) && (e.Code != "" || e.Kind != provider.ErrUnavailable)
}

// distinguished writes a DistinguishedFolderId. A delegate's says whose mailbox is meant.
func (c *client) distinguished(w *soap.Writer, name string) {
	if !c.delegate() {
		w.Empty("t:DistinguishedFolderId", "Id", name)
		return
	}
	w.Start("t:DistinguishedFolderId", "Id", name)
	w.Start("t:Mailbox")
	w.Elem("t:EmailAddress", c.account.Mailbox.Address)
	w.End()
	w.End()
}

// delegate reports whether the profile's account looks at the mailbox as a delegate.
func (c *client) delegate() bool {
	e := c.account.Endpoint
	return !c.impersonates() && (e.Credentials == profile.FromProfile || e.Credentials == profile.IntegratedWindows)
}

// impersonates reports whether the profile's account acts as the mailbox's owner. An
// application has no mailbox of its own, so it always does, but where its tokens name the owner
// themselves.
func impersonates(a provider.Account) bool {
	if a.Endpoint.Credentials == profile.ServerToServer {
		return !a.Profile.IssuesTokens(profile.ServerToServer)
	}
	return a.Endpoint.Impersonate
}

func (c *client) impersonates() bool { return impersonates(c.account) }

// profiles reports whether the account that signs in is the profile's, and serves all its
// mailboxes.
func (c *client) profiles() bool {
	switch c.account.Endpoint.Credentials {
	case profile.FromMailbox, profile.OAuth:
		return false
	}
	return !c.account.Profile.IssuesTokens(c.account.Endpoint.Credentials)
}
