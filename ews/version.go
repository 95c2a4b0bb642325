package ews

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// schemas are those that are asked for, the newest first. Servers since 2016 take that of
// 2013 SP1, and what is newer has nothing that is needed here.
var schemas = []string{"Exchange2013_SP1", "Exchange2013", "Exchange2010_SP2", "Exchange2010_SP1", "Exchange2010", oldestSchema}

const oldestSchema = "Exchange2007_SP1"

// schemaOf returns the newest schema that a version of Exchange knows.
func schemaOf(v profile.ExchangeVersion) string {
	switch v {
	case profile.Exchange2003, profile.Exchange2007, profile.Exchange2007SP1:
		return oldestSchema
	case profile.Exchange2010:
		return "Exchange2010"
	case profile.Exchange2010SP1:
		return "Exchange2010_SP1"
	case profile.Exchange2010SP2, profile.Exchange2010SP3:
		return "Exchange2010_SP2"
	case profile.Exchange2013:
		return "Exchange2013"
	}
	return schemas[0]
}

// settle notes that a request was served.
func (c *client) settle() {
	s := c.state
	s.mu.Lock()
	first, stepped, tied := !s.settled, s.stepped, s.tied
	s.settled = true
	s.mu.Unlock()
	c.who.served()
	if first && stepped {
		c.driver.known.learn(c.url, c.account, c.version, tied)
	}
	if first {
		c.driver.known.served(c.account.Mailbox.Key)
	}
}

// stepDown reports whether err says that the server does not know the schema that was asked
// for, and an older one can be asked for. What was taken once is not given up within a
// session, for another server of the same name may have answered; the next session begins
// anew.
func (c *client) stepDown(err error) bool {
	var e *provider.Error
	if !errors.As(err, &e) {
		return false
	}
	s := c.state
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(schemas, c.version)
	switch {
	case isVersionError(e.Code):
	case s.settled:
		return false
	case e.Code == "ErrorInvalidRequest": // which some servers say instead
	case e.Code == "ErrorSchemaValidation" && strings.Contains(e.Error(), c.version):
	default:
		return false
	}
	if s.settled {
		c.driver.known.forget(c.url, c.account)
		return false
	}
	if i+1 == len(schemas) {
		return false
	}
	c.version = schemas[i+1]
	s.stepped, s.tied = true, e.Code == mailboxVersion
	return true
}

const mailboxVersion = "ErrorInvalidSchemaVersionForMailboxVersion"

// versionErrors say that a schema is not known.
var versionErrors = []string{mailboxVersion, "ErrorInvalidServerVersion", "ErrorIncorrectSchemaVersion"}

func isVersionError(code string) bool { return slices.Contains(versionErrors, code) }

// versionErrorIn returns the code in a text that is no SOAP, as some servers refuse a schema, ""
// if there is none.
func versionErrorIn(text string) string {
	for _, code := range versionErrors {
		if strings.Contains(text, code) {
			return code
		}
	}
	return ""
}

// known is what a Driver remembers of servers and mailboxes. The zero known is ready.
type known struct {
	mu       sync.Mutex
	versions map[versionKey]string
	last     map[mailbox.Key]time.Time // when mailboxes were served last

	identities map[identityKey]*identity
}

type versionKey struct {
	url     string
	mailbox mailbox.Key // zero for all
}

// maxKnown is how many mailboxes are remembered, before all are forgotten.
const maxKnown = 100_000

// version returns the schema to ask for first.
func (k *known) version(url string, a provider.Account) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range []versionKey{{url, a.Mailbox.Key}, {url: url}} {
		if v := k.versions[key]; v != "" {
			return v
		}
	}
	return schemaOf(a.Profile.Exchange)
}

// learn remembers a schema: of a server, or of the one that has the mailbox.
func (k *known) learn(url string, a provider.Account, version string, tied bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.versions == nil || len(k.versions) >= maxKnown {
		k.versions = make(map[versionKey]string)
	}
	key := versionKey{url: url}
	if tied {
		key.mailbox = a.Mailbox.Key
	}
	k.versions[key] = version
}

func (k *known) forget(url string, a provider.Account) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.versions, versionKey{url, a.Mailbox.Key})
	delete(k.versions, versionKey{url: url})
}

// served notes that a mailbox was served.
func (k *known) served(key mailbox.Key) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.last == nil || len(k.last) >= maxKnown {
		k.last = make(map[mailbox.Key]time.Time)
	}
	k.last[key] = time.Now()
}

// lately reports whether a mailbox was served within the last hours.
func (k *known) lately(key mailbox.Key) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	at, ok := k.last[key]
	return ok && time.Since(at) < flapping
}

// flapping is for how long Exchange Online may refuse what it granted before.
const flapping = 6 * time.Hour

// outOfSupport names a server that Microsoft supports no more, by its version, "" for any other.
// The Subscription Edition goes on with 2019's 15.2, from build 2562 on.
func outOfSupport(version string) string {
	var major, minor, build int
	if n, _ := fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &build); n < 2 {
		return ""
	}
	switch {
	case major == 8:
		return "Exchange 2007"
	case major == 14:
		return "Exchange 2010"
	case major == 15 && minor == 0:
		return "Exchange 2013"
	case major == 15 && minor == 1:
		return "Exchange 2016"
	case major == 15 && minor == 2 && build > 0 && build < 2562:
		return "Exchange 2019"
	}
	return ""
}
