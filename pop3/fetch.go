package pop3

import (
	"context"
	"errors"
	"io"
	"slices"
	"strconv"

	"github.com/go-serversync/serversync/provider"
)

// group is how many messages are read before one question proves that their numbers
// still meant them. Until then they are held, and at most so many are.
const group = 8

var (
	errGone  = errors.New("the message has left the mailbox")
	errEpoch = errors.New("ids of this epoch mean nothing here")
)

// Fetch reads whole messages, in the order in which they are asked for, those of which
// there are none first. Nothing is given before the server has confirmed that the
// message still has the number that it was read by.
func (s *session) Fetch(ctx context.Context, folder provider.FolderID, of string, ids []provider.ID, got func(provider.Change) error) error {
	return s.do(ctx, "fetch", func() error {
		switch {
		case folder != inbox:
			return &provider.Error{Kind: provider.ErrNotFound, Err: errFolder}
		case of != epoch:
			return &provider.Error{Kind: provider.ErrCursorExpired, Err: errEpoch}
		}
		at, err := s.locate(ids)
		if err != nil {
			return err
		}
		var there []provider.ID
		var chosen []int
		for _, id := range ids {
			i, ok := at[id]
			if ok && !s.marked[i] {
				there, chosen = append(there, id), append(chosen, i)
				continue
			}
			if err := got(provider.Change{Kind: provider.Gone, ID: id}); err != nil {
				return &callerError{err}
			}
		}
		err = s.retrieve(chosen, -1, func(k int, p part) error {
			if err := got(provider.Change{Kind: provider.Upsert, ID: there[k], Size: s.list.size(chosen[k]), Raw: p.raw, Err: p.err}); err != nil {
				return &callerError{err}
			}
			return nil
		})
		if err != nil {
			return err
		}
		return s.sendAhead(chosen)
	})
}

// retrieve reads messages and gives each to got, which then owns its blob, once it is
// proved to be the one. Behind most bytes, if that is not negative, messages are
// counted but not kept.
func (s *session) retrieve(chosen []int, most int64, got func(k int, p part) error) error {
	r := newRetrieval(s, chosen, got)
	r.most = most
	sent, err := s.takeAhead(r)
	if err != nil {
		return err
	}
	return r.run(sent)
}

func newRetrieval(s *session, chosen []int, got func(k int, p part) error) *retrieval {
	return &retrieval{session: s, chosen: chosen, steps: len(chosen) + (len(chosen)+group-1)/group, most: -1, got: got}
}

// run goes through the steps, the first of which have been asked for already.
func (r *retrieval) run(sent int) error {
	defer func() {
		for _, p := range r.held {
			p.raw.Release()
		}
	}()
	return r.pipelineFrom(sent, r.steps, r.command, r.read)
}

// A retrieval is messages that are being read: a step for each, and one after each group
// and at the end, which proves the group.
type retrieval struct {
	*session
	chosen []int
	steps  int
	most   int64
	got    func(k int, p part) error

	held  []part // of the group under way
	bytes int64
	given int
}

func (r *retrieval) proves(step int) bool { return step%(group+1) == group || step == r.steps-1 }

// at returns the index of the message that a step reads, or by which it proves a group:
// the highest number of the group, for that moves if any below it leaves.
func (r *retrieval) at(step int) int {
	from := step / (group + 1) * group
	if r.proves(step) {
		return slices.Max(r.chosen[from:min(from+group, len(r.chosen))])
	}
	return r.chosen[from+step%(group+1)]
}

func (r *retrieval) command(step int) string {
	if r.proves(step) {
		return r.list.checkOf(r.at(step))
	}
	return "RETR " + strconv.Itoa(r.at(step)+1)
}

func (r *retrieval) read(step int) error {
	passed, err := r.passOver()
	if err != nil {
		return err
	}
	if last := len(r.held) - 1; passed {
		r.held[last].raw.Release()
		r.held[last] = part{err: &provider.Error{Op: "pop3: RETR", Kind: provider.ErrBadItem, Err: errDot}}
	}
	if r.proves(step) {
		if err := r.check(r.at(step)); err != nil {
			return err
		}
		return r.give()
	}
	p, err := r.readMessage(r.most < 0 || r.bytes <= r.most, r.list.size(r.at(step)))
	if err != nil {
		return err
	}
	if p.raw != nil {
		r.bytes += p.raw.Size()
		r.compare(r.at(step), p.raw.Size())
	}
	r.held = append(r.held, p)
	return nil
}

