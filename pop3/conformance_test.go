package pop3_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/go-serversync/serversync/pop3"
	"github.com/go-serversync/serversync/pop3/pop3test"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/provider/providertest"
)

func TestConformance(t *testing.T) {
	for name, o := range classes() {
		t.Run(name, func(t *testing.T) {
			providertest.Run(t, func(t *testing.T) providertest.Harness { return harness(t, o) })
		})
	}
}

// classes are the classes of servers that docs/pop3.md tells apart.
func classes() map[string]pop3test.Options {
	return map[string]pop3test.Options{
		"RFC 2449": {},
		"STLS":     {TLS: profile.StartTLS, Without: []string{"SASL"}},
		"RFC 1939": {TLS: profile.Plaintext, Without: []string{"CAPA", "PIPELINING", "SASL"}},
		"no TOP":   {TLS: profile.Plaintext, Without: []string{"CAPA", "TOP"}},
	}
}

func harness(t *testing.T, o pop3test.Options) providertest.Harness {
	server, d, account := start(t, o)
	var log buffer
	d.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return providertest.Harness{
		Open:   renewed(d, account),
		Folder: "INBOX",
		Add:    func(_ provider.FolderID, raw []byte, _ ...string) { server.Add("user", raw) },
		Items: func(provider.FolderID) (items []providertest.Message) {
			for _, m := range server.Messages("user") {
				items = append(items, providertest.Message{ID: provider.ID("u:" + m.UIDL), Raw: m.Raw})
			}
			return items
		},
		Remove: func(_ provider.FolderID, id provider.ID) {
			server.Remove("user", strings.TrimPrefix(string(id), "u:"))
		},
		BadItem: func(_ provider.FolderID, raw []byte) { server.AddBad("user", raw) },
		CutItem: func(_ provider.FolderID, raw []byte) { server.AddCut("user", raw) },
		Break:   server.Break,
		Stall:   server.Stall,
		Refuse:  server.Refuse,
		Secret:  canary,
		Log:     log.String,
		Memory:  1 << 20,
	}
}

// A renewing session does what Traits.Snapshot asks of a caller: it looks with a session
// of its own each time, and confirms what it has done. Else it is the session.
type renewing struct {
	session
	open func(context.Context) (provider.Provider, error)
	over bool // it has confirmed
}

func renewed(d *pop3.Driver, a provider.Account) func(context.Context) (provider.Provider, error) {
	open := func(ctx context.Context) (provider.Provider, error) { return d.Open(ctx, a) }
	return func(ctx context.Context) (provider.Provider, error) {
		p, err := open(ctx)
		if err != nil {
			return nil, err
		}
		return &renewing{session: p.(session), open: open}, nil
	}
}

// renew opens another session, if the one that there is lives.
func (r *renewing) renew(ctx context.Context) error {
	if !r.over {
		if err := r.session.Check(ctx); err != nil {
			return err
		}
	}
	p, err := r.open(ctx)
	if err != nil {
		return err
	}
	r.session.Close()
	r.session, r.over = p.(session), false
	return nil
}

func (r *renewing) Changes(ctx context.Context, q provider.Request) (provider.Page, error) {
	if err := r.renew(ctx); err != nil {
		return provider.Page{}, err
	}
	return r.session.Changes(ctx, q)
}

func (r *renewing) Act(ctx context.Context, a provider.Act) error {
	if err := r.renew(ctx); err != nil {
		return err
	}
	if err := r.session.Act(ctx, a); err != nil {
		return err
	}
	r.over = true
	return r.session.Confirm(ctx)
}
