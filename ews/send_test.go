package ews

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/provider"
)

// note is a small message to bob, with carl in Cc.
func jotted(n int) *item.Blob {
	return item.NewBlob(fmt.Appendf(nil, "From: Ann <ann@example.com>\r\nTo: Bob <bob@example.org>\r\nCc: carl@example.org\r\nSubject: note %d\r\n"+
		"Date: Sat, 21 Nov 2026 09:00:00 +0000\r\nMessage-ID: <note%d@example.com>\r\n\r\nHello.\r\n", n, n))
}

func submissionOf(n int, to ...string) provider.Submission {
	return provider.Submission{From: "ann@example.com", Recipients: to, Raw: jotted(n), EnvelopeID: fmt.Sprint("e", n)}
}

func statusesOf(r provider.Result) (list []provider.Status) {
	for _, one := range r.Recipients {
		list = append(list, one.Status)
	}
	return list
}

// O1, O3: a message is sent as it is, to those whom the envelope names and in the roles that
// the header has for them.
func TestO1SentAsItIs(t *testing.T) {
	d := newDesk(t)
	s := d.open()
	sub := submissionOf(1, "BOB@example.org", "dora@example.org", "carl@example.org")
	sub.Report = true
	r, err := s.Send(context.Background(), sub)
	require.NoError(t, err)
	require.Equal(t, []provider.Status{provider.StatusSent, provider.StatusSent, provider.StatusSent}, statusesOf(r))
	sent := d.sent()
	require.Len(t, sent, 1)
	raw, _ := sub.Raw.Bytes()
	require.Equal(t, string(raw), string(sent[0].mime))
	require.Equal(t, []string{"BOB@example.org"}, sent[0].to)
	require.Equal(t, []string{"carl@example.org"}, sent[0].cc)
	require.Equal(t, []string{"dora@example.org"}, sent[0].bcc)
	require.Equal(t, "true", sent[0].fields["IsDeliveryReceiptRequested"])
	require.Empty(t, sent[0].from)
	require.Empty(t, d.in("drafts"))
}

// O5, row 43 of clients: who is in the header and not in the envelope gets nothing, however a
// server puts MIME and properties together; and Bcc is shown to nobody.
func TestO5HeaderNamesSomebodyElse(t *testing.T) {
	for name, header := range map[string]string{
		"To":       "To: bob@example.org, eve@example.org\r\n",
		"Cc":       "To: bob@example.org\r\nCc: Eve\r\n <eve@example.org>\r\n",
		"Bcc":      "To: bob@example.org\r\nBcc: eve@example.org\r\n",
		"twice":    "To: bob@example.org\r\nTo: eve@example.org\r\n",
		"odd":      "TO : bob@example.org\r\ncc :eve@example.org\r\n",
		"no line":  "To: bob@example.org\r\nthis is no field\r\n",
		"only her": "To: eve@example.org\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			raw := "From: boss@example.com\r\n" + header + "Importance: high\r\nDisposition-Notification-To: ann@example.com\r\nSubject: x\r\nDate: Sat, 21 Nov 2026 09:00:00 +0000\r\nMessage-ID: <x@example.com>\r\n\r\nTo: eve@example.org is text\r\n"
			r, err := d.open().Send(context.Background(), provider.Submission{From: "ann@example.com", Recipients: []string{"bob@example.org"}, Raw: item.NewBlob([]byte(raw))})
			require.NoError(t, err)
			require.Equal(t, []provider.Status{provider.StatusSent}, statusesOf(r))
			sent := d.sent()[0]
			require.Equal(t, []string{"bob@example.org"}, append(append(sent.to, sent.cc...), sent.bcc...))
			head, body, _ := strings.Cut(string(sent.mime), "\r\n\r\n")
			require.NotContains(t, head, "example.org")
			require.Contains(t, head, "Subject: x\r\n")
			require.Equal(t, "To: eve@example.org is text\r\n", body)
			require.Equal(t, "boss@example.com", sent.from)
			require.Equal(t, "High", sent.fields["Importance"])
			require.Equal(t, "true", sent.fields["IsReadReceiptRequested"])
		})
	}
}

