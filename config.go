package serversync

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"time"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// Config sets up a Syncer. Store, Drivers and Mailboxes are required; the zero
// value of every other field means its default.
type Config struct {
	// Store keeps what is found and how far it got. Required.
	Store Store

	// Drivers serve the protocols of the profiles. A host links only the drivers
	// that it names. Required.
	Drivers map[profile.Protocol]provider.Driver

	// Tokens give access tokens, by the credentials of the endpoints that need them:
	// [profile.OAuth] what people consented to, as package oauth does,
	// [profile.ServerToServer] what an application may have. Default: none; such
	// endpoints are ErrUnsupported.
	Tokens map[profile.Credentials]provider.TokenSource

	// Mechanisms are ways to sign in to mail servers that drivers do not have by
	// themselves, such as those of packages auth/kerberos and auth/ntlm, the
	// preferred first. Default: none.
	Mechanisms []provider.Mechanism

	// Mailboxes tells whom to synchronize. Required, unless the Store has the
	// capability. See [Static].
	Mailboxes Mailboxes

	// Organizations tells the settings of organizations, which say whose mailboxes
	// have to be approved, tested and enabled before they are worked on. Default:
	// none; the host is in charge, and every mailbox that it describes is worked on.
	Organizations Organizations

	// Policy is what the host allows profiles to ask for. The zero Policy is a
	// cloud host's: TLS always, public addresses only.
	Policy profile.Policy

	// Tracking has the library's own rules decide which new messages are tracked, and
	// what they belong to. Default: Filter decides.
	Tracking *Tracking

	// Filter decides which new messages are tracked. Default: all of them. It is not
	// for use beside Tracking.
	Filter Filter

	// Retry says how failures are met. Its zero value means its own defaults.
	Retry mailbox.Retry

	// Sending says how mail is sent. Its zero value means its own defaults.
	Sending Sending

	// SendAs says whether a mailbox may send in the name of an address that is neither
	// its own nor one of its aliases. Default: it may not.
	SendAs func(ctx context.Context, key mailbox.Key, from string) (SendAs, error)

	// Limits bounds what a message's structure may make us hold.
	Limits item.Limits

	// PollInterval is the time from one cycle of a mailbox to the next, 1 second
	// or more, spread by a tenth either way. Default: 5 minutes.
	PollInterval time.Duration

	// IdleInterval is the longest time between two looks at a mailbox in which
	// nothing happens. After three looks that found nothing PollInterval is
	// stretched by half with each further one, up to this; mail in or out, flags,
	// acts, a notice of the server's and [Syncer.Nudge] begin anew. So mail that a
	// host puts into the outbox without a nudge may wait as long. Not more than
	// PollInterval: no stretching. Default: 15 minutes.
	IdleInterval time.Duration

	// FullInterval is how often every id of a folder is listed, on mail systems
	// that do not report deletions. Default: 1 hour. Negative: never.
	FullInterval time.Duration

	// BatchItems and BatchBytes bound what is committed at once. Default: 50
	// messages and 4 MiB; a single message may be larger.
	BatchItems int
	BatchBytes int64

	// ItemTries is how often an item that cannot be read is tried before it is
	// quarantined. Default: 5.
	ItemTries int

	// Workers is how many mailboxes are worked on at once, 1 to 10,000. Default: 8
	// for each CPU.
	Workers int

	// OrganizationShare is how many of one organization's mailboxes are worked on
	// at once. Default: half of Workers, at least 1.
	OrganizationShare int

	// Requests bounds how many calls of the drivers are made. Default: no bound.
	Requests Requests

	// Dials is how many sessions are being opened at once, of which one side of a
	// profile gets at most half, so that a server that does not answer leaves some
	// to the others. Default: 50.
	Dials int

	// IdleSessions is how many sessions are kept open between cycles. Default:
	// 100. Negative: none.
	IdleSessions int

	// Notified is how many mailboxes are watched for news between cycles, which
	// takes a connection each on most mail systems. One that may have only one
	// connection is not watched, and of the connections of an account that
	// mailboxes share half are left for polls. Default: 100. Negative: none.
	Notified int

	// CycleTimeout ends a cycle at the next commit. Default: 15 minutes.
	CycleTimeout time.Duration

	// Drain is how long cycles under way may go on once Run takes no more.
	// Default: 10 seconds. Negative: they are cut off at once.
	Drain time.Duration

	// Lease is for how long a cycle leases its mailbox, where several nodes share
	// the Store and it has [Leases]. Default: no lease; nothing is lost or doubled
	// without one, but work may be done twice.
	Lease time.Duration

	// Node names this process in claims and leases. Default: a random name.
	Node string

	// Logger gets a line for what is worth an operator's attention. Default: none.
	Logger *slog.Logger

	// Hooks are called as things happen.
	Hooks Hooks

	// Clock and Random are where time and chance come from. Default: the system.
	// Random returns 64 random bits and is called by many goroutines.
	Clock  Clock
	Random func() uint64
}

