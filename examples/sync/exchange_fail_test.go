package main

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/ews/ewstest"
)

// What goes wrong is told in words, with what to do about it.
func TestExchangeFailures(t *testing.T) {
	type failing struct {
		name   string
		o      ewstest.Options
		ews    func(x *exchange) string // in the place of its URL
		flags  []string
		status int
		words  []string
	}
	tests := []failing{
		{name: "wrong path", ews: func(x *exchange) string { return "https://" + x.Addr() + "/owa" }, status: 1,
			words: []string{"there are no web services at this address", "check the URL in the profile, or use autodiscover"}},
		{name: "no URL", ews: func(x *exchange) string { return x.Addr() }, status: 2, words: []string{"want the URL of the web services", "or autodiscover"}},
		{name: "http without a word", ews: func(x *exchange) string { return "http://" + x.Addr() + "/EWS/Exchange.asmx" }, status: 2, words: []string{"needs -tls plain"}},
		{name: "STARTTLS", flags: []string{"-tls", "starttls"}, status: 2, words: []string{"not for -ews"}},
		{name: "two servers to send through", flags: []string{"-smtp", "localhost"}, status: 2, words: []string{"one server at a time"}},
		{name: "closed port", ews: func(*exchange) string { return "https://" + closed + "/EWS/Exchange.asmx" }, status: 1,
			words: []string{"nothing listens there", "check host and port"}},
		{name: "wrong host", ews: func(*exchange) string { return "https://no-such-host.invalid/EWS/Exchange.asmx" }, status: 1,
			words: []string{"ews: GetFolder: unavailable"}},
		{name: "no such folder", flags: []string{"-folders", "INBOX,Nowhere"}, status: 1, words: []string{`there is no folder "Nowhere"`}},
		{name: "may not impersonate", flags: []string{"-impersonate", bob}, status: 1, words: []string{"ErrorImpersonateUserDenied", "ApplicationImpersonation"}},
		{name: "tokens only", o: ewstest.Options{Schemes: []string{"Bearer"}}, status: 1, words: []string{"no way to sign in", "offer NTLM or Basic; it has Bearer"}},
		{name: "no mailbox", o: ewstest.Options{NoMailbox: []string{user}}, status: 1, words: []string{"What to do: check the mailbox's address"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			x := newExchange(t, tt.o)
			if tt.ews != nil {
				x.ews = []string{"-ews", tt.ews(x)}
			}
			r := x.once(t, tt.flags...)
			r.want(t, tt.status, tt.words...)
			if tt.status == 1 {
				r.report(t)
			}
		})
	}
	t.Run("certificate of nobody", func(t *testing.T) {
		x := newExchange(t, ewstest.Options{})
		x.ca = x.write(t, "other.pem", string(otherRoot(t)))
		x.once(t).want(t, 1, "ews: GetFolder: refused for safety", "give the server's root certificate")
	})
}

// A wrong password is told in words, and is not shown. It is tried for either side, but
// not so often that the account would be locked, however often the program is run.
func TestExchangeWrongPassword(t *testing.T) {
	for _, scheme := range []string{"NTLM", "Basic"} {
		t.Run(scheme, func(t *testing.T) {
			x := newExchange(t, ewstest.Options{Schemes: []string{scheme}})
			x.password = x.write(t, "wrong", "wr0ng\n")
			letter := x.write(t, "letter.eml", to("bob", 1))
			for range 8 {
				r := x.once(t, "-send", letter)
				if r.status != 1 || strings.Contains(r.err+r.out, "wr0ng") || !strings.Contains(r.err, "sign-in refused: the server refused the sign-in by "+scheme) ||
					!strings.Contains(strings.ToLower(r.err), "what to do: check user name and password") {
					t.Fatalf("exit status %d\n%s", r.status, r.err)
				}
			}
			if n := x.Counts().Refused; n == 0 || n > 3 {
				t.Errorf("a wrong password was tried %d times, want it tried, and at most three times", n)
			}
			refused := x.Counts().Refused
			r := x.once(t, "-test")
			r.want(t, 1, "sign-in      failed", "what to do:    check user name and password")
			if n := x.Counts().Refused - refused; n == 0 || n > 2 {
				t.Errorf("a test tried the wrong password %d times, want once a side at most", n)
			}
			wait(t, func() bool { // for another time of change of the password's file
				x.password = x.write(t, "right", password+"\n")
				return x.once(t).status == 0
			})
			wait(t, func() bool { x.once(t); return len(x.raws(bob, "inbox")) == 1 })
		})
	}
}

