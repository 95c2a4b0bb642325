package wire

import (
	"cmp"
	"crypto/fips140"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// serveTLS counts the bytes that reach the server through TLS.
func serveTLS(t *testing.T, config *tls.Config) (address string, received *atomic.Int64) {
	received = new(atomic.Int64)
	return listen(t, func(c net.Conn) {
		s := tls.Server(c, config)
		n, _ := io.Copy(io.Discard, s)
		received.Add(n)
	}), received
}

func TestTLS01To06BadCertificates(t *testing.T) {
	root, stranger := newAuthority(t), newAuthority(t)
	self := *root
	tests := []struct {
		name  string
		cert  func(t *testing.T) tls.Certificate
		tls   *tls.Config
		words string
	}{
		{name: "TLS-01 self-signed", cert: func(t *testing.T) tls.Certificate {
			return tls.Certificate{Certificate: [][]byte{stranger.cert.Raw}, PrivateKey: stranger.key}
		}, words: "vouches"},
		{name: "TLS-02 another name", cert: func(t *testing.T) tls.Certificate {
			return self.issue(t, nil, func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = []string{"other.example"}, nil })
		}, words: "another name"},
		{name: "TLS-03 expired", cert: func(t *testing.T) tls.Certificate {
			return self.issue(t, nil, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
		}, words: "expired"},
		{name: "TLS-03 not yet valid", cert: func(t *testing.T) tls.Certificate {
			return self.issue(t, nil, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(30 * time.Minute) })
		}, words: "valid only from"},
		{name: "TLS-04 unknown authority", cert: func(t *testing.T) tls.Certificate {
			return stranger.issue(t, nil, nil)
		}, words: "vouches"},
		{name: "TLS-05 NUL in the name", cert: func(t *testing.T) tls.Certificate {
			return self.issue(t, nil, func(c *x509.Certificate) {
				c.DNSNames, c.IPAddresses = []string{"localhost\x00.evil.example"}, nil
			})
		}},
		{name: "TLS-06 short key", cert: func(t *testing.T) tls.Certificate {
			weakKey, err := rsa.GenerateKey(rand.Reader, 1024)
			if err != nil {
				t.Skipf("no RSA key of 1024 bits is to be had, as under FIPS 140-3: %v", err)
			}
			return self.issue(t, weakKey, nil)
		}, words: "1024 bits"},
		{name: "TLS-06 SHA-1", cert: func(t *testing.T) tls.Certificate {
			if fips140.Enabled() {
				t.Skip("under FIPS 140-3 nobody signs with SHA-1, this test's authority neither")
			}
			return self.issue(t, nil, func(c *x509.Certificate) { c.SignatureAlgorithm = x509.ECDSAWithSHA1 })
		}, words: "can be forged"},
		{name: "TLS-06 TLS 1.1 only", cert: func(t *testing.T) tls.Certificate {
			return self.issue(t, nil, nil)
		}, tls: &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, words: "TLS"},
		{name: "TLS-09 an address alone", cert: func(t *testing.T) tls.Certificate {
			return self.issue(t, nil, func(c *x509.Certificate) { c.DNSNames = nil })
		}, words: "another name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			config := cmp.Or(tt.tls, &tls.Config{}).Clone()
			config.Certificates = []tls.Certificate{tt.cert(t)}
			address, received := serveTLS(t, config)
			_, port, _ := net.SplitHostPort(address)
			o := options("localhost:" + port)
			o.TLS, o.TLSConfig = profile.ImplicitTLS, &tls.Config{RootCAs: root.pool()}
			c, err := Dial(t.Context(), o)
			if err == nil {
				c.Close()
			}
			if provider.KindOf(err) == provider.ErrAuth && tt.name == "TLS-05 NUL in the name" {
				t.Fatal("taken for our certificate")
			}
			wantKind(t, err, provider.ErrUnsafe)
			if !strings.Contains(err.Error(), tt.words) {
				t.Errorf("words = %q, want %q in them", err, tt.words)
			}
			if received.Load() != 0 {
				t.Errorf("the server received %d bytes", received.Load())
			}
		})
	}
}