// big is a message with two large attachments and a small one.
func bigNote(t *testing.T) (*item.Blob, *item.Message) {
	t.Helper()
	random := rand.NewChaCha8([32]byte{1})
	file := func(size int) *item.Blob {
		b := make([]byte, size)
		random.Read(b)
		return item.NewBlob(b)
	}
	raw, err := (&item.Draft{
		From: item.Address{Addr: "ann@example.com"}, To: []item.Address{{Addr: "bob@example.org"}},
		Subject: "large", Text: "see the files\n", HTML: "<p>see the files</p>",
		MessageID: "large@example.com", Date: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC),
		Attachments: []item.DraftAttachment{
			{Name: "größe.bin", Type: "application/octet-stream", Content: file(2 << 20)},
			{Name: "small.pdf", Type: "application/pdf", Content: file(2000)},
			{Name: "table.csv", Type: "text/csv", Content: item.NewBlob(bytes.Repeat([]byte("a,b,c\r\n"), 180_000))},
		},
	}).Compose()
	require.NoError(t, err)
	m, err := item.ParseMessage(raw, item.Limits{})
	require.NoError(t, err)
	return raw, m
}

// whole puts what was enclosed back into the message.
func (i *deskItem) whole() []byte {
	at := bytes.LastIndex(i.mime, []byte("\r\n--"))
	boundary := strings.TrimSuffix(strings.TrimSpace(string(i.mime[at:])), "--")
	out := bytes.Clone(i.mime[:at])
	for _, f := range i.files {
		out = fmt.Appendf(out, "\r\n%s\r\nContent-Type: %s\r\nContent-Disposition: attachment; filename=x\r\nContent-Transfer-Encoding: binary\r\n\r\n%s", boundary, f.kind, f.content)
	}
	return append(out, i.mime[at:]...)
}

// O1, O3: what is large goes in several requests and is the same message in the end.
func TestO1LargeInParts(t *testing.T) {
	d := newDesk(t)
	raw, m := bigNote(t)
	r, err := d.open().Send(context.Background(), provider.Submission{From: "ann@example.com", Recipients: []string{"bob@example.org"}, Raw: raw})
	require.NoError(t, err)
	require.Equal(t, []provider.Status{provider.StatusSent}, statusesOf(r))
	sent := d.sent()[0]
	require.Less(t, len(sent.mime), wholeSize)
	require.NotEmpty(t, sent.files)
	require.Equal(t, "größe.bin", sent.files[0].name)
	got, err := item.ParseMessage(item.NewBlob(sent.whole()), item.Limits{})
	require.NoError(t, err)
	require.Equal(t, m.Digest, got.Digest)
	require.Equal(t, m.MessageID, got.MessageID)
}

// O1: what somebody signed or encrypted, or what is not beyond doubt, goes whole.
func TestO1WholeWhereSigned(t *testing.T) {
	raw, _ := bigNote(t)
	b, _ := raw.Bytes()
	for name, change := range map[string]func(string) string{
		"signed": func(s string) string { return strings.Replace(s, "multipart/mixed", "multipart/signed", 1) },
		"no end": func(s string) string { return strings.TrimRight(s, "-\r\n") },
		"a message": func(s string) string {
			return strings.NewReplacer("application/octet-stream", "message/rfc822", "text/csv", "message/rfc822").Replace(s)
		},
		"type is twice": func(s string) string { return "Content-Type: multipart/mixed; boundary=x\r\n" + s },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			changed := item.NewBlob([]byte(change(string(b))))
			_, err := d.open().Send(context.Background(), provider.Submission{From: "ann@example.com", Recipients: []string{"bob@example.org"}, Raw: changed})
			require.NoError(t, err)
			require.Empty(t, d.sent()[0].files)
			_, body, _ := strings.Cut(string(d.sent()[0].mime), "\r\n\r\n")
			_, want, _ := strings.Cut(change(string(b)), "\r\n\r\n")
			require.Equal(t, want, body)
		})
	}
}

