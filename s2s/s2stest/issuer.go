package s2stest

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-serversync/serversync/internal/loopback"
)

// An Issuer is a running issuer. Its methods may be called by many goroutines.
type Issuer struct {
	URL string // such as https://127.0.0.1:12345

	o         Options
	listener  net.Listener // nil for one that is reached in memory
	pool      *x509.CertPool
	transport *http.Transport
	server    http.Server
	ahead     atomic.Int64 // how far its clock is off
	header    string       // that managed identities are asked for with
	shut      chan struct{}
	once      sync.Once
	done      sync.WaitGroup

	faults *loopback.Faults[Fault]

	mu     sync.Mutex // guards what follows
	dir    directory
	keys   []*signingKey // the current one first, then the one before
	life   time.Duration
	used   map[string]time.Time // assertions by application and jti, with their ends
	counts Counts
}

// NewIssuer starts an issuer on loopback, over TLS with a throw-away certificate. The error says what is
// wrong with the options.
func NewIssuer(o Options) (*Issuer, error) {
	i, err := NewInMemory(o)
	if err != nil {
		return nil, err
	}
	if i.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	address := i.listener.Addr().String()
	i.URL = "https://" + address
	certificate, err := serverCertificate(i.o.Hosts)
	if err != nil {
		return nil, errors.Join(err, i.listener.Close())
	}
	i.pool = x509.NewCertPool()
	i.pool.AddCert(certificate.Leaf)
	i.transport = &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: i.pool, MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", address)
		},
	}
	i.server = http.Server{Handler: i, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}}
	i.done.Go(func() { i.server.ServeTLS(i.listener, "", "") })
	return i, nil
}

// NewInMemory returns an issuer that is reached through [Issuer.RoundTrip] and [Issuer.Client] only, so
// that it can be used in a bubble of virtual time.
func NewInMemory(o Options) (*Issuer, error) {
	o = o.withDefaults()
	i := &Issuer{URL: "https://issuer.example", o: o, life: o.Life, header: rand.Text(), shut: make(chan struct{}), used: make(map[string]time.Time)}
	i.counts.By, i.counts.Refused, i.counts.Visits = make(map[string]int), make(map[string]int), make(map[Place]int)
	i.faults = loopback.NewFaults(o.Seed, (*Fault).turns)
	i.SetFault(o.Faults...)
	if err := i.dir.fill(o); err != nil {
		return nil, err
	}
	key, err := newSigningKey(i.now(), o.Key)
	if err != nil {
		return nil, err
	}
	i.keys = []*signingKey{key}
	for _, a := range o.Applications {
		if err := i.Register(a); err != nil {
			return nil, err
		}
	}
	for _, id := range o.Identities {
		if err := i.AddIdentity(id); err != nil {
			return nil, err
		}
	}
	return i, nil
}

// Close stops it, and ends what it holds.
func (i *Issuer) Close() {
	i.once.Do(func() {
		close(i.shut)
		if i.listener != nil {
			i.server.Close()
			i.transport.CloseIdleConnections()
		}
		i.done.Wait()
	})
}

// CertPool trusts its certificate, nil for one in memory.
func (i *Issuer) CertPool() *x509.CertPool { return i.pool }

// Client returns a client that reaches it, whatever host it is told to ask. It is what azcore calls a
// Transporter. It follows redirects, as azcore's own does.
func (i *Issuer) Client() *http.Client {
	if i.listener == nil {
		return &http.Client{Transport: i}
	}
	return &http.Client{Transport: i.transport}
}

// RoundTrip answers a request in memory.
func (i *Issuer) RoundTrip(req *http.Request) (res *http.Response, err error) {
	if req.Body != nil {
		defer req.Body.Close()
	}
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	received := req.Clone(req.Context())
	if received.Host == "" {
		received.Host = req.URL.Host
	}
	if received.Body == nil {
		received.Body = http.NoBody
	}
	defer func() {
		if p := recover(); p == http.ErrAbortHandler {
			if res, err = nil, req.Context().Err(); err == nil {
				err = io.ErrUnexpectedEOF
			}
		} else if p != nil {
			panic(p)
		}
	}()
	w := httptest.NewRecorder()
	i.ServeHTTP(w, received)
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	res = w.Result()
	res.Request = req
	return res, nil
}

// SetClock makes its clock be off by so much: what it judges times by, and the Date that it says.
func (i *Issuer) SetClock(ahead time.Duration) { i.ahead.Store(int64(ahead)) }

// SetLife sets how long tokens are good from now on, 0 for a random time as Entra has it.
func (i *Issuer) SetLife(d time.Duration) {
	i.mu.Lock()
	i.life = d
	i.mu.Unlock()
}

// now is the time by its own clock.
func (i *Issuer) now() time.Time { return i.o.Now().Add(time.Duration(i.ahead.Load())) }

// base returns how it calls itself towards a request: by the name that it was asked by, if that is one
// of its own.
func (i *Issuer) base(req *http.Request) string {
	host, _, err := net.SplitHostPort(req.Host)
	if err != nil {
		host = req.Host
	}
	if slices.ContainsFunc(i.o.Hosts, func(h string) bool { return strings.EqualFold(h, host) }) {
		return "https://" + strings.ToLower(req.Host)
	}
	return i.URL
}
