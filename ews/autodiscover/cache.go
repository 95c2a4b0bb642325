package autodiscover

import (
	"container/list"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// maxKept is how many results are remembered.
const maxKept = 4096

// A key is what a result depends on, but for the password. The address and not its domain is in it:
// two mailboxes of a domain may be on different systems.
type key struct {
	organization string
	profile      profile.ID
	kind         profile.Kind
	address      string // in lower case
	username     string
	how          string
}

func keyOf(a provider.Account) key {
	username, _ := a.Credentials()
	if strings.EqualFold(username, a.Mailbox.Address) {
		username = ""
	}
	p := a.Policy
	return key{
		organization: a.Mailbox.Organization, profile: a.Profile.ID, kind: a.Profile.Kind,
		address: strings.ToLower(a.Mailbox.Address), username: username,
		how: fmt.Sprintf("%q %q %q %q %v %v %v %v %v %q", a.Endpoint.TLS, a.Endpoint.Credentials, a.Endpoint.Authentication, p.Deployment,
			p.AllowPlaintext, p.AllowPrivate, p.AllowNetworks, p.AllowPorts, p.Proxy.Resolves, p.Proxy.URL),
	}
}

func passwordOf(a provider.Account) secret.Text {
	_, password := a.Credentials()
	return password
}

// An entry is a result that is remembered.
type entry struct {
	key      key
	result   Result
	err      error
	password secret.Text // that was used
	until    time.Time
}

// A flight is a search under way, for which others wait.
type flight struct {
	done     chan struct{}
	password secret.Text
	result   Result
	err      error
	gone     bool // who led it has gone away
	stale    bool // forgotten meanwhile
}

// usable reports whether what a flight has found is so for whoever has this password too. What was
// found is; what was not may be for want of the right one.
func (f *flight) usable(password secret.Text) bool {
	return !f.gone && (f.err == nil || f.password.Equal(password))
}

// A cache remembers results, those that were used last.
type cache struct {
	mu      sync.Mutex
	kept    map[key]*list.Element
	order   list.List // of *entry, the one used last in front
	flights map[key]*flight
}

// get returns what is remembered, or the flight to wait for or, if leads, to lead.
func (c *cache) get(k key, password secret.Text, now time.Time) (known *entry, f *flight, leads bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at := c.kept[k]; at != nil {
		e := at.Value.(*entry)
		if now.Before(e.until) && (e.err == nil || e.password.Equal(password)) {
			c.order.MoveToFront(at)
			return e, nil, false
		}
	}
	if f := c.flights[k]; f != nil {
		return nil, f, false
	}
	f = &flight{done: make(chan struct{})}
	if c.flights == nil {
		c.flights, c.kept = make(map[key]*flight), make(map[key]*list.Element)
	}
	c.flights[k] = f
	return nil, f, true
}

// land ends a flight and remembers what it has found.
func (c *cache) land(k key, f *flight, until time.Time, keep bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.flights, k)
	close(f.done)
	c.drop(k)
	if !keep || f.stale {
		return
	}
	c.kept[k] = c.order.PushFront(&entry{k, f.result, f.err, f.password, until})
	for c.order.Len() > maxKept {
		c.drop(c.order.Back().Value.(*entry).key)
	}
}

func (c *cache) drop(k key) {
	if at := c.kept[k]; at != nil {
		c.order.Remove(at)
		delete(c.kept, k)
	}
}

func (c *cache) forget(address string) {
	address = strings.ToLower(address)
	c.mu.Lock()
	defer c.mu.Unlock()
	for k := range c.kept {
		if k.address == address {
			c.drop(k)
		}
	}
	for k, f := range c.flights {
		if k.address == address {
			f.stale = true
		}
	}
}
