package s2stest

import (
	"maps"
	"strings"
	"time"
)

// Counts is what an issuer has been asked for.
type Counts struct {
	Requests int            // for tokens
	Tokens   int            // that were given, also where the answer was lost
	By       map[string]int // requests for tokens by tenant and client id, such as "a1b2…/c3d4…"
	Refused  map[string]int // by why: "AADSTS700027", or a word where Entra's number is not known, such as "replay"
	Visits   map[Place]int  // of other endpoints

	InFlight int // requests for tokens under way
	Most     int // the most that were under way at once

	Assertions int // that requests brought
	Distinct   int // those believed, by their jti
	Federated  int // those of other issuers that were believed

	Longest time.Duration // the longest that an assertion of an application's own was still good when it came
}

// Counts returns what it has been asked for so far.
func (i *Issuer) Counts() Counts {
	i.mu.Lock()
	defer i.mu.Unlock()
	c := i.counts
	c.By, c.Refused, c.Visits = maps.Clone(c.By), maps.Clone(c.Refused), maps.Clone(c.Visits)
	return c
}

// RequestsOf returns how many requests for tokens an application has made in a tenant, in all tenants
// for "".
func (i *Issuer) RequestsOf(tenant, id string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	if tenant != "" {
		return i.counts.By[i.account(tenant, id)]
	}
	n := 0
	for name, times := range i.counts.By {
		if strings.HasSuffix(name, "/"+strings.ToLower(id)) {
			n += times
		}
	}
	return n
}

// account is under which name requests are counted. i.mu is held.
func (i *Issuer) account(tenant, id string) string {
	if t := i.dir.tenant(tenant); t != nil {
		tenant = t.ID
	}
	return strings.ToLower(tenant + "/" + id)
}

// enter counts a request that begins, and returns what counts its end.
func (i *Issuer) enter(q *request) func() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.counts.Requests++
	i.counts.By[i.account(q.tenant, q.id)]++
	i.counts.InFlight++
	i.counts.Most = max(i.counts.Most, i.counts.InFlight)
	return func() {
		i.mu.Lock()
		i.counts.InFlight--
		i.mu.Unlock()
	}
}
