package ews

import (
	"context"
	"errors"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/provider"
)

// The bounds of one GetItem: how many items, and how many bytes they have. A larger one is
// asked for by itself.
const (
	maxAsked   = 100
	firstAsked = 50
	askedBytes = 16 << 20
)

// group asks for the first of a list: as many as the server could lately give at once. An
// item whose content the server cannot give is put together from its properties.
func (s *session) group(ctx context.Context, m mode, list []asked) ([]result, error) {
	if s.batch == 0 {
		s.batch = firstAsked
	}
	list = list[:s.take(m, list)]
	results, err := s.get(ctx, m, list)
	switch {
	case err == nil || provider.KindOf(err) != provider.ErrTooLarge || ctx.Err() != nil:
	case len(list) > 1: // one of them is to blame
		s.batch = max(len(list)/2, 1)
		return s.group(ctx, m, list)
	default:
		return []result{{outcome: itemBad, err: err}}, nil
	}
	if err != nil {
		if code := codeOf(err); len(list) > 1 && (code == "ErrorTimeoutExpired" || provider.KindOf(err) == provider.ErrUnavailable) {
			s.batch = max(len(list)/2, 1)
			if code == "ErrorTimeoutExpired" && ctx.Err() == nil {
				return s.group(ctx, m, list)
			}
		} else if code == "ErrorTimeoutExpired" {
			return []result{{outcome: itemPending, err: err}}, nil
		}
		return nil, err
	}
	s.adapt(len(list), results)
	for i := range results {
		if err := s.finish(ctx, m, &results[i]); err != nil {
			releaseResults(results)
			return nil, err
		}
	}
	return results, nil
}

// finish does for a result what needs more requests. The error is not the item's.
func (s *session) finish(ctx context.Context, m mode, res *result) (err error) {
	switch {
	case res.outcome == itemHad && m == headers:
		res.header, err = s.headerOf(ctx, &res.parts)
		res.parts = parts{}
	case res.outcome == itemCorrupt && m == bodies:
		err = s.rebuild(ctx, res)
	case res.outcome == itemCorrupt: // its whole is asked for then
		res.outcome, res.err = itemHad, nil
	}
	return err
}

// take returns how many of a list to ask for at once.
func (s *session) take(m mode, list []asked) int {
	var bytes int64
	for i, a := range list {
		if i == s.batch && m != onlyFlags || i == maxAsked {
			return i
		}
		if bytes += a.size; m == bodies && i > 0 && bytes > askedBytes {
			return i
		}
	}
	return len(list)
}

// adapt asks for less if the server had no time for all of a group, and for more if it had.
func (s *session) adapt(n int, results []result) {
	for _, res := range results {
		if res.outcome == itemPending {
			s.batch = max(n/2, 1)
			return
		}
	}
	if n >= s.batch {
		s.batch = min(s.batch+s.batch/4+1, maxAsked)
	}
}

// tooLong says that a message is larger than its limit.
func tooLong(op string, most int64) error {
	return &provider.Error{Op: "ews: " + op, Kind: provider.ErrTooLarge, Err: errLongItem,
		Remedy: "raise Limits.Message if such messages are wanted"}
}

var errLongItem = errors.New("the message is larger than it may be")

// A result is what came of asking for an item.
type result struct {
	entry
	outcome outcome
	parts   parts
	header  []byte
	raw     *item.Blob
	err     error
	read    bool // the answer has the item
	named   bool // and its id
}

// An outcome says whether it came.
type outcome int

const (
	itemHad     outcome = iota // it came
	itemGone                   // there is none
	itemPending                // the server had no time for it
	itemCorrupt                // the server cannot give it as it is
	itemBad                    // it cannot be read
)
