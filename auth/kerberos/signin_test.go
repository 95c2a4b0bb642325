package kerberos_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-serversync/serversync/auth/kerberos"
	"github.com/go-serversync/serversync/internal/testserver"
	"github.com/go-serversync/serversync/internal/testserver/servertest"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// Each way to be somebody, with a server that proves itself.
func TestRFC4752SignsIn(t *testing.T) {
	w := newWorld(t, testserver.KDCOptions{})
	cache, err := w.CCache(t.Context(), "anna")
	if err != nil {
		t.Fatal(err)
	}
	upn := anna("imap")
	upn.Username = "anna@example.test"
	netbios := anna("imap")
	netbios.Username = `EXAMPLE\anna`
	for _, tt := range []struct {
		name   string
		client *kerberos.Client
		peer   provider.Peer
		user   string
	}{
		{"password", &kerberos.Client{Config: w.Conf()}, anna("imap"), "anna"},
		{"user principal name", &kerberos.Client{Config: w.Conf()}, upn, "anna"},
		{"domain and user", &kerberos.Client{Config: w.Conf(), Realms: map[string]string{"example": testserver.Realm}}, netbios, "anna"},
		{"keytab", &kerberos.Client{Config: w.Conf(), Keytab: w.keytab}, peer("imap"), "crm"},
		{"keytab and principal", &kerberos.Client{Config: w.Conf(), Keytab: w.keytab, Principal: "crm"}, peer("imap"), "crm"},
		{"credential cache", &kerberos.Client{Config: w.Conf(), CCache: "FILE:" + cache}, peer("imap"), "anna"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.letsIn(t, tt.client, tt.peer, tt.user)
		})
	}
}

// The zero Client is whoever the environment says.
func TestZeroClientTakesTheEnvironment(t *testing.T) {
	w := newWorld(t, testserver.KDCOptions{})
	cache, err := w.CCache(t.Context(), "anna")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("KRB5_CONFIG", w.Conf())
	t.Setenv("KRB5CCNAME", "FILE:"+cache)
	t.Setenv("KRB5_CLIENT_KTNAME", "")
	if err := w.signIn(t.Context(), &kerberos.Client{}, peer("imap")); err != nil {
		t.Error(err)
	}
	t.Setenv("KRB5_CLIENT_KTNAME", w.keytab)
	if err := w.signIn(t.Context(), &kerberos.Client{}, peer("imap")); err != nil {
		t.Error(err)
	}
	if !logged(func() bool {
		log := w.dovecot.Log()
		return strings.Contains(log, "user=<anna@") && strings.Contains(log, "user=<crm@")
	}) {
		t.Error("not both have signed in")
	}
}

// POP3 and SMTP know the service by another name.
func TestEachServiceHasItsPrincipal(t *testing.T) {
	w := newWorld(t, testserver.KDCOptions{})
	postfix := servertest.Postfix(t, testserver.PostfixOptions{Dovecot: w.dovecot})
	c := &kerberos.Client{Config: w.Conf(), Keytab: w.keytab}
	for service, addr := range map[string]string{"imap": w.dovecot.IMAPSAddr, "pop": w.dovecot.POP3SAddr, "smtp": postfix.SMTPSAddr} {
		x, err := c.Begin(t.Context(), peer(service))
		if err != nil {
			t.Fatal(err)
		}
		if err := testserver.SignIn(t.Context(), service, addr, w.trust(), x); err != nil {
			t.Errorf("%s: %v", service, err)
		}
		if err := verified(x); err != nil {
			t.Errorf("%s: %v", service, err)
		}
	}
}

// Who has a user name and no password is the process, acting for that user, which the
// server allows only where it was told to: crm may be anna, and not the other way round.
func TestRFC4752AuthorizationIdentity(t *testing.T) {
	w := newWorld(t, testserver.KDCOptions{})
	p := peer("imap")
	p.Username = "anna@example.test"
	w.letsIn(t, &kerberos.Client{Config: w.Conf(), Keytab: w.keytab}, p, "anna")
	keys, err := w.KDC.Keytab(t.Context(), "anna")
	if err != nil {
		t.Fatal(err)
	}
	p.Username = "crm@example.test"
	if err := w.signIn(t.Context(), &kerberos.Client{Config: w.Conf(), Keytab: keys}, p); !errors.Is(err, testserver.ErrRefused) {
		t.Errorf("anna for crm: %v", err)
	}
}

// Every encryption type that there is code for works with a real KDC and a real server.
func TestEncryptionTypes(t *testing.T) {
	for _, etype := range []string{"aes256-cts-hmac-sha1-96", "aes128-cts-hmac-sha1-96", "aes256-cts-hmac-sha384-192", "aes128-cts-hmac-sha256-128"} {
		t.Run(etype, func(t *testing.T) {
			w := newWorld(t, testserver.KDCOptions{Enctypes: etype + ":normal"})
			for _, c := range []struct {
				client *kerberos.Client
				peer   provider.Peer
			}{
				{&kerberos.Client{Config: w.Conf()}, anna("imap")},
				{&kerberos.Client{Config: w.Conf(), Keytab: w.keytab}, peer("imap")},
			} {
				if err := w.signIn(t.Context(), c.client, c.peer); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// P6: no error shows the password.
func TestP6ErrorsShowNoPassword(t *testing.T) {
	w := newWorld(t, testserver.KDCOptions{})
	p := anna("imap")
	p.Password = secret.New("the wrong password, which must not be seen")
	_, err := (&kerberos.Client{Config: w.Conf()}).Begin(t.Context(), p)
	e := is(t, err, provider.ErrAuth)
	if p.Password.In(e.Error()) || p.Password.In(e.Remedy) {
		t.Errorf("%v, %s", e, e.Remedy)
	}
}
