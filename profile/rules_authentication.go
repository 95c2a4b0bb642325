package profile

// authenticationRules are about how credentials are shown, and in whose name.
var authenticationRules = []rule{
	{
		code: "authentication-unknown", original: "E23B", level: Error, part: signIn, field: "Authentication",
		message: "it is no authentication protocol that is known", remedy: `leave it empty, or use "scram", "cram-md5", "negotiate", "ntlm", "basic" or "oauth"`,
		brokenEnd: func(_ *facts, e *end) bool { return !e.Authentication.known() },
	},
	{
		code: "authentication-credentials", original: "E23B", level: Error, part: signIn, field: "Authentication",
		message: "it does not fit the credentials: tokens go with oauth, a Windows identity with negotiate or ntlm, passwords with all but oauth, a certificate with none", remedy: "leave it empty",
		brokenEnd: func(_ *facts, e *end) bool {
			return e.Authentication.known() && !e.Authentication.fits(e.Credentials)
		},
	},
	{
		code: "authentication-server", original: "E23B", level: Error, part: signIn, field: "Authentication",
		message: "Exchange Online takes neither Negotiate nor NTLM", remedy: "leave it empty",
		brokenEnd: func(_ *facts, e *end) bool { return e.Authentication.isAD() && e.atEXO },
	},
	{
		code: "authentication-extension", original: "E23B", level: Warning, part: signIn, field: "Authentication",
		message: "Dynamics 365 signs in with Negotiate and NTLM to Exchange Server and SMTP only; to POP3 and IMAP it is an extension of ours", remedy: "it works where the server offers it and the host has the mechanism; else leave it empty",
		brokenEnd: func(_ *facts, e *end) bool {
			return e.Authentication.isAD() && (e.protocol == IMAP || e.protocol == POP3) && !e.atEXO
		},
	},
	{
		code: "authentication-exchange", original: "E23B", level: Error, part: signIn, field: "Authentication",
		message: "SCRAM and CRAM-MD5 are for POP3, IMAP and SMTP only", remedy: "leave it empty",
		brokenEnd: func(_ *facts, e *end) bool {
			return e.protocol == EWS && (e.Authentication == SCRAM || e.Authentication == CRAMMD5)
		},
	},
	{
		code: "ad-refused", original: "E23C", level: Error, part: signIn, field: "Authentication",
		message: "this host does not allow Negotiate and NTLM, which a Windows identity needs too", remedy: `use "basic" over TLS, or have the operator set Policy.ADAuthentication`,
		brokenEnd: func(f *facts, e *end) bool {
			return (e.Authentication.isAD() || e.Credentials == IntegratedWindows) && !f.policy.ADAuthenticationAllowed()
		},
	},
	{
		code: "ntlm-fips", original: "E23C", level: Error, part: signIn, field: "Authentication",
		message: "NTLM is not FIPS 140 approved, which this host requires", remedy: `use "negotiate" with Kerberos, or "basic" over TLS`,
		brokenEnd: func(f *facts, e *end) bool {
			return e.Authentication == NTLM && f.policy.ADAuthenticationAllowed() && !f.policy.NTLMAllowed()
		},
	},
	{
		code: "cram-md5-fips", original: "E23B", level: Error, part: signIn, field: "Authentication",
		message: "CRAM-MD5 is not FIPS 140 approved, which this host requires", remedy: `use "scram", or "basic" over TLS`,
		brokenEnd: func(f *facts, e *end) bool {
			return e.isMail() && e.Authentication == CRAMMD5 && f.policy.FIPS
		},
	},
	{
		code: "basic-plaintext", original: "E23D", level: Error, part: signIn, field: "Authentication",
		message: "the password would be shown as it is on a connection without TLS, which this host does not allow", remedy: "use TLS, or have the operator set Policy.AllowBasicWithoutTLS",
		brokenEnd: func(f *facts, e *end) bool {
			return e.TLS == Plaintext && f.policy.PlaintextAllowed() && !f.policy.BasicWithoutTLSAllowed() &&
				e.usesPassword() && (e.Authentication == AutoDetect || e.Authentication == Basic)
		},
	},
	{
		code: "token-plaintext", original: "E23B", level: Error, part: signIn, field: "Authentication",
		message: "an access token may not cross the network without TLS (RFC 6750, section 5.3)", remedy: "use TLS",
		brokenEnd: func(f *facts, e *end) bool {
			return e.TLS == Plaintext && f.policy.PlaintextAllowed() && e.usesToken()
		},
	},
	{
		code: "certificate-plaintext", level: Error, part: signIn, field: "Credentials",
		message: "a certificate is shown in TLS, and there is none", remedy: "use TLS",
		brokenEnd: func(f *facts, e *end) bool {
			return e.isMail() && e.TLS == Plaintext && f.policy.PlaintextAllowed() && e.Credentials == ClientCertificate
		},
	},
	{
		code: "impersonate-unsupported", original: "E236", level: Error, part: signIn, field: "Impersonate",
		message: "only Exchange knows impersonation", remedy: "clear it",
		brokenEnd: func(_ *facts, e *end) bool { return e.isMail() && e.Impersonate },
	},
	{
		code: "impersonate-username", original: "E24D", level: Error, part: signIn, field: "Username",
		message: "impersonation needs an account of the profile and it has no user name", remedy: "take credentials from the profile and enter it, or clear Impersonate",
		brokenEnd: func(_ *facts, e *end) bool {
			return e.impersonates() && (e.Credentials == FromMailbox || e.Credentials == FromProfile && isBlank(e.Username))
		},
	},
	{
		code: "impersonate-password", original: "E24E", level: Error, part: signIn, field: "Password",
		message: "impersonation needs an account of the profile and it has no password", remedy: "enter it, or clear Impersonate",
		brokenEnd: func(_ *facts, e *end) bool {
			return e.impersonates() && e.Credentials == FromProfile && e.Password.IsZero()
		},
	},
	{
		code: "impersonate-needless", matrix: "V1", level: Warning, part: signIn, field: "Impersonate",
		message: "server to server the application acts as each mailbox's owner in any case", remedy: "clear it",
		brokenEnd: func(_ *facts, e *end) bool { return e.impersonates() && e.Credentials == ServerToServer },
	},
	{
		code: "delegate-unsupported", original: "E235", level: Error, part: own, field: "GrantDelegate",
		message: "delegate access can be granted for sending through Exchange only", remedy: "clear it",
		brokenEnd: func(_ *facts, e *end) bool {
			return e.GrantDelegate && (e.isMail() || e.side == Incoming)
		},
	},
}

func (a Authentication) known() bool {
	switch a {
	case AutoDetect, Negotiate, NTLM, Basic, SCRAM, CRAMMD5, Bearer:
		return true
	}
	return false
}

// isAD reports whether a is one of Active Directory's protocols.
func (a Authentication) isAD() bool { return a == Negotiate || a == NTLM }

// fits reports whether credentials from a source can be shown with a.
func (a Authentication) fits(c Credentials) bool {
	switch c {
	case FromMailbox, FromProfile:
		return a != Bearer
	case OAuth, ServerToServer:
		return a == AutoDetect || a == Bearer
	case IntegratedWindows:
		return a == AutoDetect || a.isAD()
	case Anonymous, ClientCertificate:
		return a == AutoDetect
	}
	return true // the source is unknown, which is said elsewhere
}
