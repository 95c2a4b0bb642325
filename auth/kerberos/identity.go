package kerberos

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/jcmturner/gokrb5/v8/iana/nametype"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/types"

	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/secret"
)

// An identity is somebody with a way to show it, and the tickets got with that.
type identity struct {
	cname    types.PrincipalName
	realm    string
	keytab   *keytab.Keytab
	password secret.Text
	cached   bool // tickets come from a credential cache, and no others can be had

	turn    chan struct{} // holds one while somebody uses what follows
	granted map[string]*ticket
	tickets map[string]*ticket
}

func newIdentity(cname types.PrincipalName, realm string) *identity {
	return &identity{cname: cname, realm: realm, turn: make(chan struct{}, 1), granted: map[string]*ticket{}, tickets: map[string]*ticket{}}
}

// An identityKey tells identities apart. A file that was replaced and a password that
// was changed make another one, with tickets of its own.
type identityKey struct {
	name  string // principal or path
	proof string // what the file or the password was, so that it can be printed
	fips  bool
}

// fingerprint tells passwords apart. It is keyed, for a Client may be printed, and by a
// mere digest anybody could guess at the password.
func (c *Client) fingerprint(password secret.Text) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.salt.IsZero() {
		c.salt = secret.New(rand.Text() + rand.Text())
	}
	h := hmac.New(sha256.New, []byte(c.salt.Reveal()))
	h.Write([]byte(password.Reveal()))
	return string(h.Sum(nil))
}

// maxIdentities is how many identities keep their tickets.
const maxIdentities = 10_000

// identify returns who is to sign in, and for whom.
func (c *Client) identify(conf *realms, username string, password secret.Text, fips bool) (id *identity, authzid string, err error) {
	if username != "" && !password.IsZero() {
		id, err = c.user(conf, username, password, fips)
		return id, "", err
	}
	id, err = c.process(conf, fips)
	return id, username, err
}

var (
	errNoRealm    = errors.New("the user's realm is not known")
	errNoUser     = errors.New("the user name is empty")
	errNoIdentity = errors.New("this process has neither a keytab nor a credential cache")
	errNoKeys     = errors.New("the keytab has no key of the principal that may be used")
	errCacheKind  = errors.New("the credential cache is no file")
)

// user returns the identity of a user with a password.
func (c *Client) user(conf *realms, username string, password secret.Text, fips bool) (*identity, error) {
	name, realm := username, conf.realm
	known := realm != ""
	if domain, user, ok := strings.Cut(username, `\`); ok {
		name = user
		realm, known = c.knows(conf, domain)
	} else if i := strings.LastIndexByte(username, '@'); i >= 0 {
		name = username[:i]
		realm, known = c.knows(conf, username[i+1:])
	}
	switch {
	case !known:
		return nil, unsupported("user name", errNoRealm, "name the realm in krb5.conf, and what stands for it in user names in the client's Realms")
	case name == "":
		return nil, unsupported("user name", errNoUser, "")
	}
	key := identityKey{name: name + "@" + realm, proof: c.fingerprint(password), fips: fips}
	return c.remember(key, func() (*identity, error) {
		id := newIdentity(types.NewPrincipalName(nametype.KRB_NT_PRINCIPAL, name), realm)
		id.password = password
		return id, nil
	})
}

// process returns the identity that the process runs under.
func (c *Client) process(conf *realms, fips bool) (*identity, error) {
	path := c.Keytab
	if path == "" && c.CCache == "" {
		path = strings.TrimPrefix(os.Getenv("KRB5_CLIENT_KTNAME"), "FILE:")
	}
	if path != "" {
		return c.file(path, "keytab "+c.Principal, fips, func(b []byte) (*identity, error) { return c.fromKeytab(conf, b) })
	}
	cache := c.CCache
	if cache == "" {
		cache = os.Getenv("KRB5CCNAME")
	}
	if cache == "" {
		cache = fmt.Sprintf("/tmp/krb5cc_%d", os.Getuid())
	}
	if kind, rest, ok := strings.Cut(cache, ":"); ok && len(kind) > 1 { // C:\ is a path
		if kind != "FILE" {
			return nil, unsupported("credential cache", errCacheKind, "have the tickets put into a file (KRB5CCNAME=FILE:...), or use a keytab; "+wire.Quote(kind)+" cannot be read")
		}
		cache = rest
	}
	return c.file(cache, "ccache", fips, fromCCache)
}

// file returns the identity that a file holds, as the file is now.
func (c *Client) file(path, what string, fips bool, read func([]byte) (*identity, error)) (*identity, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, unsupported("identity", fmt.Errorf("%w: %w", errNoIdentity, err), "give the client a keytab (ktutil, ktpass), or run kinit or k5start beside it")
	}
	key := identityKey{name: what + " " + path, proof: fmt.Sprint(info.ModTime().UnixNano(), info.Size()), fips: fips}
	return c.remember(key, func() (*identity, error) {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, unsupported("identity", err, "let this process read its keytab or credential cache")
		}
		return read(b)
	})
}

// remember returns the identity of that key, and makes one if there is none.
func (c *Client) remember(key identityKey, make func() (*identity, error)) (*identity, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if id := c.identities[key]; id != nil {
		return id, nil
	}
	id, err := make()
	if err != nil {
		return nil, err
	}
	for old := range c.identities {
		// What it was before is of no use any more, and one too many costs no more
		// than to be asked for anew.
		if old.name == key.name && old.fips == key.fips || len(c.identities) >= maxIdentities {
			delete(c.identities, old)
		}
	}
	if c.identities == nil {
		c.identities = map[identityKey]*identity{}
	}
	c.identities[key] = id
	return id, nil
}

// fromKeytab reads a keytab.
func (c *Client) fromKeytab(conf *realms, b []byte) (*identity, error) {
	kt := keytab.New()
	if err := contain(func() error { return kt.Unmarshal(b) }); err != nil {
		return nil, unsupported("keytab", fmt.Errorf("%w: %w", errUnreadable, err), "make the keytab anew")
	}
	want, realm := types.ParseSPNString(c.Principal)
	if c.Principal != "" && realm == "" {
		realm = conf.realm
	}
	for _, e := range kt.Entries {
		name := types.PrincipalName{NameType: nametype.KRB_NT_PRINCIPAL, NameString: e.Principal.Components}
		if c.Principal == "" || name.Equal(want) && e.Principal.Realm == realm {
			id := newIdentity(name, e.Principal.Realm)
			id.keytab = kt
			return id, nil
		}
	}
	return nil, unsupported("keytab", errNoKeys, "look at it with klist -k, and name one of its principals")
}
