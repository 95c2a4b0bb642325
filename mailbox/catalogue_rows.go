package mailbox

import "github.com/go-serversync/serversync/profile"

// The rows of the catalogue. Each is: code, other names, who says it, how it is met,
// whom it concerns, how bad it is, cause, remedy. docs/errors.md is drawn from them.

// kindRows has what we say of an error whose name is not known; see provider.Kind.
var kindRows = [...]Known{
	{"sign-in-refused", "", SourceSyncer, Refused, ScopeMailbox, profile.Error,
		"the server refused the sign-in",
		"check user name and password, and whether the account may use this protocol"},
	{"throttled", "", SourceSyncer, Throttled, ScopeMailbox, profile.Info,
		"the server asked us to wait",
		"nothing: it goes on by itself when the server allows"},
	{"unavailable", "SYS/TEMP", SourceSyncer, Transient, ScopeProfile, profile.Warning,
		"the server cannot be reached, or cannot work just now",
		"check that the server runs and can be reached; it is tried again by itself"},
	{"cursor-expired", "", SourceSyncer, Transient, ScopeMailbox, profile.Info,
		"the server no longer knows how far we had read",
		"nothing: the folder is listed again by itself"},
	{"not-found", "", SourceSyncer, Transient, ScopeMailbox, profile.Error,
		"a folder or an item that is needed is not there",
		"check that the mailbox's folders exist on the server"},
	{"bad-item", "", SourceSyncer, Transient, ScopeItem, profile.Warning,
		"a message cannot be read or dealt with",
		"look at the quarantine"},
	{"protocol-error", "", SourceSyncer, Transient, ScopeMailbox, profile.Warning,
		"the server does not keep to its protocol",
		"check that host and port belong to a server of this protocol; it is tried again by itself"},
	{"too-large", "", SourceSyncer, Permanent, ScopeMailbox, profile.Error,
		"the server sent more than a limit allows",
		"raise the limit that the message names, if the server is to be trusted"},
	{"unsafe", "", SourceSyncer, Permanent, ScopeProfile, profile.Error,
		"going on would break a rule that keeps mail and passwords safe",
		"mend the server's TLS or address, or have the host's operator allow it"},
	{"unsupported", "", SourceSyncer, Permanent, ScopeProfile, profile.Error,
		"the server cannot do what is needed",
		"use another server or protocol"},
	{"failed", "", SourceSyncer, Transient, ScopeMailbox, profile.Warning,
		"something failed that has no name",
		"read the cause; it is tried again by itself"},
}

// A name that is gone, or a wrong one, is met like an outage: names come back within
// the hour, and the breaker of the profile heals by itself.
var networkRows = [...]Known{
	{"HostNotFound", "InvalidIncomingEmailServerProfileConfiguration;NameResolutionFailure", SourceNetwork, Transient, ScopeProfile, profile.Error,
		"no server of this name is known: the name is wrong, or the name service fails",
		"check the host in the profile; if it is right, check the name service"},
	{"ConnectFailure", "ConnectionRefused;InaccessibleSmtpServer;8005E227", SourceNetwork, Transient, ScopeProfile, profile.Warning,
		"the server takes no connection: it is down, the port is wrong, or a firewall stands between",
		"check host and port, the server and the firewall"},
	{"TimedOut", "Timeout;HTTP 408", SourceNetwork, Transient, ScopeProfile, profile.Warning,
		"the server did not answer in time; often a firewall drops the connection, or the port is wrong",
		"check host and port, and the firewall; if they are right, wait"},
	{"ConnectionClosed", "ConnectionReset;ConnectionLost", SourceNetwork, Transient, ScopeProfile, profile.Warning,
		"the server or something on the way closed the connection",
		"nothing at first; if it lasts, check the port and its TLS, and the firewall"},
	{"SecureConnection", "SecureChannelFailure;TrustFailure;InvalidCertificate;8005E23A", SourceNetwork, Permanent, ScopeProfile, profile.Error,
		"no secure connection could be made: the certificate has expired, is of another name or of an authority nobody trusts, or the server's TLS is too old",
		"have the server present a valid certificate for the host in the profile, and TLS 1.2 or later"},
}

var httpRows = [...]Known{
	{"HTTP 401", "Http Unauthorized", SourceHTTP, Refused, ScopeMailbox, profile.Error,
		"the credentials do not open this mailbox: they are wrong, the address belongs to another account or tenant, the account has no licence or was created anew within 72 hours, or sign-in by password is switched off",
		"check the profile's kind and credentials, the mailbox's address, and the account's licence; then test again"},
	{"HTTP 403", "Http Forbidden", SourceHTTP, Permanent, ScopeMailbox, profile.Error,
		"the server allows no programs to this mailbox: Exchange Web Services are disabled for it, or a policy does not list this application",
		"enable EWS for mailbox and organization and add this application to EwsAllowList; this takes up to two hours to apply; then test again"},
	{"HTTP 404", "Http NotFound;HTTP 410", SourceHTTP, Transient, ScopeProfile, profile.Error,
		"there is no mail service at this address of the server",
		"check the URL in the profile, or use autodiscover"},
	{"HTTP 429", "Http TooManyRequests", SourceHTTP, Throttled, ScopeMailbox, profile.Info,
		"the server asks for fewer requests",
		"nothing: it goes on by itself when the server allows"},
	{"HTTP 456", "", SourceHTTP, Permanent, ScopeMailbox, profile.Error,
		"Exchange Online has blocked the account until its user or an administrator does something",
		"sign in to the account with a browser and do what it asks for, or unblock it; then test again"},
	{"HTTP 500", "Http InternalServerError", SourceHTTP, Transient, ScopeMailbox, profile.Warning,
		"the server failed at this request",
		"nothing at first; if it lasts, ask the mail administrator"},
	{"HTTP 503", "Http ServiceUnavailable;HTTP 502;HTTP 504", SourceHTTP, Transient, ScopeProfile, profile.Warning,
		"the server is down or has more to do than it can",
		"nothing at first; if it lasts, ask the mail administrator"},
}