// Some refused recipients are told of; a message nobody can tell the fate of is held, and
// settled by a person.
func TestExchangeHeld(t *testing.T) {
	x := newExchange(t, ewstest.Options{Behavior: ewstest.Behavior{RefuseUnknown: true}})
	r := x.once(t, "-send", x.write(t, "nobody.eml", to("nobody", 2)))
	r.want(t, 1, "nobody@example.test: rejected")

	// The answer is lost, and the server says nothing of its sent mail for a while: then the
	// copy is found.
	lost := ewstest.Fault{Op: "SendItem", After: true, Lose: true, Times: 1}
	x.Requests(func(op string, _ []byte) {
		if op == "SendItem" {
			x.SetFault(lost, ewstest.Fault{Op: "FindItem", Code: "ErrorInternalServerError"})
		}
	})
	r = x.once(t, "-send", x.write(t, "letter.eml", to("bob", 1)))
	r.want(t, 1, "may have been sent: ", "looked for among the sent mail")
	x.SetFault()
	wait(t, func() bool { r = x.once(t); return r.status == 0 })

	// The server takes it, says nothing and keeps no copy: a person has to say.
	r = x.once(t, "-send", x.write(t, "letter-3.eml", to("bob", 3)))
	r.want(t, 1, "may have been sent: ")
	for _, m := range x.Messages(user, "sentitems") {
		if strings.Contains(string(m.Raw), "<letter-3@") {
			x.Remove(m.ID)
		}
	}
	x.SetFault()
	id := regexp.MustCompile(`outbox entry ([0-9a-f]+)`).FindStringSubmatch(r.err)[1]
	x.once(t, "-resolve", id+"=sent").want(t, 1, "past the phase")
	wait(t, func() bool { r = x.once(t); return strings.Contains(r.err, "-resolve "+id+"=sent") })
	x.Requests(nil)
	x.once(t, "-resolve", id+"=again").want(t, 0, "1 sent")
	if got := x.raws(bob, "inbox"); len(got) != 3 {
		t.Errorf("Bob got %d letters, want the first, and the other one twice, as a person asked for", len(got))
	}
	if got := x.raws(user, "sentitems"); len(got) != 2 {
		t.Errorf("%d letters are filed, want two", len(got))
	}
	if got := x.raws(user, "drafts"); len(got) != 0 {
		t.Errorf("%d drafts are left", len(got))
	}
}

// A service account that may act for others syncs their mailboxes, and nobody's else.
func TestExchangeImpersonates(t *testing.T) {
	const svc = "svc@example.test"
	for name, schemes := range map[string][]string{"NTLM": {"NTLM"}, "Basic": {"Basic"}, "both": nil} {
		t.Run(name, func(t *testing.T) {
			x := newExchange(t, ewstest.Options{
				Users: map[string]string{svc: password, user: "other", bob: "other"}, NoMailbox: []string{svc},
				Impersonators: map[string][]string{svc: {user}}, Schemes: schemes, Anchor: ewstest.Anchor449,
			})
			x.Add(user, "inbox", []byte(mail(1)))
			as := []string{"-user", svc, "-impersonate", user}
			r := x.once(t, append(as, "-export", x.out, "-send", x.write(t, "letter.eml", to("bob", 1)))...)
			r.want(t, 0, "1 came in, 1 sent", "to bob@example.test: sent")
			if !strings.HasPrefix(r.err, user+": ") {
				t.Errorf("it does not name the mailbox: %s", r.err)
			}
			if got := exported(t, x.out); !slices.Equal(got, []string{mail(1)}) {
				t.Errorf("exported is %q", got)
			}
			if n := len(x.raws(user, "sentitems")); n != 1 {
				t.Errorf("%d letters are filed in the mailbox, want one", n)
			}
			r = x.once(t, append(as, "-test")...)
			r.want(t, 0, "acting as the mailbox's owner", "arrived and was deleted")
			x.once(t, "-user", svc, "-impersonate", bob).want(t, 1, "ErrorImpersonateUserDenied", "ApplicationImpersonation")
		})
	}
	x := newExchange(t, ewstest.Options{})
	var out, progress bytes.Buffer
	if status := program(t.Context(), []string{"-imap", "localhost", "-user", user, "-password-file", x.password, "-impersonate", bob}, &out, &progress, tune); status != 2 || !strings.Contains(progress.String(), "-impersonate is for -ews") {
		t.Errorf("exit status %d: %s", status, progress.String())
	}
}

// A test with a server that offers both ways takes the stronger, and says what a
// user wants to know.
func TestExchangeTestReport(t *testing.T) {
	x := newExchange(t, ewstest.Options{Version: "SE"})
	x.Add(user, "inbox", []byte(mail(1)))
	r := x.once(t, "-test")
	r.want(t, 0, "it offers Basic, NTLM", "NTLM, "+user, `can read "Inbox"`, "accepted", "arrived and was deleted")
	var report serversync.TestReport
	must(t, json.Unmarshal([]byte(r.out), &report))
	var stages []string
	for _, s := range report.Stages {
		stages = append(stages, strings.TrimSpace(string(s.Side)+" "+string(s.Stage)))
	}
	want := []string{"settings", "incoming tcp", "incoming tls", "incoming capabilities", "incoming sign-in", "incoming inbox",
		"outgoing tcp", "outgoing tls", "outgoing capabilities", "outgoing sign-in", "outgoing send", "incoming read-back"}
	if !slices.Equal(stages, want) {
		t.Errorf("the stages are %q, want %q", stages, want)
	}
	for _, folder := range []string{"inbox", "drafts", "deleteditems"} { // Exchange itself files what is sent
		n := 0
		if folder == "inbox" {
			n = 1
		}
		if got := x.raws(user, folder); len(got) != n {
			t.Errorf("the test left %d messages in %s", len(got)-n, folder)
		}
	}
}
