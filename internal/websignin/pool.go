package websignin

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"sync"

	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// A Pool shares connections, and what is known of how a server is signed in to, between the
// Clients of one identity. Those of different identities, servers, or revisions of a profile
// share nothing. The zero Pool is ready; many goroutines use it at once.
type Pool struct {
	mu   sync.Mutex
	salt []byte // so that a key tells nothing of the password in it
	open map[poolKey]*shared
}

type poolKey [sha256.Size]byte

type shared struct {
	*lines
	users int
}

// Client is as New. purpose keeps what must not wait for each other apart, such as requests
// that last from others. o must be the same whenever purpose is.
func (p *Pool) Client(op, purpose string, o wire.HTTPOptions, a provider.Account) (*Client, error) {
	c, err := newClient(op, a)
	if err != nil {
		return nil, err
	}
	key := p.key(purpose, a)
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.open[key]
	if s == nil {
		l, err := c.newLines(o)
		if err != nil {
			return nil, err
		}
		if p.open == nil {
			p.open = make(map[poolKey]*shared)
		}
		s = &shared{lines: l}
		p.open[key] = s
	}
	s.users++
	c.lines = s.lines
	c.close = func() { p.leave(key, s) }
	return c, nil
}

// leave closes the connections behind the last one who used them.
func (p *Pool) leave(key poolKey, s *shared) {
	p.mu.Lock()
	s.users--
	last := s.users == 0
	if last {
		delete(p.open, key)
	}
	p.mu.Unlock()
	if last {
		s.hangUp()
	}
}

// key says who a signs in as, and where.
func (p *Pool) key(purpose string, a provider.Account) (key poolKey) {
	p.mu.Lock()
	if p.salt == nil {
		p.salt = make([]byte, 16)
		rand.Read(p.salt)
	}
	h := sha256.New()
	h.Write(p.salt)
	p.mu.Unlock()
	e := a.Endpoint
	username, password := a.Credentials()
	said := []string{
		purpose, a.Mailbox.Key.Organization, string(a.Profile.ID), a.Profile.Revision,
		e.URL, string(e.TLS), string(e.Authentication), string(e.Credentials), username, password.Reveal(), fmt.Sprint(a.Policy),
	}
	if e.Credentials == profile.FromMailbox || e.Credentials == profile.OAuth {
		said = append(said, a.Mailbox.Key.Mailbox, a.Mailbox.Revision) // its owner's identity, which is nobody else's
	}
	for _, s := range said {
		fmt.Fprintf(h, "%d:", len(s))
		io.WriteString(h, s)
	}
	h.Sum(key[:0])
	return key
}
