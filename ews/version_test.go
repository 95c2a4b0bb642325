package ews

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// schemaIn returns the schema that a request asks for.
func schemaIn(body string) string {
	_, rest, _ := strings.Cut(body, `RequestServerVersion Version="`)
	version, _, _ := strings.Cut(rest, `"`)
	return version
}

// newOld is a server that knows schemas from newest on, and refuses others in this way.
func newOld(t *testing.T, newest string, refuse func(w http.ResponseWriter)) *script {
	var s *script
	s = newScript(t, func(w http.ResponseWriter, r *http.Request, op string) {
		if slices.Index(schemas, schemaIn(s.last().body)) < slices.Index(schemas, newest) {
			refuse(w)
			return
		}
		well(w, r, op)
	})
	return s
}

// A server is asked for the newest schema first and for an older one where it does not know it,
// however it says so; it is not asked again.
func TestSchemaIsNegotiated(t *testing.T) {
	for name, refuse := range map[string]func(http.ResponseWriter){
		"a fault":       func(w http.ResponseWriter) { give(w, 500, faultOf("ErrorInvalidServerVersion", "")) },
		"another fault": func(w http.ResponseWriter) { give(w, 500, faultOf("ErrorIncorrectSchemaVersion", "")) },
		"plain text": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(500)
			w.Write([]byte("ErrorInvalidSchemaVersionForMailboxVersion"))
		},
		"in each answer": func(w http.ResponseWriter) { give(w, 200, faulted(mailboxVersion, "")) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newOld(t, "Exchange2010_SP2", refuse)
			d := s.driver()
			p, err := s.openWith(t, d, s.account())
			require.NoError(t, err)
			require.Equal(t, "Exchange2010_SP2", p.client.version)
			require.Len(t, s.all(), 3)
			_, err = s.openWith(t, d, s.account())
			require.NoError(t, err)
			require.Len(t, s.all(), 4, "it is remembered")
		})
	}
	s := newOld(t, "none", nil)
	s.answer = func(w http.ResponseWriter, _ *http.Request, _ string) {
		give(w, 500, faultOf("ErrorInvalidServerVersion", ""))
	}
	e := s.fails(t, provider.ErrUnsupported)
	require.NotEmpty(t, e.Remedy)
	require.Len(t, s.all(), len(schemas))
	require.Equal(t, oldestSchema, schemaIn(s.last().body))
	require.NotContains(t, s.last().body, "TimeZoneContext")
}

// What only one mailbox's server does not know says nothing about the others.
func TestSchemaOfAMailbox(t *testing.T) {
	var s *script
	s = newScript(t, func(w http.ResponseWriter, r *http.Request, op string) {
		got := s.last()
		if got.header.Get("X-AnchorMailbox") == "old@example.test" && schemaIn(got.body) > "Exchange2010_SP2" {
			give(w, 200, faulted(mailboxVersion, ""))
			return
		}
		well(w, r, op)
	})
	d := s.driver()
	for _, name := range []string{"old", "new", "old"} {
		p, err := s.openWith(t, d, s.account(service, impersonating, mailboxOf(name)))
		require.NoError(t, err)
		require.Equal(t, map[string]string{"old": "Exchange2010_SP2", "new": "Exchange2013_SP1"}[name], p.client.version)
	}
	require.Len(t, s.all(), 5)
	// One that refuses later what it took before is asked anew with the next session.
	p, err := s.openWith(t, d, s.account(service, impersonating, mailboxOf("old")))
	require.NoError(t, err)
	s.answer = func(w http.ResponseWriter, _ *http.Request, _ string) {
		give(w, 500, faultOf("ErrorInvalidServerVersion", ""))
	}
	require.ErrorIs(t, p.Check(t.Context()), provider.ErrUnsupported)
	s.answer = well
	p, err = s.openWith(t, d, s.account(service, impersonating, mailboxOf("old")))
	require.NoError(t, err)
	require.Equal(t, schemas[0], p.client.version)
}

// The profile's version is where to begin.
func TestSchemaByTheProfile(t *testing.T) {
	for v, want := range map[profile.ExchangeVersion]string{
		"": "Exchange2013_SP1", profile.Exchange2007SP1: "Exchange2007_SP1", profile.Exchange2010: "Exchange2010", profile.Exchange2010SP3: "Exchange2010_SP2",
		profile.Exchange2013: "Exchange2013", profile.Exchange2013SP1: "Exchange2013_SP1", profile.ExchangeSE: "Exchange2013_SP1", "2031": "Exchange2013_SP1",
	} {
		require.Equal(t, want, new(known).version("u", provider.Account{Profile: profile.Profile{Exchange: v}}), v)
	}
	k := new(known)
	for range maxKnown + 1 {
		k.learn("u", provider.Account{Mailbox: mailbox.Mailbox{Key: mailbox.Key{Mailbox: newID()}}}, oldestSchema, true)
	}
	require.Less(t, len(k.versions), 10, "what is remembered is bounded")
}
