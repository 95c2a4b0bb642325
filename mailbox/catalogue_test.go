package mailbox_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
)

// Each entry is found by its code and by each of its other names, whatever their
// case, and says in words what is wrong and what to do.
func TestLookupFindsEachEntryByEachName(t *testing.T) {
	owner := map[string]string{}
	n := 0
	for want := range Catalogue() {
		n++
		for _, name := range append(want.Aliases(), want.Code) {
			require.Empty(t, owner[strings.ToUpper(name)], "%s has two entries", name)
			owner[strings.ToUpper(name)] = want.Code
			for _, form := range []string{name, strings.ToLower(name), strings.ToUpper(name), " " + name + "\r\n", "[" + name + "]"} {
				got, ok := Lookup(form)
				require.True(t, ok, form)
				require.Equal(t, want, got, form)
			}
		}
		require.NotEmpty(t, want.Source, want.Code)
		require.Contains(t, []Class{Transient, Throttled, Refused, Permanent, ""}, want.Class, want.Code)
		require.Contains(t, []Scope{ScopeItem, ScopeMailbox, ScopeProfile}, want.Scope, want.Code)
		require.Contains(t, []profile.Level{profile.Error, profile.Warning, profile.Info}, want.Level, want.Code)
		require.Greater(t, len(strings.Fields(want.Cause)), 3, want.Code)
		require.NotEmpty(t, want.Remedy, want.Code)
		for _, words := range []string{want.Cause, want.Remedy} {
			require.False(t, strings.HasSuffix(words, "."), "it is put into sentences: %q", words)
			require.NotContains(t, words, "|", "it is put into a table")
		}
		switch want.Class {
		case "":
			require.Equal(t, ScopeItem, want.Scope, "%s: a decision is about one item", want.Code)
			require.Equal(t, profile.Info, want.Level, want.Code)
		case Permanent, Refused:
			require.NotEqual(t, "nothing", firstWord(want.Remedy), "%s: what does not heal by itself needs a person", want.Code)
		}
	}
	require.Greater(t, n, 100)
}

func firstWord(s string) string {
	if strings.HasPrefix(s, "nothing at first") || s == "nothing" { // an item that is gone needs nobody
		return ""
	}
	return strings.Trim(strings.Fields(s)[0], ":;,")
}