// O3: up to SendItem every failure is definite, leaves no draft behind, or one that the next
// try takes away, and the next try sends once.
func TestO3FailuresBeforeSendItem(t *testing.T) {
	for _, op := range []string{"FindItem", "CreateItem", "CreateAttachment"} {
		for _, effect := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%t", op, effect), func(t *testing.T) {
				d := newDesk(t)
				times := 1
				if op == "FindItem" { // which is read anew where a kept connection ends
					times = 2
				}
				cut := func(o string, n int) bool { return o == op && n <= times }
				if effect {
					d.after = cut
				} else {
					d.before = cut
				}
				raw, _ := bigNote(t)
				began := 0
				sub := provider.Submission{From: "ann@example.com", Recipients: []string{"bob@example.org"}, Raw: raw,
					Submitting: func(context.Context) error { began++; return nil }}
				r, err := d.open().Send(context.Background(), sub)
				require.Error(t, err)
				require.NotEmpty(t, provider.KindOf(err))
				require.Equal(t, []provider.Status{provider.StatusRetry}, statusesOf(r))
				require.Zero(t, began)
				r, err = d.open().Send(context.Background(), sub)
				require.NoError(t, err)
				require.Equal(t, []provider.Status{provider.StatusSent}, statusesOf(r))
				require.Equal(t, 1, began)
				require.Len(t, d.sent(), 1)
				require.Empty(t, d.in("drafts"))
			})
		}
	}
}

// O3: an answer that is lost is looked for, with either answer that servers give to a
// second SendItem, which is not asked for.
func TestO3LostAnswer(t *testing.T) {
	for _, again := range []string{"ErrorItemNotFound", "NoError"} {
		t.Run("after the effect/"+again, func(t *testing.T) {
			d := newDesk(t)
			d.again = again
			d.after = func(op string, n int) bool { return op == "SendItem" }
			r, err := d.open().Send(context.Background(), submissionOf(1, "bob@example.org", "carl@example.org"))
			require.NoError(t, err)
			require.Equal(t, []provider.Status{provider.StatusSent, provider.StatusSent}, statusesOf(r))
			require.Len(t, d.sent(), 1)
			require.Equal(t, 1, d.ops["SendItem"])
		})
		t.Run("before the effect/"+again, func(t *testing.T) {
			d := newDesk(t)
			d.again = again
			d.before = func(op string, n int) bool { return op == "SendItem" && n == 1 }
			sub := submissionOf(1, "bob@example.org", "carl@example.org")
			r, err := d.open().Send(context.Background(), sub)
			require.Error(t, err)
			require.Equal(t, []provider.Status{provider.StatusUncertain, provider.StatusUncertain}, statusesOf(r))
			require.Len(t, d.in("drafts"), 1)
			for range 2 { // asked again, it says the same
				r, err = d.open().Settle(context.Background(), sub)
				require.NoError(t, err)
				require.Equal(t, []provider.Status{provider.StatusRetry, provider.StatusRetry}, statusesOf(r))
				require.Empty(t, d.in("drafts"))
			}
			sub.Attempt++
			r, err = d.open().Send(context.Background(), sub)
			require.NoError(t, err)
			require.Equal(t, []provider.Status{provider.StatusSent, provider.StatusSent}, statusesOf(r))
			require.Len(t, d.sent(), 1)
			r, err = d.open().Settle(context.Background(), sub)
			require.NoError(t, err)
			require.Equal(t, []provider.Status{provider.StatusSent, provider.StatusSent}, statusesOf(r))
		})
	}
	t.Run("and the evidence of another try says nothing", func(t *testing.T) {
		d := newDesk(t)
		d.before = func(op string, n int) bool { return op == "SendItem" && n == 1 }
		sub := submissionOf(1, "bob@example.org")
		_, err := d.open().Send(context.Background(), sub)
		require.Error(t, err)
		r, err := d.open().Settle(context.Background(), sub)
		require.NoError(t, err)
		require.Equal(t, provider.StatusRetry, r.Recipients[0].Status)
		sub.Attempt++
		r, err = d.open().Settle(context.Background(), sub)
		require.NoError(t, err)
		require.Equal(t, provider.StatusUncertain, r.Recipients[0].Status)
	})
}