// give hands out what is held.
func (r *retrieval) give() error {
	for len(r.held) > 0 {
		p := r.held[0]
		r.held = r.held[1:]
		if err := r.got(r.given, p); err != nil {
			return err
		}
		r.given++
	}
	return nil
}

// compare notes a message that is far from as large as LIST says, and tells the operator:
// it may have a line with a dot in it that the server did not double. By the protocol
// it ended there.
func (s *session) compare(i int, size int64) {
	said := s.list.size(i)
	if said > 0 && (size < said-said/20-2 || size > said+said/20+2) {
		s.missing = max(said-size, 0)
		s.log.Warn("pop3: a message is not as large as the server says", "id", string(s.list.id(i)), "said", said, "is", size)
	}
}

// addHeaders reads the headers of the messages, and counts those that the server does
// not give.
func (s *session) addHeaders(chosen []int, changes []provider.Change) (refused int, err error) {
	return s.heads(chosen, func(k int, p part) { changes[k].Header, changes[k].Err = p.header, p.err })
}

// heads reads the headers of the messages, proves that it were theirs, and counts those
// that the server does not give.
func (s *session) heads(chosen []int, got func(k int, p part)) (refused int, err error) {
	shifted := 0
	if len(chosen) > 0 {
		shifted = slices.Max(chosen)
	}
	err = s.pipeline(len(chosen)+min(len(chosen), 1), func(k int) string {
		if k == len(chosen) {
			return s.list.checkOf(shifted)
		}
		return topOf(chosen[k])
	}, func(k int) error {
		if k == len(chosen) {
			return s.check(shifted)
		}
		p, err := s.readHeader()
		got(k, p)
		if p.refused {
			refused++
		}
		return err
	})
	return refused, err
}

// addBodies reads the messages, up to the one with which they exceed most bytes, and
// returns the changes up to there.
func (s *session) addBodies(chosen []int, changes []provider.Change, most int64, headers bool) ([]provider.Change, error) {
	n, planned := 0, int64(0)
	for ; n < len(chosen) && planned <= most; n++ {
		planned += s.list.size(chosen[n])
	}
	changes = changes[:n]
	var bytes int64
	kept := 0
	err := s.retrieve(chosen[:n], most, func(k int, p part) error {
		if bytes > most {
			p.raw.Release() // sizes that lie
			return nil
		}
		changes[k].Raw, changes[k].Err = p.raw, p.err
		if p.raw != nil {
			bytes += p.raw.Size()
		}
		kept = k + 1
		if headers && p.raw != nil {
			changes[k].Header, changes[k].Err = s.headerIn(p)
		}
		return nil
	})
	if err != nil {
		for _, c := range changes {
			c.Raw.Release()
		}
		return nil, err
	}
	return changes[:kept], s.nameLarge(chosen, changes[:kept])
}

// headerIn returns the header of a message that was read whole.
func (s *session) headerIn(p part) ([]byte, error) {
	most := int64(s.limits.Item.Header)
	head, err := io.ReadAll(io.LimitReader(p.raw.Open(), most+1))
	if err != nil {
		return nil, err
	}
	if head = headerOf(head); int64(len(head)) > most {
		return head[:most], &provider.Error{Op: "pop3: RETR", Kind: provider.ErrTooLarge, Err: errLongHead}
	}
	return head, nil
}

// nameLarge reads the headers of those that are too large to be read: what is
// quarantined shall at least say what it is.
func (s *session) nameLarge(chosen []int, changes []provider.Change) error {
	if !s.hasTop() {
		return nil
	}
	for k := range changes {
		if provider.KindOf(changes[k].Err) != provider.ErrTooLarge || changes[k].Raw != nil {
			continue
		}
		why := changes[k].Err
		_, err := s.addHeaders(chosen[k:k+1], changes[k:k+1])
		changes[k].Err = why
		if err != nil {
			for _, c := range changes {
				c.Raw.Release()
			}
			return err
		}
	}
	return nil
}
