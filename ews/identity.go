package ews

import (
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/go-serversync/serversync/internal/websignin"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// An identity is who signs in at a server: many mailboxes may have one in common. Each request
// is a sign-in to most servers, so that a password that is another one now would be refused to
// each session that is open, and the account be locked.
type identity struct {
	mu     sync.Mutex
	worked bool // a request was served, and none was refused since
	count  int  // of refusals
}

type identityKey struct {
	url, organization, profile, revision, username string
	mailbox                                        mailbox.Key // whose own it is; zero for a profile's
	own                                            string      // revision of that mailbox
}

// identity returns what is known of who signs in for a mailbox.
func (k *known) identity(url string, a provider.Account) *identity {
	username, _ := a.Credentials()
	key := identityKey{url: url, organization: a.Mailbox.Key.Organization, profile: string(a.Profile.ID), revision: a.Profile.Revision, username: username}
	// A token that this host issues itself names the mailbox's user, whom a server may not know although it knows the others'.
	if c := a.Endpoint.Credentials; c == profile.FromMailbox || c == profile.OAuth || a.Profile.IssuesTokens(c) {
		key.mailbox, key.own = a.Mailbox.Key, a.Mailbox.Revision
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.identities == nil || len(k.identities) >= maxKnown {
		k.identities = make(map[identityKey]*identity)
	}
	if k.identities[key] == nil {
		k.identities[key] = new(identity)
	}
	return k.identities[key]
}

func (i *identity) served() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.worked = true
}

func (i *identity) refusals() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.count
}

// refuse counts a refusal, and reports whether the last request before it was served.
func (i *identity) refuse() (worked bool, count int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	worked, i.worked = i.worked, false
	i.count++
	return worked, i.count
}

var errMeanwhile = errors.New("who signs in was refused on another session meanwhile, so that this one is of no use any more")

// outdated gives a session up whose identity was refused on another one since it was opened. Whether
// somebody signs in again is for the Syncer to say, who counts the refusals.
func (c *client) outdated() error {
	count := c.who.refusals()
	c.state.mu.Lock()
	defer c.state.mu.Unlock()
	if count == c.state.refused || !c.state.settled {
		return nil // none was, or this is the one that signs in anew
	}
	return &provider.Error{Op: "ews", Kind: provider.ErrUnavailable, Remedy: "nothing: it is signed in to anew", Err: errMeanwhile}
}

// refused returns what an error of the sign-in means. Exchange also refuses for a moment
// whom it has served before: the first time is no refusal of what proves us, but all who
// sign in with it wait.
func (c *client) refused(err error) error {
	var refused *websignin.Refusal
	if !errors.As(err, &refused) {
		return err
	}
	worked, count := c.who.refuse()
	c.state.mu.Lock()
	c.state.refused = count // this one may try again
	c.state.mu.Unlock()
	if !worked {
		return err
	}
	return &provider.Error{Op: "ews", Kind: provider.ErrThrottled, Code: wire.HTTPCode(http.StatusUnauthorized), Shared: c.profiles(), Err: fmt.Errorf("%w, after it has taken the same before", refused)}
}
