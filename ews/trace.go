package ews

import (
	"context"
	"net/http"
	"strings"

	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
)

// signIn has f make the first request, and tells ctx's Trace of each stage up to it. Without a Trace
// nothing is asked but what has to be.
func (c *client) signIn(ctx context.Context, f func(context.Context) error) error {
	ctx = c.web.Discreet(ctx)
	if err := c.web.Prepare(ctx); err != nil {
		return err
	}
	if !provider.Traced(ctx) {
		return f(ctx)
	}
	if err := c.reach(ctx); err != nil {
		return err
	}
	end := provider.BeginStage(ctx, provider.StageSignIn)
	err := f(ctx)
	var e provider.Evidence
	if e.Mechanism, e.Username = c.web.Method(), wire.Quote(c.web.Username()); err == nil {
		e.Text = c.served()
	}
	end(e, err)
	return err
}

// served says in words who answered, and for whom.
func (c *client) served() string {
	var parts []string
	if v := c.server(); v != "" {
		parts = append(parts, "Exchange "+v)
	}
	parts = append(parts, "schema "+c.version)
	switch {
	case c.impersonates():
		parts = append(parts, "acting as the mailbox's owner")
	case c.delegate():
		parts = append(parts, "as a delegate")
	}
	return strings.Join(parts, ", ")
}

// server returns the server's version, "" as long as it has not said so.
func (c *client) server() string {
	c.state.mu.Lock()
	defer c.state.mu.Unlock()
	return c.state.server
}

// reach goes as far as the server's ways to sign in.
func (c *client) reach(ctx context.Context) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, http.NoBody)
	if err != nil {
		return provider.FailStage(ctx, provider.StageTCP, &provider.Error{Op: "ews", Kind: provider.ErrUnsafe, Err: errURL})
	}
	for name, value := range map[string]string{"Content-Type": "text/xml; charset=utf-8", "Accept": "text/xml", "User-Agent": c.agent, "Client-Request-Id": newID()} {
		r.Header.Set(name, value)
	}
	return c.web.Reach(r, func(answer *http.Response) error {
		k := call{op: "sign-in"}
		return c.failed(c.isService(answer), k, r.Header, answer.Header)
	})
}

// isService returns an error unless an answer to nothing is one of web services: they ask for a
// sign-in, or say that the request is none.
func (c *client) isService(answer *http.Response) error {
	if answer.StatusCode == http.StatusUnauthorized {
		return nil
	}
	kind, _, err := sniff(answer.Header.Get("Content-Type"), answer.Body)
	switch answer.StatusCode {
	case http.StatusOK, http.StatusInternalServerError:
		if err != nil {
			return unreadable("sign-in", err)
		}
		if kind != ofXML && answer.ContentLength != 0 {
			return &provider.Error{Op: "ews", Kind: provider.ErrUnavailable, Err: errNoService, Remedy: remedyNoService}
		}
		return nil
	case http.StatusBadRequest, http.StatusLengthRequired, http.StatusUnsupportedMediaType:
		return nil
	}
	return c.status(answer, "")
}

// Probe connects and asks what the server offers to sign in with. It sends no credential, and
// needs none. The error is as Open's; ErrUnavailable where what answers is not Exchange's web
// services.
func (d *Driver) Probe(ctx context.Context, a provider.Account) error {
	c, err := d.connect(ctx, a)
	if err != nil {
		return err
	}
	defer c.close()
	ctx = c.web.Discreet(ctx)
	if err := c.web.PrepareProbe(ctx); err != nil {
		return err
	}
	return c.reach(ctx)
}
