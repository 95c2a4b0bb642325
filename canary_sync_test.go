package serversync_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/imap"
	"github.com/go-serversync/serversync/imap/imaptest"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/smtp"
	"github.com/go-serversync/serversync/smtp/smtptest"
	"github.com/go-serversync/serversync/store/memory"
)

// hookAll sets every hook that there is to one that writes down what it is told.
func hookAll(r *record, hooks *Hooks) (names []string) {
	v := reflect.ValueOf(hooks).Elem()
	for i := range v.NumField() {
		if v.Field(i).Kind() == reflect.Func {
			v.Field(i).Set(noting(r, v.Field(i).Type()))
			names = append(names, v.Type().Field(i).Name)
		}
	}
	return names
}

// noting returns a function of a type that writes its arguments down. It returns
// the context that it got and functions of the same kind.
func noting(r *record, t reflect.Type) reflect.Value {
	return reflect.MakeFunc(t, func(args []reflect.Value) (results []reflect.Value) {
		for _, arg := range args {
			if arg.Type() != reflect.TypeFor[context.Context]() {
				r.note(arg.Interface())
			}
		}
		for i := range t.NumOut() {
			switch out := t.Out(i); {
			case out == reflect.TypeFor[context.Context]():
				results = append(results, args[0])
			case out.Kind() == reflect.Func:
				results = append(results, noting(r, out))
			default:
				results = append(results, reflect.Zero(out))
			}
		}
		return results
	})
}

// A rig is a Syncer with real drivers, real servers and a canary for a password.
type rig struct {
	canary
	imap  *imaptest.Server
	smtp  *smtptest.Server
	fault atomic.Pointer[func(line string) string] // of either server; nil for none
}

func newRig(t *testing.T, c canary) *rig {
	g := &rig{canary: c}
	fail := func(line string) string {
		if f := g.fault.Load(); f != nil {
			return (*f)(line)
		}
		return ""
	}
	users := map[string]string{"ann": c.word}
	g.imap = imaptest.NewServer(imaptest.Options{Users: users, Fail: fail})
	t.Cleanup(g.imap.Close)
	g.smtp = smtptest.NewServer(smtptest.Options{Users: users, Fail: fail})
	t.Cleanup(g.smtp.Close)
	for n := range 3 {
		g.imap.Add("ann", "INBOX", letter(n))
	}
	return g
}

// run does cycles of a mailbox that has mail to fetch and to send, and returns all
// that anybody was told: by hooks, logs, reports, errors and the store.
func (g *rig) run(t *testing.T, ofProfile bool) (told *record, last Report) {
	told = new(record)
	a, b := reach(g.imap.Addr(), "", g.word), reach(g.smtp.Addr, "", g.word)
	p, box := a.Profile, a.Mailbox
	p.Outgoing, p.OwnOutgoing = b.Endpoint, true
	if ofProfile {
		p.Incoming.Credentials, p.Incoming.Username, p.Incoming.Password = profile.FromProfile, "ann", secret.New(g.word)
		p.Outgoing.Credentials, p.Outgoing.Username, p.Outgoing.Password = profile.FromProfile, "ann", secret.New(g.word)
		box.Username, box.Password = "", secret.Text{}
	}
	st := memory.New()
	cfg := Config{Store: st, Mailboxes: Static(p, box), Policy: loopback, Logger: told.logger(),
		Drivers: map[profile.Protocol]provider.Driver{
			profile.IMAP: &imap.Driver{TLSConfig: &tls.Config{RootCAs: g.imap.CertPool()}, Limits: patient, Logger: told.logger()},
			profile.SMTP: smtp.Driver{TLSConfig: &tls.Config{RootCAs: g.smtp.CertPool()}, Limits: patient, Logger: told.logger()},
		}}
	require.GreaterOrEqual(t, len(hookAll(told, &cfg.Hooks)), 5)
	s := newSyncer(t, cfg)
	require.NoError(t, st.Enqueue(t.Context(), entry(ann, 1, "carl@example.org", "dora@example.org")))
	for range 3 {
		var err error
		last, err = s.SyncMailbox(told.trace(t.Context()), ann)
		told.note(last)
		told.note(err)
	}
	told.note(cfg)
	told.note(s)
	require.NoError(t, s.Close())
	snapshot, err := st.Load(t.Context(), ann)
	require.NoError(t, err)
	told.note(snapshot)
	dump(told, reflect.ValueOf(st), map[uintptr]bool{}, 0)
	dump(told, reflect.ValueOf(snapshot), map[uintptr]bool{}, 0)
	dump(told, reflect.ValueOf(last), map[uintptr]bool{}, 0)
	return told, last
}

// P6: a whole cycle tells nobody a password: neither when all is well nor when the
// servers repeat it wherever they can.
func TestP6SyncShowsNoCanary(t *testing.T) {
	for _, ofProfile := range []bool{false, true} {
		c := newCanary(fmt.Sprint("sync ", ofProfile))
		g := newRig(t, c)
		told, _ := g.run(t, ofProfile)
		require.Contains(t, told.String(), `"sent":2`)
		require.Contains(t, told.String(), `"tracked":3`)
		none(t, "a cycle", told.String(), c)

		for at, shapes := range map[string][]string{
			"AUTHENTICATE": {"%tag NO E", "* BYE E\r\n%tag NO E"}, "SELECT": {"%tag NO E", "%tag NO [E] no", "* BYE E\r\n%tag NO E"}, "UID FETCH": {"%tag NO E", "* BYE E\r\n%tag NO E"},
			"LIST": {"%tag BAD E"}, "STORE": {"%tag NO E"}, "APPEND": {"%tag NO E", "* BYE E\r\n%tag NO E"}, "UID SEARCH": {"%tag NO E"}, "NAMESPACE": {"%tag NO E"},
			"AUTH PLAIN": {"535 5.7.8 E", "454 E"}, "EHLO": {"554 E", "421 E"}, "MAIL FROM": {"550 E", "451 E", "E"}, "RCPT TO": {"550 5.1.1 E", "450 E", "551-x\r\n551 E"},
			"DATA": {"554 E", "451 E"}, ".": {"554 E", "451 E", "250 E", "E", "999 E"}, "": {"554 E"},
		} {
			for i, shape := range shapes {
				for j, echo := range echoNames {
					if (i+j)%3 != 0 && echo != "plain" { // the rest is tried without a Syncer
						continue
					}
					fault := in(at, func(line string) string {
						return strings.ReplaceAll(shape, "E", echoes("ann", c.word, line)[echo])
					})
					g.fault.Store(&fault)
					told, _ := g.run(t, ofProfile)
					none(t, fmt.Sprintf("a cycle with %s at %q as %q", echo, at, shape), told.String(), c)
				}
			}
		}
	}
}

// What a cycle told would be found: the address of the mailbox is.
func TestCanaryRecordsACycle(t *testing.T) {
	g := newRig(t, newCanary("recorded"))
	fault := in("AUTHENTICATE", func(string) string { return "%tag NO planted-in-an-answer" })
	g.fault.Store(&fault)
	told, report := g.run(t, false)
	doc, err := json.Marshal(report)
	require.NoError(t, err)
	require.Contains(t, string(doc), "planted-in-an-answer")
	require.Greater(t, strings.Count(told.String(), "planted-in-an-answer"), 10, "in errors, hooks, logs, reports and the store")
}
