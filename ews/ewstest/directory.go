package ewstest

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// An account is somebody whom the server knows.
type account struct {
	address  string // the primary one
	password string // "" for nobody to sign in with
	mailbox  bool
}

// sid returns the account's security identifier, which is made of its address.
func (a *account) sid() string {
	sum := sha256.Sum256([]byte(a.address))
	return fmt.Sprintf("S-1-5-21-%d-%d-%d-%d", binary.LittleEndian.Uint32(sum[0:]), binary.LittleEndian.Uint32(sum[4:]), binary.LittleEndian.Uint32(sum[8:]), 1000+binary.LittleEndian.Uint32(sum[12:])%1_000_000)
}

// A directory knows who is who. Many goroutines ask it.
type directory struct {
	mu       sync.RWMutex
	accounts map[string]*account // by primary address
	proxies  map[string]string
	logins   map[string]*account // by all names at sign-in
	sids     map[string]*account
	order    []string // primary addresses of mailboxes, sorted
}

func newDirectory(o Options) *directory {
	d := &directory{accounts: make(map[string]*account), proxies: make(map[string]string), logins: make(map[string]*account), sids: make(map[string]*account)}
	for address, password := range o.Users {
		d.add(&account{address: lowered(address), password: password, mailbox: !slices.ContainsFunc(o.NoMailbox, func(n string) bool { return lowered(n) == lowered(address) })})
	}
	for _, address := range o.Mailboxes {
		if d.accounts[lowered(address)] == nil {
			d.add(&account{address: lowered(address), mailbox: true})
		}
	}
	for proxy, primary := range o.Proxies {
		if d.accounts[lowered(primary)] == nil {
			panic("ewstest: " + proxy + " is an address of nobody")
		}
		d.proxies[lowered(proxy)] = lowered(primary)
	}
	for login, address := range o.Logins {
		a := d.accounts[lowered(address)]
		if a == nil {
			panic("ewstest: " + login + " signs in as nobody")
		}
		d.logins[lowered(login)] = a
	}
	slices.Sort(d.order)
	return d
}

func (d *directory) add(a *account) {
	d.accounts[a.address] = a
	d.sids[a.sid()] = a
	d.logins[a.address] = a
	local, domain, _ := strings.Cut(a.address, "@")
	first, _, _ := strings.Cut(domain, ".")
	d.logins[first+`\`+local] = a
	if a.mailbox {
		d.order = append(d.order, a.address)
	}
}

// know adds a mailbox that nobody signs in to, with its further addresses.
func (d *directory) know(address string, proxies ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.accounts[lowered(address)] == nil {
		d.add(&account{address: lowered(address), mailbox: true})
	}
	for _, p := range proxies {
		d.proxies[lowered(p)] = lowered(address)
	}
}

// lowered makes addresses and names comparable: Active Directory does not look at case.
func lowered(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// find returns whose an address is, nil for nobody's.
func (d *directory) find(address string) *account {
	d.mu.RLock()
	defer d.mu.RUnlock()
	address = lowered(address)
	if primary, ok := d.proxies[address]; ok {
		address = primary
	}
	return d.accounts[address]
}

// login returns who signs in by a name.
func (d *directory) login(name string) *account {
	if a := d.named(name); a != nil {
		return a
	}
	return d.find(name)
}

// named returns who signs in by just this name.
func (d *directory) named(name string) *account {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.logins[lowered(name)]
}

// bySID returns whose a security identifier is.
func (d *directory) bySID(sid string) *account {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.sids[strings.ToUpper(sid)]
}

// proxiesOf returns the further addresses of a mailbox.
func (d *directory) proxiesOf(primary string) (all []string) {
	for proxy, of := range d.proxies {
		if of == primary {
			all = append(all, proxy)
		}
	}
	slices.Sort(all)
	return all
}

// ntlm returns who signs in by NTLM's two names.
func (d *directory) ntlm(user, domain string) *account {
	if domain != "" && !strings.ContainsAny(user, `@\`) {
		if a := d.named(domain + `\` + user); a != nil {
			return a
		}
		return d.find(user + "@" + domain)
	}
	if a := d.login(user); a != nil {
		return a
	}
	return d.named(d.domain() + `\` + user)
}

// domain is the server's own one.
func (d *directory) domain() string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var all []string
	for login := range d.logins {
		if domain, _, ok := strings.Cut(login, `\`); ok {
			all = append(all, domain)
		}
	}
	if len(all) == 0 {
		return "EXAMPLE"
	}
	return strings.ToUpper(slices.Min(all))
}
