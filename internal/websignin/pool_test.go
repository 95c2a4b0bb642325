package websignin

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// A Pool shares what is one identity's, at one server, under one revision, and nothing else; with
// the last of its users it is gone.
func TestPoolKeepsIdentitiesApart(t *testing.T) {
	s := newSite(t, "Negotiate")
	g := kerberos()
	var p Pool
	open := func(change ...func(*provider.Account)) *Client {
		service := func(a *provider.Account) {
			a.Profile.ID, a.Endpoint.URL = "p", s.URL
			a.Endpoint.Credentials, a.Endpoint.Username, a.Endpoint.Password = profile.FromProfile, "service", secret.New(word)
		}
		c, err := p.Client("test", "", s.options(), account(append([]func(*provider.Account){with(g), service}, change...)...))
		require.NoError(t, err)
		require.NoError(t, post(t, c, s))
		return c
	}
	first := open()
	second := open(func(a *provider.Account) { a.Mailbox.Key.Mailbox, a.Mailbox.Address = "bob", "bob@example.test" })
	require.Len(t, g.bases, 1, "mailboxes of one account")
	for i, change := range []func(*provider.Account){
		func(a *provider.Account) { a.Endpoint.Username = "other" },
		func(a *provider.Account) { a.Endpoint.Password = secret.New("other") },
		func(a *provider.Account) { a.Profile.Revision = "2" },
		func(a *provider.Account) { a.Profile.ID = "q" },
		func(a *provider.Account) { a.Mailbox.Key.Organization = "other" },
		func(a *provider.Account) { a.Endpoint.URL += "/x" },
		func(a *provider.Account) { a.Endpoint.Credentials = profile.FromMailbox },
		func(a *provider.Account) { a.Endpoint.Credentials, a.Mailbox.Key.Mailbox = profile.FromMailbox, "bob" },
	} {
		open(change).Close()
		require.Len(t, g.bases, i+2, i)
	}
	require.Len(t, p.open, 1)
	first.Close()
	first.Close()
	require.NoError(t, post(t, second, s))
	second.Close()
	require.Empty(t, p.open)
	other, err := p.Client("test", "push", s.options(), account(with(g)))
	require.NoError(t, err)
	defer other.Close()
	same, err := p.Client("test", "", s.options(), account(with(g)))
	require.NoError(t, err)
	defer same.Close()
	require.NotSame(t, same.lines, other.lines, "what lasts is apart")
}
