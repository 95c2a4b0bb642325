package serversync

import (
	"context"
	"reflect"
	"slices"
	"time"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/track"
)

// picks reports whether somebody decides which mail is tracked, so that headers come
// before bodies.
func (s *Syncer) picks() bool { return s.cfg.Filter != nil || s.cfg.Tracking != nil }

// compiled are an organization's settings and what was made of them.
type compiled struct {
	settings mailbox.Tracking
	rules    *track.Rules
	err      error
}

// trackingRules returns the organization's rules, made anew when its settings change.
func (s *Syncer) trackingRules(organization string, t mailbox.Tracking) (*track.Rules, error) {
	if known, ok := s.ruled.Load(organization); ok && reflect.DeepEqual(known.(*compiled).settings, t) {
		return known.(*compiled).rules, known.(*compiled).err
	}
	made := &compiled{settings: t}
	made.rules, made.err = track.NewRules(organization, t, s.signer())
	s.ruled.Store(organization, made)
	return made.rules, made.err
}

// signer makes and recognizes signed references; nil if there is none.
func (s *Syncer) signer() *track.Signer {
	if s.cfg.Tracking == nil {
		return nil
	}
	return s.cfg.Tracking.Signer
}

// heedTracking makes the organization's rules ready. Settings that make no sense close
// the mailbox until they are mended: nobody can say which mail they mean.
func (c *cycle) heedTracking() {
	if c.s.cfg.Tracking == nil {
		return
	}
	var err error
	if c.tracking, err = c.s.trackingRules(c.key.Organization, c.settings.Tracking); err != nil && c.shut == (mailbox.Fault{}) {
		c.shut = mailbox.Fault{Code: "tracking-settings", Cause: "the organization's settings about tracking are wrong: " + err.Error(),
			Remedy: "mend the settings", Level: profile.Error}
	}
}

// judge decides about a page by the organization's rules, with one question to the
// directory and one to the emails that are known.
func (c *cycle) judge(ctx context.Context, candidates []Candidate) ([]Decision, error) {
	messages := make([]track.Message, len(candidates))
	for i, candidate := range candidates {
		messages[i] = track.Message{Message: candidate.Message, Whole: candidate.whole, Size: candidate.Size,
			Category: c.categorized(candidate.Flags)}
	}
	var addresses []string
	var query track.Query
	page, err := store(ctx, c, "Rules.Page", func(context.Context) (*track.Page, error) {
		page := c.tracking.Page(c.reading(candidates[0].Folder), messages)
		addresses, query = page.Addresses(), page.Query()
		return page, nil
	})
	if err != nil {
		return nil, err
	}
	parties, err := c.parties(ctx, addresses)
	if err != nil {
		return nil, err
	}
	emails, err := c.emails(ctx, query)
	if err != nil {
		return nil, err
	}
	verdicts, err := store(ctx, c, "Page.Judge", func(context.Context) ([]track.Verdict, error) {
		return page.Judge(parties, emails), nil
	})
	if err != nil {
		return nil, err
	}
	decisions := make([]Decision, len(verdicts))
	for i := range verdicts {
		decisions[i] = decisionOn(&verdicts[i])
	}
	return decisions, nil
}

// decisionOn returns what a verdict means for the message. One that needs the body
// is tracked for the time being, so that the body comes.
func decisionOn(v *track.Verdict) Decision {
	if v.Err != nil {
		return Decision{Verdict: Deferred, Reason: bounded(v.Err.Error())}
	}
	d := Decision{Verdict: Ignored, Reason: bounded(v.Explain()), verdict: v, open: v.NeedsBody}
	if v.Tracked || v.NeedsBody {
		d.Verdict = Tracked
	}
	return d
}

func (c *cycle) parties(ctx context.Context, addresses []string) (map[string][]track.Party, error) {
	if len(addresses) == 0 {
		return nil, nil
	}
	return store(ctx, c, "AddressBook.Parties", func(ctx context.Context) (map[string][]track.Party, error) {
		return c.s.cfg.Tracking.Addresses.Parties(ctx, c.key.Organization, addresses)
	})
}

func (c *cycle) emails(ctx context.Context, q track.Query) ([]track.Email, error) {
	if q.Empty() || c.s.emails == nil {
		return nil, nil
	}
	return store(ctx, c, "Emails.FindEmails", func(ctx context.Context) ([]track.Email, error) {
		return c.s.emails.FindEmails(ctx, c.key.Organization, q)
	})
}

// reading says where a folder's mail is read from.
func (c *cycle) reading(folder provider.Folder) track.Reading {
	r := track.Reading{Mailbox: c.box, Sent: folder.Role == provider.Sent}
	if f, ok := c.trackedFolder(folder.ID); ok {
		r.Folder, r.Regarding = true, track.Ref{Type: f.RecordType, ID: f.RecordID}
	}
	return r
}

// judgeWhole decides anew about those of a page whose header could not tell, now that
// their bodies are there.
func (c *cycle) judgeWhole(ctx context.Context, folder provider.Folder, fresh []provider.Change, decisions []Decision) error {
	var again []provider.Change
	var at []int
	for i, d := range decisions {
		if d.open && fresh[i].Raw != nil && fresh[i].Err == nil && fresh[i].Kind != provider.Gone {
			whole := fresh[i]
			whole.Header = nil
			at, again = append(at, i), append(again, whole)
		}
	}
	if len(again) == 0 {
		return nil
	}
	better, err := c.ask(ctx, folder, again)
	if err != nil {
		return err
	}
	for j, i := range at {
		decisions[i] = better[j]
	}
	return nil
}

// keep puts into a record what its verdict says, and what it is found by.
func (c *cycle) keep(r *Record, d Decision) {
	if d.verdict == nil {
		return
	}
	v := *d.verdict
	r.Verdict, r.Decided = &v, c.s.cfg.Clock.Now()
	if r.Kind != Tracked { // it is not, or not yet, the host's to know with whom people write
		v.Sender, v.Recipients, v.Notice.Reports = nil, nil, nil
	}
	if r.Message == nil {
		r.MessageID = d.messageID
		return
	}
	if v.Original != nil { // from a forward mailbox: the email itself counts, not what it came in
		r.outer, r.Message = r.Message, v.Original
	}
	m := *r.Message
	r.Message, r.MessageID = &m, m.MessageID
	if d.whole == nil { // the verdict is on the header alone
		v.LeftOut = c.tracking.LeftOut(&m)
	}
	if len(v.LeftOut) > 0 {
		m.Attachments = slices.DeleteFunc(slices.Clone(m.Attachments), func(a item.Attachment) bool {
			return slices.ContainsFunc(v.LeftOut, func(l track.LeftOut) bool { return l.Name == a.Name && l.Size == a.Size })
		})
	}
	if r.Kind == Tracked {
		index := c.tracking.Index(&m, v.Direction)
		index.Regarding, index.Owner = v.Regarding, v.Owner
		if latest := r.Received.Add(24 * time.Hour); !r.Received.IsZero() && index.Sent.After(latest) {
			index.Sent = latest // a date in the future would always be the newest
		}
		if id := m.SentAs(); v.Rule == track.OwnSent && id != "" && id != m.MessageID {
			index.IDs = append(index.IDs, id) // it is the copy of what was enqueued by that
		}
		r.Index = &index
	}
}
