package imap

import (
	"testing"

	"github.com/go-serversync/serversync/provider"
)

// FuzzCursor: a cursor is read as it was written, or refused.
func FuzzCursor(f *testing.F) {
	f.Add("imap/1/5/uid/more\nlive 7 9 0 0 0")
	f.Add("imap/1/5/uid/more\nlive 7 9 3 11 0")
	f.Add("imap/1/5/uid/done\nback 1")
	f.Add("imap/1/0/uid/more\nlive 7 9 0 0 0")
	f.Add("imap/2/5/uid/more\nlive 7 9 0 0 0")
	f.Add("ews/1/5/uid/more\n")
	f.Add("\x00/")
	f.Fuzz(func(t *testing.T, text string) {
		c := provider.Cursor(text)
		if p, validity, err := readLive(c); err != nil {
			if provider.KindOf(err) != provider.ErrCursorExpired {
				t.Errorf("readLive(%q) = %v", text, err)
			}
		} else if again, v, err := readLive(p.cursor(validity, true)); err != nil || again != p || v != validity {
			t.Errorf("readLive(%q) = %+v, written and read again %+v, %v", text, p, again, err)
		}
		if p, validity, done, err := readBack(c); err != nil {
			if provider.KindOf(err) != provider.ErrCursorExpired {
				t.Errorf("readBack(%q) = %v", text, err)
			}
		} else if again, v, d, err := readBack(p.cursor(validity, done)); err != nil || again != p || v != validity || d != done {
			t.Errorf("readBack(%q) = %+v, written and read again %+v, %v", text, p, again, err)
		}
	})
}

// TestMeaning is the table of what answers mean. What a whole server makes of them
// is in the tests of sign-in.
func TestMeaning(t *testing.T) {
	for _, r := range []struct {
		st   status
		when moment
		want provider.Kind
	}{
		{status{kind: "NO", code: "AUTHENTICATIONFAILED"}, signingIn, provider.ErrAuth},
		{status{kind: "NO", code: "AUTHORIZATIONFAILED"}, signingIn, provider.ErrAuth},
		{status{kind: "NO", code: "EXPIRED"}, signingIn, provider.ErrAuth},
		{status{kind: "NO", code: "WEBALERT"}, signingIn, provider.ErrAuth},
		{status{kind: "NO", code: "CONTACTADMIN"}, signingIn, provider.ErrAuth},
		{status{kind: "NO", code: "PRIVACYREQUIRED"}, signingIn, provider.ErrUnsafe},
		{status{kind: "NO", code: "UNAVAILABLE"}, signingIn, provider.ErrUnavailable},
		{status{kind: "NO", code: "INUSE"}, selecting, provider.ErrUnavailable},
		{status{kind: "NO", code: "LIMIT"}, signedIn, provider.ErrThrottled},
		{status{kind: "BAD", code: "THROTTLED"}, signedIn, provider.ErrThrottled},
		{status{kind: "NO", code: "OVERQUOTA"}, signedIn, provider.ErrUnavailable},
		{status{kind: "NO", code: "NONEXISTENT"}, selecting, provider.ErrNotFound},
		{status{kind: "NO", code: "TRYCREATE"}, signedIn, provider.ErrNotFound},
		{status{kind: "NO", code: "NOPERM"}, signingIn, provider.ErrAuth},
		{status{kind: "NO", code: "NOPERM"}, selecting, provider.ErrNotFound},
		{status{kind: "NO", code: "NOPERM"}, signedIn, provider.ErrUnsupported},
		{status{kind: "NO", code: "SERVERBUG"}, signedIn, provider.ErrUnavailable},
		{status{kind: "NO", code: "CANNOT"}, signedIn, provider.ErrUnsupported},
		{status{kind: "NO", code: "TOOBIG"}, signedIn, provider.ErrTooLarge},
		{status{kind: "BAD", code: "CLIENTBUG"}, signedIn, provider.ErrProtocol},
		{status{kind: "NO"}, signingIn, provider.ErrAuth},
		{status{kind: "NO", text: "Temporary authentication failure."}, signingIn, provider.ErrUnavailable},
		{status{kind: "NO", text: "Too many simultaneous connections. (Failure)"}, signingIn, provider.ErrThrottled},
		{status{kind: "BAD", text: "User is authenticated but not connected."}, selecting, provider.ErrUnavailable},
		{status{kind: "NO", text: "Mailbox doesn't exist: x"}, selecting, provider.ErrNotFound},
		{status{kind: "NO", text: "[ALERT] quite full"}, signedIn, provider.ErrUnavailable},
		{status{kind: "BAD", text: "syntax"}, signedIn, provider.ErrProtocol},
		{status{kind: "BAD", text: "syntax"}, signingIn, provider.ErrProtocol},
		{status{kind: "BYE", text: "going down"}, signedIn, provider.ErrUnavailable},
		{status{kind: "BYE"}, signingIn, provider.ErrUnavailable},
	} {
		if got, _ := meaning(r.st, r.when); got != r.want {
			t.Errorf("meaning(%+v, %d) = %q, want %q", r.st, r.when, got, r.want)
		}
	}
}
