package notice_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/notice"
)

// parse reads a fixture.
func parse(t testing.TB, raw []byte) *item.Message {
	t.Helper()
	m, err := item.ParseMessage(item.NewBlob(raw), item.Limits{})
	require.NoError(t, err)
	return m
}

func fixture(t testing.TB, name string) *item.Message {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name+".eml"))
	require.NoError(t, err)
	return parse(t, raw)
}

// The message that the fixtures are about, and its recipient.
const (
	first = "orig-1@crm.example"
	anna  = "anna@example.com"
)

func one(action notice.Action, status string) []notice.Report {
	return []notice.Report{{Recipient: anna, Action: action, Status: status}}
}

func failed(status string) []notice.Report  { return one(notice.Failed, status) }
func delayed(status string) []notice.Report { return one(notice.Delayed, status) }

// deliveries are the reports of delivery. We wrote each of them after what its source
// says of the form.
var deliveries = []struct {
	file, source string
	format       string // RFC3464 if empty
	envelope     string
	reports      []notice.Report // without diagnoses
}{
	{file: "dsn-rfc3464", source: "RFC 3464, section 2; RFC 3461, section 4.4", envelope: "out-77+1", reports: []notice.Report{
		{Recipient: anna, Final: "a.meier@inside.example.com", Action: notice.Failed, Status: "5.1.1"},
	}},
	{file: "dsn-delayed", source: "RFC 3464, section 2.3.3; Postfix, bounce(8)", reports: delayed("4.4.1")},
	{file: "dsn-mixed", source: "RFC 3464, section 2.3.3", reports: []notice.Report{
		{Recipient: anna, Action: notice.Failed, Status: "5.2.2"},
		{Recipient: "bob@example.com", Action: notice.Delayed, Status: "4.2.0"},
		{Recipient: "carl@example.com", Action: notice.Relayed, Status: "2.1.9"},
		{Recipient: "dora@example.com", Action: notice.Delivered, Status: "2.1.5"},
		{Recipient: "staff@example.com", Action: notice.Expanded, Status: "2.1.5"},
	}},
	{file: "dsn-odd-case", source: "RFC 3464, section 2.1; RFC 6522, section 3 (text/rfc822-headers)", envelope: "out-5", reports: failed("5.1.1")},
	{file: "dsn-no-action", source: "RFC 3463, section 3.1", reports: []notice.Report{
		{Recipient: anna, Action: notice.Failed, Status: "5.1.1"},
		{Recipient: "bob@example.com", Action: notice.Delayed, Status: "4.4.7"},
		{Recipient: "carl@example.com", Action: notice.Failed},
	}},
	{file: "dsn-utf8", source: "RFC 6533, sections 3 and 4", reports: []notice.Report{
		{Recipient: "žofie@example.com", Final: "žofie@inside.example.com", Action: notice.Failed, Status: "5.6.7"},
	}},
	{file: "dsn-xtext", source: "RFC 3461, section 4", reports: []notice.Report{
		{Recipient: "anna+crm=x@example.com", Final: "anna+42@example.com", Action: notice.Failed, Status: "5.1.1"},
	}},
	{file: "dsn-exchange-online", source: "Microsoft, Email non-delivery reports in Exchange Online", reports: failed("5.1.10")},
	{file: "dsn-gmail", source: "Google, Bounced emails", reports: failed("5.1.1")},
	{file: "dsn-gmail-delay", source: "Google, Bounced emails", reports: delayed("4.4.1")},
	{file: "dsn-base64", source: "RFC 6533, section 3: an encoding is allowed", reports: failed("5.0.0")},
	{file: "dsn-no-per-message", source: "seen: no group for the message, a blank line within a recipient's", reports: []notice.Report{
		{Recipient: anna, Action: notice.Failed, Status: "5.1.2"},
		{Recipient: "bob@example.com", Action: notice.Failed, Status: "5.1.2"},
	}},
	{file: "dsn-only-envelope", source: "RFC 3464, section 2.2.1; seen without recipient", envelope: "out-9", reports: failed("5.0.0")},
	{file: "dsn-x400", source: "RFC 3464, section 2.3.2: an address of another type", reports: failed("5.1.1")},
	{file: "dsn-hostile", source: "reliability MIME-18", reports: failed("5.1.1")},
	{file: "dsn-sendmail-ses", source: "Amazon SES, bounce notifications by email", reports: failed("5.1.1")},
	{file: "dsn-alone", source: "RFC 6522, section 3: outside of a multipart/report", reports: failed("5.1.1")},
	{file: "dsn-in-mixed", source: "RFC 6522, section 3: rewrapped by a gateway", reports: failed("5.7.1")},

	{file: "form-qmail", source: "QSBMF, D. J. Bernstein", format: "qmail", reports: failed("5.1.1")},
	{file: "form-james", source: "Apache James, Bounce mailet", format: "qmail", reports: failed("")},
	{file: "form-exim", source: "Exim specification, Customizing bounce and warning messages", format: "exim", reports: []notice.Report{
		{Recipient: anna, Action: notice.Failed, Status: "5.1.1"}, {Recipient: "bob@example.com", Action: notice.Failed},
	}},
	{file: "form-exim-delay", source: "Exim specification, delay_warning", format: "exim", reports: delayed("")},
	{file: "form-gmx", source: "GMX, Mailer Daemon", format: "exim", reports: failed("5.1.1")},
	{file: "form-exim-field", source: "Exim specification, X-Failed-Recipients; bounce_message_file in other words", format: "exim", reports: []notice.Report{
		{Recipient: anna, Action: notice.Failed}, {Recipient: "bob@example.com", Action: notice.Failed},
	}},
	{file: "form-postfix", source: "Postfix, bounce(5)", format: "postfix", reports: []notice.Report{
		{Recipient: anna, Final: "a.meier@inside.example.com", Action: notice.Failed, Status: "5.1.1"},
	}},
	{file: "form-postfix-delay", source: "Postfix, bounce(5), delay_template", format: "postfix", reports: delayed("")},
	{file: "form-opensmtpd", source: "OpenSMTPD, smtpd(8)", format: "opensmtpd", reports: failed("5.1.1")},
	{file: "form-sendmail8", source: "Sendmail Installation and Operation Guide", format: "sendmail", reports: failed("5.1.1")},
	{file: "form-sendmail8-delay", source: "Sendmail Installation and Operation Guide, QueueWarn", format: "sendmail", reports: delayed("")},
	{file: "form-sendmail5", source: "4.3BSD, SMM:7, Sendmail", format: "sendmail5", reports: failed("")},
	{file: "form-smail", source: "Smail 3, guide to administration", format: "smail", reports: failed("")},
	{file: "form-courier", source: "Courier, courierd(8)", format: "courier", reports: failed("5.1.1")},
	{file: "form-exchange55", source: "Microsoft, Exchange Server 5.5: non-delivery reports", format: "exchange5.5", reports: failed("")},
	{file: "form-exchange2003", source: "Microsoft, Exchange Server 2003: non-delivery reports", format: "exchange2003", reports: failed("5.1.1")},
	{file: "form-hmailserver", source: "hMailServer, server messages", format: "exchange2003", reports: failed("5.1.1")},
	{file: "form-exchange-html", source: "Microsoft, Exchange Server: NDRs, as HTML only", format: "exchange", reports: failed("5.1.1")},
	{file: "form-exchange-delay", source: "Microsoft, Exchange Server: delay DSNs", format: "exchange", reports: delayed("")},
	{file: "form-exchange-online", source: "Microsoft, Email non-delivery reports in Exchange Online", format: "exchange-online", reports: failed("5.1.10")},
	{file: "form-windows-smtp", source: "Microsoft, SMTP service (IIS)", format: "windows-smtp", reports: failed("")},
	{file: "form-windows-smtp-delay", source: "Microsoft, SMTP service (IIS)", format: "windows-smtp", reports: delayed("")},
	{file: "form-gmail-2010", source: "Google, Bounced emails, as of 2010", format: "gmail", reports: failed("5.1.1")},
	{file: "form-gmail-delay", source: "Google, Bounced emails, as of 2010", format: "gmail", reports: delayed("")},
	{file: "form-gmail", source: "Google, Bounced emails", format: "gmail", reports: failed("5.1.1")},
	{file: "form-yahoo", source: "Yahoo Mail, failure notice", format: "yahoo", reports: failed("")},
	{file: "form-yahoo-2014", source: "Yahoo Mail, failure notice, since 2014", format: "yahoo", reports: failed("5.7.1")},
	{file: "form-domino", source: "HCL, Domino: delivery failure report", format: "domino", reports: failed("")},
	{file: "form-groupwise", source: "Novell, GroupWise Internet Agent", format: "groupwise", reports: failed("")},
	{file: "form-mercury", source: "Mercury/32, delivery failure template", format: "mercury", reports: failed("5.1.1")},
	{file: "form-mailenable", source: "MailEnable, SMTP connector", format: "mailenable", reports: failed("5.1.1")},
	{file: "form-imail", source: "Ipswitch, IMail Server", format: "imail", reports: failed("")},
	{file: "form-zmailer", source: "ZMailer manual", format: "zmailer", reports: failed("5.1.1")},
	{file: "form-mdaemon", source: "MDaemon, delivery failure template", format: "mdaemon", reports: failed("5.1.1")},
	{file: "form-messaging-server", source: "Oracle Communications Messaging Server, notification messages", format: "messaging-server", reports: failed("5.1.1")},
	{file: "form-communigate", source: "CommuniGate Pro, delivery reports", format: "communigate", reports: failed("")},
	{file: "form-aol", source: "AOL, mail delivery subsystem", format: "aol", reports: failed("")},
	{file: "form-interscan", source: "Trend Micro, InterScan Messaging Security", format: "interscan", reports: failed("5.1.1")},
	{file: "form-verp", source: "Variable Envelope Return Paths, D. J. Bernstein", format: "verp", reports: failed("5.1.1")},
	{file: "form-null-sender", source: "QSBMF, from nobody's usual name", format: "qmail", reports: failed("5.1.1")},
	{file: "form-unknown", source: "RFC 5321, sections 4.2 and 4.5.5: a form that nobody describes", format: "unknown", reports: failed("5.7.1")},
	{file: "form-unknown-delay", source: "RFC 5321, sections 4.2 and 4.5.5: a form that nobody describes", format: "unknown", reports: delayed("4.7.1")},
}

