package aadsts

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s/certificate"
	"github.com/go-serversync/serversync/secret"
)

const (
	trace       = "0000aaaa-11bb-cccc-dd22-eeeeee333333"
	correlation = "AAAA0000-bb11-2222-33cc-444444dddddd"
)

var now = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func never(string) bool { return false }

// told is an answer as Entra ID gives it.
func told(code, number, words string) string {
	description := fmt.Sprintf("AADSTS%s: %s\\r\\nTrace ID: %s\\r\\nCorrelation ID: %s\\r\\nTimestamp: 2026-11-27 12:00:00Z", number, words, trace, correlation)
	return fmt.Sprintf(`{"error":%q,"error_description":"%s","error_codes":[%s],"timestamp":"2026-11-27 12:00:00Z","trace_id":%q,"correlation_id":%q,"error_uri":"https://login.microsoftonline.com/error?code=%s"}`,
		code, description, number, trace, correlation, number)
}

func judge(status int, body string, fields ...string) *provider.Error {
	h := http.Header{}
	for i := 0; i < len(fields); i += 2 {
		h.Set(fields[i], fields[i+1])
	}
	return Judge("s2s: token", status, h, []byte(body), never, now)
}

// Peers 3.E, rows 73 to 75, and what else an administrator meets: each number has its kind, its cause and its remedy.
func TestEachNumber(t *testing.T) {
	for _, row := range []struct {
		number, words string
		code          string // "" for the number's own
		kind          provider.Kind
		cause, remedy string
	}{
		{"700027", "Client assertion contains an invalid signature. [Reason - The key was not found., Thumbprint of key used by client: 'AB12']", "", provider.ErrAuth, "not registered with the application", "compare its thumbprint"},
		{"700027", "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The key was not found.] Alternatively, SNI may be configured on the app. Please ensure that client assertion is being sent with the x5c claim in the JWT header", "AADSTS7000213", provider.ErrAuth, "its chain was not sent", "SendChain"},
		{"700027", "Client assertion contains an invalid signature. [Reason - The key used is expired.]", "AADSTS1000502", provider.ErrAuth, "registered with the application has expired", "make a new certificate"},
		{"7000274", "The certificate is not within its validity.", "", provider.ErrAuth, "not registered with the application", "register the certificate's .cer"},
		{"1000502", "The provided certificate is not within its specified validity window.", "", provider.ErrAuth, "not good at this time", "make a new certificate"},
		{"7000214", "Certificate has been revoked.", "", provider.ErrAuth, "revoked", "have a new certificate issued"},
		{"7000277", "Certificate was revoked.", "", provider.ErrAuth, "revoked", "have a new certificate issued"},
		{"7000213", "Invalid certificate chain.", "", provider.ErrAuth, "subject name and issuer", "SendChain"},
		{"700030", "Invalid certificate - subject name in certificate is not authorized.", "", provider.ErrAuth, "subject name and issuer", "SendChain"},
		{"700030", "Invalid certificate - the issuer of the certificate is from a different cloud instance.", "AADSTS900382", provider.ErrAuth, "another cloud", "choose the tenant's cloud"},
		{"50012", "Client assertion contains an invalid signature.", "", provider.ErrAuth, "its signature, its certificate", "register the certificate's .cer"},
		{"50012", "Client assertion is not within its valid time range.", CodeTimes, provider.ErrUnavailable, "of another time", "NTP"},
		{"700024", "Client assertion is not within its valid time range.", "", provider.ErrUnavailable, "of another time", "NTP"},
		{"700023", "Client assertion audience claim does not match Realm issuer.", "", provider.ErrAuth, "another issuer", "as its audience"},
		{"700023", "The provided value for the input parameter scope is not valid when requesting an access token.", "AADSTS70011", provider.ErrUnsupported, "not written as", "Resource empty"},
		{"700021", "Client assertion application identifier doesn't match 'client_id' parameter.", "", provider.ErrAuth, "another application", "issuer and subject"},
		{"50048", "Subject mismatches Issuer claim in the client assertion.", "", provider.ErrAuth, "another application", "issuer and subject"},
		{"50027", "JWT token is invalid or malformed.", "", provider.ErrAuth, "no token that Entra ID can read", "signed JWT"},
		{"5002723", "Invalid JWT token. No certificate SHA-1 thumbprint, certificate SHA-256 thumbprint, nor keyId specified in token header.", "", provider.ErrAuth, "no token that Entra ID can read", "thumbprint"},
		{"5002738", "Invalid JWT token. 'none' is not a supported signature algorithm.", "", provider.ErrAuth, "no token that Entra ID can read", "signed JWT"},
		{"7000216", "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.", "", provider.ErrAuth, "nothing proves the application", "give this host a certificate"},
		{"7000215", "Invalid client secret provided.", "", provider.ErrAuth, "secret is wrong", "not the secret's id"},
		{"70002", "Error validating credentials.", "", provider.ErrAuth, "secret is wrong", "not the secret's id"},
		{"7000222", "The provided client secret keys for app 'x' are expired.", "", provider.ErrAuth, "secret has expired", "make a new secret"},
		{"7000218", "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.", "", provider.ErrAuth, "nothing proves the application", "give this host a certificate"},
		{"700025", "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.", "", provider.ErrAuth, "public one", "public client flows"},
		{"7000232", "MSI identity should not use ClientSecretCredential.", "", provider.ErrAuth, "managed identity", "registered application"},
		{"700016", "Application with identifier 'x' was not found in the directory 'y'.", "", provider.ErrAuth, "not known in the tenant", "(client) id and the tenant"},
		{"700011", "Application was not found in the directory.", "", provider.ErrAuth, "not known in the tenant", "(client) id and the tenant"},
		{"70001", "Application is not supported for this API version.", "", provider.ErrAuth, "not known in the tenant", "(client) id and the tenant"},
		{"7000229", "The client application x is missing service principal in the tenant y.", "", provider.ErrAuth, "no enterprise application", "New-MgServicePrincipal"},
		{"90099", "The application has not been authorized in the tenant.", "", provider.ErrAuth, "no enterprise application", "New-MgServicePrincipal"},
		{"7000112", "Application 'x' is disabled.", "", provider.ErrAuth, "is disabled in the tenant", "enable it"},
		{"90002", "Tenant 'x' not found.", "", provider.ErrAuth, "no such tenant in this cloud", "check the tenant's id"},
		{"900023", "Specified tenant identifier 'x' is neither a valid DNS name, nor a valid external domain.", "", provider.ErrAuth, "neither an id nor a domain", "36 characters"},
		{"900021", "Requested tenant identifier is not valid.", "", provider.ErrAuth, "neither an id nor a domain", "36 characters"},
		{"90019", "No tenant-identifying information found.", "", provider.ErrAuth, "neither an id nor a domain", "36 characters"},
		{"900382", "Confidential Client is not supported in Cross Cloud request.", "", provider.ErrAuth, "another cloud", "choose the tenant's cloud"},
		{"900432", "Confidential Client is not supported in Cross Cloud request.", "", provider.ErrAuth, "another cloud", "choose the tenant's cloud"},
		{"90038", "The specified tenant 'Y' belongs to the National Cloud 'X'.", "", provider.ErrAuth, "another cloud", "choose the tenant's cloud"},
		{"90051", "Invalid national cloud id.", "", provider.ErrAuth, "another cloud", "choose the tenant's cloud"},
		{"500021", "Access to 'x' tenant is denied.", "", provider.ErrUnsupported, "tenant restrictions", "proxy"},
		{"500022", "Access to 'x' tenant is denied.", "", provider.ErrUnsupported, "tenant restrictions", "proxy"},
		{"50002", "Sign-in failed because of a restricted proxy access on the tenant.", "", provider.ErrUnsupported, "tenant restrictions", "proxy"},
		{"500011", "The resource principal named https://outlook.office365.com was not found in the tenant named x.", "", provider.ErrAuth, "not known in the tenant", "service principal name"},
		{"50001", "The resource is disabled or does not exist.", "", provider.ErrAuth, "not known in the tenant", "service principal name"},
		{"500014", "The service principal for resource 'x' is disabled.", "", provider.ErrAuth, "disabled in the tenant", "subscription"},
		{"650052", "The app needs access to a service that your organization has not subscribed to or enabled.", "", provider.ErrAuth, "disabled in the tenant", "subscription"},
		{"65001", "The user or administrator has not consented to use the application with ID 'x'.", "", provider.ErrAuth, "nobody has consented", "full_access_as_app"},
		{"650056", "Misconfigured application.", "", provider.ErrAuth, "nobody has consented", "full_access_as_app"},
		{"650057", "Invalid resource.", "", provider.ErrAuth, "nobody has consented", "full_access_as_app"},
		{"65005", "The client application has requested access to resource that is not listed.", "", provider.ErrAuth, "nobody has consented", "full_access_as_app"},
		{"90094", "Administrator consent is required.", "", provider.ErrAuth, "nobody has consented", "full_access_as_app"},
		{"501051", "Application 'x' is not assigned to a role for the application 'y'.", "", provider.ErrAuth, "has no role", "Assignment required"},
		{"53003", "Access has been blocked by Conditional Access policies.", "", provider.ErrAuth, "Conditional Access policy", "except the application"},
		{"50131", "Device is not in required device state.", "", provider.ErrAuth, "Conditional Access policy", "except the application"},
		{"530032", "Blocked by security policy.", "", provider.ErrAuth, "Conditional Access policy", "except the application"},
		{"70011", "The provided value for the input parameter 'scope' is not valid.", "", provider.ErrUnsupported, "not written as", "Resource empty"},
		{"700022", "The provided value for scope has more than one resource.", "", provider.ErrUnsupported, "not written as", "Resource empty"},
		{"28002", "Provided value for the input parameter scope is not valid.", "", provider.ErrUnsupported, "not written as", "Resource empty"},
		{"28003", "Provided value for the input parameter scope cannot be empty.", "", provider.ErrUnsupported, "not written as", "Resource empty"},
		{"1002012", "Client credential flows must have a scope value with /.default suffixed.", "", provider.ErrUnsupported, "not written as", "Resource empty"},
		{"700211", "No matching federated identity record found for presented assertion issuer 'x'.", "", provider.ErrAuth, "for the issuer of", "credential's issuer"},
		{"700212", "No matching federated identity record found for presented assertion audience 'x'.", "", provider.ErrAuth, "for the audience of", "AzureADTokenExchange"},
		{"7002121", "No matching federated identity record found for presented assertion audience 'x'.", "", provider.ErrAuth, "for the audience of", "AzureADTokenExchange"},
		{"700213", "No matching federated identity record found for presented assertion subject 'x'.", "", provider.ErrAuth, "for the subject of", "credential's subject"},
		{"7002131", "No matching federated identity record found for presented assertion subject 'x'.", "", provider.ErrAuth, "for the subject of", "credential's subject"},
		{"70021", "No matching federated identity record found for presented assertion.", "", provider.ErrAuth, "for the subject of", "credential's subject"},
		{"70025", "The client 'x'(crm) has no configured federated identity credentials.", "", provider.ErrAuth, "has no federated credential", "issuer, subject and audience"},
		{"700222", "AAD-issued tokens may not be used for federated identity flows.", "", provider.ErrAuth, "no token of this kind", "managed identity's own token"},
		{"700229", "Only app-only tokens can be used as Federated Identity Credentials.", "", provider.ErrAuth, "no token of this kind", "managed identity's own token"},
		{"50196", "The server terminated an operation because it encountered a client request loop.", "", provider.ErrThrottled, "in a loop", "nothing at first"},
		{"90055", "There are too many incoming requests.", "", provider.ErrThrottled, "too often", "nothing"},
		{"90033", "A transient error has occurred.", "", provider.ErrUnavailable, "cannot say just now", "nothing"},
		{"90006", "The service is temporarily unavailable.", "", provider.ErrUnavailable, "cannot say just now", "nothing"},
		{"90012", "The request has timed out.", "", provider.ErrUnavailable, "cannot say just now", "nothing"},
		{"90024", "A transient error has occurred.", "", provider.ErrUnavailable, "cannot say just now", "nothing"},
		{"90090", "The service is temporarily unavailable.", "", provider.ErrUnavailable, "cannot say just now", "nothing"},
		{"50033", "A transient error.", "", provider.ErrUnavailable, "cannot say just now", "nothing"},
	} {
		t.Run(row.number+" "+row.words[:min(len(row.words), 20)], func(t *testing.T) {
			// Whatever OAuth's code is, the number decides.
			for _, code := range []string{"invalid_client", "invalid_request", "whatever"} {
				e := judge(400, told(code, row.number, row.words))
				want := row.code
				if want == "" {
					want = "AADSTS" + row.number
				}
				require.Equal(t, want, e.Code)
				require.Equal(t, row.kind, e.Kind)
				require.Contains(t, e.Error(), row.cause)
				require.Contains(t, e.Remedy, row.remedy)
				require.Contains(t, e.Error(), code+": AADSTS"+row.number+": "+row.words[:min(len(row.words), 60)], "what Microsoft says")
				require.Contains(t, e.Error(), "trace id "+trace+", correlation id "+correlation)
				require.NotContains(t, e.Error(), "Timestamp", "what stands behind the first line")
				require.Equal(t, row.kind == provider.ErrThrottled, e.RetryAfter > 0)
				require.Equal(t, row.kind == provider.ErrThrottled, e.Shared)
			}
		})
	}
}