// O3: what an error of the server's says about a SendItem that it was asked for.
func TestO3RefusedSendItem(t *testing.T) {
	for code, want := range map[string]struct {
		status provider.Status
		kind   provider.Kind
	}{
		"ErrorSendAsDenied":            {provider.StatusRejected, provider.ErrBadItem},
		"ErrorInvalidRecipients":       {provider.StatusRejected, provider.ErrBadItem},
		"ErrorMessageSizeExceeded":     {provider.StatusRejected, ""},
		"ErrorServerBusy":              {provider.StatusRetry, provider.ErrThrottled},
		"ErrorSubmissionQuotaExceeded": {provider.StatusRetry, ""},
		"ErrorQuotaExceeded":           {provider.StatusRetry, ""},
		"ErrorInternalServerError":     {provider.StatusUncertain, ""},
		"ErrorTimeoutExpired":          {provider.StatusUncertain, ""},
		"ErrorItemNotFound":            {provider.StatusUncertain, ""},
	} {
		t.Run(code, func(t *testing.T) {
			d := newDesk(t)
			d.code = func(op string, n int) string {
				if op == "SendItem" {
					return code
				}
				return ""
			}
			r, err := d.open().Send(context.Background(), submissionOf(1, "bob@example.org", "carl@example.org"))
			require.Error(t, err)
			require.Equal(t, []provider.Status{want.status, want.status}, statusesOf(r))
			if want.kind != "" {
				require.Equal(t, want.kind, provider.KindOf(err))
			}
			var e *provider.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, code, e.Code)
			if want.status == provider.StatusRejected {
				require.NotEmpty(t, e.Remedy)
				require.Empty(t, d.in("drafts"))
			}
			if want.status == provider.StatusUncertain {
				require.NotEmpty(t, e.Remedy)
				require.Len(t, d.in("drafts"), 1, "the evidence")
			}
			require.Equal(t, 1, d.ops["SendItem"])
		})
	}
	for status, want := range map[int]provider.Status{413: provider.StatusRetry, 429: provider.StatusRetry, 502: provider.StatusUncertain, 503: provider.StatusUncertain} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			d := newDesk(t)
			d.status = func(op string, n int) int {
				if op == "SendItem" {
					return status
				}
				return 0
			}
			r, err := d.open().Send(context.Background(), submissionOf(1, "bob@example.org"))
			require.Error(t, err)
			if got := r.Recipients[0].Status; got != want && (status != 413 || got != provider.StatusRejected) {
				t.Errorf("%d makes the recipient %s, want %s", status, got, want)
			}
		})
	}
}

// Row 22 of clients: a key that is an old one at once is had anew, a few times.
func TestO3ChangedKey(t *testing.T) {
	for race, want := range map[int]provider.Status{1: provider.StatusSent, 3: provider.StatusSent, 9: provider.StatusRetry} {
		d := newDesk(t)
		d.race = race
		r, err := d.open().Send(context.Background(), submissionOf(1, "bob@example.org"))
		require.Equal(t, want, r.Recipients[0].Status, "%d changes: %v", race, err)
		require.Equal(t, want == provider.StatusSent, err == nil)
		require.Empty(t, d.in("drafts"))
	}
}

// EWS-10: NoError for a draft that stays is no success; the draft is kept as evidence and
// Settle never lets it be sent again by itself.
func TestEWS10DraftStays(t *testing.T) {
	d := newDesk(t)
	d.stays = true
	sub := submissionOf(1, "bob@example.org")
	r, err := d.open().Send(context.Background(), sub)
	require.Equal(t, provider.ErrProtocol, provider.KindOf(err))
	require.Equal(t, provider.StatusUncertain, r.Recipients[0].Status)
	for range 3 {
		r, err = d.open().Settle(context.Background(), sub)
		require.NoError(t, err)
		require.Equal(t, provider.StatusUncertain, r.Recipients[0].Status)
		require.Equal(t, staysThere, r.Recipients[0].Text)
		require.Len(t, d.in("drafts"), 1)
	}
	require.Equal(t, 1, d.ops["SendItem"])
}

