package ews

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-serversync/serversync/ews/internal/soap"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
)

// A mode is what is asked of items.
type mode int

const (
	onlyFlags mode = iota // flags alone
	headers               // what a header is made of
	bodies                // the whole
)

// An asked is an item that is asked for, and the size that it is said to have.
type asked struct {
	id   provider.ID
	size int64
}

// get makes one GetItem for all of a list. Each has its result at its place.
func (s *session) get(ctx context.Context, m mode, list []asked) (results []result, err error) {
	err = s.client.do(ctx, call{
		op: "GetItem",
		write: func(w *soap.Writer) {
			w.Start("m:GetItem")
			writeItemShape(w, m == bodies, "", s.propertiesFor(m))
			w.Start("m:ItemIds")
			for _, a := range list {
				w.Empty("t:ItemId", "Id", string(a.id))
			}
			w.End()
			w.End()
		},
		read: func(r *soap.Reader, e soap.Element) error {
			releaseResults(results)
			results = make([]result, len(list))
			var wrong error
			err := eachMessage(r, e, len(list), func(i int, e soap.Element) {
				if !e.Is(soap.Messages, "Items") {
					return
				}
				for one := range r.Children(e) {
					if one.Name.Space != soap.Types {
						continue
					}
					if results[i].read {
						wrong = errors.Join(wrong, mismatched("two items for one that was asked for"))
						return
					}
					s.readResult(r, one, m, list[i].size, &results[i])
				}
			}, func(i int, msg message) error { return results[i].judge(msg) })
			if err == nil && r.Err() == nil {
				err = wrong
			}
			if err == nil && r.Err() == nil {
				results, err = paired(list, results)
			}
			return err
		},
	})
	if err != nil {
		releaseResults(results)
		return nil, err
	}
	return results, nil
}

func releaseResults(results []result) {
	for _, res := range results {
		res.raw.Release()
	}
}

func mismatched(what string) error {
	return &provider.Error{Op: "ews: GetItem", Kind: provider.ErrProtocol, Err: fmt.Errorf("the server gives %s", what)}
}

func (s *session) propertiesFor(m mode) []property {
	switch m {
	case onlyFlags:
		return s.flagProperties()
	case headers:
		return headerProperties()
	}
	return append(named(receivedOfItem, sizeOfItem), s.flagProperties()...)
}

// readResult reads an item.
func (s *session) readResult(r *soap.Reader, e soap.Element, m mode, size int64, res *result) {
	res.read = true
	for field := range r.Children(e) {
		switch {
		case m == bodies && field.Is(soap.Types, "MimeContent"):
			s.readMIME(r, field, size, res)
		case m == headers && res.parts.readField(r, field):
		case res.readField(r, field):
			res.named = res.named || field.Name.Local == "ItemId"
		}
	}
	res.settle()
	res.parts.spare(s.limits.Item.Header)
	if r.Err() != nil || res.outcome != itemHad {
		return
	}
	if m == bodies && res.raw == nil {
		res.outcome, res.err = itemBad, badItem("GetItem", "", errors.New("the server gives the item without its content"))
	}
}

// readMIME reads a whole message as it passes.
func (s *session) readMIME(r *soap.Reader, e soap.Element, size int64, res *result) {
	if res.raw != nil {
		r.Fail(fmt.Errorf("%w: an item with two contents", soap.ErrSyntax))
		return
	}
	content := r.Base64(e)
	raw, err := s.spool.ReadAbout(content, size)
	switch {
	case err == nil && raw.Size() == 0:
		raw.Release()
		res.outcome, res.err = itemBad, badItem("GetItem", "", errors.New("the message is empty"))
	case err == nil:
		res.raw = raw
	case errors.Is(err, soap.ErrBase64):
		res.outcome, res.err = itemBad, badItem("GetItem", "", err)
	case provider.KindOf(err) == provider.ErrTooLarge:
		res.outcome, res.err = itemBad, tooLong("GetItem", s.limits.Message)
		if n, _ := io.CopyN(io.Discard, content, s.limits.Message); n == s.limits.Message {
			r.Fail(fmt.Errorf("%w: a message that does not end", soap.ErrTooLarge))
		}
	case errors.Is(err, wire.ErrSpool):
		r.Fail(err)
	default:
		r.Fail(err) // the Reader's own, if it has one
	}
}

// judge sets what a ResponseMessage says of the item.
func (res *result) judge(m message) error {
	switch {
	case m.err == nil && !res.read:
		return mismatched("no item for one that it says to have")
	case m.err == nil:
		return nil
	}
	res.raw.Release()
	res.raw = nil
	switch kind := provider.KindOf(m.err); {
	case isGone(m.code):
		res.outcome = itemGone
	case isBusy(m.code) || kind == provider.ErrThrottled:
		res.outcome, res.err = itemPending, m.err
	case m.code == "ErrorAccessDenied":
		res.outcome, res.err = itemBad, as(m.err, provider.ErrBadItem)
	case m.code == "ErrorMessageSizeExceeded", m.code == "ErrorDataSizeLimitExceeded":
		res.outcome, res.err = itemBad, as(m.err, provider.ErrTooLarge)
	case kind == provider.ErrAuth || kind == provider.ErrUnsupported || kind == provider.ErrUnsafe:
		return m.err // what is said of the mailbox is not the item's fault
	default:
		res.outcome, res.err = itemCorrupt, as(m.err, provider.ErrBadItem)
	}
	return nil
}

// paired puts each result where its item was asked for. Where the server says which item it
// gives, that counts, and else the order.
func paired(list []asked, results []result) ([]result, error) {
	inOrder := true
	for i := range results {
		inOrder = inOrder && (!results[i].named || results[i].id == list[i].id)
	}
	if inOrder {
		for i := range results {
			results[i].id = list[i].id
		}
		return results, nil
	}
	at := make(map[provider.ID]int, len(list))
	for i, a := range list {
		at[a.id] = i
	}
	out, taken := make([]result, len(list)), make([]bool, len(list))
	for i, res := range results {
		to, ok := i, true
		if res.named {
			to, ok = at[res.id], false
			_, ok = at[res.id]
		}
		if !ok || taken[to] {
			return results, mismatched("an item that was not asked for, or one twice")
		}
		res.id = list[to].id
		out[to], taken[to] = res, true
	}
	return out, nil
}

// isGone reports whether a code means that there is no such item. Exchange says so of those
// too that we may not see.
func isGone(code string) bool {
	return code == "ErrorItemNotFound" || isInvalidID(code)
}

// isInvalidID reports whether a code means that an id can be none of the mailbox.
func isInvalidID(code string) bool {
	return strings.HasPrefix(code, "ErrorInvalidId")
}

// isItemID reports whether an id can be one of Exchange's, and would be sent as it is.
func isItemID(id provider.ID) bool {
	return id != "" && len(id) <= maxID && soap.Clean(string(id)) == string(id)
}

// isBusy reports whether a code says of an item that it may be had later.
func isBusy(code string) bool {
	switch code {
	case "ErrorServerBusy", "ErrorExceededConnectionCount", "ErrorTooManyObjectsOpened", "ErrorTimeoutExpired",
		"ErrorBatchProcessingStopped", "ErrorMailboxStoreUnavailable", "ErrorMailboxFailover", "ErrorMailboxMoveInProgress",
		"ErrorInternalServerTransientError", "ErrorConnectionFailed", "ErrorADUnavailable":
		return true
	}
	return false
}

func badItem(op, code string, err error) error {
	return &provider.Error{Op: "ews: " + op, Kind: provider.ErrBadItem, Code: code, Err: err}
}
