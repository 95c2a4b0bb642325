package oauth

import (
	"github.com/go-serversync/serversync/internal/tokens"
	"github.com/go-serversync/serversync/profile"
)

// Google returns the issuer of Gmail and Google Workspace. A refresh token is given
// only with access_type=offline, and again only with prompt=consent. Its device flow has
// no scope for mail, so there is none here.
func Google() Issuer {
	const mail = "https://mail.google.com/"
	return Issuer{
		Name:      "google",
		AuthURL:   "https://accounts.google.com/o/oauth2/v2/auth",
		TokenURL:  "https://oauth2.googleapis.com/token",
		RevokeURL: "https://oauth2.googleapis.com/revoke",
		Scopes:    map[profile.Protocol][]string{profile.IMAP: {mail}, profile.POP3: {mail}, profile.SMTP: {mail}},
		Hosts:     []string{"gmail.com", "googlemail.com"},
		Params:    map[string]string{"access_type": "offline", "prompt": "consent"},
	}
}

// Yahoo returns the issuer of Yahoo! Mail. Yahoo gives the scope for mail only to
// applications that it has approved; others use app passwords.
func Yahoo() Issuer {
	mail := []string{"mail-w"}
	return Issuer{
		Name:      "yahoo",
		AuthURL:   "https://api.login.yahoo.com/oauth2/request_auth",
		TokenURL:  "https://api.login.yahoo.com/oauth2/get_token",
		RevokeURL: "https://api.login.yahoo.com/oauth2/revoke",
		Scopes:    map[profile.Protocol][]string{profile.IMAP: mail, profile.POP3: mail, profile.SMTP: mail},
		Hosts:     []string{"mail.yahoo.com"},
		SecretIn:  InHeader,
	}
}

// A MicrosoftCloud is one of Microsoft's clouds.
type MicrosoftCloud struct {
	Name     string   // the issuer's
	Login    string   // the host that owners sign in at
	Resource string   // what scopes begin with
	Hosts    []string // its mail servers
}

// WorldWide is the cloud of nearly everybody, Outlook.com among them.
func WorldWide() MicrosoftCloud {
	return microsoft("microsoft", tokens.WorldWide())
}

// USGovernment is the cloud of the United States' government (GCC High). GCC is in the
// world-wide one.
func USGovernment() MicrosoftCloud {
	return microsoft("microsoft-us", tokens.USGovernment())
}

// USDefense is the cloud of the United States' Department of Defense.
func USDefense() MicrosoftCloud {
	return microsoft("microsoft-dod", tokens.USDefense())
}

// China is the cloud that 21Vianet runs.
func China() MicrosoftCloud {
	return microsoft("microsoft-china", tokens.China())
}

func microsoft(name string, c tokens.Cloud) MicrosoftCloud {
	return MicrosoftCloud{Name: name, Login: c.Login, Resource: c.Resource, Hosts: c.Hosts}
}

// Microsoft returns the issuer of Exchange Online and Outlook.com in the world-wide
// cloud. tenant is an Entra ID tenant, "organizations", "consumers" or "common"; "" is
// each profile's own, and "common" where it names none.
func Microsoft(tenant string) Issuer { return WorldWide().Issuer(tenant) }

// Issuer returns the cloud's issuer for a tenant, as [Microsoft] does.
func (c MicrosoftCloud) Issuer(tenant string) Issuer {
	authority := "https://" + c.Login + "/" + tenantMark
	if tenant != "" {
		authority = at(authority, tenant)
	}
	scope := func(name string) []string { return []string{c.Resource + "/" + name} }
	return Issuer{
		Name:      c.Name,
		AuthURL:   authority + "/oauth2/v2.0/authorize",
		TokenURL:  authority + "/oauth2/v2.0/token",
		DeviceURL: authority + "/oauth2/v2.0/devicecode",
		Scopes: map[profile.Protocol][]string{
			profile.IMAP: scope("IMAP.AccessAsUser.All"),
			profile.POP3: scope("POP.AccessAsUser.All"),
			profile.SMTP: scope("SMTP.Send"),
			profile.EWS:  scope("EWS.AccessAsUser.All"),
		},
		Always: []string{"offline_access"},
		Hosts:  c.Hosts,
	}
}