// PEER-112 and PEER-113: a bounce is tied to its message and recipient by what comes
// back with it, and delayed is not failed.
func TestDeliveries(t *testing.T) {
	for _, tt := range deliveries {
		t.Run(tt.file, func(t *testing.T) {
			require.NotEmpty(t, tt.source)
			m := fixture(t, tt.file)
			n := notice.Message(m)
			want := tt.format
			if want == "" {
				want = notice.RFC3464
			}
			assert.Equal(t, notice.Delivery, n.Kind)
			assert.Equal(t, want, n.Format)
			assert.Equal(t, first, n.MessageID)
			assert.Equal(t, tt.envelope, n.EnvelopeID)
			assert.True(t, n.NoAnswer)
			assert.NotEmpty(t, n.Evidence)
			for i := range n.Reports {
				diagnosis := n.Reports[i].Diagnosis
				assert.LessOrEqual(t, len(diagnosis), 256)
				assert.NotContains(t, diagnosis, "\x1b")
				assert.NotContains(t, diagnosis, "\u202e")
				assert.NotContains(t, diagnosis, "Your offer")
				n.Reports[i].Diagnosis = ""
			}
			assert.Equal(t, tt.reports, n.Reports)

			h := notice.Header(m)
			assert.True(t, h.NeedsBody, "the header says nothing of it")
			assert.True(t, h.NoAnswer)
			assert.NotEqual(t, notice.Personal, h.Kind)
		})
	}
}

