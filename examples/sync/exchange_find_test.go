package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/ews/ewstest"
	"github.com/go-serversync/serversync/internal/proxytest"
	"github.com/go-serversync/serversync/profile"
)

// certificateFor makes a certificate that vouches for itself.
func certificateFor(t *testing.T, names ...string) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(100 * 24 * time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// A domain is a network in which names of example.test lead to an Exchange.
type domain struct {
	*exchange
	proxy *proxytest.Server

	names []string // that lead to it
}

func newDomain(t *testing.T, o ewstest.Options, names ...string) *domain {
	o.Certificate = certificateFor(t, names...)
	o.Autodiscover.External = "https://" + names[len(names)-1] + "/EWS/Exchange.asmx"
	if o.Autodiscover.Internal == "" {
		o.Autodiscover.Internal = o.Autodiscover.External
	}
	d := &domain{exchange: newExchange(t, o), names: names}
	d.ews = []string{"-ews", "autodiscover"}
	d.proxy = proxytest.New(proxytest.Options{Lead: func(target string) (string, int) {
		host, _, _ := strings.Cut(target, ":")
		if slices.Contains(d.names, host) && strings.HasSuffix(target, ":443") {
			return d.Addr(), 0
		}
		return "", 5
	}})
	t.Cleanup(d.proxy.Close)
	return d
}

// once makes one cycle in the domain's network.
func (d *domain) once(t *testing.T, more ...string) ran {
	t.Helper()
	var out, progress bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	status := program(ctx, d.flags(append(more, "-once", "-json")...), &out, &progress, func(c *serversync.Config) {
		tune(c)
		c.Policy.Proxy = profile.Proxy{URL: "socks5://" + d.proxy.Addr, Resolves: true}
	})
	return ran{status, out.String(), progress.String()}
}

// The server is found by the mailbox's address, whichever way of autodiscover it has, and
// the rest is as with its URL.
func TestExchangeAutodiscover(t *testing.T) {
	for name, o := range map[string]ewstest.Options{
		"POX and SOAP": {},
		"POX":          {Autodiscover: ewstest.Autodiscover{Without: []string{"svc", "json"}}},
		"SOAP":         {Autodiscover: ewstest.Autodiscover{Without: []string{"xml", "json"}}},
		"NTLM":         {Schemes: []string{"NTLM"}},
		"Basic":        {Schemes: []string{"Basic"}},
		"odd":          {Style: ewstest.Odd, Lenient: true},
		"2010_SP2":     {Version: "2010_SP2"},
		"inner name":   {Autodiscover: ewstest.Autodiscover{Internal: "https://inner.example.test/EWS/Exchange.asmx"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDomain(t, o, "autodiscover.example.test", "mail.example.test")
			d.Add(user, "inbox", []byte(mail(1)))
			r := d.once(t, "-export", d.out, "-send", d.write(t, "letter.eml", to("bob", 1)))
			r.want(t, 0, "1 came in, 1 sent")
			if got := exported(t, d.out); !slices.Equal(got, []string{mail(1)}) {
				t.Errorf("exported is %q", got)
			}
			r = d.once(t, "-test")
			r.want(t, 0, "autodiscover passed", "mail.example.test", "arrived and was deleted")
		})
	}
}

// What autodiscover comes to is told in words, and a wrong password is not shown to every
// place that it knows.
func TestExchangeAutodiscoverFailures(t *testing.T) {
	d := newDomain(t, ewstest.Options{}, "autodiscover.example.test", "mail.example.org")
	r := d.once(t)
	r.want(t, 1, "must be confirmed first: mail.example.org", "enter the location of the web services in the profile")
	r = d.once(t, "-test")
	r.want(t, 1, "autodiscover failed", "https://mail.example.org/EWS/Exchange.asmx", "it must be confirmed")

	d = newDomain(t, ewstest.Options{}, "autodiscover.example.test")
	right := d.password
	d.password = d.write(t, "wrong", "wr0ng\n")
	for range 6 {
		r = d.once(t)
		r.want(t, 1, "sign-in refused")
	}
	if n := d.Counts().Refused; n == 0 || n > 3 {
		t.Errorf("a wrong password was tried %d times", n)
	}
	r = d.once(t, "-test")
	r.want(t, 1, "autodiscover failed", "what to do:")
	d.password = right

	d = newDomain(t, ewstest.Options{}, "elsewhere.example.test")
	r = d.once(t)
	r.want(t, 1, "autodiscover", "what to do: ")
}