// The table and the rows of the test are of the same numbers; each is in the catalogue, which meets it as its kind asks.
func TestEachNumberIsInTheCatalogue(t *testing.T) {
	// What the profile itself has wrong stops its mailboxes until it is edited; what is mended elsewhere does not.
	class := map[provider.Kind][]mailbox.Class{provider.ErrAuth: {mailbox.Permanent, mailbox.Transient}, provider.ErrUnsupported: {mailbox.Permanent, mailbox.Transient},
		provider.ErrUnavailable: {mailbox.Transient}, provider.ErrThrottled: {mailbox.Throttled}}
	var all []string
	for _, m := range meanings {
		require.Contains(t, class, m.kind)
		require.Less(t, len(m.remedy), 500, "more is cut: %s", m.numbers)
		require.Less(t, len(m.cause), 160, "the ids behind it would be cut: %s", m.numbers)
		require.Equal(t, strings.ToLower(m.says), m.says)
		for number := range strings.FieldsSeq(m.numbers) {
			code := prefix + number
			if m.as != "" {
				code = prefix + m.as
			} else {
				all = append(all, number)
			}
			k, known := mailbox.Lookup(code)
			require.True(t, known, code)
			require.Equal(t, mailbox.SourceOAuth, k.Source, code)
			require.Contains(t, class[m.kind], k.Class, code)
			require.Equal(t, mailbox.ScopeProfile, k.Scope, code)
			require.Equal(t, m.kind == provider.ErrThrottled || m.kind == provider.ErrUnavailable && m.cause != causeTimes, k.Level != profile.Error, code)
		}
	}
	slices.Sort(all)
	require.Equal(t, len(slices.Compact(slices.Clone(all))), len(all), "a number has two rows for any words")
	for k := range mailbox.Catalogue() {
		for _, name := range append(k.Aliases(), k.Code) {
			if number, is := strings.CutPrefix(name, prefix); is {
				require.Contains(t, all, number, "the catalogue's number is nobody's")
			}
		}
	}
}