// What servers say is kept, without the words of others.
func TestDiagnoses(t *testing.T) {
	for file, want := range map[string]string{
		"dsn-rfc3464":         "550 5.1.1 <a.meier@inside.example.com>: Recipient address rejected",
		"dsn-exchange-online": "550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found by SMTP address lookup",
		"form-qmail":          "192.0.2.1 does not like recipient. Remote host said: 550 5.1.1 no mailbox here by that name Giving up on 192.0.2.1.",
		"form-postfix":        "host inside.example.com[192.0.2.1] said: 550 5.1.1 unknown user (in reply to RCPT TO command)",
		"form-opensmtpd":      "550 5.1.1 Invalid recipient",
		"form-domino":         "User anna (anna@example.com) not listed in public Name & Address Book",
		"form-groupwise":      "(user not found)",
		"form-smail":          "unknown user",
		"form-mercury":        "550 5.1.1 No such user here.",
	} {
		assert.Equal(t, want, notice.Message(fixture(t, file)).Reports[0].Diagnosis, file)
	}
}

// others are all that is no report of delivery.
var others = []struct {
	file, source string
	kind         notice.Kind
	answer       bool // a program may answer it
	reports      []notice.Report
}{
	{file: "receipt-displayed", source: "RFC 8098, section 3.2", kind: notice.Receipt, reports: []notice.Report{
		{Recipient: anna, Final: "a.meier@inside.example.com", Action: notice.Displayed},
	}},
	{file: "receipt-deleted", source: "RFC 8098, section 3.2.6.3: modifiers", kind: notice.Receipt, reports: []notice.Report{
		{Recipient: anna, Final: "a.meier@inside.example.com", Action: notice.Deleted},
	}},
	{file: "receipt-dispatched", source: "RFC 2298, section 3.2.6.2", kind: notice.Receipt},

	{file: "auto-rfc3834", source: "RFC 3834, section 5", kind: notice.AutoReply},
	{file: "auto-gmail", source: "Gmail, vacation responder", kind: notice.AutoReply},
	{file: "auto-dovecot", source: "Pigeonhole Sieve, vacation (RFC 5230, section 4.6)", kind: notice.AutoReply},
	{file: "auto-zimbra", source: "Zimbra, out of office", kind: notice.AutoReply},
	{file: "auto-exim", source: "Exim specification, the autoreply transport", kind: notice.AutoReply},
	{file: "auto-exchange-online", source: "Microsoft, automatic replies and loop prevention in Exchange Online", kind: notice.AutoReply},
	{file: "auto-exchange2010", source: "Microsoft, [MS-OXCMAIL] X-Auto-Response-Suppress; Exchange Server 2010", kind: notice.AutoReply},
	{file: "auto-cpanel", source: "cPanel, autoresponders", kind: notice.AutoReply},
	{file: "auto-precedence", source: "BoxTrapper and others: Precedence", kind: notice.AutoReply},
	{file: "auto-dtc", source: "Domain Technologie Control", kind: notice.AutoReply},
	{file: "auto-communigate", source: "CommuniGate Pro, Automated Mail Processing Rules", kind: notice.AutoReply},
	{file: "auto-mailtraq", source: "Mailtraq, autoresponder", kind: notice.AutoReply},
	{file: "auto-qmail", source: "qmail-autoresponder", kind: notice.AutoReply},
	{file: "auto-vacation", source: "vacation(1)", kind: notice.AutoReply},
	{file: "auto-frappe", source: "Frappe, auto email (peers row 115)", kind: notice.AutoReply},
	{file: "auto-responder", source: "autoresponders of several hosting panels", kind: notice.AutoReply},
	{file: "auto-null-sender", source: "RFC 3834, section 3.3: an answer from the null address", kind: notice.AutoReply},
	{file: "auto-domino", source: "HCL, Domino: out of office", kind: notice.AutoReply},
	{file: "auto-your-message", source: "RFC 3834: a person's words that sound like a form", kind: notice.AutoReply},

	{file: "automatic-generated", source: "RFC 3834, section 5", kind: notice.Automatic},
	{file: "automatic-notified", source: "RFC 5436, section 2.7.1", kind: notice.Automatic},
	{file: "automatic-firstclass", source: "FirstClass", kind: notice.Automatic},
	{file: "automatic-cron", source: "cron(8), Debian", kind: notice.Automatic},
	{file: "automatic-jira", source: "Jira, notification mail", kind: notice.Automatic},
	{file: "automatic-amazon", source: "Amazon, notifications", kind: notice.Automatic},
	{file: "automatic-null", source: "RFC 5321, section 4.5.5", kind: notice.Automatic},
	{file: "automatic-daemon", source: "RFC 3834, section 2: MAILER-DAEMON with other words", kind: notice.Automatic},
	{file: "automatic-abuse", source: "RFC 5965", kind: notice.Automatic},

	{file: "list-rfc2919", source: "RFC 2919; RFC 2369", kind: notice.List},
	{file: "list-announce", source: "RFC 2369, section 3.4: NO, beside a List-Id", kind: notice.List},
	{file: "list-ezmlm", source: "ezmlm(5)", kind: notice.List},
	{file: "list-generated", source: "RFC 2919: what a program wrote to a list", kind: notice.List},
	{file: "list-vacation", source: "RFC 3834: an answer by way of a list", kind: notice.AutoReply},

	{file: "bulk-newsletter", source: "RFC 8058; Gmail, Feedback loop", kind: notice.Bulk},
	{file: "bulk-precedence", source: "RFC 2076, section 3.9", kind: notice.Bulk},
	{file: "bulk-junk", source: "RFC 2076, section 3.9", kind: notice.Bulk},
	{file: "bulk-announce", source: "RFC 2369, section 3.4", kind: notice.Bulk},
	{file: "bulk-campaign", source: "Mailchimp, headers", kind: notice.Bulk},

	{file: "personal", source: "a person", answer: true},
	{file: "personal-no", source: "RFC 3834, section 5 (peers row 116); [MS-OXCMAIL]: None", answer: true},
	{file: "personal-subject", source: "a person writes Undeliverable", answer: true},
	{file: "personal-quotes-bounce", source: "a person quotes a bounce", answer: true},
	{file: "personal-forwards-bounce", source: "RFC 5322: a bounce as attachment", answer: true},
	{file: "personal-forwards-parts", source: "a bounce's parts, forwarded by a person", answer: true},
	{file: "personal-forwards-inline", source: "a postmaster, who is a person, forwards a bounce", answer: true},
	{file: "personal-postmaster", source: "a postmaster, who is a person, speaks of codes", answer: true},
	{file: "personal-redirected", source: "Microsoft, loop prevention in Exchange Online: redirected by a rule"},
	{file: "personal-suppress", source: "Microsoft, [MS-OXCMAIL] X-Auto-Response-Suppress"},
	{file: "personal-suppress-reports", source: "Microsoft, [MS-OXCMAIL]: only reports are unwanted", answer: true},
	{file: "personal-by-ses", source: "Amazon SES: Feedback-ID on whatever it carries", answer: true},
	{file: "personal-loop", source: "procmailex(5): X-Loop"},
	{file: "personal-noreply", source: "an address that says so"},
	{file: "personal-request", source: "RFC 3834, section 2"},
	{file: "personal-failed-field", source: "Exim's field, from a person", answer: true},
	{file: "personal-no-path", source: "a message without Return-Path", answer: true},
}

