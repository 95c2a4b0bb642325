package providertest

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/provider"
)

func brokenSessions(t *testing.T) []fault {
	quit := make(chan struct{})
	t.Cleanup(func() { close(quit) })
	canary := ann.Mailbox.Password.Reveal()
	return []fault{
		{name: "works on after its context", rule: "P3/an ended context ends each call", wrap: func(f *faulty) {
			f.check = func(ctx context.Context) error {
				if ctx.Err() == context.Canceled {
					f.hang()
				}
				return f.full.Check(ctx)
			}
		}},
		{name: "ignores its context", rule: "P3/a stalled server does not hold a call", wrap: func(f *faulty) {
			f.changes = func(ctx context.Context, r provider.Request) (provider.Page, error) {
				own, cancel := f.deaf(ctx)
				defer cancel()
				return f.full.Changes(own, r)
			}
		}},
		{name: "second Close fails", rule: "P4/a second Close does nothing", also: []string{"P4/a lost"}, wrap: func(f *faulty) {
			f.close = func() error {
				if f.session.closed {
					return errors.New("use of closed connection")
				}
				return f.full.Close()
			}
		}},
		{name: "Close of a lost session hangs", rule: "P4/a lost session closes", wrap: func(f *faulty) {
			f.close = func() error {
				if f.breaks != f.box.breaks.Load() {
					f.hang()
				}
				return f.full.Close()
			}
		}},
		{name: "leaks a goroutine", rule: "P5/no goroutine is left", wrap: func(*faulty) { go func() { <-quit }() }},
		{name: "leaks a file", rule: "P5/no file is left", wrap: func(*faulty) {
			if file, err := os.Open(os.DevNull); err == nil {
				t.Cleanup(func() { file.Close() })
			}
		}},
		{name: "prints the secret in an error", rule: "P6/no error or log line holds the secret", wrap: func(f *faulty) {
			f.changes = func(ctx context.Context, r provider.Request) (provider.Page, error) {
				page, err := f.full.Changes(ctx, r)
				if provider.KindOf(err) == provider.ErrNotFound {
					err = &provider.Error{Op: "fake: changes", Kind: provider.ErrNotFound, Err: errors.New("LOGIN ann " + canary)}
				}
				return page, err
			}
		}},
		{name: "logs the secret in base64", rule: "P6/no error or log line holds the secret", turn: func(h *Harness) {
			h.Log = func() string {
				return "AUTHENTICATE PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00ann@example.com\x00"+canary))
			}
		}},
		{name: "returns a bare error", rule: "P10/a missing folder is not found", wrap: func(f *faulty) {
			f.changes = func(ctx context.Context, r provider.Request) (provider.Page, error) {
				page, err := f.full.Changes(ctx, r)
				if provider.KindOf(err) == provider.ErrNotFound {
					err = errors.New("no such mailbox")
				}
				return page, err
			}
		}},
		{name: "returns the socket's error", rule: "P10/a lost connection is unavailable", wrap: func(f *faulty) {
			f.check = func(ctx context.Context) error {
				if err := f.full.Check(ctx); provider.KindOf(err) == provider.ErrUnavailable {
					return io.ErrUnexpectedEOF
				}
				return nil
			}
		}, also: []string{"P3/a stalled"}},
		{name: "a refused sign-in looks like an outage", rule: "P10/a refused sign-in is said", also: []string{"Trace/"}, turn: func(h *Harness) {
			open := h.Open
			h.Open = func(ctx context.Context) (provider.Provider, error) {
				p, err := open(ctx)
				if provider.KindOf(err) == provider.ErrAuth {
					err = &provider.Error{Op: "fake: open", Kind: provider.ErrUnavailable}
				}
				return p, err
			}
		}},
	}
}

