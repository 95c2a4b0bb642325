package pop3

import (
	"context"
	"fmt"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// Advise finds out what the ids of this mailbox are worth. It ends the session and opens
// another one, to see whether the UIDLs stay; where the server wants a pause between
// sign-ins it says that it did not look. The stages of the second sign-in are told to
// ctx's Trace.
//
// The codes are uidl-missing, uidl-invalid, uidl-repeats, uidl-numbers, uidl-changes,
// uidl-unchecked and no-pipelining. A server with neither UIDL nor TOP is ErrUnsupported.
func (s *session) Advise(ctx context.Context) (all profile.Issues, err error) {
	err = s.do(ctx, "advise", func() error {
		if _, err := s.look(lookAtIDs); err != nil {
			return err
		}
		if s.list.noUIDL {
			if err := s.digest(byUIDL); err != nil {
				return err
			}
		} else if !s.list.sound() && !s.hasTop() {
			return noIDs()
		}
		all = s.adviceOf(s.list)
		return nil
	})
	if err != nil || s.list.n == 0 || s.list.noUIDL || s.list.plain {
		return all, err
	}
	changes, err := s.adviceOfAnother(ctx)
	return append(all, changes...), err
}

// sound reports whether every UIDL names its message.
func (l *listing) sound() bool { return !l.noUIDL && !l.plain && l.empty == 0 && l.twice == nil }

// adviceOf says what one listing shows.
func (s *session) adviceOf(l *listing) (all profile.Issues) {
	warn := func(code, message string) {
		all = append(all, advice(code, profile.Warning, message, "nothing is lost, but each look reads the headers of such messages; have the server's operator give each message a lasting UIDL, or use IMAP"))
	}
	repeats := 0
	for _, twice := range l.twice {
		if twice {
			repeats++
		}
	}
	switch {
	case l.noUIDL:
		warn("uidl-missing", "the server gives messages no unique ids (UIDL)")
	case l.plain:
		warn("uidl-numbers", "the server's unique ids are but the messages' numbers, which change when one is deleted")
	case l.empty > 0:
		warn("uidl-invalid", fmt.Sprintf("%d of %d messages have no unique id, or one that is none", l.empty, l.n))
	}
	if repeats > 0 && !l.plain {
		warn("uidl-repeats", fmt.Sprintf("%d of %d messages share their unique id with another one", repeats, l.n))
	}
	if !s.caps.pipelining {
		all = append(all, advice("no-pipelining", profile.Info, "the server answers one question at a time (it does not offer PIPELINING)", "expect a first synchronization from afar to take one round trip a message"))
	}
	return all
}

func advice(code string, level profile.Level, message, remedy string) profile.Issue {
	return profile.Issue{Code: code, Level: level, Field: "Incoming", Message: message, Remedy: remedy}
}

// adviceOfAnother says whether UIDLs are the same in another session.
func (s *session) adviceOfAnother(ctx context.Context) (profile.Issues, error) {
	unchecked := profile.Issues{advice("uidl-unchecked", profile.Info, "whether unique ids stay was not looked at, for the server wants a pause between sign-ins", "nothing has to be done; polls notice it themselves")}
	if s.caps.delay > 0 {
		return unchecked, nil
	}
	if err := s.do(ctx, "advise", func() error { _, err := s.quit(); return err }); err != nil {
		return nil, err
	}
	p, err := s.driver.Open(ctx, s.account)
	if provider.KindOf(err) == provider.ErrThrottled {
		return unchecked, nil
	}
	if err != nil {
		return nil, err
	}
	defer p.Close()
	other := p.(*session)
	if err := other.do(ctx, "advise", func() error { _, err := other.look(lookAtIDs); return err }); err != nil {
		return nil, err
	}
	if other.list.n == 0 || s.list.shares(other.list) {
		return nil, nil
	}
	return profile.Issues{advice("uidl-changes", profile.Warning, "the server gives every message another unique id in each session",
		"nothing is lost: messages are named by their headers once this is noticed, which each look has to read; have the server's operator make UIDLs last, or use IMAP")}, nil
}

// shares reports whether the listings have a UIDL in common, or none to compare.
func (l *listing) shares(other *listing) bool {
	compared := false
	for i := range l.n {
		if !l.good(i) {
			continue
		}
		compared = true
		if _, ok := other.find(l.uid(i)); ok {
			return true
		}
	}
	return !compared
}