// O3: a SendItem that comes late finds nothing to send, whoever looked before.
func TestO3LateSendItem(t *testing.T) {
	d := newDesk(t)
	d.before = func(op string, n int) bool { return op == "SendItem" }
	s := d.open()
	sub := submissionOf(1, "bob@example.org")
	_, err := s.Send(context.Background(), sub)
	require.Error(t, err)
	late := s.newLetter(sub)
	late.draft = draft{d.in("drafts")[0].id, fmt.Sprintf("k%d", d.in("drafts")[0].key)}
	r, err := d.open().Settle(context.Background(), sub)
	require.NoError(t, err)
	require.Equal(t, provider.StatusRetry, r.Recipients[0].Status)
	d.mu.Lock()
	d.before = nil
	d.mu.Unlock()
	require.Error(t, late.sendItem(context.Background()))
	require.Empty(t, d.sent())
}

// What needs no server to be refused, and how a context and a journal stop a message.
func TestSendIsRefusedBefore(t *testing.T) {
	d := newDesk(t)
	s := d.open()
	ctx := context.Background()
	r, err := s.Send(ctx, submissionOf(1, "nobody", "bob@example.org", "two@words here"))
	require.Equal(t, provider.ErrBadItem, provider.KindOf(err))
	require.Equal(t, []provider.Status{provider.StatusRejected, provider.StatusSent, provider.StatusRejected}, statusesOf(r))
	_, err = s.Send(ctx, submissionOf(2))
	require.Equal(t, provider.ErrBadItem, provider.KindOf(err))
	ended, cancel := context.WithCancel(ctx)
	cancel()
	r, err = s.Send(ended, submissionOf(3, "bob@example.org"))
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, provider.StatusRetry, r.Recipients[0].Status)
	full := errors.New("the journal is full")
	sub := submissionOf(4, "bob@example.org")
	sub.Submitting = func(context.Context) error { return full }
	_, err = s.Send(ctx, sub)
	require.ErrorIs(t, err, full)
	require.Empty(t, d.in("drafts"))
	require.Len(t, d.sent(), 1)
}

// O3, O4, G11: whatever is cut, and whenever a process dies, no message is lost, doubled or held.
func TestO3WhateverIsCut(t *testing.T) {
	seeds := 200
	if testing.Short() {
		seeds = 50
	}
	for seed := range seeds {
		random := rand.New(rand.NewPCG(uint64(seed), 1))
		d := newDesk(t)
		if seed%2 == 0 {
			d.again = "NoError"
		}
		faults := 5
		cut := func(string, int) bool {
			if faults == 0 || random.IntN(5) > 0 {
				return false
			}
			faults--
			return true
		}
		d.before, d.after = func(op string, n int) bool { return op != "GetFolder" && cut(op, n) }, func(op string, n int) bool { return op != "GetFolder" && cut(op, n) }
		sub := submissionOf(seed, "bob@example.org", "carl@example.org")
		status := provider.StatusRetry
		for try := 0; status != provider.StatusSent; try++ {
			require.Less(t, try, 100, "seed %d does not come to an end", seed)
			began := false
			sub.Submitting = func(context.Context) error { began = true; return nil }
			switch status {
			case provider.StatusRetry:
				ctx, kill := context.WithCancel(context.Background())
				if random.IntN(3) == 0 { // the process dies
					after := random.IntN(4)
					d.mu.Lock()
					before := d.after
					d.after = func(op string, n int) bool {
						if after--; after < 0 {
							kill()
						}
						return before(op, n)
					}
					d.mu.Unlock()
				}
				s := d.open()
				r, _ := s.Send(ctx, sub)
				kill()
				s.Close()
				d.mu.Lock()
				d.after = func(op string, n int) bool { return op != "GetFolder" && cut(op, n) }
				d.mu.Unlock()
				status = r.Recipients[0].Status
				if began && random.IntN(4) == 0 {
					status = provider.StatusUncertain // and with it what it knew
				}
			case provider.StatusUncertain:
				sub.Attempt-- // of the try that is asked about
				r, _ := d.open().Settle(context.Background(), sub)
				sub.Attempt++
				status = r.Recipients[0].Status
			default:
				t.Fatalf("seed %d: %s", seed, status)
			}
			if began {
				sub.Attempt++
			}
		}
		require.Len(t, d.sent(), 1, "seed %d", seed)
		d.server.Close()
	}
}
