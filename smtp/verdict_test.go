package smtp

import (
	"testing"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

func TestJudge(t *testing.T) {
	const (
		retry, rejected, uncertain                = provider.StatusRetry, provider.StatusRejected, provider.StatusUncertain
		auth, busy, down, bad, odd, large, unsafe = provider.ErrAuth, provider.ErrThrottled, provider.ErrUnavailable, provider.ErrBadItem, provider.ErrProtocol, provider.ErrTooLarge, provider.ErrUnsafe
	)
	tests := []struct {
		phase    phase
		line     string
		accepted bool
		status   provider.Status // "" where there are no recipients yet
		kind     provider.Kind
	}{
		{greetingPhase, "421 busy", false, "", down},
		{greetingPhase, "421 4.7.0 Too many connections", false, "", busy},
		{greetingPhase, "554 5.7.1 blocked", false, "", down},
		{greetingPhase, "250 hello", false, "", odd},
		{helloPhase, "550 what a name", false, "", down},
		{startTLSPhase, "454 later", false, "", down},
		{startTLSPhase, "502 no", false, "", unsafe},
		{authPhase, "535 5.7.8 no", false, "", auth},
		{authPhase, "534 5.7.9 weak", false, "", auth},
		{authPhase, "530 5.7.0 STARTTLS first", false, "", auth},
		{authPhase, "454 4.7.0 later", false, "", down},
		{authPhase, "432 4.7.12 change it", false, "", auth},
		{authPhase, "432 4.3.2 Concurrent connections limit exceeded", false, "", busy},
		{authPhase, "421 4.7.0 try again later", false, "", down},
		{checkPhase, "421 4.4.2 idle", false, "", down},

		{mailPhase, "421 bye", false, retry, down},
		{mailPhase, "451 4.3.0 later", false, retry, down},
		{mailPhase, "452 disk full", false, retry, down},
		{mailPhase, "450 4.1.8 no such domain", false, retry, bad},
		{mailPhase, "501 5.1.7 syntax", false, rejected, bad},
		{mailPhase, "503 5.5.1 nested", false, retry, odd},
		{mailPhase, "530 5.7.0 sign in", false, retry, auth},
		{mailPhase, "550 5.7.60 not as this sender", false, rejected, bad},
		{mailPhase, "552 5.3.4 too big", false, rejected, large},
		{mailPhase, "550 5.4.5 Daily sending quota exceeded", false, retry, busy},
		{mailPhase, "550 5.7.233 tenant's limit", false, retry, busy},
		{mailPhase, "354 go", false, retry, odd},
		{mailPhase, "200 ok", false, retry, odd},

		{recipientPhase, "450 4.2.0 greylisted", false, retry, bad},
		{recipientPhase, "450 4.2.1 receiving mail too quickly", false, retry, busy},
		{recipientPhase, "451 4.4.3 no DNS", false, retry, down},
		{recipientPhase, "452 4.5.3 too many recipients", true, retry, bad},
		{recipientPhase, "452 4.2.2 mailbox full", false, retry, bad},
		{recipientPhase, "550 5.1.1 nobody", true, rejected, bad},
		{recipientPhase, "552 mailbox full", false, rejected, bad},
		{recipientPhase, "552 too many recipients", true, retry, bad},
		{recipientPhase, "552 5.2.2 mailbox full", true, rejected, bad},
		{recipientPhase, "552 5.5.3 too many recipients", false, retry, bad},
		{recipientPhase, "553 5.1.3 syntax", false, rejected, bad},

		{dataPhase, "451 4.3.0 later", true, retry, down},
		{dataPhase, "554 5.5.1 no valid recipients", true, rejected, bad},
		{dataPhase, "250 ok", true, retry, odd},

		{finalPhase, "421 bye", true, retry, down},
		{finalPhase, "450 4.7.1 greylisted", true, retry, bad},
		{finalPhase, "451 4.7.28 mail flood", true, retry, busy},
		{finalPhase, "535 5.7.8 sign in", true, retry, auth},
		{finalPhase, "550 5.7.1 spam", true, rejected, bad},
		{finalPhase, "552 too big", true, rejected, large},
		{finalPhase, "554 5.6.0 no", true, rejected, bad},
		{finalPhase, "503 5.5.1 what", true, retry, odd},
		{finalPhase, "354 go", true, uncertain, odd},
		{finalPhase, "220 hi", true, uncertain, odd},
		{finalPhase, "999 huh", true, uncertain, odd},
		{finalPhase, "600 huh", true, uncertain, odd},
	}
	for _, tt := range tests {
		var r reply
		if _, err := r.add(tt.line); err != nil {
			t.Fatal(err)
		}
		v := judge(tt.phase, r, tt.accepted)
		if v.kind != tt.kind || tt.status != "" && v.status != tt.status {
			t.Errorf("judge(%d, %q, %t) = %s, %s, want %s, %s", tt.phase, tt.line, tt.accepted, v.status, v.kind, tt.status, tt.kind)
		}
	}
}

func TestReplyLines(t *testing.T) {
	for line, more := range map[string]bool{"250": false, "250 ": false, "250 ok": false, "250-ok": true, "250-": true} {
		var r reply
		if got, err := r.add(line); got != more || err != nil || r.code != 250 {
			t.Errorf("add(%q) = %t, %v", line, got, err)
		}
	}
	for _, line := range []string{"", "2", "25", "25x", "2500", "250ok", "ok", " 250 ok", "0250", "050 x", "-50 x", "25० x"} {
		if _, err := new(reply).add(line); err == nil {
			t.Errorf("add(%q) took it", line)
		}
	}
}

func TestFilesSent(t *testing.T) {
	for host, want := range map[string]bool{"smtp.gmail.com": true, "SMTP.Office365.com": true, "smtp-relay.gmail.com": false, "mail.example.com": false, "smtp.gmail.com.example": false} {
		s := &session{account: provider.Account{Endpoint: profile.Endpoint{Host: host}}}
		if got := s.Traits().FilesSent; got != want {
			t.Errorf("%s: FilesSent = %t", host, got)
		}
		s.account.Endpoint.Credentials = profile.Anonymous
		if s.Traits().FilesSent {
			t.Errorf("%s files what nobody in particular sends", host)
		}
	}
}
