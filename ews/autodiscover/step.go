package autodiscover

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
)

// A Protocol is how something was asked.
type Protocol string

// The protocols.
const (
	SOAP     Protocol = "soap"     // GetUserSettings ([MS-OXWSADISC])
	POX      Protocol = "pox"      // plain XML ([MS-OXDSCLI])
	JSON     Protocol = "json"     // "Autodiscover v2", which asks for no credential
	Redirect Protocol = "redirect" // a GET over http that is to be redirected
	SRV      Protocol = "srv"      // a look-up of SRV records
	Check    Protocol = "check"    // a look at what was found, without a credential
)

// A Step is one thing that was tried.
type Step struct {
	Protocol Protocol
	URL      string        // without its query; of SRV, the name that was looked up
	Address  string        // that was asked about
	Status   int           // of HTTP; 0 without an answer
	SignIn   string        // how a credential was shown, such as "Basic"; empty if none was
	Text     string        // what came, in words
	Err      error         // why it led no further; nil if it did
	Took     time.Duration // by Finder.Now
}

// String returns the step in one line.
func (st Step) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-8s %s:", st.Protocol, st.URL)
	if st.Status != 0 {
		fmt.Fprintf(&b, " %d,", st.Status)
	}
	what := st.Text
	if st.Err != nil {
		what = words(st.Err)
	}
	fmt.Fprintf(&b, " %s; ", cmp.Or(what, "nothing"))
	if st.SignIn == "" {
		b.WriteString("no credential shown")
	} else {
		fmt.Fprintf(&b, "credential shown (%s)", st.SignIn)
	}
	if st.Took > 0 {
		fmt.Fprintf(&b, "; %v", st.Took.Round(time.Millisecond))
	}
	return b.String()
}

// words returns an error without its op and kind, which every step would repeat.
func words(err error) string {
	if known, ok := err.(*provider.Error); ok && known.Err != nil {
		return known.Err.Error()
	}
	return err.Error()
}

// Trace returns the steps as a text for administrators, a line each.
func (r Result) Trace() string { return trace(r.Steps) }

func trace(steps []Step) string {
	var b strings.Builder
	for i, st := range steps {
		if i == 0 || st.Address != steps[i-1].Address {
			fmt.Fprintf(&b, "%s\n", wire.Quote(st.Address))
		}
		fmt.Fprintf(&b, "%3d  %s\n", i+1, st)
	}
	return b.String()
}

// An Error says in words why nothing was found. It is in the *provider.Error that Find
// returns.
type Error struct {
	Steps []Step

	// Confirm are the hosts that must be confirmed before anything is shown to
	// them, each once, in the order in which they came up.
	Confirm []Pending

	text  string
	cause error // of the step that matters most; may be nil
}

// A Pending is a host that waits to be confirmed.
type Pending struct {
	Host string
	Why  string // who names it, in words
	URL  string // what is named, without its query
}

// Error returns why nothing was found.
func (e *Error) Error() string { return e.text }

// Unwrap returns the error of the step that matters most.
func (e *Error) Unwrap() error { return e.cause }

// Trace returns the steps as a text for administrators, a line each.
func (e *Error) Trace() string { return trace(e.Steps) }

// shown returns a URL for people: without user, query and fragment, which may hold
// anything.
func shown(u *url.URL) string {
	return wire.Quote((&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String())
}
