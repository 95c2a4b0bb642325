package providertest

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// Server is a mail system in memory. It makes the mailboxes that are asked for,
// each with the folders INBOX, Sent and Trash, POP3Like with INBOX alone. It is
// safe for use by many goroutines and does no I/O.
//
// Set the fields before the first session is opened; the hooks may keep state of
// their own and are called by many goroutines at once.
type Server struct {
	// Fault, if not nil, sees each call first and says what becomes of it.
	Fault func(Call) Outcome

	// Latency is how long each call takes, on a timer of package time.
	Latency time.Duration

	// Recipient, if not nil, says what becomes of a recipient: StatusSent,
	// StatusRejected or StatusRetry. Default: every one is accepted.
	Recipient func(address string) provider.Status

	// Now gives the time of receipt. Default: time.Now.
	Now func() time.Time

	// KeepRounds is how many rounds with news a GraphLike cursor outlives.
	// Default: 10.
	KeepRounds int

	// Memory is the size up to which a message is given as a Blob that lies in
	// memory. A larger one can only be read, and counts as held until it is
	// released. Default: 1 MiB; negative: every message is larger.
	Memory int64

	manner manner
	boxes  sync.Map // mailbox.Key to *box
	calls  atomic.Int64
	open   atomic.Int64
	peak   atomic.Int64
	held   atomic.Int64

	mu     sync.Mutex
	sent   []SentMessage
	misuse []string
}

// NewServer returns a server without mail.
func NewServer(t Temperament) *Server { return &Server{manner: t.manner()} }

// Driver returns the driver that opens sessions with s; it is s itself.
func (s *Server) Driver() provider.Driver { return s }

// Open begins a session with the mailbox that a names. Any user and password do.
// The session is a Source, Actor, Finder, Filer and Sender; see [POP3Like] and
// [EWSLike] for the exceptions.
func (s *Server) Open(ctx context.Context, a provider.Account) (provider.Provider, error) {
	p := &session{server: s, box: s.box(a.Mailbox.Key)}
	if err := p.reach(ctx, a, OpOpen, provider.StageSignIn); err != nil {
		return nil, err
	}
	p.breaks, p.top = p.box.breaks.Load(), p.box.given()
	open := s.open.Add(1)
	for peak := s.peak.Load(); open > peak && !s.peak.CompareAndSwap(peak, open); peak = s.peak.Load() {
	}
	switch {
	case s.manner.plain:
		return plain{p}, nil
	case s.manner.settles:
		return settling{full{p}}, nil
	}
	return full{p}, nil
}

// Probe goes as far as Open does without signing in. The mailbox that a names need
// not be one of the server's.
func (s *Server) Probe(ctx context.Context, a provider.Account) error {
	p := &session{server: s, box: &box{key: a.Mailbox.Key, manner: s.manner}}
	return p.reach(ctx, a, OpProbe, provider.StageCapabilities)
}

// Calls returns how many calls there were.
func (s *Server) Calls() int64 { return s.calls.Load() }

// Sessions returns how many sessions are open, and how many were at most.
func (s *Server) Sessions() (open, peak int) { return int(s.open.Load()), int(s.peak.Load()) }

// Held returns how many blobs that do not lie in memory were given and not yet
// released.
func (s *Server) Held() int { return int(s.held.Load()) }

// Misuse returns what callers did that they must not: use one session from two
// goroutines at once, or after its Close.
func (s *Server) Misuse() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.misuse)
}

func (s *Server) blame(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.misuse = append(s.misuse, what)
}

func (s *Server) now() time.Time {
	if s.Now != nil {
		return s.Now().UTC()
	}
	return time.Now().UTC()
}

// box returns the mailbox named by key, and makes it if need be.
func (s *Server) box(key mailbox.Key) *box {
	if b, ok := s.boxes.Load(key); ok {
		return b.(*box)
	}
	b, _ := s.boxes.LoadOrStore(key, newBox(key, s.manner))
	return b.(*box)
}
