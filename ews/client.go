package ews

import (
	"cmp"
	"context"
	"fmt"
	"net/http"

	"github.com/go-serversync/serversync/ews/internal/soap"
	"github.com/go-serversync/serversync/internal/websignin"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// A client makes the requests of one mailbox.
type client struct {
	account provider.Account
	url     string
	agent   string
	limits  provider.Limits
	web     *websignin.Client
	version string // the schema that is asked for
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
}

// connect makes a client, which asks nothing yet but where the server is.
func (d *Driver) connect(ctx context.Context, a provider.Account) (*client, error) {
	limits := d.Limits.WithDefaults()
	url, err := d.locate(ctx, a)
	if err != nil {
		return nil, err
	}
	web, err := websignin.New("ews", wire.HTTPOptions{Op: "ews", TLSConfig: d.TLSConfig, Policy: a.Policy, Limits: limits}, a)
	if err != nil {
		return nil, err
	}
	return &client{account: a, url: url, agent: cmp.Or(d.UserAgent, "serversync"), limits: limits, web: web, version: "Exchange2013_SP1"}, nil
}

func (c *client) close() { c.web.Close() }

// do makes a call. The error is an *provider.Error with the call's op, or ctx's own.
func (c *client) do(ctx context.Context, k call) error {
	var w soap.Writer
	c.envelope(&w, k.write)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, w.Open())
	if err != nil {
		return &provider.Error{Op: "ews: " + k.op, Kind: provider.ErrUnsafe, Err: err}
	}
	r.ContentLength = w.Size()
	r.GetBody = func() (body readCloser, err error) { return w.Open(), nil }
	r.Header.Set("Content-Type", "text/xml; charset=utf-8")
	r.Header.Set("Accept", "text/xml")
	r.Header.Set("User-Agent", c.agent)
	if k.many {
		r.Header.Set("Accept-Encoding", "identity") // what is packed comes in blocks, and so too late
	}
	if k.header != nil {
		k.header(r.Header)
	}
	answer, err := c.web.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if k.seen != nil {
		k.seen(answer.Header)
	}
	if answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusInternalServerError {
		return &provider.Error{Op: "ews: " + k.op, Kind: provider.ErrUnavailable, Code: fmt.Sprint(answer.StatusCode)}
	}
	return c.read(answer.Body, k)
}

// envelope writes a whole message.
func (c *client) envelope(w *soap.Writer, body func(*soap.Writer)) {
	w.Start("s:Envelope", "xmlns:s", soap.Envelope, "xmlns:m", soap.Messages, "xmlns:t", soap.Types)
	w.Start("s:Header")
	w.Empty("t:RequestServerVersion", "Version", c.version)
	if c.account.Endpoint.Impersonate {
		w.Start("t:ExchangeImpersonation")
		w.Start("t:ConnectingSID")
		w.Elem("t:PrimarySmtpAddress", c.account.Mailbox.Address)
		w.End()
		w.End()
	}
	w.End()
	w.Start("s:Body")
	body(w)
	w.End()
	w.End()
}

// distinguished writes a DistinguishedFolderId. A delegate's says whose mailbox is meant.
func (c *client) distinguished(w *soap.Writer, name string) {
	if !c.account.Profile.IsDelegate(profile.Incoming) {
		w.Empty("t:DistinguishedFolderId", "Id", name)
		return
	}
	w.Start("t:DistinguishedFolderId", "Id", name)
	w.Start("t:Mailbox")
	w.Elem("t:EmailAddress", c.account.Mailbox.Address)
	w.End()
	w.End()
}