func TestTLSGoodCertificate(t *testing.T) {
	root := newAuthority(t)
	address, _ := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{root.issue(t, nil, nil)}})
	o := options(address)
	o.TLS, o.TLSConfig = profile.ImplicitTLS, &tls.Config{RootCAs: root.pool(), ServerName: "is.ignored.example", MinVersion: tls.VersionTLS10}
	c := mustDial(t, o)
	if !c.Secure() {
		t.Error("Secure() = false after an implicit TLS dial")
	}
	if o.TLSConfig.ServerName != "is.ignored.example" {
		t.Error("the caller's config was changed")
	}
}

func TestVerificationCannotBeSkipped(t *testing.T) {
	o := options("127.0.0.1:1")
	o.TLSConfig = &tls.Config{InsecureSkipVerify: true}
	_, err := Dial(t.Context(), o)
	wantKind(t, err, provider.ErrUnsafe)
}

func TestPlaintextNeedsThePolicy(t *testing.T) {
	o := options("127.0.0.1:1")
	o.Policy.AllowPlaintext = false
	_, err := Dial(t.Context(), o)
	wantKind(t, err, provider.ErrUnsafe)
}

// agree plays a server that agrees to STARTTLS and then does what it likes.
func agree(t *testing.T, limit time.Duration, behave func(net.Conn)) *Conn {
	address := listen(t, behave)
	o := options(address)
	o.TLS = profile.StartTLS
	o.Limits.TLS = limit
	c := mustDial(t, o)
	if c.Secure() {
		t.Fatal("Secure() before STARTTLS")
	}
	return c
}

func TestX2LeftoverPlaintextIsUnsafe(t *testing.T) {
	c := agree(t, soon, stall)
	wantKind(t, c.StartTLS(t.Context(), 1), provider.ErrUnsafe)
}

func TestSTLS17PlaintextBanner(t *testing.T) {
	c := agree(t, soon, func(c net.Conn) { io.WriteString(c, "220 hello, this is no TLS\r\n"); stall(c) })
	wantKind(t, c.StartTLS(t.Context(), 0), provider.ErrUnsafe)
}

func TestSTLS16StalledHandshake(t *testing.T) {
	c := agree(t, time.Second, stall)
	start := time.Now()
	wantKind(t, c.StartTLS(t.Context(), 0), provider.ErrUnavailable)
	if took := time.Since(start); took > soon {
		t.Errorf("a stalled handshake took %v", took)
	}
}

func TestStartTLS(t *testing.T) {
	root := newAuthority(t)
	config := &tls.Config{Certificates: []tls.Certificate{root.issue(t, nil, nil)}}
	address := listen(t, func(c net.Conn) {
		io.WriteString(c, "go\n")
		s := tls.Server(c, config)
		io.Copy(s, s)
	})
	o := options(address)
	o.TLS, o.TLSConfig = profile.StartTLS, &tls.Config{RootCAs: root.pool()}
	c := mustDial(t, o)
	line := make([]byte, 3)
	if _, err := io.ReadFull(c, line); err != nil {
		t.Fatal(err)
	}
	if err := c.StartTLS(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if !c.Secure() {
		t.Error("Secure() = false after STARTTLS")
	}
	want := strings.Repeat("x", 100_000)
	wrote := make(chan error, 1)
	go func() { _, err := io.WriteString(c, want); wrote <- err }()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Fatalf("echo failed: %v", err)
	}
	if err := <-wrote; err != nil {
		t.Fatal(err)
	}
	if err := c.Silent(); err != nil {
		t.Errorf("Silent() = %v on a silent connection", err)
	}
	if c.BytesOut() != int64(len(want)) || c.BytesIn() != int64(len(want))+3 {
		t.Errorf("counted %d out, %d in", c.BytesOut(), c.BytesIn())
	}
}

