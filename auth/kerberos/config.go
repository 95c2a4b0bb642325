package kerberos

import (
	"crypto/fips140"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/iana/etypeID"

	"github.com/go-serversync/serversync/profile"
)

// realms is a krb5.conf, and which encryption types may be used.
type realms struct {
	*config.Config
	realm  string
	etypes []int32
	fips   bool
}

// usual are the encryption types where krb5.conf names none, best first in MIT's order:
// what a KDC of any age knows, then RFC 8009. RC4 and DES are old.
var usual = []int32{
	etypeID.AES256_CTS_HMAC_SHA1_96, etypeID.AES128_CTS_HMAC_SHA1_96,
	etypeID.AES256_CTS_HMAC_SHA384_192, etypeID.AES128_CTS_HMAC_SHA256_128,
}

// approved are those that FIPS 140 leaves (RFC 8009).
var approved = []int32{etypeID.AES256_CTS_HMAC_SHA384_192, etypeID.AES128_CTS_HMAC_SHA256_128}

// strict reports whether only approved cryptography may be used.
func strict(p profile.Policy) bool { return p.FIPS || fips140.Enabled() }

// load returns the configuration, which it reads the first time.
func (c *Client) load(fips bool) (*realms, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conf == nil {
		parsed, err := c.parse()
		if err != nil {
			return nil, unsupported("krb5.conf", err, "give the client a krb5.conf that names the realm and its KDCs")
		}
		c.conf = &realms{Config: parsed, realm: c.Realm, etypes: chosen(parsed)}
		if c.conf.realm == "" {
			c.conf.realm = parsed.LibDefaults.DefaultRealm
		}
	}
	return c.conf.limited(fips)
}

var errUnreadable = errors.New("the file cannot be read")

func (c *Client) parse() (conf *config.Config, err error) {
	text := c.ConfigText
	if text == "" {
		path := c.Config
		if path == "" {
			path = firstPath(os.Getenv("KRB5_CONFIG"), "/etc/krb5.conf")
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		text = string(b)
	}
	err = contain(func() (err error) {
		conf, err = config.NewFromString(text)
		return err
	})
	// What its parser does not know is no reason to do without the rest.
	if unknown := (config.UnsupportedDirective{}); conf != nil && errors.As(err, &unknown) {
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	return conf, nil
}

// firstPath returns the first of a list of paths, or else what is usual.
func firstPath(list, usual string) string {
	if first := filepath.SplitList(list); len(first) > 0 && first[0] != "" {
		return first[0]
	}
	return usual
}

// chosen returns the encryption types that krb5.conf names, or the usual ones.
func chosen(conf *config.Config) []int32 {
	none := config.New().LibDefaults
	d := conf.LibDefaults
	switch {
	case !slices.Equal(d.DefaultTktEnctypes, none.DefaultTktEnctypes):
		return known(d.DefaultTktEnctypeIDs)
	case !slices.Equal(d.PermittedEnctypes, none.PermittedEnctypes):
		return known(d.PermittedEnctypeIDs)
	}
	return usual
}

// known returns those that there is code for.
func known(etypes []int32) (have []int32) {
	for _, e := range etypes {
		if slices.Contains(usual, e) || e == etypeID.RC4_HMAC {
			have = append(have, e)
		}
	}
	return have
}

// limited returns the configuration with the encryption types that may be used.
func (r *realms) limited(fips bool) (*realms, error) {
	etypes := r.etypes
	if fips {
		etypes = slices.DeleteFunc(slices.Clone(etypes), func(e int32) bool { return !slices.Contains(approved, e) })
	}
	if len(etypes) == 0 {
		if fips {
			return nil, unsupported("krb5.conf", errFIPS, remedyFIPS)
		}
		return nil, unsupported("krb5.conf", errNoEtype, "name AES in default_tkt_enctypes and permitted_enctypes")
	}
	conf := *r.Config
	conf.LibDefaults.DefaultTktEnctypeIDs, conf.LibDefaults.DefaultTGSEnctypeIDs, conf.LibDefaults.PermittedEnctypeIDs = etypes, etypes, etypes
	return &realms{Config: &conf, realm: r.realm, etypes: etypes, fips: fips}, nil
}

// knows returns the realm that a name stands for, if krb5.conf or the client's Realms
// know it.
func (c *Client) knows(r *realms, name string) (string, bool) {
	for alias, realm := range c.Realms {
		if strings.EqualFold(alias, name) {
			return realm, true
		}
	}
	if strings.EqualFold(r.realm, name) && name != "" {
		return r.realm, true
	}
	for _, known := range r.Realms {
		if strings.EqualFold(known.Realm, name) {
			return known.Realm, true
		}
	}
	for domain, realm := range r.DomainRealm {
		if strings.EqualFold(strings.TrimPrefix(domain, "."), name) {
			return realm, true
		}
	}
	return "", false
}