// What each entry says, named by the page or the RFC that it is taken from.
func TestLookupSaysHowAnErrorIsMet(t *testing.T) {
	for _, tt := range []struct {
		codes string // separated by commas
		code  string
		class Class
		scope Scope
		level profile.Level
	}{
		// Microsoft: "Troubleshooting and monitoring server-side synchronization" and the
		// articles on email and Exchange synchronization errors.
		{"Exchange 383,ErrorTimeZone", "ErrorTimeZone", Permanent, ScopeItem, profile.Error},
		{"UserPrivilegeError,PrivilegeDenied,0x80040220,-2147220960", "UserPrivilegeError", Permanent, ScopeMailbox, profile.Error},
		{"Crm.80048306,-2147187962,2147779334", "80048306", Permanent, ScopeItem, profile.Error},
		{"-2147220970,80040216,Crm.80040216", "80040216", Transient, ScopeItem, profile.Warning},
		{"-2147220956,0x80040224,IsvUnexpected", "80040224", Transient, ScopeItem, profile.Error},
		{"-2147220891,80040265,IsvAborted", "80040265", Permanent, ScopeItem, profile.Error},
		{"-2147218677,80040b0b", "80040B0B", Permanent, ScopeItem, profile.Error},
		{"-2147220192,80040520", "80040520", Permanent, ScopeMailbox, profile.Error},
		{"-2147167669,8004d24b", "8004D24B", Transient, ScopeMailbox, profile.Error},
		{"-2147209462,80042f0a,80042F09,-2147209463", "80042F0A", Permanent, ScopeMailbox, profile.Error},
		{"-2147218683,80040B05,NoRecipientMatch,norecipientmatch", "NoRecipientMatch", "", ScopeItem, profile.Info},
		{"NoCorrelationMatch", "NoCorrelationMatch", "", ScopeItem, profile.Info},
		{"InvalidSender", "InvalidSender", "", ScopeItem, profile.Info},
		{"IncomingEmailRejected", "IncomingEmailRejected", "", ScopeItem, profile.Info},
		{"80040523,EmailAlreadyExistsInDestinationQueue", "EmailAlreadyExistsInDestinationQueue", "", ScopeItem, profile.Info},
		{"InvalidForwardMailItem", "InvalidForwardMailItem", Permanent, ScopeItem, profile.Warning},
		{"InvalidIncomingEmailServerProfile,8005E228", "InvalidIncomingEmailServerProfile", Permanent, ScopeMailbox, profile.Error},
		{"HostNotFound,InvalidIncomingEmailServerProfileConfiguration", "HostNotFound", Transient, ScopeProfile, profile.Error},
		{"TimedOut", "TimedOut", Transient, ScopeProfile, profile.Warning},
		{"ConnectFailure,8005E227", "ConnectFailure", Transient, ScopeProfile, profile.Warning},
		{"ConnectionClosed", "ConnectionClosed", Transient, ScopeProfile, profile.Warning},
		{"SecureConnection", "SecureConnection", Permanent, ScopeProfile, profile.Error},
		{"MailboxDisabled", "MailboxDisabled", Permanent, ScopeMailbox, profile.Error},
		{"ErrorInvalidLicense", "ErrorInvalidLicense", Transient, ScopeMailbox, profile.Error},
		{"ErrorMailboxStoreUnavailable", "ErrorMailboxStoreUnavailable", Transient, ScopeMailbox, profile.Warning},
		{"ErrorQuotaExceeded", "ErrorQuotaExceeded", Transient, ScopeMailbox, profile.Error},
		{"ErrorSubmissionQuotaExceeded", "ErrorSubmissionQuotaExceeded", Throttled, ScopeMailbox, profile.Warning},
		{"Http 401,HTTP 401", "HTTP 401", Refused, ScopeMailbox, profile.Error},
		{"HTTP 403,Http Forbidden", "HTTP 403", Permanent, ScopeMailbox, profile.Error},
		{"HTTP 404,HTTP 410", "HTTP 404", Transient, ScopeProfile, profile.Error},
		{"HTTP 503,Http ServiceUnavailable,HTTP 504", "HTTP 503", Transient, ScopeProfile, profile.Warning},
		{"IncomingMailboxInternalCrmError", "IncomingMailboxInternalCrmError", Transient, ScopeMailbox, profile.Warning},
		{"ErrorInternalServerTransientError", "ErrorInternalServerTransientError", Transient, ScopeMailbox, profile.Warning},
		{"ErrorNonExistentMailbox", "ErrorNonExistentMailbox", Permanent, ScopeMailbox, profile.Error},
		{"ErrorImpersonateUserDenied", "ErrorImpersonateUserDenied", Permanent, ScopeProfile, profile.Error},
		{"ErrorAccessDenied", "ErrorAccessDenied", Permanent, ScopeMailbox, profile.Error},
		{"ews_blocked", "ews_blocked", Transient, ScopeMailbox, profile.Error},
		{"ErrorSendAsDenied", "ErrorSendAsDenied", Permanent, ScopeItem, profile.Error},
		{"ErrorServerBusy", "ErrorServerBusy", Throttled, ScopeMailbox, profile.Info},
		{"ExchangeSyncSchedulingConflictsError", "ExchangeSyncSchedulingConflictsError", Permanent, ScopeItem, profile.Warning},
		{"8005E259,-2147098023", "8005E259", Permanent, ScopeMailbox, profile.Error},
		{"8005E272", "8005E272", Refused, ScopeProfile, profile.Error},
		{"8005E273", "8005E273", Permanent, ScopeMailbox, profile.Error},
		{"8005E274", "8005E274", Permanent, ScopeMailbox, profile.Error},
		{"8005E276", "8005E276", Transient, ScopeMailbox, profile.Error},
		{"-2147220906,80040256,8009000B", "80040256", Permanent, ScopeMailbox, profile.Error},
		{"8004503A", "8004503A", Transient, ScopeMailbox, profile.Error},
		{"80044A02", "80044A02", Permanent, ScopeItem, profile.Error},
		{"80040B00", "80040B00", Permanent, ScopeItem, profile.Error},
		{"80040B04", "80040B04", Permanent, ScopeItem, profile.Error},
		// RFC 5530 and RFC 9051; RFC 2449 and RFC 3206 for POP3.
		{"AUTHENTICATIONFAILED,[AuthenticationFailed],[AUTH]", "AUTHENTICATIONFAILED", Refused, ScopeMailbox, profile.Error},
		{"AUTHORIZATIONFAILED", "AUTHORIZATIONFAILED", Refused, ScopeMailbox, profile.Error},
		{"EXPIRED", "EXPIRED", Refused, ScopeMailbox, profile.Error},
		{"CONTACTADMIN", "CONTACTADMIN", Refused, ScopeMailbox, profile.Error},
		{"PRIVACYREQUIRED", "PRIVACYREQUIRED", Permanent, ScopeProfile, profile.Error},
		{"UNAVAILABLE,SYS/TEMP", "unavailable", Transient, ScopeProfile, profile.Warning},
		{"OVERQUOTA", "OVERQUOTA", Transient, ScopeMailbox, profile.Error},
		{"LIMIT,LOGIN-DELAY", "LIMIT", Throttled, ScopeMailbox, profile.Info},
		{"INUSE,IN-USE", "INUSE", Transient, ScopeMailbox, profile.Warning},
		{"NOPERM", "NOPERM", Transient, ScopeMailbox, profile.Error},
		// RFC 5321, RFC 4954, RFC 3463; 5.7.60 and its like are Exchange's.
		{"535 5.7.8,535-5.7.8,535,535 5.7.8 Error: authentication failed,535 5.9.9,535 no", "535 5.7.8", Refused, ScopeMailbox, profile.Error},
		{"535 5.7.139", "535 5.7.139", Refused, ScopeMailbox, profile.Error},
		{"421,421 4.7.66,421 bye", "421", Transient, ScopeProfile, profile.Warning},
		{"452 4.2.2,450 4.2.2", "452 4.2.2", Transient, ScopeItem, profile.Warning},
		{"552 5.2.2,554 5.2.2 full", "552 5.2.2", Permanent, ScopeItem, profile.Error},
		{"550 5.7.1,554 5.7.1", "550 5.7.1", Permanent, ScopeItem, profile.Error},
		{"553 5.7.1", "553 5.7.1", Permanent, ScopeItem, profile.Error},
		{"550 5.7.60,554 5.7.60", "550 5.7.60", Permanent, ScopeItem, profile.Error},
		{"550 5.4.5", "5.4.5", Throttled, ScopeMailbox, profile.Warning},
		// RFC 6749
		{"invalid_grant", "invalid_grant", Refused, ScopeMailbox, profile.Error},
		{"invalid_client,unauthorized_client", "invalid_client", Permanent, ScopeProfile, profile.Error},
		{"temporarily_unavailable,AADSTS90033", "temporarily_unavailable", Transient, ScopeProfile, profile.Warning},
		// Microsoft: "Microsoft Entra authentication and authorization error codes".
		{"AADSTS700027,aadsts7000274", "AADSTS700027", Transient, ScopeProfile, profile.Error},
		{"AADSTS700024", "AADSTS700024", Transient, ScopeProfile, profile.Error},
		{"AADSTS7000222", "AADSTS7000222", Permanent, ScopeProfile, profile.Error},
		{"AADSTS50196,AADSTS90055", "AADSTS50196", Throttled, ScopeProfile, profile.Info},
		// X-Ms-Diagnostics, and what IMAP says in its place.
		{"token_permission", "token_permission", Transient, ScopeProfile, profile.Error},
		{"token_signature", "token_signature", Transient, ScopeProfile, profile.Error},
		{"token_user,NoUserFoundWithGivenClaims", "token_user", Transient, ScopeMailbox, profile.Error},
		{"mailbox_permission", "mailbox_permission", Transient, ScopeMailbox, profile.Error},
		{"certificate-expired", "certificate-expired", Transient, ScopeProfile, profile.Error},
	} {
		for code := range strings.SplitSeq(tt.codes, ",") {
			k, ok := Lookup(code)
			require.True(t, ok, code)
			require.Equal(t, fmt.Sprint(tt.code, " ", tt.class, tt.scope, tt.level), fmt.Sprint(k.Code, " ", k.Class, k.Scope, k.Level), code)
		}
	}
}