// PEER-115 and PEER-116: fields are read by their values, and all of them.
func TestOthers(t *testing.T) {
	for _, tt := range others {
		t.Run(tt.file, func(t *testing.T) {
			require.NotEmpty(t, tt.source)
			m := fixture(t, tt.file)
			for name, n := range map[string]notice.Notice{"whole": notice.Message(m), "header": notice.Header(headerOf(t, tt.file))} {
				assert.Equal(t, tt.kind, n.Kind, name)
				assert.Equal(t, tt.answer, !n.NoAnswer, name)
				assert.Equal(t, tt.kind != notice.Personal, n.Evidence != "", "%s: evidence %q", name, n.Evidence)
				assert.Empty(t, n.Format, name)
			}
			n := notice.Message(m)
			assert.Equal(t, tt.reports, n.Reports)
			if tt.kind == notice.Receipt {
				assert.Equal(t, first, n.MessageID)
			}
		})
	}
}

// headerOf reads a fixture's header alone, as a listing has it.
func headerOf(t testing.TB, name string) *item.Message {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name+".eml"))
	require.NoError(t, err)
	header, _, _ := strings.Cut(string(raw), "\n\n")
	return item.ParseHeader([]byte(header), item.Limits{})
}

// Every fixture is in a table.
func TestEveryFixtureIsRead(t *testing.T) {
	known := make(map[string]bool)
	for _, tt := range deliveries {
		known[tt.file] = true
	}
	for _, tt := range others {
		known[tt.file] = true
	}
	files, err := filepath.Glob("testdata/*.eml")
	require.NoError(t, err)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".eml")
		assert.True(t, known[name], name)
	}
	assert.Len(t, files, len(known))
}