func (c Config) withDefaults() Config {
	if c.Mailboxes == nil {
		c.Mailboxes, _ = StoreAs[Mailboxes](c.Store)
	}
	c.Retry = c.Retry.WithDefaults()
	c.Sending = c.Sending.withDefaults()
	c.Limits = c.Limits.WithDefaults()
	c.PollInterval = cmp.Or(c.PollInterval, 5*time.Minute)
	c.IdleInterval = cmp.Or(c.IdleInterval, 15*time.Minute)
	c.Dials = cmp.Or(c.Dials, 50)
	c.FullInterval = cmp.Or(c.FullInterval, time.Hour)
	c.BatchItems = cmp.Or(c.BatchItems, 50)
	c.BatchBytes = cmp.Or(c.BatchBytes, 4<<20)
	c.ItemTries = cmp.Or(c.ItemTries, 5)
	c.Workers = cmp.Or(c.Workers, 8*runtime.GOMAXPROCS(0))
	c.OrganizationShare = cmp.Or(c.OrganizationShare, max(1, c.Workers/2))
	c.IdleSessions = cmp.Or(c.IdleSessions, 100)
	c.Notified = cmp.Or(c.Notified, 100)
	c.CycleTimeout = cmp.Or(c.CycleTimeout, 15*time.Minute)
	c.Drain = cmp.Or(c.Drain, 10*time.Second)
	c.Logger = cmp.Or(c.Logger, slog.New(slog.DiscardHandler))
	if c.Clock == nil {
		c.Clock = systemClock{}
	}
	if c.Random == nil {
		c.Random = systemRandom
	}
	return c
}

// validate reports everything that is wrong with c, not only the first thing.
func (c Config) validate() error {
	var errs []error
	wrong := func(is bool, format string, args ...any) {
		if is {
			errs = append(errs, fmt.Errorf("serversync: Config."+format, args...))
		}
	}
	wrong(c.Store == nil, "Store is nil")
	wrong(len(c.Drivers) == 0, "Drivers is empty: name at least one protocol's driver")
	wrong(c.Tracking != nil && c.Filter != nil, "Tracking and Filter are both set: use one")
	wrong(c.Tracking != nil && c.Tracking.Addresses == nil, "Tracking.Addresses is nil: it resolves addresses to records")
	wrong(c.Mailboxes == nil, "Mailboxes is nil and the Store cannot tell the mailboxes either")
	wrong(c.Policy.Proxy.Err() != nil, "Policy.%v", c.Policy.Proxy.Err())
	wrong(c.PollInterval < time.Second, "PollInterval is %v, want 1s or more", c.PollInterval)
	wrong(c.BatchItems < 1 || c.BatchItems > 1000, "BatchItems is %d, want 1 to 1000", c.BatchItems)
	wrong(c.BatchBytes < 1, "BatchBytes is %d, want 1 or more", c.BatchBytes)
	wrong(c.ItemTries < 1, "ItemTries is %d, want 1 or more", c.ItemTries)
	wrong(c.Workers < 1 || c.Workers > 10_000, "Workers is %d, want 1 to 10000", c.Workers)
	wrong(c.IdleInterval < 0, "IdleInterval is %v, want 0 or more", c.IdleInterval)
	wrong(c.Dials < 1, "Dials is %d, want 1 or more", c.Dials)
	wrong(c.Requests.Organization < 0, "Requests.Organization is %d, want 0 or more", c.Requests.Organization)
	wrong(c.Requests.Profile < 0, "Requests.Profile is %d, want 0 or more", c.Requests.Profile)
	wrong(c.Requests.Mailbox < 0, "Requests.Mailbox is %d, want 0 or more", c.Requests.Mailbox)
	wrong(c.OrganizationShare < 1, "OrganizationShare is %d, want 1 or more", c.OrganizationShare)
	wrong(c.CycleTimeout < time.Second, "CycleTimeout is %v, want 1s or more", c.CycleTimeout)
	wrong(c.Lease < 0, "Lease is %v, want 0 or more", c.Lease)
	for _, protocol := range slices.Sorted(maps.Keys(c.Drivers)) {
		wrong(c.Drivers[protocol] == nil, "Drivers[%q] is nil", protocol)
	}
	for _, fault := range c.faultsOfSignIn() {
		wrong(true, "%s", fault)
	}
	wrong(c.Sending.Claim < 0, "Sending.Claim is %v, want 0 or more", c.Sending.Claim)
	wrong(c.Sending.GiveUp < 0, "Sending.GiveUp is %v, want 0 or more", c.Sending.GiveUp)
	wrong(c.Sending.Settle < 0, "Sending.Settle is %v, want 0 or more", c.Sending.Settle)
	if c.Lease > 0 && c.Store != nil {
		_, ok := StoreAs[Leases](c.Store)
		wrong(!ok, "Lease is set but the Store has no Leases")
	}
	return errors.Join(errs...)
}

// Sending says how mail is sent. The zero value of a field means its default.
type Sending struct {
	Claim  time.Duration // how long an entry is claimed for one try. Default: 30 minutes
	GiveUp time.Duration // how long after it was queued a deferred entry is given up, if it was tried Config.ItemTries times. Default: 5 days (RFC 5321, section 4.5.4.1)

	// Resend sends an entry again whose fate could not be found out, at the risk
	// of sending it twice. Default: it is held for a person.
	Resend bool

	// Settle is how long to wait before looking for a message whose fate is not
	// known, a little longer each of three times. Default: 30 seconds.
	Settle time.Duration

	// NoCopy leaves out the copy in the mailbox's folder of sent mail.
	NoCopy bool
}

func (s Sending) withDefaults() Sending {
	s.Claim = cmp.Or(s.Claim, 30*time.Minute)
	s.GiveUp = cmp.Or(s.GiveUp, 5*24*time.Hour)
	s.Settle = cmp.Or(s.Settle, 30*time.Second)
	return s
}