// PFX-02, PFX-03: what is wrong with a certificate is in the catalogue too, and the operator's.
func TestCertificatesAreInTheCatalogue(t *testing.T) {
	for _, code := range []string{
		certificate.CodeNoKey, certificate.CodeTwoKeys, certificate.CodeMismatch, certificate.CodeNone, certificate.CodeWeak, certificate.CodeUse,
		certificate.CodeExpired, certificate.CodeNotYet, certificate.CodePassword, certificate.CodeTooLarge, certificate.CodeMalformed, certificate.CodeUnsupported,
		"certificate-kept", "certificate-options",
	} {
		k, known := mailbox.Lookup(code)
		require.True(t, known, code)
		require.Equal(t, code, k.Code)
		require.Equal(t, mailbox.SourceCertificate, k.Source)
		require.Equal(t, code != certificate.CodeExpired && code != certificate.CodeNotYet, k.Class == mailbox.Permanent, code)
	}
}

// Rows 65 to 68: a number that nobody knows is told by OAuth's code, and only what says that the application is at fault stops mailboxes.
func TestUnknownNumbers(t *testing.T) {
	for code, want := range map[string]struct {
		kind provider.Kind
		code string
	}{
		"invalid_client": {provider.ErrAuth, CodeApplication}, "unauthorized_client": {provider.ErrAuth, CodeApplication},
		"invalid_grant": {provider.ErrAuth, CodeApplication}, "interaction_required": {provider.ErrAuth, CodeApplication},
		"consent_required": {provider.ErrAuth, CodeApplication}, "access_denied": {provider.ErrAuth, CodeApplication},
		"invalid_scope": {provider.ErrUnsupported, "invalid_scope"}, "invalid_request": {provider.ErrUnsupported, "invalid_request"},
		"invalid_resource": {provider.ErrUnsupported, "invalid_resource"}, "unsupported_grant_type": {provider.ErrUnsupported, "unsupported_grant_type"},
		"slow_down": {provider.ErrThrottled, "slow_down"}, "too_many_requests": {provider.ErrThrottled, "too_many_requests"},
		"temporarily_unavailable": {provider.ErrUnavailable, CodeIssuer}, "server_error": {provider.ErrUnavailable, CodeIssuer},
		"": {provider.ErrUnavailable, CodeIssuer}, "INVALID_CLIENT": {provider.ErrUnavailable, CodeIssuer}, "whatever": {provider.ErrUnavailable, CodeIssuer},
	} {
		for _, number := range []string{"99999999", "0", "-700027", "7000270", "1e3", "700027.5", `"x"`, `null`, `[700027]`, `{"700027":1}`} {
			for _, status := range []int{400, 401, 403, 200} {
				if code == "" && status == 200 {
					continue
				}
				e := judge(status, fmt.Sprintf(`{"error":%q,"error_description":"AADSTS of tomorrow","error_codes":[%s]}`, code, number))
				require.Equal(t, want.kind, e.Kind, "%s %s", code, number)
				require.Equal(t, want.code, e.Code)
			}
		}
	}
	require.ErrorContains(t, judge(400, `{"error":"interaction_required","claims":"{\"access_token\":{}}"}`), "claims challenge")
	require.NotContains(t, judge(400, `{"error":"interaction_required","claims":""}`).Error(), "claims")
}

