package kerberos_test

import (
	"fmt"
	"testing"

	"github.com/go-serversync/serversync/auth/kerberos"
	"github.com/go-serversync/serversync/internal/canarytest"
	"github.com/go-serversync/serversync/internal/testserver"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// canary must show nowhere.
const canary = "canary-Zx9!q7-and-more"

// P6: what holds the password, or was made with it, does not print it, nor does any
// error; neither before the KDC was asked nor after.
func TestP6CanaryIsNeverPrinted(t *testing.T) {
	w := newWorld(t, testserver.KDCOptions{})
	if err := w.Kadmin(t.Context(), `cpw -pw "`+canary+`" anna`); err != nil {
		t.Fatal(err)
	}
	p := anna("imap")
	p.Password = secret.New(canary)
	c := &kerberos.Client{Config: w.Conf()}
	x, err := c.Begin(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := x.Start(); err != nil {
		t.Fatal(err)
	}
	tr := &kerberos.Transport{Client: c, Username: "anna", Password: p.Password, Policy: selfHosted}
	for _, v := range []any{c, x, p, tr, []any{c, x}, map[string]any{"c": c, "x": x}, struct{ inner any }{c}, struct{ inner any }{x}, struct{ inner any }{tr}} {
		canarytest.None(t, canary, fmt.Sprintf("%T", v), canarytest.Printed(v))
	}
	_, err = x.Next([]byte(canary))
	canarytest.None(t, canary, "a challenge's error", canarytest.Told(err))
	for name, b := range map[string]provider.Peer{
		"user": {Username: "nobody"}, "password": {Username: "crm"}, "host": {Username: "anna", Host: "other.example.test"},
		"realm": {Username: "anna@elsewhere"}, "KDC": {Username: "anna"},
	} {
		b.Service, b.Password, b.Policy = "imap", p.Password, selfHosted
		if b.Host == "" {
			b.Host = "localhost"
		}
		use := &kerberos.Client{Config: w.Conf()}
		if name == "KDC" {
			use = &kerberos.Client{ConfigText: "[libdefaults]\n default_realm = EXAMPLE.TEST\n[realms]\n EXAMPLE.TEST = {\n kdc = 127.0.0.1:1\n}\n"}
		}
		_, err := use.Begin(t.Context(), b)
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		canarytest.None(t, canary, name, canarytest.Told(err))
		canarytest.None(t, canary, name, canarytest.Printed(use))
	}
}