// What is not known is not guessed at.
func TestLookupDoesNotGuess(t *testing.T) {
	for _, code := range []string{"", " ", "[]", "Error", "ErrorQuota", "550", "554", "550 9.9.9", "200", "307", "HTTP 307", "400", "404", "429", "5", "53", "5355", "535x 5.7.8", "80099999", "-2147000000",
		"-1", "0x", "Crm.", "0xCrm.", "8004221g", "99999999999", "10737713926", "+2147779334", "00002147779334", "xxx 421", "the 5.7.8", "HTTP", "HTTP 200", "8006088C", "8005E246", "80061202", "80061217", "80061220", "80061221", strings.Repeat("5", 1<<16), "\x00\xff"} {
		k, ok := Lookup(code)
		require.False(t, ok, "%.20q", code)
		require.Zero(t, k)
	}
}

// A look-up leaves no garbage, and nobody can change the catalogue.
func TestLookupIsCheapAndConstant(t *testing.T) {
	for _, code := range []string{"ErrorQuotaExceeded", "-2147209462", "552 5.3.4 too big", "no such error"} {
		require.Zero(t, testing.AllocsPerRun(10, func() { Lookup(code) }), code)
	}
	k, _ := Lookup("80042F0A")
	require.Equal(t, []string{"-2147209462", "80042F09", "-2147209463"}, k.Aliases())
	k.Aliases()[0] = "changed"
	again, _ := Lookup("80042F0A")
	require.Equal(t, k, again)
	require.False(t, slices.Contains(again.Aliases(), "changed"))
}

// A reader of a journal or an alert finds out what an error's name means.
func ExampleLookup() {
	k, _ := Lookup("0x80042F0A")
	fmt.Println(k.Cause)
	fmt.Println(k.Remedy)
	// Output:
	// the team or user that owns the mailbox or queue has no role at all
	// give it a role, then test the mailbox again
}
