package s2s_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s"
	"github.com/go-serversync/serversync/s2s/certificate"
	"github.com/go-serversync/serversync/secret"
)

// hostsCredential is a host's.
type hostsCredential func(context.Context) (azcore.AccessToken, error)

func (c hostsCredential) GetToken(ctx context.Context, _ policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return c(ctx)
}

// A store is a key store that does what it likes.
type store struct {
	*rsa.PrivateKey
	sign func(digest []byte, o crypto.SignerOpts) ([]byte, error)
}

func (s *store) Sign(_ io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	return s.sign(digest, o)
}

func kept(t testing.TB, sign func(digest []byte, o crypto.SignerOpts) ([]byte, error)) func(*s2s.Source) {
	c, err := certificate.FromSigner(&store{keys()[0], sign}, goodCertificate(t, 0).Leaf())
	require.NoError(t, err)
	return func(s *s2s.Source) { s.Certificates = []*certificate.Certificate{c} }
}

const canaryOfHost = "canary-of-the-host-4711-abcdefgh"

// What is the host's may panic, or give nothing: that is an error, which repeats nothing of a panic's, and nobody
// waits for ever. The next one who asks is served once it works.
func TestHostsFaultsAreContained(t *testing.T) {
	boom := func() { panic(errors.New(canaryOfHost)) }
	admit := func(f func(context.Context) error) func(*s2s.Source) {
		return func(s *s2s.Source) {
			s.Admit = func(ctx context.Context, _ provider.Account, _ string) error { return f(ctx) }
		}
	}
	proof := func(f func(context.Context) (string, error)) func(*s2s.Source) {
		return func(s *s2s.Source) { s.Proof = s2s.Assertion(f) }
	}
	own := func(f func(context.Context) (azcore.AccessToken, error)) func(*s2s.Source) {
		return func(s *s2s.Source) { s.Proof = s2s.Credential(hostsCredential(f)) }
	}
	carry := func(f func(*http.Request) (*http.Response, error)) func(*s2s.Source) {
		return func(s *s2s.Source) { s.Transport = roundTripper(f) }
	}
	for name, change := range map[string]func(*s2s.Source){
		"Admit panics":        admit(func(context.Context) error { boom(); return nil }),
		"Admit exits":         admit(func(context.Context) error { runtime.Goexit(); return nil }),
		"Assertion panics":    proof(func(context.Context) (string, error) { boom(); return "", nil }),
		"Assertion exits":     proof(func(context.Context) (string, error) { runtime.Goexit(); return "", nil }),
		"Assertion is empty":  proof(func(context.Context) (string, error) { return "", nil }),
		"Assertion is huge":   proof(func(context.Context) (string, error) { return strings.Repeat("x", 4<<20), nil }),
		"Assertion is odd":    proof(func(context.Context) (string, error) { return "a\x00&grant_type=password\r\n", nil }),
		"Assertion fails":     proof(func(context.Context) (string, error) { return "", errors.New("\x1b[31mno\u202e\r\n") }),
		"Credential panics":   own(func(context.Context) (azcore.AccessToken, error) { boom(); return azcore.AccessToken{}, nil }),
		"Credential is empty": own(func(context.Context) (azcore.AccessToken, error) { return azcore.AccessToken{}, nil }),
		"Credential is huge": own(func(context.Context) (azcore.AccessToken, error) {
			return azcore.AccessToken{Token: strings.Repeat("x", 4<<20), ExpiresOn: epoch.Add(time.Hour)}, nil
		}),
		"Credential fails": own(func(context.Context) (azcore.AccessToken, error) {
			return azcore.AccessToken{}, errors.New(canaryOfHost)
		}),
		"Credential is nil":     func(s *s2s.Source) { s.Proof = s2s.Credential((*azcoreNil)(nil)) },
		"Transport panics":      carry(func(*http.Request) (*http.Response, error) { boom(); return nil, nil }),
		"Transport exits":       carry(func(*http.Request) (*http.Response, error) { runtime.Goexit(); return nil, nil }),
		"Transport is empty":    carry(func(*http.Request) (*http.Response, error) { return nil, nil }),
		"Transport has no body": carry(func(*http.Request) (*http.Response, error) { return &http.Response{StatusCode: 200}, nil }),
		"Transport is nil":      func(s *s2s.Source) { s.Transport = (*http.Transport)(nil) },
		"Transport's body panics": carry(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: io.NopCloser(reader(func([]byte) (int, error) { boom(); return 0, nil }))}, nil
		}),
		"Transport's body lies": carry(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: io.NopCloser(reader(func(b []byte) (int, error) { return len(b) + 1, nil }))}, nil
		}),
		"the key panics": kept(t, func([]byte, crypto.SignerOpts) ([]byte, error) { boom(); return nil, nil }),
		"the key fails": kept(t, func([]byte, crypto.SignerOpts) ([]byte, error) {
			return nil, errors.New("\x1b[2Jthe module is \u202elocked\r\n")
		}),
		"the key says nothing": kept(t, func([]byte, crypto.SignerOpts) ([]byte, error) { return nil, nil }),
		"the key says much":    kept(t, func([]byte, crypto.SignerOpts) ([]byte, error) { return make([]byte, 1<<20), nil }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHostile(t, change)
			for range 2 {
				_, err := h.ask(account("ann"))
				var e *provider.Error
				require.ErrorAs(t, err, &e)
				require.NotContains(t, told(e), canaryOfHost)
				require.NotContains(t, told(e), "life of the issuer's tokens", "which is not what is wrong")
				require.False(t, strings.ContainsAny(told(e), "\x00\x1b\r\n\u202e"), "%q", told(e))
				require.Less(t, len(told(e)), 2000)
				h.silent(told(e))
			}
			require.NoError(t, h.source.Close())
		})
	}
}