// Whether a certificate of ours was shown is known, of either version of TLS.
func TestShownCertificate(t *testing.T) {
	root := newAuthority(t)
	mine := root.issue(t, nil, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, tt := range []struct {
			asks   tls.ClientAuthType
			config *tls.Config
			want   bool
		}{
			{tls.RequestClientCert, &tls.Config{Certificates: []tls.Certificate{mine}}, true},
			{tls.RequestClientCert, &tls.Config{GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &mine, nil }}, true},
			{tls.RequestClientCert, &tls.Config{}, false},
			{tls.NoClientCert, &tls.Config{Certificates: []tls.Certificate{mine}}, false},
		} {
			address, _ := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{root.issue(t, nil, nil)}, ClientAuth: tt.asks})
			o := options(address)
			tt.config.RootCAs, tt.config.MaxVersion = root.pool(), version
			o.TLS, o.TLSConfig = profile.ImplicitTLS, tt.config
			if c := mustDial(t, o); c.ShownCertificate() != tt.want {
				t.Errorf("%+v: ShownCertificate() = %v", tt, !tt.want)
			}
		}
	}
}

// A host may ask for more than the floor, and roots of its own are the only ones.
func TestX1MinVersionAndRoots(t *testing.T) {
	root := newAuthority(t)
	address, _ := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{root.issue(t, nil, nil)}, MaxVersion: tls.VersionTLS12})
	o := options(address)
	o.TLS, o.TLSConfig = profile.ImplicitTLS, &tls.Config{RootCAs: root.pool(), MinVersion: tls.VersionTLS12}
	if state := mustDial(t, o).TLSState(); state.Version != tls.VersionTLS12 {
		t.Errorf("version %x", state.Version)
	}
	o.TLSConfig.MinVersion = tls.VersionTLS13
	_, err := Dial(t.Context(), o)
	wantKind(t, err, provider.ErrUnsafe)
	if !strings.Contains(err.Error(), "strong enough") {
		t.Errorf("words = %q", err)
	}
	o.TLSConfig = nil
	_, err = Dial(t.Context(), o)
	wantKind(t, err, provider.ErrUnsafe)
}

// A client certificate is shown to who asks for one; a server that does not take it
// is told apart from one with a bad certificate of its own.
func TestClientCertificates(t *testing.T) {
	root, clients, strangers := newAuthority(t), newAuthority(t), newAuthority(t)
	ours := func(a *authority) []tls.Certificate {
		return []tls.Certificate{a.issue(t, nil, func(c *x509.Certificate) {
			c.Subject.CommonName, c.ExtKeyUsage = "crm", []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		})}
	}
	for name, certs := range map[string][]tls.Certificate{"good": ours(clients), "stranger's": ours(strangers), "none": nil} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(name+" "+tls.VersionName(version), func(t *testing.T) {
				shown := make(chan string, 1)
				config := &tls.Config{Certificates: []tls.Certificate{root.issue(t, nil, nil)}, MaxVersion: version, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients.pool()}
				o := options(listen(t, func(c net.Conn) {
					s := tls.Server(c, config)
					if s.Handshake() == nil {
						shown <- s.ConnectionState().PeerCertificates[0].Subject.CommonName
						io.WriteString(s, "hello")
					}
					stall(c)
				}))
				o.TLS, o.TLSConfig = profile.ImplicitTLS, &tls.Config{RootCAs: root.pool(), Certificates: certs}
				c, err := Dial(t.Context(), o)
				if err == nil { // with TLS 1.3 the refusal comes with the first byte
					defer c.Close()
					end := c.During(t.Context())
					_, err = io.ReadFull(c, make([]byte, 5))
					err = Error("test", end(err))
				}
				if name == "good" {
					if err != nil || <-shown != "crm" {
						t.Fatalf("the certificate was not taken: %v", err)
					}
					return
				}
				if name == "none" && version == tls.VersionTLS12 { // which has no word for it
					wantKind(t, err, provider.ErrUnsafe)
					if !strings.Contains(err.Error(), "or wants a client certificate") {
						t.Errorf("words = %q", err)
					}
					return
				}
				wantKind(t, err, provider.ErrAuth)
				if !strings.Contains(err.Error(), "refused our certificate, or wants one") {
					t.Errorf("words = %q", err)
				}
			})
		}
	}
}