// The number is found where Entra ID writes it: in its list, in a text there, or in the description alone.
func TestWhereANumberStands(t *testing.T) {
	for _, body := range []string{
		`{"error":"x","error_codes":[7000222]}`, `{"error":"x","error_codes":["7000222"]}`, `{"error":"x","error_codes":[1,2,7000222]}`,
		`{"error":"x","error_description":"AADSTS7000222: expired"}`, `{"error":"x","error_description":"it failed (AADSTS7000222)","error_codes":null}`,
		`{"error":"x","error_description":"AADSTS7000222","error_codes":[99]}`, `{"error":"x","error_description":"AADSTS7000222 AADSTS90033"}`,
	} {
		require.Equal(t, "AADSTS7000222", judge(401, body).Code, body)
	}
	for _, body := range []string{
		`{"error":"x","error_description":"AADSTS"}`, `{"error":"x","error_description":"AADSTS70002229999999999999"}`, `{"error":"x","error_description":"7000222"}`,
		`{"error":"x","error_codes":[1,2,3,4,5,6,7,8,7000222]}`, `{"error":"x","error_codes":{"a":7000222}}`, `{"error":"x","error_codes":[true,7000222]}`,
	} {
		require.Equal(t, CodeIssuer, judge(401, body).Code, body)
	}
}

