package ewstest

import (
	"net/http"
	"time"

	"github.com/go-serversync/serversync/internal/loopback"
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
func (s *Server) SetFault(f ...Fault) { s.faults.Set(f) }

// Faulted returns how many requests each of the faults, in the order of SetFault, has had.
func (s *Server) Faulted() []int { return s.faults.Done() }

func (f *Fault) turns() loopback.Turns {
	return loopback.Turns{Skip: f.Skip, Every: f.Every, Chance: f.Chance, Times: f.Times}
}

// fault returns what is wrong with a request, nil if nothing is.
func (s *Server) fault(op, mailbox string) *Fault {
	return s.faults.Next(func(f *Fault) bool {
		return (f.Op == "" && op != "Autodiscover" || f.Op == op) && (f.Mailbox == "" || lowered(f.Mailbox) == mailbox)
	})
}
