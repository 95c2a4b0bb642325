package providertest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/provider"
)

// hasty does at once what it should do when it is confirmed.
type hasty struct{ plain }

func (h hasty) Act(_ context.Context, a provider.Act) error { return h.box.act(a, true) }

func brokenActs() []fault {
	const wrongEpoch = "Act/a wrong epoch is not found and touches nothing"
	return []fault{
		{name: "marks nothing", rule: "Act/mark and unmark", wrap: func(f *faulty) {
			f.act = func(ctx context.Context, a provider.Act) error {
				a.Flag = `\Draft`
				return f.full.Act(ctx, a)
			}
		}},
		{name: "moves to no new folder", rule: "Act/move makes the folder", wrap: func(f *faulty) {
			f.act = func(ctx context.Context, a provider.Act) error {
				if a.Kind == provider.Move && f.server.Epoch(f.box.key, a.To) == "" {
					return failure(OpAct, provider.ErrBadItem, "there is no folder to move to")
				}
				return f.full.Act(ctx, a)
			}
		}},
		{name: "moves again what is moved", rule: "Act/move", also: []string{"Act/move makes the folder"}, wrap: func(f *faulty) {
			f.act = func(ctx context.Context, a provider.Act) error {
				if a.Kind != provider.Move || a.Epoch != f.server.Epoch(f.box.key, a.Folder) {
					return f.full.Act(ctx, a)
				}
				for _, m := range f.server.Items(f.box.key, a.Folder) {
					if m.ID == a.ID {
						f.server.AddFolder(f.box.key, provider.Folder{ID: a.To, Name: string(a.To), Kind: provider.Mail})
						f.server.Add(f.box.key, a.To, m.Raw)
						return nil
					}
				}
				return f.full.Act(ctx, a)
			}
		}},
		{name: "expunges what others marked", rule: "Act/delete", wrap: func(f *faulty) {
			f.act = func(ctx context.Context, a provider.Act) error {
				for _, m := range f.server.Items(f.box.key, a.Folder) {
					if slices.Contains(m.Flags, `\Deleted`) && a.Kind == provider.Delete {
						f.server.Remove(f.box.key, a.Folder, m.ID)
					}
				}
				return f.full.Act(ctx, a)
			}
		}},
		{name: "deletes before it is confirmed", rule: "Act/nothing is done before it is confirmed", turn: func(h *Harness) {
			*h = harness(POP3Like, func(p provider.Provider) provider.Provider { return hasty{p.(plain)} })
		}},
		{name: "deletes in a wrong epoch", rule: wrongEpoch, wrap: func(f *faulty) {
			f.act = func(ctx context.Context, a provider.Act) error {
				if a.Kind == provider.Delete {
					f.server.Remove(f.box.key, a.Folder, a.ID)
				}
				return f.full.Act(ctx, a)
			}
		}},
		{name: "takes a missing item for a protocol error", rule: "Act/a missing item is not found", also: []string{"Act/move", "Act/move makes the folder"}, wrap: func(f *faulty) {
			f.act = func(ctx context.Context, a provider.Act) error {
				err := f.full.Act(ctx, a)
				if err != nil && strings.Contains(err.Error(), "no such item") {
					err = &provider.Error{Op: "fake: act", Kind: provider.ErrProtocol}
				}
				return err
			}
		}},
		{name: "finds parts of a Message-ID", rule: "Find/by Message-ID alone", wrap: func(f *faulty) {
			f.find = func(ctx context.Context, folders []provider.FolderID, id string) ([]provider.Place, error) {
				var places []provider.Place
				for _, m := range f.server.Items(f.box.key, folders[0]) {
					if bytes.Contains(m.Raw, []byte(id)) {
						places = append(places, provider.Place{Folder: folders[0], Epoch: f.server.Epoch(f.box.key, folders[0]), ID: m.ID})
					}
				}
				_, err := f.full.Find(ctx, folders, id)
				return places, err
			}
		}},
		{name: "files without flags", rule: "File/what was filed is found", wrap: func(f *faulty) {
			f.file = func(ctx context.Context, folder provider.FolderID, raw *item.Blob, _ []string) error {
				return f.full.File(ctx, folder, raw, nil)
			}
		}},
	}
}

func brokenSends() []fault {
	sends := func(change func(ctx context.Context, s provider.Submission, send func(context.Context, provider.Submission) (provider.Result, error)) (provider.Result, error)) func(*faulty) {
		return func(f *faulty) {
			f.send = func(ctx context.Context, s provider.Submission) (provider.Result, error) {
				return change(ctx, s, f.full.Send)
			}
		}
	}
	type send = func(context.Context, provider.Submission) (provider.Result, error)
	return []fault{
		{name: "changes the message", rule: "Send/every recipient is accepted", also: []string{"Send/"}, wrap: sends(
			func(ctx context.Context, s provider.Submission, send send) (provider.Result, error) {
				raw, _ := s.Raw.Bytes()
				s.Raw = item.NewBlob(append([]byte("Received: by us\r\n"), raw...))
				return send(ctx, s)
			})},
		{name: "one result for all", rule: "Send/each recipient has its own result", wrap: sends(
			func(ctx context.Context, s provider.Submission, send send) (provider.Result, error) {
				r, err := send(ctx, s)
				for i := range r.Recipients {
					r.Recipients[i].Status = r.Recipients[0].Status
				}
				return r, err
			})},
		{name: "calls Submitting twice", rule: "Send/Submitting comes once, before the effect", wrap: sends(
			func(ctx context.Context, s provider.Submission, send send) (provider.Result, error) {
				if once := s.Submitting; once != nil {
					s.Submitting = func(ctx context.Context) error { return errors.Join(once(ctx), once(ctx)) }
				}
				return send(ctx, s)
			})},
		{name: "calls Submitting late", rule: "Send/Submitting comes once, before the effect", also: []string{"Send/an error of Submitting", "Send/a lost answer"}, wrap: sends(
			func(ctx context.Context, s provider.Submission, send send) (provider.Result, error) {
				late := s.Submitting
				s.Submitting = nil
				r, err := send(ctx, s)
				if late != nil {
					late(ctx)
				}
				return r, err
			})},
		{name: "does not heed Submitting", rule: "Send/an error of Submitting sends nothing", wrap: sends(
			func(ctx context.Context, s provider.Submission, send send) (provider.Result, error) {
				if call := s.Submitting; call != nil {
					s.Submitting = func(ctx context.Context) error { call(ctx); return nil }
				}
				return send(ctx, s)
			})},
		{name: "sends with an ended context", rule: "Send/an ended context sends nothing", wrap: sends(
			func(ctx context.Context, s provider.Submission, send send) (provider.Result, error) {
				if errors.Is(ctx.Err(), context.Canceled) {
					ctx = context.WithoutCancel(ctx)
				}
				return send(ctx, s)
			})},
		{name: "a lost answer may be sent again", rule: "Send/a lost answer is uncertain", wrap: sends(
			func(ctx context.Context, s provider.Submission, send send) (provider.Result, error) {
				r, err := send(ctx, s)
				for i := range r.Recipients {
					if r.Recipients[i].Status == provider.StatusUncertain {
						r.Recipients[i].Status = provider.StatusRetry
					}
				}
				return r, err
			})},
	}
}