// Row 75: how far this machine's clock is off is said, as a duration.
func TestClock(t *testing.T) {
	for date, want := range map[string]string{
		"Fri, 27 Nov 2026 12:07:30 GMT": "7m31s behind its own",
		"Fri, 27 Nov 2026 11:00:00 GMT": "1h0m0s ahead of its own",
		"Fri, 27 Nov 2026 11:59:59 GMT": "agrees with its own",
		"Fri, 27 Nov 2026 12:00:01 GMT": "agrees with its own",
		"Sat, 01 Jan 2022 00:00:00 GMT": "ahead of its own",
		"soon":                          "does not say what time it is",
		"":                              "does not say what time it is",
	} {
		for number, words := range map[string]string{"700024": "Client assertion is not within its valid time range.", "50012": "The assertion is not within its valid TIME RANGE."} {
			e := judge(401, told("invalid_client", number, words), "Date", date)
			require.ErrorContains(t, e, want)
			require.Equal(t, CodeTimes, e.Code)
			require.Equal(t, provider.ErrUnavailable, e.Kind, "a clock that is set heals it")
		}
		require.NotContains(t, judge(401, told("invalid_client", "7000222", "expired"), "Date", date).Error(), "clock")
	}
}

// Of two certificates the other one is taken only where the first is at fault.
func TestOfCertificate(t *testing.T) {
	for number, want := range map[string]bool{
		"700027": true, "7000274": true, "1000502": true, "7000214": true, "7000277": true, "7000213": true, "700030": true, "50012": true,
		"700024": false, "7000215": false, "7000222": false, "700016": false, "90002": false, "65001": false, "90033": false, "50196": false, "999": false,
	} {
		require.Equal(t, want, OfCertificate(judge(401, told("invalid_client", number, "words"))), number)
	}
	require.True(t, OfCertificate(judge(401, told("invalid_client", "700027", "The key used is expired"))))
	require.False(t, OfCertificate(judge(401, told("invalid_client", "50012", "not within its valid time range"))))
	require.False(t, OfCertificate(&provider.Error{Kind: provider.ErrAuth, Code: CodeApplication}))
}

