package s2stest

import (
	"net/http"
	"strings"
	"time"

	"github.com/go-serversync/serversync/internal/loopback"
)

// A Place is one of the issuer's endpoints.
type Place string

// The places.
const (
	Token         Place = "" // both versions of it
	Discovery     Place = "discovery"
	KeySet        Place = "keys"
	Instance      Place = "instance"
	IdentityPoint Place = "identity" // of managed identities
)

// A Fault is how an issuer misbehaves, and with which requests. The zero Fault does not. The functions
// that return Faults, such as [Throttled], give those that issuers have in the field; a caller adds which
// requests they are for.
type Fault struct {
	// The requests: all that fit. Of those the first Skip pass, then every Every-th fails, or each with
	// the probability Chance, until Times of them have.
	Place       Place
	Tenant      string // by id or domain; "" is any
	Application string // by client id; "" is any
	Skip        int
	Every       int     // Default: 1
	Chance      float64 // Default: 1
	Times       int     // Default: no end

	// Before anything else, or until the client has gone or the issuer is closed.
	Delay time.Duration
	Until <-chan struct{} // held until it is closed

	// After makes the issuer do what it was asked for all the same, so that only the answer is lost or
	// wrong.
	After bool

	// The answer, by the first of these that is set. Without any it is the right one.
	Hang   bool                      // none, ever
	Lose   bool                      // none: the connection is closed
	Write  func(http.ResponseWriter) // whatever it writes
	Code   int                       // a refusal with AADSTS and this number, with Text and Claims
	Error  string                    // a refusal with this error (RFC 6749, section 5.2). Default: Code's
	Status int                       // of HTTP, of a refusal too, with Header and Body

	Header http.Header    // also of an answer that is right otherwise
	Body   string         //
	Text   string         // {assertion} and {secret} stand for what the request has
	Claims string         // a claims challenge
	Set    map[string]any // what is different in an answer that would be right; nil takes it away
}

// SetFault makes the issuer misbehave as all of these say, and no longer as those before. The first that
// fits a request is the one that it gets.
func (i *Issuer) SetFault(f ...Fault) { i.faults.Set(f) }

// Faulted returns how many requests each of the faults, in the order of SetFault, has had.
func (i *Issuer) Faulted() []int { return i.faults.Done() }

func (f *Fault) turns() loopback.Turns {
	return loopback.Turns{Skip: f.Skip, Every: f.Every, Chance: f.Chance, Times: f.Times}
}

// fault returns what is wrong with a request, nil if nothing is.
func (i *Issuer) fault(place Place, in, id string) *Fault {
	same := func(a, b string) bool {
		i.mu.Lock()
		defer i.mu.Unlock()
		t := i.dir.tenant(a)
		return strings.EqualFold(a, b) || b != "" && t != nil && t == i.dir.tenant(b)
	}
	return i.faults.Next(func(f *Fault) bool {
		return f.Place == place && (f.Tenant == "" || same(f.Tenant, in)) && (f.Application == "" || strings.EqualFold(f.Application, id))
	})
}

// wait holds a request as long as a fault says.
func (i *Issuer) wait(req *http.Request, f *Fault) {
	if f.Until != nil {
		hold(i, req, f.Until)
	}
	if f.Delay > 0 {
		t := time.NewTimer(f.Delay)
		defer t.Stop()
		hold(i, req, t.C)
	}
}

// refuses reports whether the answer is a refusal in Entra's words.
func (f *Fault) refuses() bool { return f.Code != 0 || f.Error != "" }

// plain reports whether f needs nothing of the answer that would be right.
func (f *Fault) plain() bool {
	return f.Hang || f.Lose || f.Write != nil || f.Status != 0 && !f.refuses()
}

// right reports whether f needs the answer that would be right.
func (f *Fault) right() bool { return !f.plain() && !f.refuses() }
