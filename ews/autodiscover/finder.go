package autodiscover

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/go-serversync/serversync/provider"
)

// A Resolver looks names up. *net.Resolver is one.
type Resolver interface {
	LookupSRV(ctx context.Context, service, proto, name string) (cname string, records []*net.SRV, err error)
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// A Finder finds web services, and remembers for a day what it has found. The zero Finder
// is ready for use. Many goroutines use it at once. It must not be copied or changed
// once it is used.
type Finder struct {
	// TLSConfig gives roots. Default: the system's. The server's name and the least version,
	// TLS 1.2, are set whatever it says.
	TLSConfig *tls.Config

	// Limits bounds what a server may make us hold, and how long it may take.
	Limits provider.Limits

	// Resolver looks names up. Default: the system's.
	Resolver Resolver

	// Allowed are hosts, or domains in which every host, may see the address and the
	// credential of any mailbox, besides those in its own domain, such as those of the
	// organization's hoster. Microsoft's own are allowed for profiles of Exchange Online.
	Allowed []string

	// Confirm is asked, once in a search, about a host that is neither in the mailbox's domain
	// nor allowed, and says whether it may see address and credential. why tells in words
	// who names it. Default: none may, and an [Error] tells which wait for it.
	Confirm func(ctx context.Context, host, why string) bool

	// Online is the host that is asked about mailboxes of Exchange Online. Default:
	// outlook.office365.com; sovereign clouds have their own, such as outlook.office365.us.
	Online string

	// UserAgent is what we call ourselves. Default: "serversync".
	UserAgent string

	// Timeout bounds one search. Default: a minute.
	Timeout time.Duration

	// Logger gets what is worth an operator's attention. Default: none.
	Logger *slog.Logger

	// Now tells the time. Default: time.Now.
	Now func() time.Time

	cache cache
}

// A Result is where a mailbox's web services are.
type Result struct {
	// URL is where they are, such as https://mail.example.com/EWS/Exchange.asmx.
	URL string

	// Address is the mailbox's address as its server has it. It is another than the one that
	// was asked about where a server said so, as after a move to another organization.
	Address string

	// GroupingInformation names the group of servers that the mailbox is on. Mailboxes that have
	// URL and GroupingInformation in common may share a connection for notifications
	// (Microsoft: "How to: Maintain affinity between a group of subscriptions and the
	// Mailbox server in Exchange"). Empty if the server did not tell.
	GroupingInformation string

	// Schemas are the versions of requests that the server takes, such as "Exchange2013_SP1",
	// and Version is its own, such as "15.2.1118". Empty if it did not tell.
	Schemas []string
	Version string

	// Steps are what was tried, in order, and Time when. Remembered says that it was an
	// earlier search.
	Steps      []Step
	Time       time.Time
	Remembered bool

	sure bool // somebody answers at URL
}

// How long a result is believed, as Microsoft advises ("Autodiscover for Exchange": where
// nothing fails, look again after a day), and how long a failure is.
const (
	keepFound  = 24 * time.Hour
	keepFailed = time.Minute
)

// Find returns where the web services of a's mailbox are. The Result has its Steps and Time also with
// an error, which is ctx's own or an *provider.Error:
//
//   - ErrUnsafe where a host must be confirmed, the address is none, or an answer is not to
//     be followed; also where every server is somebody else by its certificate
//   - ErrAuth where the sign-in was refused
//   - ErrNotFound where no server is found, or none knows the mailbox
//   - ErrUnavailable, ErrThrottled where it cannot be found out now
//   - ErrUnsupported where the profile's way to sign in is none for web servers
//
// Unless it failed before anything was asked, it has an *[Error] in it.
func (f *Finder) Find(ctx context.Context, a provider.Account) (Result, error) {
	s, err := f.search(a)
	if err != nil {
		return Result{}, err
	}
	k, password := keyOf(a), passwordOf(a)
	for {
		known, flight, leads := f.cache.get(k, password, s.now())
		switch {
		case known != nil:
			result := known.result
			result.Remembered = true
			return result, known.err
		case leads:
			return f.lead(ctx, k, flight, s)
		}
		select {
		case <-flight.done:
			if flight.usable(password) {
				return flight.result, flight.err
			}
		case <-ctx.Done():
			return Result{}, context.Cause(ctx)
		}
	}
}

// lead makes the search for which others may be waiting.
func (f *Finder) lead(ctx context.Context, k key, flight *flight, s *search) (Result, error) {
	var keep time.Duration
	defer func() { f.cache.land(k, flight, s.now().Add(keep), keep > 0) }()
	flight.password = passwordOf(s.account)
	flight.result, flight.err = s.run(ctx)
	var told *Error
	switch {
	case flight.err == nil && flight.result.sure:
		keep = keepFound
	case flight.err == nil:
		keep = keepFailed
	case !errors.As(flight.err, &told): // a context's end
		flight.gone = true
	case f.Confirm == nil || len(told.Confirm) == 0: // else the answer may be another at once
		keep = keepFailed
	}
	f.tell(s, flight)
	return flight.result, flight.err
}

// tell logs how a search ended.
func (f *Finder) tell(s *search, flight *flight) {
	if f.Logger == nil || flight.gone {
		return
	}
	log := f.Logger.With("mailbox", s.account.Mailbox.Key.String())
	if flight.err != nil {
		log.Warn("autodiscover found nothing", "error", flight.err)
		return
	}
	log.Info("autodiscover found the web services", "url", flight.result.URL, "steps", len(flight.result.Steps))
}

// Forget makes the next Find search anew for every mailbox with this address, such as when its
// server says that it has moved. A search that is under way is not remembered.
func (f *Finder) Forget(address string) { f.cache.forget(address) }

func (f *Finder) clock() func() time.Time {
	if f.Now != nil {
		return f.Now
	}
	return time.Now
}

func (f *Finder) timeout() time.Duration { return cmp.Or(f.Timeout, time.Minute) }

func fail(kind provider.Kind, remedy, words string) *provider.Error {
	return &provider.Error{Op: op, Kind: kind, Remedy: remedy, Err: errors.New(words)}
}

const op = "autodiscover"