// TOK-C: each answer has a kind, and no wait is longer than an hour.
func TestTOK_C(t *testing.T) {
	const page = "<html><title>sign in to the network</title>"
	for name, row := range map[string]struct {
		status int
		body   string
		fields []string
		kind   provider.Kind
		code   string
		after  time.Duration
	}{
		"HTML in 200":           {200, page, nil, provider.ErrUnavailable, CodeIssuer, 0},
		"HTML in 400":           {400, page, nil, provider.ErrUnavailable, CodeIssuer, 0},
		"HTML in 403":           {403, page, nil, provider.ErrUnavailable, CodeIssuer, 0},
		"HTML in 407":           {407, page, nil, provider.ErrUnavailable, CodeIssuer, 0},
		"nothing in 400":        {400, "", nil, provider.ErrUnavailable, CodeIssuer, 0},
		"nothing in 204":        {204, "", nil, provider.ErrUnavailable, CodeIssuer, 0},
		"cut":                   {400, `{"error":"invalid_client","error_desc`, nil, provider.ErrUnavailable, CodeIssuer, 0},
		"a list":                {400, `[1]`, nil, provider.ErrUnavailable, CodeIssuer, 0},
		"null":                  {400, `null`, nil, provider.ErrUnavailable, CodeIssuer, 0},
		"two objects":           {400, `{"error":"invalid_client"}{}`, nil, provider.ErrUnavailable, CodeIssuer, 0},
		"HTTP-15 depth":         {400, strings.Repeat(`{"a":`, 1e5), nil, provider.ErrUnavailable, CodeIssuer, 0},
		"HTTP-15 lists":         {400, strings.Repeat(`[`, 1e5), nil, provider.ErrUnavailable, CodeIssuer, 0},
		"of other types":        {400, `{"error":7,"error_description":[],"error_codes":"x","trace_id":{}}`, nil, provider.ErrUnavailable, CodeIssuer, 0},
		"success without":       {200, `{}`, nil, provider.ErrProtocol, "", 0},
		"huge":                  {400, `{"error":"invalid_client","x":"` + strings.Repeat("x", 1<<20) + `"}`, nil, provider.ErrTooLarge, "", 0},
		"huge in 503":           {503, strings.Repeat("x", 1<<21), nil, provider.ErrUnavailable, CodeIssuer, 0},
		"302":                   {302, "", []string{"Location", "https://evil.example/"}, provider.ErrUnsafe, "", 0},
		"HTTP-02 307":           {307, told("invalid_client", "7000215", "x"), []string{"Location", "https://evil.example/"}, provider.ErrUnsafe, "", 0},
		"429 for an hour":       {429, "", []string{"Retry-After", "3600"}, provider.ErrThrottled, "HTTP 429", time.Hour},
		"429 for a year":        {429, "", []string{"Retry-After", "Sat, 27 Nov 2027 12:00:00 GMT"}, provider.ErrThrottled, "HTTP 429", time.Hour},
		"HTTP-18 -5":            {429, "", []string{"Retry-After", "-5"}, provider.ErrThrottled, "HTTP 429", time.Second},
		"HTTP-18 huge":          {429, "", []string{"Retry-After", "99999999999999999999"}, provider.ErrThrottled, "HTTP 429", time.Hour},
		"HTTP-18 words":         {429, "", []string{"Retry-After", "soon"}, provider.ErrThrottled, "HTTP 429", time.Minute},
		"HTTP-19 without":       {429, "", nil, provider.ErrThrottled, "HTTP 429", time.Minute},
		"row 66: 429 is no no":  {429, told("invalid_client", "7000215", "x"), nil, provider.ErrThrottled, "HTTP 429", time.Minute},
		"500 invalid_client":    {500, told("invalid_client", "7000215", "x"), nil, provider.ErrUnavailable, CodeIssuer, 0},
		"503 with a wait":       {503, "", []string{"Retry-After", "30"}, provider.ErrUnavailable, CodeIssuer, 30 * time.Second},
		"busy with a wait":      {400, told("temporarily_unavailable", "90033", "x"), []string{"Retry-After", "7"}, provider.ErrUnavailable, "AADSTS90033", 7 * time.Second},
		"a loop with a wait":    {400, told("invalid_grant", "50196", "x"), []string{"Retry-After", "600"}, provider.ErrThrottled, "AADSTS50196", 10 * time.Minute},
		"a no with a wait":      {401, told("invalid_client", "7000215", "x"), []string{"Retry-After", "600"}, provider.ErrAuth, "AADSTS7000215", 0},
		"error in 200":          {200, told("invalid_client", "7000215", "x"), nil, provider.ErrAuth, "AADSTS7000215", 0},
		"a byte order mark":     {400, "\ufeff" + told("invalid_client", "7000215", "x"), nil, provider.ErrUnavailable, CodeIssuer, 0},
		"blanks around it":      {400, " \r\n" + told("invalid_client", "7000215", "x") + "\n", nil, provider.ErrAuth, "AADSTS7000215", 0},
		"the brackets of texts": {400, `{"error":"invalid_client","error_description":"` + strings.Repeat(`[\"`, 1e4) + `"}`, nil, provider.ErrAuth, CodeApplication, 0},
	} {
		t.Run(name, func(t *testing.T) {
			e := judge(row.status, row.body, row.fields...)
			require.Equal(t, row.kind, e.Kind, "%v", e)
			require.Equal(t, row.code, e.Code)
			require.Equal(t, row.after, e.RetryAfter)
			require.Equal(t, "s2s: token", e.Op)
			require.NotEmpty(t, e.Remedy)
			require.NotContains(t, e.Error(), "sign in to the network")
			require.NotContains(t, e.Error(), "evil.example")
			require.Less(t, len(e.Error()), 700)
		})
	}
}

