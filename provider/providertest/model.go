package providertest

import (
	"math/rand/v2"
	"slices"

	"github.com/go-serversync/serversync/provider"
)

// followerEndsRight is the heart of the suite: somebody edits the mailbox at
// random while followers go through its folders, and when the edits end the
// followers must have what the server has.
func followerEndsRight(p *probe) {
	session, _ := p.source()
	session.Close()
	for seed := range uint64(8) {
		m := &model{p: p, random: rand.New(rand.NewPCG(seed, 0))}
		m.run()
		if p.Failed() {
			p.Fatalf("this was seed %d", seed)
		}
	}
}

// A model is one history: a server, whoever edits it, and followers.
type model struct {
	p         *probe
	random    *rand.Rand
	session   provider.Provider
	upset     bool // the session saw an epoch end, which it need not outlive
	edits     []func(folder provider.FolderID)
	followers []*follower
}

func (m *model) run() {
	m.p.Helper()
	m.edits = m.possible()
	m.followers = []*follower{newFollower(m.p, m.random, m.p.Folder)}
	if m.p.Other != "" {
		m.followers = append(m.followers, newFollower(m.p, m.random, m.p.Other))
	}
	m.reopen()
	defer func() { m.session.Close() }()
	for range 80 {
		f := m.followers[m.random.IntN(len(m.followers))]
		switch n := m.random.IntN(20); {
		case n < 11:
			m.edits[m.random.IntN(len(m.edits))](f.folder)
		case n < 12:
			m.reopen()
		default:
			m.step(f, m.random.IntN(10) == 0)
		}
	}
	for _, f := range m.followers {
		m.finish(f)
		f.compare(m.session.Traits())
	}
}

// possible returns the edits that the harness can do, the frequent ones often.
func (m *model) possible() []func(provider.FolderID) {
	p := m.p
	add := func(folder provider.FolderID) { p.Add(folder, p.text(0), m.flags()...) }
	edits := []func(provider.FolderID){add, add, add, add, add}
	if p.Remove != nil {
		remove := m.onItem(func(folder provider.FolderID, id provider.ID) { p.Remove(folder, id) })
		edits = append(edits, remove, remove)
	}
	if p.SetFlags != nil {
		set := m.onItem(func(folder provider.FolderID, id provider.ID) { p.SetFlags(folder, id, m.flags()...) })
		edits = append(edits, set, set)
	}
	if p.Move != nil && p.Other != "" {
		edits = append(edits, m.onItem(func(folder provider.FolderID, id provider.ID) { p.Move(folder, id, m.away(folder)) }))
	}
	if p.Change != nil {
		edits = append(edits, m.onItem(func(folder provider.FolderID, id provider.ID) { p.Change(folder, id, p.text(0)) }))
	}
	if p.NewEpoch != nil {
		edits = append(edits, m.seldom(func(folder provider.FolderID) { p.NewEpoch(folder); m.upset = true }))
	}
	if p.ExpireCursors != nil {
		edits = append(edits, m.seldom(func(provider.FolderID) { p.ExpireCursors(); m.upset = true }))
	}
	return edits
}

func (m *model) away(folder provider.FolderID) provider.FolderID {
	if folder == m.p.Folder {
		return m.p.Other
	}
	return m.p.Folder
}

func (m *model) flags() []string {
	return [][]string{nil, {`\Seen`}, {`\Flagged`, `\Seen`}, {`\Answered`}}[m.random.IntN(4)]
}

// onItem does edit to an item at random, if there is one.
func (m *model) onItem(edit func(provider.FolderID, provider.ID)) func(provider.FolderID) {
	return func(folder provider.FolderID) {
		if items := m.p.Items(folder); len(items) > 0 {
			edit(folder, items[m.random.IntN(len(items))].ID)
		}
	}
}

// seldom does edit one time in four.
func (m *model) seldom(edit func(provider.FolderID)) func(provider.FolderID) {
	return func(folder provider.FolderID) {
		if m.random.IntN(4) == 0 {
			edit(folder)
		}
	}
}

func (m *model) reopen() {
	m.p.Helper()
	if m.session != nil {
		m.session.Close()
	}
	session, err := m.p.Harness.Open(m.p.ctx)
	if err != nil {
		m.p.Fatalf("Open: %v", err)
	}
	m.session, m.upset = session, false
}

// step asks for a page of one of f's lanes. A lane that has begun may go on in any
// order, but the live one begins first.
func (m *model) step(f *follower, full bool) {
	m.p.Helper()
	lanes := f.lanes(m.session)
	lane := lanes[m.random.IntN(len(lanes))]
	if full || f.cursors[provider.Live] == "" {
		lane = provider.Live
	}
	m.ask(f, lane, full)
}

// ask asks for a page. Only a session that saw an epoch end may fail.
func (m *model) ask(f *follower, lane provider.Lane, full bool) {
	m.p.Helper()
	err := f.step(m.session, lane, full)
	if err == nil {
		return
	}
	if kinds := []provider.Kind{provider.ErrUnavailable, provider.ErrProtocol, provider.ErrCursorExpired}; !m.upset || !slices.Contains(kinds, provider.KindOf(err)) {
		m.p.Fatalf("Changes or Fetch in %q: %v", f.folder, err)
	}
	m.reopen()
}

// finish follows f's lanes to their ends now that nothing is edited any more, and
// then once more in full where deletions or flags are not told.
func (m *model) finish(f *follower) {
	m.p.Helper()
	resets := -1
	for resets != f.resets { // a reset begins both lanes again
		resets = f.resets
		for _, lane := range f.lanes(m.session) {
			m.toTheEnd(f, lane, false)
		}
	}
	if traits := m.session.Traits(); !traits.ReportsGone || !traits.ReportsFlags {
		m.toTheEnd(f, provider.Live, true)
	}
}

func (m *model) toTheEnd(f *follower, lane provider.Lane, full bool) {
	m.p.Helper()
	f.ended[lane] = false
	for range 10_000 {
		if m.ask(f, lane, full); f.ended[lane] {
			return
		}
	}
	m.p.Fatalf("the %s lane of %q has no end", lane, f.folder)
}
