package ewstest

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"
)

// A Fault is how a server misbehaves, and with which requests. The zero Fault does not. The functions
// that return Faults, such as [Busy], give those that servers have in the field; a caller adds which
// requests they are for.
type Fault struct {
	// The requests: all that fit. Of those the first Skip pass, then every Every-th fails, or
	// each with the probability Chance, until Times of them have.
	Op      string // such as "GetItem"; "Autodiscover" for autodiscovery
	Mailbox string // whose rights count; with autodiscovery who is asked about
	Skip    int
	Every   int     // Default: 1
	Chance  float64 // Default: 1
	Times   int     // Default: no end

	// Before anything else.
	Delay time.Duration // or until the client has gone

	// After makes the server do what it was asked for all the same, so that only the answer is
	// lost or wrong.
	After bool

	// The answer, by the first of these that is set. Without any it is the right one, with
	// what comes below done to it.
	Hang   bool                      // none, ever
	Lose   bool                      // none: the connection is closed
	Status int                       // of HTTP, with Header and Body
	Code   string                    // a fault, such as "ErrorServerBusy", with Text and Values
	Write  func(http.ResponseWriter) // whatever it writes

	Header http.Header
	Body   string
	Text   string
	Values map[string]string // of MessageXml

	// Item makes Code that of the Item-th ResponseMessage alone, counted from 1, and with Rest of
	// all behind it too. Those are not done, unless After says so.
	Item int
	Rest bool

	// What is done to an answer that would be right.
	Messages int               // it has so many ResponseMessages too many, or too few if negative
	Insert   map[string]string // XML, or what is none, at the beginning of elements with these local names
	Prolog   string            // before the envelope
	Cut      int               // the connection is closed after so many bytes of it
}

// SetFault makes the server misbehave as all of these say, and no longer as those before. The first
// that fits a request is the one that it gets.
func (s *Server) SetFault(f ...Fault) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.list = nil
	for _, one := range f {
		s.faults.list = append(s.faults.list, &armed{Fault: one})
	}
}

// Faulted returns how many requests each of the faults, in the order of SetFault, has had.
func (s *Server) Faulted() []int {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	n := make([]int, len(s.faults.list))
	for i, f := range s.faults.list {
		n[i] = f.done
	}
	return n
}

// An armed fault counts.
type armed struct {
	Fault
	fit, done int
}

type faults struct {
	mu   sync.Mutex
	list []*armed
	rng  *rand.Rand
}

// source returns a source of chance that follows from the seed and from how often it was
// called.
func (f *faults) source() *rand.Rand {
	f.mu.Lock()
	defer f.mu.Unlock()
	return rand.New(rand.NewPCG(f.rng.Uint64(), 0))
}

// next returns what is wrong with a request, nil if nothing is.
func (f *faults) next(op, mailbox string) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.list, func(a *armed) bool {
		return (a.Op == "" && op != "Autodiscover" || a.Op == op) && (a.Mailbox == "" || lowered(a.Mailbox) == mailbox) && a.strikes(f.rng)
	})
	if i < 0 {
		return nil
	}
	return &f.list[i].Fault
}

func (a *armed) strikes(rng *rand.Rand) bool {
	if a.Times > 0 && a.done == a.Times {
		return false
	}
	a.fit++
	n := a.fit - a.Skip
	if n <= 0 || a.Every > 1 && n%a.Every != 0 || a.Chance > 0 && rng.Float64() >= a.Chance {
		return false
	}
	a.done++
	return true
}