// TOK-B: nothing that is told repeats a secret, however Entra ID spells it.
func TestTOK_B(t *testing.T) {
	const canary = "canary+secret/of=the application~8Q"
	s := secret.New(canary)
	for name, spell := range map[string]func(string) string{
		"plain": func(s string) string { return s }, "base64": func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"url": url.QueryEscape, "upper": strings.ToUpper, "cut": func(s string) string { return s[:len(s)-4] },
		"deep in it": func(s string) string { return strings.Repeat("x", 240) + s },
	} {
		for _, code := range []string{"invalid_client", "invalid_request", "odd"} {
			for _, number := range []string{"7000215", "700027", "99"} {
				body := told(code, number, "bad "+spell(canary)+" here")
				for _, body := range []string{body, strings.Replace(body, code, spell(canary), 1)} {
					e := Judge("s2s: token", 401, http.Header{}, []byte(body), s.In, now)
					said := fmt.Sprintf("%v %+v %#v %s %s", e, e, e, e.Code, e.Remedy)
					require.NotContains(t, strings.ToLower(said), strings.ToLower(spell(canary)), name)
					require.NotContains(t, strings.ToLower(said), "canary", name)
					require.Contains(t, said, "left out")
				}
			}
		}
	}
	cut := secret.New("4KRUF47xz7oy\nand the rest of it") // which the end of the first line would leave a part of
	require.NotContains(t, Judge("s2s: token", 401, http.Header{}, []byte(`{"error":"invalid_client","error_description":"AADSTS7000215: 4KRUF47xz7oy\nand the rest of it"}`), cut.In, now).Error(), "4KRUF47xz7oy")
	id := secret.New(trace) // a secret may look like an id
	e := Judge("s2s: token", 401, http.Header{}, []byte(told("invalid_client", "7000215", "x")), id.In, now)
	require.NotContains(t, e.Error(), trace)
	require.Contains(t, e.Error(), correlation)
}

