package serversync

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// A trial is a test under way. What it does with the server passes the same seam
// and the same drivers as a cycle does, so that what passes here works there.
type trial struct {
	*cycle
	o        TestOptions
	byItself bool // it repeats one that failed; nobody asked for it
	report   TestReport
	failed   map[mailbox.Side]error // why a side failed

	messageID string // of the test message
}

// run tests every side that the mailbox synchronizes. It is nil if the test was
// made, however it ended.
func (t *trial) run(ctx context.Context) error {
	t.failed = make(map[mailbox.Side]error)
	defer t.hangUp()
	sides := t.sides()
	if t.settingsStage(sides) {
		if slices.Contains(sides, mailbox.Incoming) || slices.Contains(sides, mailbox.ACT) {
			t.reading(ctx, sides)
		}
		if slices.Contains(sides, mailbox.Outgoing) {
			t.sending(ctx, sides)
		}
		t.advise(ctx)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for _, side := range sides {
		if err := t.failed[side]; isStoreError(err) {
			return err
		}
	}
	return nil
}

// sides returns the sides that the mailbox synchronizes.
func (t *trial) sides() (sides []mailbox.Side) {
	for _, side := range []mailbox.Side{mailbox.Incoming, mailbox.Outgoing, mailbox.ACT} {
		if t.box.Method(side) == mailbox.ServerSide {
			sides = append(sides, side)
		}
	}
	return sides
}

// stage does one stage and reports it.
func (t *trial) stage(side mailbox.Side, stage provider.Stage, do func() (provider.Evidence, error)) error {
	began := t.s.cfg.Clock.Now()
	evidence, err := do()
	t.noted(side, stage, began, evidence, err)
	return err
}

// noted notes how a stage ended.
func (t *trial) noted(side mailbox.Side, stage provider.Stage, began time.Time, evidence provider.Evidence, err error) {
	st := StageReport{Side: side, Stage: stage, Status: StagePassed, Took: t.s.cfg.Clock.Now().Sub(began), Evidence: evidence}
	if err != nil {
		st.Status, st.Fault = StageFailed, fault(err)
		if t.report.Fault == (mailbox.Fault{}) {
			t.report.Fault = st.Fault
		}
	}
	t.report.Stages = append(t.report.Stages, st)
	if err == nil && !evidence.NotAfter.IsZero() {
		t.warnOfEnd(side, stage, evidence.NotAfter.Sub(began))
	}
}

// warnOfEnd warns of a certificate that ends soon: the server's, or the one that proves this host.
func (t *trial) warnOfEnd(side mailbox.Side, stage provider.Stage, left time.Duration) {
	warning := profile.Issue{Code: codeCertificate, Level: profile.Warning, Side: side, Field: "certificate"}
	switch {
	case stage == provider.StageCertificate && left < certificateSoon:
		warning.Message, warning.Remedy = fmt.Sprintf("the certificate that proves this host is good for %s only", days(left)), remedyCertificate
	case stage != provider.StageCertificate && left < expiresSoon:
		warning.Message, warning.Remedy = fmt.Sprintf("the server's certificate for %s mail is good for %s only", side, days(left)), "see to it that it is renewed"
	default:
		return
	}
	t.report.Warnings = append(t.report.Warnings, warning)
}

// expiresSoon is how long before a server's certificate expires a test warns of it.
const expiresSoon = 14 * 24 * time.Hour

func (t *trial) skip(side mailbox.Side, stage provider.Stage, why string) {
	t.report.Stages = append(t.report.Stages, StageReport{Side: side, Stage: stage, Status: StageSkipped, Evidence: provider.Evidence{Text: why}})
}

// settingsStage finds the mistakes that need no connection. It reports whether
// there is a side left to connect for.
func (t *trial) settingsStage(sides []mailbox.Side) bool {
	issues := append(forSidesOf(t.box, slices.Clone(t.issues)), t.box.Validate(t.profile, t.s.cfg.Policy)...)
	asked := mailbox.State{Approval: t.state.Approval} // the gate, but for all that the test is to find out
	if open, _, why := asked.Gate(mailbox.Incoming, t.began, mailbox.Rules{Approval: t.rules().Approval}, t.s.cfg.Retry); !open {
		issues = append(issues, profile.Issue{Code: why.Code, Level: profile.Error, Field: "Approval", Message: why.Cause, Remedy: why.Remedy})
	}
	if len(sides) == 0 {
		issues = append(issues, profile.Issue{Code: "nothing-to-do", Level: profile.Error, Field: "Methods",
			Message: "no side of the mailbox is synchronized here", Remedy: "choose server-side synchronization for a side"})
	}
	for _, side := range sides {
		issues = append(issues, t.box.Ready(side, t.profile)...)
	}
	for _, issue := range issues {
		if issue.Level != profile.Error && !slices.Contains(t.report.Warnings, issue) {
			t.report.Warnings = append(t.report.Warnings, issue)
		}
	}
	for _, side := range append(sides, "") {
		for _, issue := range issues {
			if issue.Level == profile.Error && (issue.Side == side || issue.Side == "") && t.failed[side] == nil {
				t.failed[side] = &invalid{issue}
			}
		}
	}
	err := t.failed[""]
	for _, side := range sides {
		if err == nil {
			err = t.failed[side]
		}
	}
	t.stage("", StageSettings, func() (provider.Evidence, error) {
		return provider.Evidence{Text: fmt.Sprintf("%s, profile %q (%s)", t.box.Address, t.profile.ID, t.profile.Kind)}, err
	})
	return slices.ContainsFunc(sides, func(side mailbox.Side) bool { return t.failed[side] == nil })
}

// connect opens a session of a side and reports the stages that the driver tells.
func (t *trial) connect(ctx context.Context, side mailbox.Side) (s *session, err error) {
	t.traced(ctx, side, func(ctx context.Context) error {
		s, err = t.openNew(ctx, side)
		return err
	})
	return s, err
}

// traced does what a driver tells the stages of. For an organization that enters
// hosts a way that fails takes a fixed time, so that nobody learns why from how long.
func (t *trial) traced(ctx context.Context, side mailbox.Side, do func(context.Context) error) {
	began := t.s.cfg.Clock.Now()
	public := !t.byItself && t.s.cfg.Policy.OrganizationsEnterHosts && !t.o.Operator
	told, at := len(t.report.Stages), began
	traced := provider.WithTrace(ctx, &provider.Trace{
		Begin: func(provider.Stage) { at = t.s.cfg.Clock.Now() },
		End:   func(stage provider.Stage, e provider.Evidence, err error) { t.noted(side, stage, at, e, err) },
	})
	if public { // by the system's clock, as sockets do
		var cancel context.CancelFunc
		traced, cancel = context.WithTimeout(traced, publicAfter)
		defer cancel()
	}
	err := do(traced)
	stages := t.report.Stages[told:]
	blamed := slices.ContainsFunc(stages, func(st StageReport) bool { return st.Status == StageFailed })
	if len(stages) == 0 || err != nil && !blamed {
		t.noted(side, StageConnect, began, provider.Evidence{}, err)
	}
	switch {
	case err == nil && t.key.Mailbox != "": // a profile that is tested alone may be a draft of another server
		t.s.outages.proved(ctx, t.cycle, side)
	case err != nil && public:
		t.s.cfg.Clock.Sleep(ctx, began.Add(publicAfter).Sub(t.s.cfg.Clock.Now()))
	}
}

// reading tests whether mail can be read.
func (t *trial) reading(ctx context.Context, sides []mailbox.Side) {
	fail := func(err error) {
		for _, side := range []mailbox.Side{mailbox.Incoming, mailbox.ACT} {
			if t.failed[side] == nil {
				t.failed[side] = err
			}
		}
	}
	var err error
	if t.in, err = t.connect(ctx, mailbox.Incoming); err != nil {
		fail(err)
		return
	}
	if slices.Contains(sides, mailbox.Incoming) && t.failed[mailbox.Incoming] == nil {
		t.failed[mailbox.Incoming] = t.stage(mailbox.Incoming, StageInbox, func() (provider.Evidence, error) { return t.readInbox(ctx) })
	}
	if slices.Contains(sides, mailbox.ACT) && t.failed[mailbox.ACT] == nil {
		t.failed[mailbox.ACT] = t.stage(mailbox.ACT, StageACT, func() (provider.Evidence, error) { return t.claim(ctx) })
	}
}

// readInbox reads the list of folders and looks into those whose mail is brought in.
func (t *trial) readInbox(ctx context.Context) (provider.Evidence, error) {
	source, ok := provider.As[provider.Source](t.in.Provider)
	if !ok {
		return provider.Evidence{}, &provider.Error{Op: "inbox", Kind: provider.ErrUnsupported, Err: errors.New("the driver brings no mail in")}
	}
	folders, err := t.folders(ctx, source)
	if err != nil {
		return provider.Evidence{}, err
	}
	var names []string
	for _, folder := range folders {
		names = append(names, fmt.Sprintf("%q", folder.Name))
		request := provider.Request{Folder: folder.ID, Lane: provider.Live, MaxItems: 1}
		page, err := remote(ctx, t.cycle, "Source.Changes", func(ctx context.Context) (provider.Page, error) { return source.Changes(ctx, request) })
		release(page.Changes)
		if err != nil {
			return provider.Evidence{}, err
		}
	}
	return provider.Evidence{Text: "can read " + strings.Join(names[:min(len(names), 5)], ", ")}, nil
}

// claim sees to it that this organization is the one that synchronizes the
// mailbox's appointments, contacts and tasks.
func (t *trial) claim(ctx context.Context) (provider.Evidence, error) {
	claimer, ok := provider.As[provider.Claimer](t.in.Provider)
	if !ok {
		return provider.Evidence{}, &provider.Error{Op: "act", Kind: provider.ErrUnsupported, Err: errors.New("the mail system keeps no appointments, contacts and tasks that could be synchronized"),
			Remedy: "set the method for appointments, contacts and tasks to none"}
	}
	claim, err := remote(ctx, t.cycle, "Claimer.Claim", claimer.Claim)
	if err != nil {
		return provider.Evidence{}, err
	}
	if ok, why := claim.Check(t.key.Organization, t.o.TakeACT); !ok {
		return provider.Evidence{}, &invalid{profile.Issue{Code: why.Code, Level: profile.Error, Side: mailbox.ACT, Message: why.Cause, Remedy: why.Remedy}}
	}
	if claim.Organization != t.key.Organization && t.o.TestOnly {
		return provider.Evidence{Text: "free to be synchronized by this organization"}, nil
	}
	if claim.Organization != t.key.Organization {
		claim = mailbox.Claim{}.Synced(t.key.Organization, t.s.cfg.Clock.Now())
		if _, err := remote(ctx, t.cycle, "Claimer.SetClaim", only(func(ctx context.Context) error { return claimer.SetClaim(ctx, claim) })); err != nil {
			return provider.Evidence{}, err
		}
	}
	return provider.Evidence{Text: fmt.Sprintf("synchronized by organization %q", claim.Organization)}, nil
}

// advise asks the mail system for what works and yet wants attention. It is the last
// thing that the session is used for. Where it cannot be asked nothing is said: what
// fails was found out before.
func (t *trial) advise(ctx context.Context) {
	if t.in == nil || t.failed[mailbox.Incoming] != nil {
		return
	}
	adviser, ok := provider.As[provider.Adviser](t.in.Provider)
	if !ok {
		return
	}
	issues, err := remote(ctx, t.cycle, "Adviser.Advise", adviser.Advise)
	if err != nil {
		t.s.cfg.Logger.DebugContext(ctx, "no advice about the server", "mailbox", t.key.String(), "error", err)
	}
	for _, issue := range issues {
		issue.Side = mailbox.Incoming
		t.report.Warnings = append(t.report.Warnings, issue)
	}
}

// hangUp closes the sessions: the next cycle opens its own.
func (t *trial) hangUp() {
	for _, s := range []*session{t.in, t.out} {
		t.s.pool.close(s)
	}
	t.in, t.out = nil, nil
}
