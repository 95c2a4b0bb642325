package imap

import (
	"context"
	"errors"
	"fmt"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/go-serversync/serversync/imap/internal/syntax"
	"github.com/go-serversync/serversync/provider"
)

var (
	errNoExpunge = errors.New("the server cannot delete one message without deleting whatever else is marked")
	errBadName   = errors.New("the folder's name is no modified UTF-7")
	errBadFlag   = errors.New("that is no flag")
)

// Act does a. A message that is gone, or whose folder was made anew, is
// ErrNotFound.
//
// Move creates a folder that is not there. Where the server has no MOVE (RFC
// 6851) the message is copied, and only when that is confirmed is the original
// deleted. Where it has no UIDPLUS (RFC 4315) either, one message cannot be
// deleted alone: Move and Delete then mark it \Deleted, which hides it in most
// programs, leave it to the next of them to expunge it, and report success.
func (s *session) Act(ctx context.Context, a provider.Act) error {
	return s.do(ctx, string(a.Kind), func() error {
		uid, ok := uidOf(a.ID)
		validity, ok2 := validityOf(a.Epoch)
		if !ok || !ok2 {
			return gone()
		}
		err := s.inEpoch(a.Folder, validity)
		if provider.KindOf(err) == provider.ErrCursorExpired {
			return gone()
		}
		if err != nil {
			return err
		}
		return s.act(a, uid)
	})
}

func gone() error {
	return &provider.Error{Kind: provider.ErrNotFound, Err: errors.New("the message is gone")}
}

func (s *session) act(a provider.Act, uid uint32) error {
	switch a.Kind {
	case provider.Mark, provider.Unmark:
		op := goimap.StoreFlagsAdd
		if a.Kind == provider.Unmark {
			op = goimap.StoreFlagsDel
		}
		if !validFlag(a.Flag) {
			return &provider.Error{Kind: provider.ErrUnsupported, Err: errBadFlag}
		}
		return s.store(uid, op, a.Flag)
	case provider.Move:
		return s.move(uid, a.Folder, a.To)
	case provider.Delete:
		return s.remove(uid)
	}
	return &provider.Error{Kind: provider.ErrUnsupported, Err: fmt.Errorf("%q is no act", a.Kind)}
}

func validFlag(flag string) bool {
	for i := range len(flag) {
		switch c := flag[i]; {
		case c <= ' ', c >= 0x7f, c == '\\' && i > 0:
			return false
		case c == '(', c == ')', c == '{', c == '%', c == '*', c == '"', c == ']':
			return false
		}
	}
	return flag != "" && flag != `\` && flag != `\Recent`
}

// ask lends go-imap the connection and returns the answer, or what a refusal
// means.
func (s *session) ask(f func(*imapclient.Client) error) (status, error) {
	st, err := s.lend(s.caps, f)
	if err == nil && !st.ok() {
		err = refusal("", st, signedIn)
	}
	return st, err
}

// there returns nil if the message is in the selected folder, else ErrNotFound. To
// IMAP a command about a UID that does not exist is a success (RFC 3501, section
// 6.4.8).
func (s *session) there(uid uint32) error {
	var found syntax.Set
	search := s.searchCommand("UID "+idString(uid), &found)
	if err := s.run(search); err != nil {
		return err
	}
	if err := s.searched(search); err != nil {
		return err
	}
	if !found.Sort().Contains(uid) {
		return gone()
	}
	return nil
}

// store sets or takes a flag. It is not silent, so that the server's echo tells
// that the message was there.
func (s *session) store(uid uint32, op goimap.StoreFlagsOp, flag string) error {
	echoed := false
	s.heard = func(r reply) error {
		if r.name != "FETCH" {
			return nil
		}
		f, err := s.readFetch()
		f.raw.Release()
		echoed = echoed || f.uid == uid
		return err
	}
	defer func() { s.heard = nil }()
	_, err := s.ask(func(c *imapclient.Client) error {
		return c.Store(goimap.UIDSetNum(goimap.UID(uid)), &goimap.StoreFlags{Op: op, Flags: []goimap.Flag{goimap.Flag(flag)}}, nil).Close()
	})
	if err != nil || echoed {
		return err
	}
	return s.there(uid) // there may have been nothing to change
}

// remove deletes a message for good.
func (s *session) remove(uid uint32) error {
	if err := s.store(uid, goimap.StoreFlagsAdd, `\Deleted`); err != nil {
		return err
	}
	if !s.caps["UIDPLUS"] && !s.caps["IMAP4REV2"] {
		s.log.Warn("imap: a message is left marked as deleted", "error", errNoExpunge)
		return nil
	}
	_, err := s.ask(func(c *imapclient.Client) error {
		return c.UIDExpunge(goimap.UIDSetNum(goimap.UID(uid))).Close()
	})
	return err
}

// move moves a message to another folder, and makes that folder if need be.
func (s *session) move(uid uint32, from, to provider.FolderID) error {
	if from == to {
		return s.there(uid)
	}
	name, err := plainName(to)
	if err != nil {
		return err
	}
	err = s.moveTo(uid, name)
	if provider.KindOf(err) != provider.ErrNotFound || s.broken != nil {
		return err
	}
	if err := s.there(uid); err != nil {
		return err
	}
	if err := s.create(name); err != nil {
		return err
	}
	return s.moveTo(uid, name)
}

func (s *session) create(name string) error {
	st, err := s.ask(func(c *imapclient.Client) error { return c.Create(name, nil).Wait() })
	if st.code == goimap.ResponseCodeAlreadyExists {
		return nil
	}
	return err
}

// moveTo never leaves the order of copy, confirmation and deletion to go-imap,
// whose own substitute for MOVE deletes without waiting for the copy.
func (s *session) moveTo(uid uint32, name string) error {
	set := goimap.UIDSetNum(goimap.UID(uid))
	if s.caps["MOVE"] || s.caps["IMAP4REV2"] {
		moved := false
		s.heard = func(r reply) error { // (RFC 6851, section 4.3)
			moved = moved || r.status.code == "COPYUID" || r.name == "EXPUNGE" || r.name == "VANISHED"
			return nil
		}
		defer func() { s.heard = nil }()
		st, err := s.ask(func(c *imapclient.Client) error {
			_, err := c.Move(set, name).Wait()
			return err
		})
		if err != nil || moved || st.code == "COPYUID" {
			return err
		}
		// Without UIDPLUS the server need not say that it moved something.
		if s.caps["UIDPLUS"] {
			return gone()
		}
		return nil
	}
	if err := s.there(uid); err != nil {
		return err
	}
	if _, err := s.ask(func(c *imapclient.Client) error {
		_, err := c.Copy(set, name).Wait()
		return err
	}); err != nil {
		return err
	}
	return s.remove(uid)
}

// plainName returns a folder's name as go-imap wants it. It writes names in
// modified UTF-7 itself, so a name that is none cannot be given to it.
func plainName(id provider.FolderID) (string, error) {
	name, ok := syntax.DecodeName(string(id))
	if !ok || syntax.EncodeName(name) != string(id) {
		return "", &provider.Error{Kind: provider.ErrUnsupported, Err: errBadName, Remedy: "rename the folder"}
	}
	return name, nil
}
