package profile

import "time"

// profileRules are about a profile as a whole.
var profileRules = []rule{
	{
		code: "kind-unknown", original: "E242", level: Error, field: "Kind",
		message: "it is no kind of mail system that is known", remedy: "use one of package profile's kinds",
		broken: func(f *facts) bool { return f.incoming.protocol == "" },
	},
	{
		code: "kind-hybrid", matrix: "V5", level: Warning, field: "Kind",
		message: "the kind says that the host runs elsewhere than its policy does",
		remedy:  "use the hybrid kinds where host and mail system stand on different sides, one in the cloud and one on premises, and the others where they do not",
		broken: func(f *facts) bool {
			switch f.p.Kind {
			case ExchangeOnline, ExchangeServerHybrid:
				return !f.cloud
			case ExchangeServer, ExchangeOnlineHybrid:
				return f.cloud
			}
			return false
		},
	},
	{
		code: "id-form", level: Error, field: "ID",
		message: "it has control characters or is not UTF-8", remedy: "use letters, digits and marks alone",
		broken: func(f *facts) bool { return !isText(string(f.p.ID)) },
	},
	{
		code: "name-form", level: Error, field: "Name",
		message: "it has control characters or is not UTF-8", remedy: "write it in one line",
		broken: func(f *facts) bool { return !isText(f.p.Name) },
	},
	{
		code: "name-long", level: Error, field: "Name",
		message: "the name has more than 100 characters", remedy: "shorten it",
		broken: func(f *facts) bool { return longer(f.p.Name, maxName) },
	},
	{
		code: "description-form", level: Error, field: "Description",
		message: "it has control characters other than tabs and line ends, or is not UTF-8", remedy: "write it as plain text",
		broken: func(f *facts) bool { return !isLines(f.p.Description) },
	},
	{
		code: "description-long", level: Error, field: "Description",
		message: "the description has more than 2,000 characters", remedy: "shorten it",
		broken: func(f *facts) bool { return longer(f.p.Description, maxDescription) },
	},
	{
		code: "owner-address-form", level: Error, field: "Owner.Address",
		message: "it is no email address, or has more than 100 characters", remedy: "enter a bare address such as admin@example.com",
		broken: func(f *facts) bool { return f.p.Owner.Address != "" && !isAddress(f.p.Owner.Address) },
	},
	{
		code: "owner-missing", level: Warning, field: "Owner",
		message: "alerts are asked for and nobody is named to get them", remedy: "name an owner, or clear AlertOwner",
		broken: func(f *facts) bool { return f.p.AlertOwner && f.p.Owner == Owner{} },
	},
	{
		code: "connections-range", level: Error, field: "MaxConnections",
		message: "it is not between 1 and 300", remedy: "leave it at 0 for the default of 10",
		broken: func(f *facts) bool { return f.p.MaxConnections < 0 || f.p.MaxConnections > 300 },
	},
	{
		code: "poll-interval-range", level: Error, field: "MinPollInterval",
		message: "it is not between 0 and 24 hours", remedy: "leave it at 0 for the Syncer's own interval",
		broken: func(f *facts) bool { return f.p.MinPollInterval < 0 || f.p.MinPollInterval > 24*time.Hour },
	},
	{
		code: "timeout-range", level: Error, field: "Timeout",
		message: "it is not between 0 and 100 seconds", remedy: "leave it at 0 for the driver's limits",
		broken: func(f *facts) bool { return f.p.Timeout < 0 || f.p.Timeout > 100*time.Second },
	},
	{
		code: "undeliverable-unsupported", level: Error, field: "MoveUndeliverable",
		message: "undeliverable mail can be moved in Exchange and over IMAP only", remedy: "clear it",
		broken: func(f *facts) bool { return f.p.MoveUndeliverable && f.incoming.protocol == POP3 },
	},
	{
		code: "undeliverable-beyond", level: Warning, field: "MoveUndeliverable",
		message: "the original moves undeliverable mail in Exchange only; here it is moved over IMAP as well", remedy: "clear it to have it stay where it is",
		broken: func(f *facts) bool { return f.p.MoveUndeliverable && f.incoming.protocol == IMAP },
	},
	{
		code: "autodiscover-unsupported", original: "E204", level: Error, field: "Autodiscover",
		message: "only Exchange can be found by autodiscover", remedy: "clear it and name the servers",
		broken: func(f *facts) bool { return f.p.Autodiscover && f.incoming.isMail() },
	},
	{
		code: "autodiscover-off", matrix: "V1", level: Warning, field: "Autodiscover",
		message: "Exchange Online in the host's own tenant is supported with autodiscover only; the usual address works, and saves a look-up, as long as it stays what it is",
		remedy:  "set it",
		broken: func(f *facts) bool {
			return f.cloud && f.p.Kind.IsExchangeOnline() && f.tenancy == OwnTenant && !f.p.Autodiscover
		},
	},
	{
		code: "tenant-form", original: "E243", level: Error, field: "TenantID",
		message: "it is no GUID, so no access token can be had", remedy: "copy the directory (tenant) ID from the Entra admin center",
		broken: func(f *facts) bool { return f.p.TenantID != "" && !isGUID(f.p.TenantID) },
	},
	{
		code: "application-form", level: Error, field: "Application.ClientID",
		message: "it has control characters or more than 1,024 characters", remedy: "copy the client ID from where the application is registered",
		broken: func(f *facts) bool {
			return !isText(f.p.Application.ClientID) || longer(f.p.Application.ClientID, maxApplication)
		},
	},
	{
		code: "realm-form", original: "E243", level: Error, field: "Application.Realm",
		message: "it is neither a domain nor a GUID, so no server trusts it", remedy: "enter the realm of the partner application, as Get-PartnerApplication shows it",
		broken: func(f *facts) bool { return f.p.Application.Realm != "" && !isRealm(f.p.Application.Realm) },
	},
	{
		code: "realm-unused", level: Error, field: "Application.Realm",
		message: "only Exchange Server takes tokens that this host issues itself, and only server to server", remedy: `clear it, or use "s2s" with an Exchange Server`,
		broken: func(f *facts) bool {
			return f.p.Application.Realm != "" && !(f.p.Kind.IsExchangeServer() && (f.incoming.Credentials == ServerToServer || f.outgoing.Credentials == ServerToServer))
		},
	},
	{
		code: "resource-form", level: Error, field: "Application.Resource",
		message: "it has control characters or more than 1,024 characters", remedy: "leave it empty for the usual one",
		broken: func(f *facts) bool {
			return !isText(f.p.Application.Resource) || longer(f.p.Application.Resource, maxApplication)
		},
	},
}
