package profile

import "strings"

// credentialRules are about where credentials come from and whose they are.
var credentialRules = []rule{
	{
		code: "signin-locked", original: "E238", level: Error, side: Outgoing, field: "OwnOutgoing",
		message: "Outgoing has credentials, authentication or impersonation of its own although it takes Incoming's", remedy: "clear them, or set OwnOutgoing",
		brokenEnd: func(f *facts, _ *end) bool { return f.p.setsLocked() },
	},
	{
		code: "credentials-unknown", level: Error, part: signIn, field: "Credentials",
		message: "it is no source of credentials that is known", remedy: "use one of package profile's sources",
		brokenEnd: func(_ *facts, e *end) bool {
			switch e.Credentials {
			case FromMailbox, FromProfile, ServerToServer, IntegratedWindows, Anonymous, OAuth, ClientCertificate:
				return false
			}
			return true
		},
	},
	{
		code: "credentials-cloud", original: "E202", level: Error, part: signIn, field: "Credentials",
		message: "a cloud host signs in with credentials: not with the Windows identity that it runs under, and not anonymously", remedy: "take credentials from the mailbox or the profile",
		brokenEnd: func(f *facts, e *end) bool {
			return f.cloud && (e.Credentials == IntegratedWindows || e.Credentials == Anonymous)
		},
	},
	{
		code: "anonymous-exchange", original: "E203", level: Error, part: signIn, field: "Credentials",
		message: "Exchange lets nobody in who does not sign in", remedy: "take credentials from the mailbox or the profile",
		brokenEnd: func(_ *facts, e *end) bool { return e.protocol == EWS && e.Credentials == Anonymous },
	},
	{
		code: "certificate-exchange", original: "E203", level: Error, part: signIn, field: "Credentials",
		message: "a certificate of TLS signs in over POP3, IMAP and SMTP only", remedy: `use "s2s", where a certificate proves the host as an application, or take credentials from the mailbox or the profile`,
		brokenEnd: func(_ *facts, e *end) bool { return e.protocol == EWS && e.Credentials == ClientCertificate },
	},
	{
		code: "credentials-mail", original: "E214", level: Error, part: signIn, side: Incoming, field: "Credentials",
		message: "from POP3 and IMAP servers mail cannot be read anonymously", remedy: "take credentials from the mailbox, or use OAuth",
		brokenEnd: func(_ *facts, e *end) bool { return e.isMail() && e.Credentials == Anonymous },
	},
	{
		code: "credentials-windows", original: "E214", level: Warning, part: signIn, side: Incoming, field: "Credentials",
		message: "Dynamics 365 does not read POP3 and IMAP with a Windows identity; that is an extension of ours", remedy: "it works where the server offers GSSAPI or NTLM and the host has the mechanism; else take credentials from the mailbox",
		brokenEnd: func(_ *facts, e *end) bool {
			return e.isMail() && e.Credentials == IntegratedWindows && !e.atEXO
		},
	},
	{
		code: "credentials-shared", original: "E214", level: Warning, part: signIn, side: Incoming, field: "Credentials",
		message: "Dynamics 365 reads POP3 and IMAP with each mailbox's own credentials only; one account for all brings the same mail into each of them, unless the server tells them apart",
		remedy:  "it works, for one mailbox or where the server knows whose mail is asked for; else take credentials from the mailbox",
		brokenEnd: func(_ *facts, e *end) bool {
			return e.isMail() && e.Credentials == FromProfile
		},
	},
	{
		code: "s2s-mail", level: Error, part: signIn, field: "Credentials",
		message: "of the servers that speak POP3, IMAP and SMTP only Exchange Online takes an application's own token", remedy: "take credentials from the mailbox, or use OAuth",
		brokenEnd: func(_ *facts, e *end) bool {
			return e.isMail() && e.Credentials == ServerToServer && !e.atEXO
		},
	},
	{
		code: "s2s-exchange-online-mail", matrix: "V1", level: Warning, part: signIn, field: "Credentials",
		message: "Dynamics 365 signs in server to server over Exchange's web services only; with POP3, IMAP and SMTP it works where the application is registered in Exchange Online as well",
		remedy:  "register it with New-ServicePrincipal and give it the mailboxes, or use kind exchange-online",
		brokenEnd: func(_ *facts, e *end) bool {
			return e.isMail() && e.Credentials == ServerToServer && e.atEXO
		},
	},
	{
		code: "credentials-own-tenant", matrix: "V1", level: Error, part: signIn, field: "Credentials",
		message: "Exchange Online in the host's own tenant is supported server to server only", remedy: `use "s2s"`,
		brokenEnd: func(f *facts, e *end) bool {
			return f.cloud && f.p.Kind.IsExchangeOnline() && f.tenancy == OwnTenant && e.Credentials != ServerToServer
		},
	},
	{
		code: "oauth-other-tenant", matrix: "V2", level: Warning, part: signIn, field: "Credentials",
		message: "an administrator of the mailboxes' own tenant has to consent, one of the primary tenant, where the host stands, approves mailboxes, and Dynamics 365's App for Outlook cannot be used there", remedy: "nothing need be done if that is so",
		brokenEnd: func(f *facts, e *end) bool {
			return f.p.Kind.IsExchangeOnline() && e.Credentials == OAuth && (f.tenancy != OwnTenant || !f.cloud)
		},
	},
	{
		code: "s2s-other-tenant", matrix: "V2", level: Warning, part: signIn, field: "Credentials",
		message: "Dynamics 365 reaches mailboxes of another tenant with OAuth only; server to server works where an administrator of that tenant has consented to the application", remedy: "nothing need be done if that is so, and the operator admits the tenant for this organization",
		brokenEnd: func(f *facts, e *end) bool {
			return f.cloud && f.p.Kind.IsExchangeOnline() && e.Credentials == ServerToServer && f.tenancy == OtherTenant
		},
	},
	{
		code: "basic-ended", level: Error, part: signIn, field: "Credentials",
		message: "Exchange Online's web services take no user name and password any more: basic authentication has been switched off since October 2022", remedy: `use "s2s", or "oauth" for another tenant`,
		brokenEnd: func(_ *facts, e *end) bool { return e.protocol == EWS && e.atEXO && e.usesPassword() },
	},
	{
		code: "basic-ending", level: Warning, part: signIn, field: "Credentials",
		message: "Exchange Online switches basic authentication off, for POP3 and IMAP since October 2022 and for SMTP by default from the end of 2026 on, so the password will most likely be refused", remedy: `use "oauth"`,
		brokenEnd: func(_ *facts, e *end) bool {
			return e.isMail() && e.atEXO && e.usesPassword() && !e.Authentication.isAD() // which is refused altogether
		},
	},
	{
		code: "gmail-password", level: Warning, part: signIn, field: "Credentials",
		message: "Google takes no account's own password any more, only app passwords, which need 2-step verification and which an organization may forbid", remedy: `use "oauth", or enter app passwords`,
		brokenEnd: func(_ *facts, e *end) bool { return e.system == gmail && e.usesPassword() },
	},
	{
		code: "oauth-on-premises", level: Warning, part: signIn, field: "Credentials",
		message: "Dynamics 365 signs in to Exchange Server with an access token by certificate only", remedy: `it works where hybrid modern authentication is set up; else use "s2s" or take credentials from the profile`,
		brokenEnd: func(f *facts, e *end) bool { return f.p.Kind.IsExchangeServer() && e.Credentials == OAuth },
	},
	{
		code: "windows-exchange-online", original: "E23B", level: Error, part: signIn, field: "Credentials",
		message: "Exchange Online knows no Windows identity of the host's", remedy: `use "s2s"`,
		brokenEnd: func(_ *facts, e *end) bool { return e.atEXO && e.Credentials == IntegratedWindows },
	},
	{
		code: "tenant-missing", original: "E243", level: Error, field: "TenantID",
		message: "no tenant is named, so no access token can be had", remedy: "enter the directory (tenant) ID of the mailboxes, or have the operator set Policy.TenantID",
		brokenEnd: func(f *facts, e *end) bool {
			return f.tenancy == NoTenant && e.usesToken() && (e.protocol == EWS || e.atEXO) && !f.p.IssuesTokens(e.Credentials)
		},
	},
	{
		code: "application-missing", original: "E243", level: Error, field: "Application.ClientID",
		message: "no application is named, so no access token can be had", remedy: "register this host with the identity provider and enter the client ID",
		brokenEnd: func(f *facts, e *end) bool { return e.usesToken() && f.p.Application.ClientID == "" },
	},
	{
		code: "application-guid", original: "E243", level: Error, field: "Application.ClientID",
		message: "applications of Microsoft's have a GUID as their ID, so no access token can be had", remedy: "copy the application (client) ID from the Entra admin center; for tokens that this host issues itself make a GUID up",
		brokenEnd: func(f *facts, e *end) bool {
			id := f.p.Application.ClientID
			return e.Credentials == ServerToServer && (e.protocol == EWS || e.atEXO) && id != "" && isText(id) && !longer(id, maxApplication) && !isGUID(id)
		},
	},
	{
		code: "application-secret-missing", level: Warning, field: "Application.Secret",
		message: "Google gives web applications no tokens without their secret", remedy: "enter the client secret, unless the application is of a type that has none",
		brokenEnd: func(f *facts, e *end) bool {
			return e.system == gmail && e.Credentials == OAuth && f.p.Application.Secret.IsZero()
		},
	},
	{
		code: "application-secret", original: "E23A", level: Error, field: "Application.Secret",
		message: "for hybrid modern authentication a certificate proves the application, not a secret", remedy: "clear it and give the host a certificate",
		brokenEnd: func(f *facts, e *end) bool {
			return f.p.Kind.IsExchangeServer() && e.Credentials == ServerToServer && !f.p.Application.Secret.IsZero()
		},
	},
	{
		code: "username-missing", original: "E251", outgoing: "E252", level: Error, part: signIn, field: "Username",
		message: "the credentials come from the profile but it has no user name", remedy: "enter it, or take credentials from the mailbox",
		brokenEnd: func(_ *facts, e *end) bool {
			return e.Credentials == FromProfile && isBlank(e.Username) && !e.impersonates()
		},
	},
	{
		code: "password-missing", original: "E253", outgoing: "E254", level: Error, part: signIn, field: "Password",
		message: "the credentials come from the profile but it has no password", remedy: "enter it, or take credentials from the mailbox",
		brokenEnd: func(_ *facts, e *end) bool {
			return e.Credentials == FromProfile && e.Password.IsZero() && !e.impersonates()
		},
	},
	{
		code: "username-form", level: Error, part: signIn, field: "Username",
		message: "it has control characters or more than 250 characters", remedy: "enter it as the server knows it",
		brokenEnd: func(_ *facts, e *end) bool { return !isText(e.Username) || longer(e.Username, maxUsername) },
	},
	{
		code: "password-form", level: Error, part: signIn, field: "Password",
		message: "it has a line end or a NUL in it, which no protocol can say", remedy: "enter it again",
		brokenEnd: func(_ *facts, e *end) bool { return strings.ContainsAny(e.Password.Reveal(), "\x00\r\n") },
	},
	{
		code: "username-upn", level: Warning, part: signIn, field: "Username",
		message: "in hybrid deployments user names have the form of an address (UPN)", remedy: "enter it as user@example.com",
		brokenEnd: func(f *facts, e *end) bool {
			return f.p.Kind == ExchangeServerHybrid && e.Credentials == FromProfile && !isBlank(e.Username) && !strings.Contains(e.Username, "@")
		},
	},
	{
		code: "credentials-unused", level: Warning, part: signIn, field: "Credentials",
		message: "the profile keeps a user name or password that nothing uses", remedy: `clear them, or use "profile"`,
		brokenEnd: func(_ *facts, e *end) bool {
			return e.Credentials != FromProfile && (e.Username != "" || !e.Password.IsZero())
		},
	},
}

// impersonates reports whether e asks for Exchange impersonation where there is
// such a thing.
func (e *end) impersonates() bool { return e.protocol == EWS && e.Impersonate }
