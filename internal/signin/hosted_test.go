package signin

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/provider"
)

// A rude mechanism of a host's does one thing wrong.
type rude struct {
	begin    func(context.Context, provider.Peer) (provider.Exchange, error)
	start    func() (string, []byte, error)
	next     func([]byte) ([]byte, error)
	verified func() error
}

func (r *rude) Name() string { return "X-HOST" }

func (r *rude) Begin(ctx context.Context, p provider.Peer) (provider.Exchange, error) {
	if r.begin != nil {
		return r.begin(ctx, p)
	}
	return r, nil
}

func (r *rude) Start() (string, []byte, error) {
	if r.start != nil {
		return r.start()
	}
	return "X-HOST", nil, nil
}

func (r *rude) Next(challenge []byte) ([]byte, error) {
	if r.next != nil {
		return r.next(challenge)
	}
	return nil, nil
}

func (r *rude) Verified() error {
	if r.verified != nil {
		return r.verified()
	}
	return nil
}

// asking is a server that asks once and takes what it gets.
type asking struct {
	fake
	sent      [][]byte
	mechanism string
}

func (f *asking) Begin(mechanism, initial string) (Step, error) {
	f.mechanism, f.sent = mechanism, append(f.sent, given(initial))
	return Step{Challenge: encoded([]byte("who?"))}, nil
}

func (f *asking) Say(line string) (Step, error) {
	if line == "*" {
		return f.fake.Say(line)
	}
	f.sent = append(f.sent, said(line))
	return Step{Done: true}, nil
}

func runRude(ctx context.Context, t *testing.T, r *rude) (*asking, error) {
	t.Helper()
	s, err := New("test: AUTH", account(func(a *provider.Account) { a.Mechanisms = []provider.Mechanism{r} }), every...)
	require.NoError(t, err)
	require.NoError(t, s.Choose(Server{Service: "imap", Offered: []string{"X-HOST"}, Secure: true}))
	f := &asking{}
	_, err = s.Run(ctx, f)
	return f, err
}

// A mechanism of the host's that fails in whatever way is an error of ours, which shows
// no password, and nothing beyond measure or of another mechanism goes to the server.
func TestP6RudeMechanisms(t *testing.T) {
	known := func(kind provider.Kind) error {
		return &provider.Error{Op: "guest", Kind: kind, Code: canary, Remedy: "do not use " + canary, Err: errors.New("not with " + canary)}
	}
	for name, tt := range map[string]struct {
		rude rude
		kind provider.Kind
	}{
		"panics in Begin":            {rude{begin: func(context.Context, provider.Peer) (provider.Exchange, error) { panic("oh " + canary) }}, provider.ErrUnavailable},
		"panics in Start":            {rude{start: func() (string, []byte, error) { panic("oh " + canary) }}, provider.ErrUnavailable},
		"panics in Next":             {rude{next: func([]byte) ([]byte, error) { panic(errors.New("oh " + canary)) }}, provider.ErrUnavailable},
		"panics in Verified":         {rude{verified: func() error { panic(canary) }}, provider.ErrUnsafe},
		"no exchange":                {rude{begin: func(context.Context, provider.Peer) (provider.Exchange, error) { return nil, nil }}, provider.ErrUnavailable},
		"an exchange that is nil":    {rude{begin: func(context.Context, provider.Peer) (provider.Exchange, error) { return (*rude)(nil), nil }}, provider.ErrUnavailable},
		"tells in Begin":             {rude{begin: func(context.Context, provider.Peer) (provider.Exchange, error) { return nil, known(provider.ErrUnsafe) }}, provider.ErrUnsafe},
		"tells in Start":             {rude{start: func() (string, []byte, error) { return "", nil, known(provider.ErrUnsafe) }}, provider.ErrUnsafe},
		"tells in Next":              {rude{next: func([]byte) ([]byte, error) { return nil, known(provider.ErrAuth) }}, provider.ErrAuth},
		"tells in Verified":          {rude{verified: func() error { return known(provider.ErrUnsafe) }}, provider.ErrUnsafe},
		"an initial response of 10M": {rude{start: func() (string, []byte, error) { return "X-HOST", make([]byte, 10<<20), nil }}, provider.ErrTooLarge},
		"a response of 10M":          {rude{next: func([]byte) ([]byte, error) { return make([]byte, 10<<20), nil }}, provider.ErrTooLarge},
		"another mechanism":          {rude{start: func() (string, []byte, error) { return "PLAIN", []byte("\x00anna\x00" + canary), nil }}, provider.ErrUnavailable},
		"a line end":                 {rude{start: func() (string, []byte, error) { return "X-HOST\r\nx LOGIN a b", nil, nil }}, provider.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := runRude(t.Context(), t, &tt.rude)
			wantKind(t, tt.kind, err)
			var e *provider.Error
			require.ErrorAs(t, err, &e)
			require.NotContains(t, e.Error()+e.Remedy+e.Code, canary)
			require.Contains(t, []string{"", "X-HOST"}, f.mechanism)
			for _, b := range f.sent {
				require.Less(t, len(b), 1<<20)
				require.False(t, bytes.Contains(b, []byte(canary)))
			}
		})
	}
}

// P3: a mechanism that waits for somebody ends with the context.
func TestP3WaitingMechanism(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	mine := errors.New("enough")
	began := time.Now()
	_, err := runRude(ctx, t, &rude{begin: func(ctx context.Context, _ provider.Peer) (provider.Exchange, error) {
		cancel(mine)
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	require.Equal(t, mine, err)
	require.Less(t, time.Since(began), time.Minute)
}

// An error that a mechanism gives to everybody is nobody's to change.
func TestSharedErrors(t *testing.T) {
	shared := &provider.Error{Kind: provider.ErrUnsafe, Err: errors.New("no")}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			_, err := runRude(t.Context(), t, &rude{next: func([]byte) ([]byte, error) { return nil, shared }})
			wantKind(t, provider.ErrUnsafe, err)
			require.Equal(t, "test: AUTH", err.(*provider.Error).Op)
		})
	}
	wg.Wait()
	require.Empty(t, shared.Op)
}
