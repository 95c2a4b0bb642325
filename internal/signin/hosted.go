package signin

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
)

// maxResponse is how much of ours a server gets at once. The largest there is to say
// are tokens and Kerberos's tickets, of at most 64 KiB each.
const maxResponse = 128 << 10

var (
	errPanicked = errors.New("the host's mechanism failed")
	errNothing  = errors.New("the host's mechanism gives no exchange")
	errRenamed  = errors.New("the host's mechanism begins as another one")
	errResponse = errors.New("the host's mechanism answers with more than 128 KiB")
)

// A visitor is an exchange of a mechanism of the host's, which the library did not write
// and may have any fault.
type visitor struct {
	s     *SignIn
	name  string
	inner provider.Exchange
}

// contain runs what is the host's. A panic is an error: it must not end a process that
// serves others.
func (s *SignIn) contain(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %s", errPanicked, wire.Quote(fmt.Sprint(r)))
			if s.Repeats(fmt.Sprint(r)) {
				err = errPanicked
			}
		}
	}()
	return f()
}

// broken says that the fault is the host's mechanism's.
func (s *SignIn) broken(err error) error {
	return s.fail(provider.ErrUnavailable, "whoever runs this service must look at the mechanism", err)
}

// host begins a mechanism of the host's.
func (s *SignIn) host(ctx context.Context, m mechanism) (provider.Exchange, error) {
	g := &visitor{s: s, name: m.name}
	err := s.contain(func() (err error) {
		g.inner, err = m.host.Begin(ctx, s.peer())
		return err
	})
	switch {
	case errors.Is(err, errPanicked):
		return nil, s.broken(err)
	case err != nil:
		return nil, s.foreign(ctx, err)
	case g.inner == nil:
		return nil, s.broken(errNothing)
	}
	return g, nil
}

func (g *visitor) Start() (name string, first []byte, err error) {
	err = g.s.contain(func() (err error) {
		name, first, err = g.inner.Start()
		return err
	})
	if err == nil && !strings.EqualFold(name, g.name) {
		err = g.s.broken(errRenamed) // of which nobody has asked whether it is allowed
	}
	return g.name, first, g.fault(first, err)
}

func (g *visitor) Next(challenge []byte) (response []byte, err error) {
	err = g.s.contain(func() (err error) {
		response, err = g.inner.Next(challenge)
		return err
	})
	return response, g.fault(response, err)
}

func (g *visitor) fault(said []byte, err error) error {
	switch {
	case errors.Is(err, errPanicked):
		return g.s.broken(err)
	case err == nil && len(said) > maxResponse:
		return g.s.fail(provider.ErrTooLarge, "", errResponse)
	}
	return err
}

// Verified returns nil for a mechanism that has the server prove nothing.
func (g *visitor) Verified() error {
	v, ok := g.inner.(interface{ Verified() error })
	if !ok {
		return nil
	}
	return g.s.contain(v.Verified)
}