// What Entra ID writes is shown in one line that turns no writing, and what is no id is not shown as one.
func TestQuotation(t *testing.T) {
	e := judge(400, `{"error":"invalid_client","error_description":"AADSTS7000215: no\u202e\u0000\u001b[31m Trace ID: x"}`)
	require.ErrorContains(t, e, `AADSTS7000215: no`)
	require.NotContains(t, e.Error(), "\u202e")
	require.NotContains(t, e.Error(), "\x00")
	require.NotContains(t, e.Error(), "Trace ID")
	for _, id := range []string{"", "x", trace + "0", trace[:35], strings.Replace(trace, "a", "g", 1), strings.Replace(trace, "-", "0", 1), strings.Repeat("-", 36), "0000aaaa-11bb-cccc-dd22-eeeeee33\\n33"} {
		e := judge(400, fmt.Sprintf(`{"error":"invalid_client","trace_id":"%s","correlation_id":"%s"}`, id, id))
		require.NotContains(t, e.Error(), "id "+id, "%q", id)
		require.NotContains(t, e.Error(), "trace id", "%q", id)
	}
	e = judge(503, "<html>", "x-ms-request-id", trace, "client-request-id", correlation)
	require.ErrorContains(t, e, "Entra ID answered 503 (trace id "+trace+", correlation id "+correlation+")")
}

// FuzzJudge holds that whatever comes is an error of a kind, with a remedy, without a secret, in bounds.
func FuzzJudge(f *testing.F) {
	s := secret.New("canary-of-the-fuzz")
	for _, body := range []string{told("invalid_client", "700027", "x"), "", "[[[[", `{"error":"\ud800"}`, `{"error_codes":[1e999]}`, `{"error":"invalid_client","error_description":"canary-of-the-fuzz"}`, "\xff{"} {
		for _, status := range []int{200, 302, 400, 429, 503} {
			f.Add(status, []byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		e := Judge("s2s: token", status, http.Header{}, body, s.In, now)
		require.NotEmpty(t, e.Kind)
		require.NotEmpty(t, e.Remedy)
		require.LessOrEqual(t, len(e.Error()), 1<<10)
		require.NotContains(t, e.Error(), "canary-of-the-fuzz")
	})
}
