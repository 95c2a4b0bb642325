package serversync_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"html"
	"net/http"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/ews"
	"github.com/go-serversync/serversync/ews/ewstest"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/store/memory"
)

// An exchange is an Exchange of one mailbox, opened by a password or by a token: a canary either way.
type exchange struct {
	canary
	*ewstest.Server
	source provider.TokenSource // nil for a password
}

// A fixed source gives one token, whoever asks.
type fixed struct{ token secret.Text }

func (f fixed) Token(context.Context, provider.Account, secret.Text) (provider.Token, error) {
	return provider.Token{Value: f.token}, nil
}

const annAddress = "ann@example.test"

// newExchange starts one. A token has a word of its own, for canaries have characters that no token has.
func newExchange(t *testing.T, name string, byToken bool) *exchange {
	x := &exchange{canary: newCanary(name)}
	o := ewstest.Options{Users: map[string]string{annAddress: x.word}, Schemes: []string{"Basic"}}
	if byToken {
		token := strings.NewReplacer(`"`, "~", "<", ".", "&", "-", " ", "_", `%`, ".", `\`, "-").Replace(x.word)
		x.word, x.source = token, fixed{secret.New(token)}
		o = ewstest.Options{Mailboxes: []string{annAddress}, Schemes: []string{"Bearer"}, Token: func(said string) (string, bool, bool) { return annAddress, false, said == token }}
	}
	x.Server = ewstest.NewServer(o)
	t.Cleanup(x.Close)
	for n := range 3 {
		x.Add(annAddress, "inbox", letter(n))
	}
	return x
}

// account is that of the mailbox, which signs in once.
func (x *exchange) account() provider.Account {
	e := profile.Endpoint{URL: x.URL(), Authentication: profile.Basic}
	box := annBox
	box.Address, box.Username, box.Password = annAddress, annAddress, secret.New(x.word)
	if x.source != nil {
		e.Authentication, e.Credentials = "", profile.OAuth
		box.Username, box.Password = "", secret.Text{}
	}
	p := profile.Profile{ID: "p", Kind: profile.ExchangeServer, Incoming: e, Application: profile.Application{ClientID: "66666666-2222-3333-4444-555555555555", Secret: secret.New("of no use here")}, TenantID: "11111111-2222-3333-4444-555555555555"}
	return provider.Account{Mailbox: box, Profile: p, Endpoint: p.Endpoint(profile.Incoming), Policy: loopback, Tokens: x.source}
}

func (x *exchange) driver() *ews.Driver {
	return &ews.Driver{TLSConfig: &tls.Config{RootCAs: x.CertPool()}, Limits: patient}
}

// leaks are answers that repeat what an Authorization header held, in every place that is told on.
func (x *exchange) leaks(echo string) map[string]ewstest.Fault {
	field := strings.NewReplacer("\r", "", "\n", "").Replace(echo)
	escaped := html.EscapeString(echo)
	return map[string]ewstest.Fault{
		"diagnostics of 401":  ewstest.Unauthorized(`2000008;reason="` + field + `"`),
		"diagnostics of 403":  ewstest.Forbidden(field),
		"the challenge":       {Status: 401, Header: http.Header{"Www-Authenticate": {`Bearer error="invalid_token", error_description="` + field + `"`, "Basic", field}}},
		"fields of an answer": {Status: 500, Header: http.Header{"X-Feserver": {field}, "Request-Id": {field}, "X-Ms-Diagnostics": {field}, "Set-Cookie": {"a=" + field}}},
		"a redirect":          ewstest.Redirect("https://" + field + "/" + field),
		"a page":              {Status: 503, Header: http.Header{"Retry-After": {field}}, Body: "<html>" + escaped},
		"no SOAP":             {Status: 200, Body: echo},
		"a fault's text":      {Code: "ErrorInternalServerError", Text: echo},
		"a fault's values":    {Code: "ErrorServerBusy", Text: echo, Values: map[string]string{"BackOffMilliseconds": "1", field: echo}},
		"an item's failure":   {Code: "ErrorAccessDenied", Text: echo, Item: 1, Rest: true},
		"an unknown code":     {Write: func(w http.ResponseWriter) { faultWith(w, escaped) }},
	}
}

// faultWith answers with a fault of a code that no Exchange has.
func faultWith(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	w.WriteHeader(http.StatusInternalServerError)
	fmt.Fprintf(w, `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>%[1]s</faultcode><faultstring>%[1]s</faultstring><detail><e:ResponseCode xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors">%[1]s</e:ResponseCode></detail></s:Fault></s:Body></s:Envelope>`, text)
}

// P6: an Exchange that repeats the password or the token, wherever it can, brings it into no error, log line or
// trace.
func TestP6EWSEchoes(t *testing.T) {
	for _, byToken := range []bool{false, true} {
		x := newExchange(t, fmt.Sprint("exchange ", byToken), byToken)
		told := attempt(t, x.driver(), x.account())
		require.NotContains(t, told.String(), "provider.Error", "with nothing amiss")
		x.none(t, "a session", told)
		for _, echo := range echoNames {
			text := echoes(annAddress, x.word, x.header())[echo]
			for place, fault := range x.leaks(text) {
				x.SetFault(fault)
				told := attempt(t, x.driver(), x.account())
				require.Contains(t, told.String(), "provider.Error", place)
				x.none(t, fmt.Sprintf("%s as %s, token: %v", place, echo, byToken), told)
			}
		}
	}
}

// none fails the test if the canary is among what was told, and shows where.
func (x *exchange) none(t *testing.T, where string, told *record) {
	t.Helper()
	for line := range strings.Lines(told.String()) {
		if forms := x.find(line); len(forms) > 0 {
			t.Fatalf("%s: as %v in %.1000s", where, forms, line)
		}
	}
}

// header is what proves us.
func (x *exchange) header() string {
	r := &http.Request{Header: make(http.Header)}
	if r.SetBasicAuth(annAddress, x.word); x.source != nil {
		return "Authorization: Bearer " + x.word
	}
	return "Authorization: " + r.Header.Get("Authorization")
}

// P6: nor does a whole cycle, in hooks, reports or the store.
func TestP6SyncOverEWSShowsNoCanary(t *testing.T) {
	for _, byToken := range []bool{false, true} {
		x := newExchange(t, fmt.Sprint("exchange's cycle ", byToken), byToken)
		told, report := x.cycles(t)
		require.Len(t, x.Sent(), 1, "%v", report)
		require.Contains(t, told.String(), `"tracked":3`)
		x.none(t, "a cycle", told)
		for _, op := range []string{"GetFolder", "SyncFolderItems", "GetItem", "CreateItem", "SendItem"} {
			for i, echo := range []string{"plain", "json", "AUTH PLAIN", "half the line"} {
				for place, fault := range x.leaks(echoes(annAddress, x.word, x.header())[echo]) {
					if i > 0 && place != "a fault's text" && place != "diagnostics of 401" { // the rest is tried without a Syncer
						continue
					}
					fault.Op = op
					x.SetFault(fault)
					told, _ := x.cycles(t)
					require.Positive(t, x.Faulted()[0], "%s was not asked for: %s", op, place)
					x.none(t, fmt.Sprintf("%s of %s as %s, token: %v", place, op, echo, byToken), told)
				}
			}
		}
	}
}

// cycles does cycles of the mailbox, which has mail to fetch and to send, with a store that is empty, and
// returns all that anybody was told.
func (x *exchange) cycles(t *testing.T) (told *record, last Report) {
	told = new(record)
	a, d := x.account(), x.driver()
	d.Logger = told.logger()
	st := memory.New()
	policy := loopback
	policy.AllowNetworks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	cfg := Config{Store: st, Mailboxes: Static(a.Profile, a.Mailbox), Policy: policy, Logger: told.logger(), Drivers: map[profile.Protocol]provider.Driver{profile.EWS: d}}
	if x.source != nil {
		cfg.Tokens = map[profile.Credentials]provider.TokenSource{profile.OAuth: x.source}
	}
	require.NotEmpty(t, hookAll(told, &cfg.Hooks))
	s := newSyncer(t, cfg)
	require.NoError(t, st.Enqueue(t.Context(), entry(a.Mailbox.Key, 1, "carl@example.org")))
	for range 2 {
		var err error
		last, err = s.SyncMailbox(told.trace(t.Context()), a.Mailbox.Key)
		told.note(last)
		told.note(err)
	}
	told.note(cfg)
	told.note(s)
	require.NoError(t, s.Close())
	snapshot, err := st.Load(t.Context(), a.Mailbox.Key)
	require.NoError(t, err)
	told.note(snapshot)
	for _, v := range []any{st, snapshot, last, d} {
		dump(told, reflect.ValueOf(v), map[uintptr]bool{}, 0)
	}
	return told, last
}
