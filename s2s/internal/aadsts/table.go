package aadsts

import "github.com/go-serversync/serversync/provider"

// A meaning is what one of Entra ID's numbers says.
type meaning struct {
	numbers string // separated by blanks
	says    string // a part of the description, in lower case, where one number says several things; "" for any
	as      string // the number by which the catalogue (package mailbox) has it, where it is another one's meaning; "" for its own
	kind    provider.Kind
	proof   bool // the certificate is at fault, so that another one may be taken
	cause   string
	remedy  string
}

// meanings are those of the numbers that an application can meet which signs in as itself, as Microsoft's pages
// have them ("Microsoft Entra authentication and authorization error codes" and those on troubleshooting
// service principals and workload identities). Microsoft changes them: what is not here is told by the error
// code of OAuth. A row with words comes before the one without.
var meanings = [...]meaning{
	{"700027 7000274", "expired", "1000502", provider.ErrAuth, true,
		"the certificate that is registered with the application has expired",
		"make a new certificate, register its .cer with the application in Entra ID (Certificates & secrets), and give it to this host"},
	{"700027 7000274", "sni may be configured", "7000213", provider.ErrAuth, true, // which Entra ID says at the end of a long text
		"Entra ID does not know the certificate by its thumbprint, and the application trusts a subject name and issuer, but its chain was not sent",
		"have the whole chain sent (SendChain); or register the certificate's .cer with the application in Entra ID (Certificates & secrets)"},
	{"700027 7000274", "", "", provider.ErrAuth, true,
		"the certificate that has signed this is not registered with the application",
		"register the certificate's .cer with the application in Entra ID (Certificates & secrets), and compare its thumbprint; a new one is known after a few minutes"},
	{"1000502", "", "", provider.ErrAuth, true,
		"the certificate is not good at this time: it has expired, or is not good yet",
		"make a new certificate, register its .cer with the application in Entra ID, and give it to this host; for one that is not good yet, wait"},
	{"7000214 7000277", "", "", provider.ErrAuth, true,
		"the certificate has been revoked by the authority that issued it",
		"have a new certificate issued, register it with the application in Entra ID, and give it to this host; find out why the old one was revoked"},
	{"700030", "different cloud", "900382", provider.ErrAuth, false, causeCloud, remedyCloud},
	{"7000213 700030", "", "", provider.ErrAuth, true,
		"Entra ID does not trust the certificate by its subject name and issuer",
		"for trust by subject name and issuer send the whole chain (SendChain), and have the certificate's subject name and its authority be those that the application trusts; for any other certificate register its .cer, and send no chain"},
	{"50012", "time range", "700024", provider.ErrUnavailable, false, causeTimes, remedyTimes},
	{"50012", "", "", provider.ErrAuth, true,
		"Entra ID does not take what proves the application: its signature, its certificate, or the authority that issued that",
		"register the certificate's .cer with the application in Entra ID; for trust by subject name and issuer send the whole chain (SendChain), and check what the application trusts"},

	{"700024", "", "", provider.ErrUnavailable, false, causeTimes, remedyTimes},
	{"700023", "scope", "70011", provider.ErrUnsupported, false, causeScope, remedyScope},
	{"700023", "", "", provider.ErrAuth, false,
		"what proves the application is made for another issuer than this one",
		"check the cloud and the tenant; a proof of the host's own must name the URL of this tenant's token endpoint, or its issuer, as its audience"},
	{"700021 50048", "", "", provider.ErrAuth, false,
		"what proves the application is made for another application than the profile names",
		"check the application's id in the profile; a proof of the host's own must name it as its issuer and subject"},
	{"50027 5002723 5002738", "", "", provider.ErrAuth, false,
		"what proves the application is no token that Entra ID can read",
		"look at what makes the host's own proof: it must be a signed JWT (PS256 or RS256), whose header names its key, as by the certificate's thumbprint"},

	{"7000215 70002", "", "", provider.ErrAuth, false,
		"the application's secret is wrong",
		"enter the secret's value, which Entra ID shows once when it is made, and not the secret's id; or make a new one"},
	{"7000222", "", "", provider.ErrAuth, false,
		"the application's secret has expired",
		"make a new secret for the application in Entra ID (Certificates & secrets) and enter its value, or use a certificate"},
	{"7000218 7000216", "", "", provider.ErrAuth, false,
		"nothing proves the application: the request had neither a certificate's signature nor a secret",
		"give this host a certificate, a managed identity or another proof, or the profile the application's secret"},
	{"700025", "", "", provider.ErrAuth, false,
		"the application is registered as a public one, which can prove nothing",
		"switch off \"Allow public client flows\" for the application in Entra ID, or register another one"},
	{"7000232", "", "", provider.ErrAuth, false,
		"the application's id is that of a managed identity, which takes neither secret nor certificate",
		"enter the id of a registered application, or let the managed identity prove this host"},

	{"700016 700011 70001", "", "", provider.ErrAuth, false,
		"the application is not known in the tenant",
		"check the application's (client) id and the tenant in the profile; for an application of another tenant have an administrator of the mailboxes' tenant consent to it"},
	{"7000229 90099", "", "", provider.ErrAuth, false,
		"the application is registered, but has no enterprise application (service principal) in the tenant",
		"have an administrator of the tenant consent to the application, or create the service principal (New-MgServicePrincipal -AppId, or az ad sp create --id)"},
	{"7000112", "", "", provider.ErrAuth, false,
		"the application is disabled in the tenant",
		"enable it: Entra ID, enterprise applications, the application, Properties, \"Enabled for users to sign-in\""},
	{"90002", "", "", provider.ErrAuth, false,
		"there is no such tenant in this cloud",
		"check the tenant's id in the profile, and the cloud: a tenant of a sovereign cloud is not known in the world-wide one"},
	{"900023 900021 90019", "", "", provider.ErrAuth, false,
		"the tenant in the profile is neither an id nor a domain",
		"enter the tenant's id as Entra ID shows it (Overview, Tenant ID), 36 characters with dashes, or one of its verified domains"},
	{"900382 900432 90038 90051", "", "", provider.ErrAuth, false, causeCloud, remedyCloud},
	{"500021 500022 50002", "", "", provider.ErrUnsupported, false,
		"a rule of this network (tenant restrictions) does not allow this tenant",
		"have whoever runs the network's proxy allow the tenant (Restrict-Access-To-Tenants), or let this host past the proxy"},

	{"500011 50001", "", "", provider.ErrAuth, false,
		"the service that tokens are wanted for is not known in the tenant",
		"for Exchange Online see that the tenant has Exchange licences, and that the cloud is the tenant's; for an Exchange Server its https address must be a service principal name in Entra ID (hybrid modern authentication)"},
	{"500014 650052", "", "", provider.ErrAuth, false,
		"the service that tokens are wanted for is disabled in the tenant, as where its subscription has lapsed",
		"renew the subscription to Exchange Online, or enable the service's enterprise application in Entra ID"},
	{"65001 650056 650057 65005 90094", "", "", provider.ErrAuth, false,
		"nobody has consented to the application's permissions in the tenant",
		"add the permission to the application (Office 365 Exchange Online, application permissions, such as full_access_as_app), and have an administrator grant consent for the tenant"},
	{"501051", "", "", provider.ErrAuth, false,
		"the application has no role for the service, which demands one",
		"give the application a role for the service, with an administrator's consent, or switch off \"Assignment required\" for the service's enterprise application"},
	{"53003 50131 530032", "", "", provider.ErrAuth, false,
		"a Conditional Access policy of the tenant blocks the application from here",
		"have the tenant's administrator look at the service principal's sign-in logs and except the application, or add this host's public address to the policy's named locations"},

	{"70011 700022 28002 28003 1002012", "", "", provider.ErrUnsupported, false, causeScope, remedyScope},

	{"70025", "", "", provider.ErrAuth, false,
		"the application has no federated credential, by which this host's proof could be taken",
		"add one to the application in Entra ID (Certificates & secrets > Federated credentials), with the issuer, subject and audience of the proof"},
	{"700211", "", "", provider.ErrAuth, false,
		"no federated credential of the application is for the issuer of this host's proof",
		"set the federated credential's issuer to the one that the message names; it is compared letter by letter"},
	{"700212 7002121", "", "", provider.ErrAuth, false,
		"no federated credential of the application is for the audience of this host's proof",
		"set the federated credential's audience to that of the proof, as a rule api://AzureADTokenExchange"},
	{"700213 7002131 70021", "", "", provider.ErrAuth, false,
		"no federated credential of the application is for the subject of this host's proof",
		"set the federated credential's subject to the one that the message names, such as system:serviceaccount:namespace:name; it is compared letter by letter, and known after a few minutes"},
	{"700222 700229", "", "", provider.ErrAuth, false,
		"Entra ID takes no token of this kind as a federated credential",
		"use a managed identity's own token for an application as the proof, or a token of an issuer outside Entra ID"},

	{"50196", "", "", provider.ErrThrottled, false,
		"Entra ID holds that the application asks in a loop",
		"nothing at first; if it lasts, see that no other program with the same application asks too often"},
	{"90055", "", "", provider.ErrThrottled, false, "the tenant asks Entra ID too often", remedyWait},
	{"90033 90006 90012 90024 90090 50033", "", "", provider.ErrUnavailable, false, "Entra ID cannot say just now", remedyWait},
}

// What several rows say.
const (
	causeTimes  = "Entra ID holds that what proves the application is of another time"
	remedyTimes = "set this machine's clock, and have it kept right (NTP); a proof of the host's own must be fetched anew before it expires"
	causeCloud  = "the tenant is of another cloud than the one that was asked"
	remedyCloud = "choose the tenant's cloud: world-wide, US government (GCC High), US defense, or China"
	causeScope  = "what the token is wanted for is not written as Entra ID has it"
	remedyScope = "leave the application's Resource empty, or enter the service's URL alone, such as https://outlook.office365.com"
	remedyWait  = "nothing: it goes on by itself once Entra ID answers"
)