type azcoreNil struct{ c hostsCredential }

func (c *azcoreNil) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return c.c.GetToken(ctx, o)
}

type reader func([]byte) (int, error)

func (r reader) Read(b []byte) (int, error) { return r(b) }

// Who asks goes away with its context, and Close returns, whatever of the host's blocks for ever.
func TestHostsBlockForEver(t *testing.T) {
	for name, change := range map[string]func(chan struct{}) func(*s2s.Source){
		"Admit": func(hold chan struct{}) func(*s2s.Source) {
			return func(s *s2s.Source) {
				s.Admit = func(context.Context, provider.Account, string) error { <-hold; return nil }
			}
		},
		"Assertion": func(hold chan struct{}) func(*s2s.Source) {
			return func(s *s2s.Source) {
				s.Proof = s2s.Assertion(func(context.Context) (string, error) { <-hold; return "", nil })
			}
		},
		"Credential": func(hold chan struct{}) func(*s2s.Source) {
			return func(s *s2s.Source) {
				s.Proof = s2s.Credential(hostsCredential(func(context.Context) (azcore.AccessToken, error) { <-hold; return azcore.AccessToken{}, nil }))
			}
		},
		"Transport": func(hold chan struct{}) func(*s2s.Source) {
			return func(s *s2s.Source) {
				s.Transport = roundTripper(func(*http.Request) (*http.Response, error) { <-hold; return nil, errors.New("late") })
			}
		},
		"the key": func(hold chan struct{}) func(*s2s.Source) {
			return kept(t, func([]byte, crypto.SignerOpts) ([]byte, error) { <-hold; return nil, errors.New("late") })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hold := make(chan struct{})
			h := newHostile(t, change(hold))
			for range 5 {
				ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
				_, err := h.source.Token(ctx, account("ann"), secret.Text{})
				require.ErrorIs(t, err, context.DeadlineExceeded)
				cancel()
			}
			require.NoError(t, h.source.Close())
			close(hold)
		})
	}
}

// A key store that is slow or fails now and then costs no token that still serves, and no second signature.
func TestSlowKeyStore(t *testing.T) {
	var signed atomic.Int32
	hold := make(chan struct{})
	h := newHostile(t, kept(t, func(digest []byte, o crypto.SignerOpts) ([]byte, error) {
		n := signed.Add(1)
		<-hold
		if n%2 == 0 {
			return nil, errors.New("busy")
		}
		return keys()[0].Sign(rand.Reader, digest, o)
	}))
	got := make(chan error, 100)
	for range cap(got) {
		go func() {
			_, err := h.ask(account("ann"))
			got <- err
		}()
	}
	close(hold)
	for range cap(got) {
		require.NoError(t, <-got)
	}
	require.Equal(t, int32(1), signed.Load())
	for range 100 {
		_, err := h.ask(account("ann"))
		require.NoError(t, err, "every second one fails, ahead of the end")
		s2s.Settle(h.source)
		h.clock.pass(time.Minute)
	}
}

// TOK-B: the machine's endpoint may repeat the header that it knows its own by.
func TestTOKBManagedIdentity(t *testing.T) {
	const header = "3A1F9C7E5B2D4860-of-the-machine"
	machine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"error":"invalid_request","error_description":"wrong header %s\u001b[2J"}`, r.Header.Get("X-IDENTITY-HEADER"))
	}))
	defer machine.Close()
	t.Setenv("IDENTITY_ENDPOINT", machine.URL)
	t.Setenv("IDENTITY_HEADER", header)
	h := newHostile(t, func(s *s2s.Source) { s.Proof = s2s.ManagedIdentity("77777777-aaaa-4bbb-8ccc-0123456789ab") })
	_, err := h.ask(account("ann"))
	text := told(isError(t, err, provider.ErrAuth))
	require.Contains(t, text, "answered 400")
	require.False(t, secret.New(header).In(text), text)
	require.NotContains(t, text, "\x1b")
}