func brokenTraces() []fault {
	const order = "Trace/stages are told in order, each once"
	// turned changes the context with which a driver opens.
	turned := func(turn func(context.Context) context.Context) func(*Harness) {
		return func(h *Harness) {
			open := h.Open
			h.Open = func(ctx context.Context) (provider.Provider, error) { return open(turn(ctx)) }
		}
	}
	tells := func(stage provider.Stage) func(*Harness) {
		return turned(func(ctx context.Context) context.Context {
			provider.BeginStage(ctx, stage)(provider.Evidence{}, nil)
			return ctx
		})
	}
	return []fault{
		{name: "tells nothing", rule: order, also: []string{"Trace/"}, turn: turned(func(ctx context.Context) context.Context {
			return provider.WithTrace(ctx, nil)
		})},
		{name: "tells a stage twice", rule: order, turn: tells(provider.StageDNS)},
		{name: "signs in before it connects", rule: order, turn: tells(provider.StageSignIn)},
		{name: "has its token behind it", rule: order, turn: func(h *Harness) {
			open := h.Open
			h.Open = func(ctx context.Context) (provider.Provider, error) {
				p, err := open(ctx)
				if err == nil {
					provider.BeginStage(ctx, provider.StageToken)(provider.Evidence{}, nil)
				}
				return p, err
			}
		}},
		{name: "tells a stage of its own", rule: order, turn: tells("coffee")},
		{name: "does not tell the end of a stage", rule: order, turn: turned(func(ctx context.Context) context.Context {
			provider.BeginStage(ctx, provider.StageDNS)
			return ctx
		})},
		{name: "returns another error than it told", rule: "Trace/the stage that fails has Open's error", turn: func(h *Harness) {
			open := h.Open
			h.Open = func(ctx context.Context) (provider.Provider, error) {
				p, err := open(ctx)
				if kind := provider.KindOf(err); kind != "" {
					err = &provider.Error{Op: "fake: open", Kind: kind, Err: err}
				}
				return p, err
			}
		}},
		{name: "shows the password as evidence", rule: "P6/no evidence of a stage holds the secret", turn: turned(func(ctx context.Context) context.Context {
			return provider.FilterTrace(ctx, func(e provider.Evidence) provider.Evidence {
				e.Text = "LOGIN ann " + ann.Mailbox.Password.Reveal()
				return e
			})
		})},
	}
}

func brokenItems() []fault {
	short := func(c *provider.Change) {
		if c.Raw == nil {
			return
		}
		raw, _ := io.ReadAll(c.Raw.Open())
		c.Raw.Release()
		if cut, ok := bytes.CutSuffix(raw, []byte("no line end")); ok {
			raw = cut
		}
		c.Raw = item.NewBlob(raw)
	}
	half := func(c *provider.Change) {
		if provider.KindOf(c.Err) == provider.ErrUnavailable {
			c.Err, c.Raw = nil, item.NewBlob([]byte("Subject: half of it\r\n"))
		}
	}
	const whole, bad, cut = "P7/what is given is whole", "P7/a bad item is its own failure", "P7/a cut item is not taken for a whole one"
	return []fault{
		{name: "drops the last line in Fetch", rule: whole, also: []string{"P8/a large"}, wrap: func(f *faulty) { f.onItem(short) }},
		{name: "drops the last line in Changes", rule: whole, also: []string{"P8/a large"}, wrap: func(f *faulty) {
			f.onPage(func(_ provider.Request, page *provider.Page) {
				for i := range page.Changes {
					short(&page.Changes[i])
				}
			})
		}},
		{name: "stops at a bad item", rule: bad, also: []string{cut}, wrap: func(f *faulty) {
			f.fetch = func(ctx context.Context, folder provider.FolderID, epoch string, ids []provider.ID, got func(provider.Change) error) error {
				return f.full.Fetch(ctx, folder, epoch, ids, func(c provider.Change) error {
					return cmpErr(c.Err, func() error { return got(c) })
				})
			}
		}},
		{name: "takes a cut item for a whole one", rule: cut, wrap: func(f *faulty) { f.onItem(half) }},
		{name: "ignores MaxItems", rule: "P8/a page keeps to MaxItems", also: []string{follows}, wrap: func(f *faulty) {
			f.changes = func(ctx context.Context, r provider.Request) (provider.Page, error) {
				r.MaxItems = 1000
				return f.full.Changes(ctx, r)
			}
		}},
		{name: "ignores MaxBytes", rule: "P8/a page keeps to MaxBytes", wrap: func(f *faulty) {
			f.changes = func(ctx context.Context, r provider.Request) (provider.Page, error) {
				r.MaxBytes = 0
				return f.full.Changes(ctx, r)
			}
		}},
		{name: "keeps large bodies in memory", rule: "P8/a large body does not lie in memory", wrap: func(f *faulty) { f.server.Memory = 1 << 40 }},
	}
}

func cmpErr(err error, otherwise func() error) error {
	if err != nil {
		return err
	}
	return otherwise()
}
