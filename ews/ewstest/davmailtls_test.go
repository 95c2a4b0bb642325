package ewstest

import (
	"crypto/tls"
	"net"
	"net/smtp"
	"slices"
	"strings"
	"sync"
	"testing"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/ews/internal/schema"
	"github.com/go-serversync/serversync/internal/testserver"
	"github.com/go-serversync/serversync/internal/testserver/servertest"
)

// A mailbox of the server's, as DavMail shows it: a client that others wrote.
type davmail struct {
	t    *testing.T
	s    *Server
	d    *testserver.DavMail
	imap *imapclient.Client
	mu   sync.Mutex
	seen map[string][]string // requests by operation
}

func newDavMail(t *testing.T, schemes ...string) *davmail {
	servertest.NeedDavMail(t)
	ca, err := testserver.NewCA()
	require.NoError(t, err)
	certPEM, keyPEM, err := ca.Issue()
	require.NoError(t, err)
	cert, err := tls.X509KeyPair(certPEM, keyPEM)
	require.NoError(t, err)
	s := NewServer(Options{
		Users: map[string]string{anna: "secret", bob: "other"}, Schemes: schemes, Certificate: &cert,
	})
	t.Cleanup(s.Close)
	v := &davmail{t: t, s: s, seen: make(map[string][]string)}
	s.Requests(func(op string, body []byte) {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.seen[op] = append(v.seen[op], string(body))
	})
	v.d = servertest.DavMail(t, testserver.DavMailOptions{URL: s.URL(), Roots: ca.PEM()})
	return v
}

// signIn signs in to DavMail's IMAP.
func (v *davmail) signIn(name string) {
	v.t.Helper()
	var err error
	v.imap, err = imapclient.DialInsecure(v.d.IMAPAddr, nil)
	require.NoError(v.t, err)
	v.t.Cleanup(func() { v.imap.Close() })
	require.NoError(v.t, v.imap.Login(name, "secret").Wait(), v.d.Log())
}

// flags returns the flags of a folder's messages, by their subject.
func (v *davmail) flags(folder string) map[string]string {
	all := make(map[string]string)
	for _, m := range v.s.Messages(anna, folder) {
		_, subject, _ := strings.Cut(string(m.Raw), "Subject: ")
		subject, _, _ = strings.Cut(subject, "\r\n")
		slices.Sort(m.Flags)
		all[subject] = strings.Join(m.Flags, " ")
	}
	return all
}

// fetch returns the messages of the folder that is selected.
func (v *davmail) fetch() (all []string) {
	v.t.Helper()
	section := &goimap.FetchItemBodySection{Peek: true}
	got, err := v.imap.Fetch(goimap.SeqSet{{Start: 1}}, &goimap.FetchOptions{UID: true, Flags: true, BodySection: []*goimap.FetchItemBodySection{section}}).Collect()
	require.NoError(v.t, err, v.d.Log())
	for _, m := range got {
		all = append(all, string(m.FindBodySection(section)))
	}
	return all
}

// Over TLS too, DavMail lists, reads and sends, and nothing that it asks for leaves the schema.
func TestDavMailKeepsToTheSchema(t *testing.T) {
	v := newDavMail(t, "Basic")
	raw := [][]byte{mail("one"), mail("two", "X-Long: "+strings.Repeat("x", 900)+"\r\n"), mail("three")}
	raw = append(raw, append(mail("large"), []byte(strings.Repeat("All work and no play.\r\n", 50_000))...))
	for _, m := range raw {
		v.s.Add(anna, "inbox", m)
	}
	v.s.Add(anna, "Inbox/Kunden äöü", mail("customer"))
	v.signIn(anna)

	listed, err := v.imap.List("", "*", nil).Collect()
	require.NoError(t, err, v.d.Log())
	var names []string
	for _, l := range listed {
		names = append(names, l.Mailbox)
	}
	for _, want := range []string{"INBOX", "INBOX/Kunden äöü", "Sent", "Drafts", "Trash", "Junk"} {
		require.Contains(t, names, want)
	}

	selected, err := v.imap.Select("INBOX", nil).Wait()
	require.NoError(t, err, v.d.Log())
	require.EqualValues(t, 4, selected.NumMessages)
	got := v.fetch()
	require.Len(t, got, 4)
	for i, m := range raw {
		require.Equal(t, strings.TrimRight(string(m), "\r\n"), strings.TrimRight(got[i], "\r\n"))
	}
	v.copy()
	v.send()
	v.check()
}

// copy copies a message into a folder whose name is not plain.
func (v *davmail) copy() {
	_, err := v.imap.Copy(goimap.SeqSetNum(3), "INBOX/Kunden äöü").Wait()
	require.NoError(v.t, err, v.d.Log())
	require.Equal(v.t, map[string]string{"customer": "", "three": ""}, v.flags("Inbox/Kunden äöü"))
	require.Len(v.t, v.flags("inbox"), 4)
}

// send sends by SMTP: to somebody here, somebody elsewhere, and somebody whom the header does not
// name.
func (v *davmail) send() {
	t := v.t
	host, _, err := net.SplitHostPort(v.d.SMTPAddr)
	require.NoError(t, err)
	body := "From: Anna <" + anna + ">\r\nTo: Bob <" + bob + ">, far@else.example\r\nSubject: sent\r\nMessage-ID: <sent@example.com>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nHello.\r\n"
	require.NoError(t, smtp.SendMail(v.d.SMTPAddr, smtp.PlainAuth("", anna, "secret", host), anna, []string{bob, "far@else.example", "hidden@else.example"}, []byte(body)), v.d.Log())
	sent := v.s.Sent()
	require.Len(t, sent, 1)
	require.ElementsMatch(t, []string{bob, "far@else.example", "hidden@else.example"}, sent[0].Recipients)
	arrived := v.s.Messages(bob, "inbox")
	require.Len(t, arrived, 1)
	require.Contains(t, string(arrived[0].Raw), "Message-ID: <sent@example.com>\r\n")
	require.NotContains(t, string(arrived[0].Raw), "hidden@else.example")
	require.Contains(t, v.flags("sentitems"), "sent")
}

// check holds all that DavMail asked for against the schema.
func (v *davmail) check() {
	v.mu.Lock()
	defer v.mu.Unlock()
	var all []string
	for op, bodies := range v.seen {
		require.NotEmpty(v.t, op)
		for _, body := range bodies {
			require.NoError(v.t, schema.Check(strings.NewReader(body), schema.Newest), body)
		}
		all = append(all, bodies...)
	}
	(&bench{t: v.t, said: &all}).official()
	v.t.Log(len(all), "requests:", v.s.Counts().Requests)
}

// NTLM as HttpClient has it.
func TestDavMailSignsInWithNTLM(t *testing.T) {
	withNTLM(t)
	v := newDavMail(t, "NTLM")
	v.s.Add(anna, "inbox", mail("one"))
	v.signIn(`EXAMPLE\anna`)
	_, err := v.imap.Select("INBOX", nil).Wait()
	require.NoError(t, err, v.d.Log())
	require.Len(t, v.fetch(), 1)
	require.Positive(t, v.s.Counts().SignIns)
}
