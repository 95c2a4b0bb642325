package kerberos

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/jcmturner/gokrb5/v8/messages"

	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
)

// An asker asks the KDCs of a configuration.
type asker struct {
	conf *realms
	dial func(ctx context.Context, network, address string) (net.Conn, error)
	now  func() time.Time
}

func (c *Client) asker(conf *realms) *asker {
	a := &asker{conf: conf, dial: c.Dial, now: c.now}
	if a.now == nil {
		a.now = time.Now
	}
	if a.dial == nil {
		a.dial = new(net.Dialer).DialContext
	}
	return a
}

const (
	// kdcTimeout bounds what one KDC may take, connection and answer. It has nothing to
	// do but to look something up.
	kdcTimeout = 10 * time.Second

	// maxKDCs is how many of a realm's KDCs are asked before it is given up.
	maxKDCs = 4

	// maxAnswer bounds an answer. A ticket of Active Directory lists the user's groups,
	// which makes 64 KiB of it at the most.
	maxAnswer = 256 << 10
)

var (
	errNoKDC     = errors.New("the realm's KDCs are not known")
	errHugeReply = errors.New("the KDC's answer is too large")
	errReferrals = errors.New("the KDCs send us from realm to realm")
)

// exchange sends a message to a realm's KDC and returns the answer (RFC 4120, section
// 7.2.2). An answer that is an error is a code.
func (a *asker) exchange(ctx context.Context, realm string, message []byte) ([]byte, error) {
	addrs, err := a.kdcs(ctx, realm)
	if err != nil {
		return nil, err
	}
	for _, addr := range addrs[:min(len(addrs), maxKDCs)] {
		var answer []byte
		answer, err = a.one(ctx, addr, message)
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case err != nil:
			continue // the next may be up
		}
		e, ok := errorIn(answer)
		if !ok {
			return answer, nil
		}
		if err = e; e.code != codeAway {
			return nil, e
		}
	}
	if kdcCode(err) != 0 {
		return nil, err
	}
	return nil, unreachable(realm, err)
}

// unreachable says that none of a realm's KDCs answers.
func unreachable(realm string, err error) error {
	e := &provider.Error{Op: "kerberos: KDC", Kind: provider.ErrUnavailable, Remedy: "check the KDCs of " + wire.Quote(realm) + " in krb5.conf, and that TCP port 88 is open to them", Err: err}
	if known := (*provider.Error)(nil); errors.As(wire.Error(e.Op, err), &known) {
		e.Code, e.Err = known.Code, known.Err
	}
	return e
}

// kdcs returns the addresses of a realm's KDCs: those of krb5.conf, or else those that
// the DNS has (RFC 4120, section 7.2.3.2).
func (a *asker) kdcs(ctx context.Context, realm string) ([]string, error) {
	for _, r := range a.conf.Realms {
		if r.Realm == realm && len(r.KDC) > 0 {
			return slices.Clone(r.KDC), nil
		}
	}
	_, found, err := net.DefaultResolver.LookupSRV(ctx, "kerberos", "tcp", realm)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	var addrs []string
	for _, s := range found {
		if host := strings.TrimSuffix(s.Target, "."); host != "" {
			addrs = append(addrs, net.JoinHostPort(host, fmt.Sprint(s.Port)))
		}
	}
	if len(addrs) == 0 {
		return nil, &provider.Error{Op: "kerberos: KDC", Kind: provider.ErrUnavailable, Remedy: "name the KDCs of " + wire.Quote(realm) + " in krb5.conf, or in the DNS as _kerberos._tcp", Err: errors.Join(errNoKDC, err)}
	}
	return addrs, nil
}

// one asks one KDC. It ends with ctx.
func (a *asker) one(ctx context.Context, addr string, message []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, kdcTimeout)
	defer cancel()
	conn, err := a.dial(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }() // all is said by then
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()

	packet := binary.BigEndian.AppendUint32(nil, uint32(len(message)))
	if _, err := conn.Write(append(packet, message...)); err != nil {
		return nil, err
	}
	var size [4]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > maxAnswer {
		return nil, errHugeReply
	}
	answer := make([]byte, n)
	_, err = io.ReadFull(conn, answer)
	return answer, err
}

// errorIn returns the error that an answer is.
func errorIn(answer []byte) (*kdcError, bool) {
	var k messages.KRBError
	if contain(func() error { return k.Unmarshal(answer) }) != nil {
		return nil, false
	}
	return &kdcError{code: code(k.ErrorCode), data: k.EData}, true
}
