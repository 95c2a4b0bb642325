package profile

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is said of a Windows identity, Negotiate and NTLM to mail servers, by who operates
// the host.
func TestWindowsAuthenticationByDeployment(t *testing.T) {
	cloudAD, denied, fips := cloud, selfHosted, selfHosted
	cloudAD.ADAuthentication, denied.ADAuthentication, fips.FIPS = Allowed, Refused, true
	for _, tt := range []struct {
		from   Credentials
		by     Authentication
		policy string
		errors string
	}{
		{FromMailbox, Negotiate, "self-hosted", ""},
		{FromMailbox, NTLM, "self-hosted", ""},
		{IntegratedWindows, AutoDetect, "self-hosted", ""},
		{IntegratedWindows, Negotiate, "self-hosted", ""},
		{IntegratedWindows, Basic, "self-hosted", "authentication-credentials"},
		{FromMailbox, Negotiate, "cloud", "ad-refused"},
		{FromMailbox, NTLM, "cloud", "ad-refused"},
		{IntegratedWindows, AutoDetect, "cloud", "ad-refused credentials-cloud"},
		{FromMailbox, Negotiate, "cloud that allows it", ""},
		{FromMailbox, NTLM, "cloud that allows it", ""},
		{IntegratedWindows, Negotiate, "cloud that allows it", "credentials-cloud"},
		{FromMailbox, Negotiate, "self-hosted that denies it", "ad-refused"},
		{IntegratedWindows, AutoDetect, "self-hosted that denies it", "ad-refused"},
		{FromMailbox, Negotiate, "self-hosted with FIPS", ""},
		{FromMailbox, NTLM, "self-hosted with FIPS", "ntlm-fips"},
		{IntegratedWindows, NTLM, "self-hosted with FIPS", "ntlm-fips"},
	} {
		policy := map[string]Policy{"self-hosted": selfHosted, "cloud": cloud, "cloud that allows it": cloudAD, "self-hosted that denies it": denied, "self-hosted with FIPS": fips}[tt.policy]
		for _, kind := range []Kind{IMAPSMTP, POP3SMTP} {
			p := New(kind, "p")
			p.Incoming = Endpoint{Host: "mail.example.com", Credentials: tt.from, Authentication: tt.by}
			p.Outgoing = Endpoint{Host: "mail.example.com"}
			var codes []string
			for _, issue := range p.Validate(policy) {
				if issue.Level == Error {
					codes = append(codes, strings.TrimPrefix(strings.TrimPrefix(issue.Code, "incoming-"), "outgoing-"))
				}
			}
			slices.Sort(codes)
			require.Equal(t, tt.errors, strings.Join(slices.Compact(codes), " "), "%s: %s, %q, %s", kind, tt.from, tt.by, tt.policy)
		}
	}
}
