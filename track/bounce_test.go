package track_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/notice"
	. "github.com/go-serversync/serversync/track"
)

// report is a delivery status notification (RFC 3464) about an email of ours.
func report(id, action, status string, recipients ...string) string {
	text := `From: Mail Delivery System <mailer-daemon@mail.example>
To: anna@contoso.example
Subject: Undelivered
Message-ID: <report@mail.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

Sorry.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example

`
	for _, r := range recipients {
		text += fmt.Sprintf("Final-Recipient: rfc822; %s\nAction: %s\nStatus: %s\n\n", r, action, status)
	}
	return text + fmt.Sprintf(`--b
Content-Type: text/rfc822-headers

From: anna@contoso.example
To: carol@example.org
Message-ID: <%s>

--b--
`, id)
}

// MIME-18: a report counts only for an email of ours and a recipient of it.
func TestMIME18Reports(t *testing.T) {
	const id = "1@contoso.example"
	of := func(recipient, status string, action notice.Action) Outcome {
		return Outcome{Email: email1, MessageID: id, Recipient: recipient, Action: action, Status: status}
	}
	for _, r := range []struct {
		name     string
		mail     string
		rule     Rule
		outcomes []Outcome
	}{
		{"failed", report(id, "failed", "5.1.1", "carol@example.org"), Bounce, []Outcome{of("carol@example.org", "5.1.1", notice.Failed)}},
		{"delayed is not failed", report(id, "delayed", "4.4.1", "Carol@Example.org"), Bounce, []Outcome{of("carol@example.org", "4.4.1", notice.Delayed)}},
		{"delivered", report(id, "delivered", "2.0.0", "carol@example.org"), Bounce, []Outcome{of("carol@example.org", "2.0.0", notice.Delivered)}},
		{"two recipients, one in Bcc", report(id, "failed", "5.1.1", "carol@example.org", "support@contoso.example"), Bounce,
			[]Outcome{of("carol@example.org", "5.1.1", notice.Failed), of("support@contoso.example", "5.1.1", notice.Failed)}},
		{"one recipient told twice", report(id, "failed", "5.1.1", "carol@example.org", "carol@example.org"), Bounce, []Outcome{of("carol@example.org", "5.1.1", notice.Failed)}},
		{"a recipient that we wrote to and one that we did not", report(id, "failed", "5.1.1", "x@example.net", "carol@example.org"), Bounce, []Outcome{of("carol@example.org", "5.1.1", notice.Failed)}},
		{"a recipient that we did not write to", report(id, "failed", "5.1.1", "x@example.net"), NoReply, nil},
		{"the sender is no recipient", report(id, "failed", "5.1.1", "anna@contoso.example"), NoReply, nil},
		{"an email that we did not send", report("2@contoso.example", "failed", "5.1.1", "carol@example.org"), NoReply, nil},
	} {
		w := contoso()
		v := w.one(t, whole(t, r.mail))
		require.Equal(t, r.rule, v.Rule, r.name)
		require.Equal(t, r.outcomes, v.Outcomes, r.name)
		require.Equal(t, notice.Delivery, v.Notice.Kind)
		require.Equal(t, r.outcomes != nil, v.Tracked, r.name)
		if v.Tracked {
			require.Equal(t, case5, v.Regarding, r.name)
			require.Empty(t, v.Create)
		}
		// Accepted by a setting, what was made up is an email like any other.
		made := w.accept(anna, mailbox.AcceptAll).one(t, whole(t, r.mail))
		require.True(t, made.Tracked)
		require.Equal(t, r.outcomes, made.Outcomes, r.name)
		if r.outcomes == nil {
			require.Equal(t, AcceptedAll, made.Rule)
			require.Zero(t, made.Regarding)
		}
	}
}

// An email that came in is none that a report can be about.
func TestMIME18ReportOfIncomingEmail(t *testing.T) {
	w := contoso()
	w.emails[0].Direction = Incoming
	v := w.one(t, whole(t, report("1@contoso.example", "failed", "5.1.1", "carol@example.org")))
	require.False(t, v.Tracked)
	require.Empty(t, v.Outcomes)
}

// A report about an email that went to many is bounded work, and names whom we wrote to.
func TestMIME18ManyReports(t *testing.T) {
	w := contoso()
	var to []string
	w.emails[0].Recipients = nil
	for i := range 1000 {
		r := fmt.Sprintf("r%d@example.org", i)
		to = append(to, r)
		if i%2 == 0 {
			w.emails[0].Recipients = append(w.emails[0].Recipients, r)
		}
	}
	require.Len(t, w.one(t, whole(t, report("1@contoso.example", "failed", "5.1.1", to...))).Outcomes, 500)
}

// The header of a report asks for the rest of it, of nothing else.
func TestReportNeedsWhole(t *testing.T) {
	head := "From: mailer-daemon@mail.example\nMessage-ID: <r@x>\nContent-Type: multipart/report; report-type=%s; boundary=b\n"
	for _, kind := range []string{"delivery-status", "disposition-notification"} {
		m := header(fmt.Sprintf(head, kind) + toAnna)
		v := contoso().one(t, m)
		require.True(t, v.NeedsBody)
		require.True(t, v.Tracked)
		require.Equal(t, NeedsWhole, v.Rule)
		require.Zero(t, v.Owner)

		w := contoso()
		w.reading.Sent, w.settings.Sent = true, true
		require.False(t, w.one(t, m).NeedsBody, "among the sent mail it is no report to us")
		w = contoso()
		w.settings.Content.MaxMessage = 10
		require.Equal(t, TooLarge, w.one(t, m).Rule)
	}
	for _, mail := range []string{"Auto-Submitted: auto-replied\n", "List-Id: <l>\n", "Precedence: bulk\n"} {
		v := contoso().one(t, header(fromCarol+toAnna+answers+mail))
		require.False(t, v.NeedsBody)
		require.Equal(t, AcceptedReply, v.Rule, "the filter judges what programs write")
		require.NotEmpty(t, v.Notice.Kind)
	}
}

// A receipt tells that a recipient was shown the email.
func TestReceipt(t *testing.T) {
	text := `From: carol@example.org
To: anna@contoso.example
Message-ID: <receipt@example.org>
Content-Type: multipart/report; report-type=disposition-notification; boundary=b

--b
Content-Type: text/plain

It was displayed.
--b
Content-Type: message/disposition-notification

Final-Recipient: rfc822; carol@example.org
Original-Message-ID: <1@contoso.example>
Disposition: manual-action/MDN-sent-manually; displayed

--b--
`
	v := contoso().one(t, whole(t, text))
	require.Equal(t, Bounce, v.Rule)
	require.Equal(t, notice.Receipt, v.Notice.Kind)
	require.Len(t, v.Outcomes, 1)
	require.Equal(t, notice.Displayed, v.Outcomes[0].Action)
	require.Equal(t, "carol@example.org", v.Outcomes[0].Recipient)
}

// In a tracked folder a report belongs to the folder's record, and still tells.
func TestReportInTrackedFolder(t *testing.T) {
	w := contoso()
	w.reading.Folder, w.reading.Regarding = true, case6
	v := w.one(t, whole(t, report("1@contoso.example", "failed", "5.1.1", "carol@example.org")))
	require.Equal(t, TrackedByFolder, v.Rule)
	require.Equal(t, case6, v.Regarding)
	require.Len(t, v.Outcomes, 1)
}
