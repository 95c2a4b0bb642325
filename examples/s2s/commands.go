package main

import (
	"strings"

	"github.com/go-serversync/serversync/s2s"
)

// What the administrator does by hand, in Microsoft's tools. Lines that begin with # are for people.

func (s *setup) naming() []string {
	if s.realm != "" {
		return []string{
			"# The application id is a GUID of your own choice, the realm a domain that Exchange accepts mail for.",
		}
	}
	audience := "AzureADMyOrg"
	if s.tenant != s.home {
		audience = "AzureADMultipleOrgs"
	}
	return []string{
		"# Microsoft Entra admin center > Entra ID > App registrations > New registration, or",
		"az ad app create --display-name serversync --sign-in-audience " + audience,
		"az ad sp create --id " + s.client,
		"# Its Overview has the Application (client) ID and the Directory (tenant) ID.",
	}
}

// registering has one of the ways that there are; -print has all of them.
func (s *setup) registering() []string {
	way := s.certificates[0].Registration(s.client).Steps[0]
	return append([]string{"# " + way.With}, way.Do...)
}

func (s *setup) consenting() []string { return s.consentingIn(s.tenant) }

func (s *setup) consentingIn(tenant string) []string {
	return []string{
		"# The operator admits the organization to the tenant once it has shown that the tenant is its own.",
		"# An administrator of the tenant opens this page, and accepts:",
		s2s.WorldWide().ConsentURL(tenant, s.client),
	}
}

// permitting begins with the least: the mailboxes of a scope.
func (s *setup) permitting() []string {
	return append(s.allowing(),
		"# The least: RBAC for Applications, for the mailboxes of a scope. It takes up to two hours to apply.",
		"Connect-MgGraph -Scopes Application.Read.All   # the object id is that of the enterprise application",
		"$object = (Get-MgServicePrincipal -Filter \"appId eq '"+s.client+"'\").Id",
		"New-ServicePrincipal -AppId "+s.client+" -ObjectId $object -DisplayName serversync",
		"New-ManagementScope -Name serversync -RecipientRestrictionFilter \"CustomAttribute1 -eq 'serversync'\"",
		"Set-Mailbox "+ps(s.mailbox.Address)+" -CustomAttribute1 serversync",
		"New-ManagementRoleAssignment -App "+s.client+" -Role \"Application EWS.AccessAsApp\" -CustomResourceScope serversync",
		"Test-ServicePrincipalAuthorization -Identity "+s.client+" -Resource "+ps(s.mailbox.Address),
		"# Wider: every mailbox of the tenant. The two add up: who has this is bound by no scope.",
		"# Entra ID > App registrations > API permissions > Office 365 Exchange Online > full_access_as_app > Grant admin consent",
	)
}

// allowing is asked for by Exchange Online since October 2026, whatever an application may do.
func (s *setup) allowing() []string {
	return []string{
		"Connect-ExchangeOnline",
		"# Exchange's web services must be on, and the application on their list. It is replaced: name again what stands in it.",
		"(Get-OrganizationConfig).EwsAllowedAppIDs",
		"Set-OrganizationConfig -EwsEnabled $true -EwsAllowedAppIDs " + s.client,
	}
}

// mailProtocols are for profiles with IMAP, POP3 and SMTP.
func (s *setup) mailProtocols() []string {
	return []string{
		"# Entra ID > App registrations > API permissions, as above: IMAP.AccessAsApp, POP.AccessAsApp, SMTP.SendAsApp, those",
		"#   that are needed > Grant admin consent; and in Exchange Online, for each mailbox:",
		"New-ServicePrincipal -AppId " + s.client + " -ObjectId $object -DisplayName serversync",
		"Add-MailboxPermission " + ps(s.mailbox.Address) + " -User $object -AccessRights FullAccess",
		"Set-CASMailbox " + ps(s.mailbox.Address) + " -SmtpClientAuthenticationDisabled $false   # to send",
	}
}

// hybrid is for Exchange Server that takes Entra ID's tokens (hybrid modern authentication).
func (s *setup) hybrid() []string {
	return []string{
		"# In Entra ID, the server's address among Exchange Online's names:",
		"$x = Get-MgServicePrincipal -Filter \"AppId eq '00000002-0000-0ff1-ce00-000000000000'\"",
		"Update-MgServicePrincipal -ServicePrincipalId $x.Id -ServicePrincipalNames ($x.ServicePrincipalNames + " + ps(s.server()) + ")",
		"# API permissions > Office 365 Exchange Online > full_access_as_app > Grant admin consent",
		"# In the Exchange Management Shell:",
		"Get-AuthServer | Where-Object Name -like 'EvoSTS*' | Set-AuthServer -IsDefaultAuthorizationEndpoint $true",
		"Set-OrganizationConfig -OAuth2ClientProfileEnabled $true",
		"Get-WebServicesVirtualDirectory | Set-WebServicesVirtualDirectory -OAuthAuthentication $true",
	}
}

func (s *setup) publishing() []string {
	return []string{
		"# Serve the document at " + s.metadataURL() + ", so that the Exchange servers reach it.",
	}
}

// partner is for Exchange Server that takes this host's own tokens.
func (s *setup) partner() []string {
	return []string{
		"# In the Exchange Management Shell. The account's roles are what the application may do.",
		"$user = New-MailUser -Name serversync -ExternalEmailAddress " + ps("serversync@"+s.domain()),
		"Set-MailUser -Identity $user.Identity -HiddenFromAddressListsEnabled $true",
		"New-ManagementRoleAssignment -Role UserApplication -User $user.Identity",
		"New-PartnerApplication -Name serversync -AuthMetadataUrl " + ps(s.metadataURL()) + " -LinkedAccount $user.Identity",
		"iisreset /noforce   # on each Exchange server",
	}
}

// server is the address of Exchange as tokens have it.
func (s *setup) server() string {
	host, _, _ := strings.Cut(strings.TrimPrefix(s.url, "https://"), "/")
	return "https://" + host
}

// metadataURL is where this host publishes what Exchange reads of it. Yours has the name of yours.
func (s *setup) metadataURL() string { return "https://crm." + s.domain() + "/metadata/json/1" }

// domain is the organization's.
func (s *setup) domain() string {
	if guid.MatchString(s.realm) {
		_, domain, _ := strings.Cut(s.mailbox.Address, "@")
		return domain
	}
	return s.realm
}

// ps writes a word for PowerShell, so that it is one.
func ps(word string) string { return "'" + strings.ReplaceAll(word, "'", "''") + "'" }