// OUT-7: what comes back may have another Message-ID than it was sent with. The field
// that repeats ours says which.
func TestReportOfARewrittenMessage(t *testing.T) {
	report := func(original string) string {
		return "From: MAILER-DAEMON@relay.example\r\nTo: ann@example.test\r\nMessage-ID: <dsn@relay.example>\r\nMIME-Version: 1.0\r\n" +
			"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\nSorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n" +
			"Reporting-MTA: dns; relay.example\r\n\r\nFinal-Recipient: rfc822; carl@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n" +
			"--b\r\nContent-Type: text/rfc822-headers\r\n\r\n" + original + "\r\n--b--\r\n"
	}
	for original, want := range map[string]string{
		"Message-ID: <relay@x>\r\nX-Serversync-Message-ID: <ours@example.test>\r\n":        "ours@example.test",
		"Message-ID: <relay@x>\r\nX-Serversync-Message-ID: <ours @example.test\r\n":        "relay@x",
		"Message-ID: <relay@x>\r\nX-Serversync-Message-ID: <>\r\n":                         "relay@x",
		"X-Serversync-Message-ID:\r\n <" + strings.Repeat("x", 330) + "@example.test>\r\n": "",
	} {
		m, err := item.ParseMessage(item.NewBlob([]byte(report(original))), item.Limits{})
		require.NoError(t, err)
		n := notice.Message(m)
		if want == "" {
			require.NotContains(t, n.MessageID, "xxx")
			continue
		}
		require.Equal(t, want, n.MessageID)
		require.Len(t, n.Reports, 1)
	}
}
