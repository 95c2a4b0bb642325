package discover

import "github.com/go-serversync/serversync/profile"

func imap(host string) Server { return Server{Protocol: profile.IMAP, Host: host, Port: 993} }
func pop3(host string) Server { return Server{Protocol: profile.POP3, Host: host, Port: 995} }
func smtp(host string) Server { return Server{Protocol: profile.SMTP, Host: host, Port: 465} }

func submission(host string) Server {
	return Server{Protocol: profile.SMTP, Host: host, Port: 587, TLS: profile.StartTLS}
}

// tokens says of servers that they take OAuth tokens and no password.
func tokens(servers ...Server) []Server {
	for i := range servers {
		servers[i].OAuth = true
	}
	return servers
}

const (
	appPassword  = "it takes an app password, which the owner makes in the account's security settings; not the account's own"
	authCode     = "it takes an authorization code, which the owner makes in the settings of webmail; not the account's own password"
	switchedOn   = "the owner must switch on access by IMAP and POP3 in the settings of webmail"
	oauthOnly    = "it takes OAuth only: passwords are switched off"
	smtpAUTH     = "sending by SMTP may be switched off for the mailbox: see authenticated SMTP in the admin center"
	noopIdle     = "it drops sessions that idle without a STATUS now and then"
	wantsID      = "it refuses programs that do not tell who they are by IMAP's ID command (\"Unsafe Login\")"
	workspaceOff = "the organization's administrator may have switched IMAP off"
)

// Presets returns the providers that are known, in the order in which they are looked
// through. The list is new with each call, for hosts to change.
func Presets() []Preset {
	return append(big(), others()...)
}

func big() []Preset {
	return []Preset{
		{
			Name: "Gmail", Domains: []string{"gmail.com", "googlemail.com"},
			Servers: tokens(imap("imap.gmail.com"), pop3("pop.gmail.com"), smtp("smtp.gmail.com")),
			Notes:   []string{"OAuth needs an application that Google has verified; with two-step verification an app password works as well"},
		},
		{
			Name: "Google Workspace", MX: []string{"aspmx.l.google.com", "smtp.google.com", "googlemail.com"},
			Servers: tokens(imap("imap.gmail.com"), pop3("pop.gmail.com"), smtp("smtp.gmail.com")),
			Notes:   []string{oauthOnly, workspaceOff},
		},
		{
			Name: "Outlook.com",
			Domains: []string{
				"outlook.com", "hotmail.com", "live.com", "msn.com", "windowslive.com", "passport.com",
				"outlook.de", "outlook.fr", "outlook.es", "outlook.it", "outlook.jp", "outlook.co.id", "outlook.com.br", "outlook.com.au", "outlook.ie", "outlook.at", "outlook.be", "outlook.dk", "outlook.pt",
				"hotmail.de", "hotmail.fr", "hotmail.es", "hotmail.it", "hotmail.co.uk", "hotmail.co.jp", "hotmail.be", "hotmail.nl", "hotmail.se", "hotmail.ca",
				"live.de", "live.fr", "live.it", "live.nl", "live.co.uk", "live.ca", "live.com.au", "live.jp", "live.se", "live.dk", "live.no", "live.be",
			},
			MX:      []string{"olc.protection.outlook.com"},
			Servers: tokens(imap("outlook.office365.com"), pop3("outlook.office365.com"), submission("smtp-mail.outlook.com")),
			Notes:   []string{oauthOnly, "IMAP and POP3 are to be switched on in the settings of Outlook.com"},
		},
		{
			Name: "Exchange Online", MX: []string{"mail.protection.outlook.com", "mx.microsoft"}, Exchange: true,
			Servers: tokens(imap("outlook.office365.com"), pop3("outlook.office365.com"), submission("smtp.office365.com")),
			Notes:   []string{oauthOnly, smtpAUTH},
		},
		{
			Name: "Yahoo! Mail",
			Domains: []string{
				"yahoo.com", "ymail.com", "rocketmail.com", "yahoo.co.uk", "yahoo.de", "yahoo.fr", "yahoo.it", "yahoo.es", "yahoo.ca", "yahoo.in", "yahoo.co.in", "yahoo.ie",
				"yahoo.com.au", "yahoo.com.br", "yahoo.com.mx", "yahoo.com.ar", "yahoo.com.sg", "yahoo.com.ph", "yahoo.co.id", "yahoo.gr", "yahoo.pl", "yahoo.ro", "yahoo.se",
			},
			Servers: []Server{imap("imap.mail.yahoo.com"), pop3("pop.mail.yahoo.com"), smtp("smtp.mail.yahoo.com")},
			Notes:   []string{appPassword},
		},
		{
			Name: "AOL", Domains: []string{"aol.com", "aim.com"},
			Servers: []Server{imap("imap.aol.com"), pop3("pop.aol.com"), smtp("smtp.aol.com")},
			Notes:   []string{appPassword},
		},
		{ // its customers' domains; AOL's and its own are above
			Name: "Yahoo! Mail", MX: []string{"yahoodns.net"},
			Servers: []Server{imap("imap.mail.yahoo.com"), pop3("pop.mail.yahoo.com"), smtp("smtp.mail.yahoo.com")},
			Notes:   []string{appPassword},
		},
		{
			Name: "iCloud", Domains: []string{"icloud.com", "me.com", "mac.com"}, MX: []string{"mail.icloud.com"},
			Servers: []Server{imap("imap.mail.me.com"), submission("smtp.mail.me.com")},
			Notes:   []string{appPassword, "it has no POP3; the user name is the iCloud address, also where the domain is one's own"},
		},
	}
}

func others() []Preset {
	return []Preset{
		{
			Name: "GMX", Domains: []string{"gmx.net", "gmx.de", "gmx.at", "gmx.ch"},
			Servers: []Server{imap("imap.gmx.net"), pop3("pop.gmx.net"), smtp("mail.gmx.net")}, Notes: []string{switchedOn},
		},
		{
			Name: "GMX", Domains: []string{"gmx.com", "gmx.us", "gmx.co.uk", "gmx.fr", "gmx.es"},
			Servers: []Server{imap("imap.gmx.com"), pop3("pop.gmx.com"), smtp("mail.gmx.com")}, Notes: []string{switchedOn},
		},
		{
			Name: "WEB.DE", Domains: []string{"web.de"},
			Servers: []Server{imap("imap.web.de"), pop3("pop3.web.de"), submission("smtp.web.de")}, Notes: []string{switchedOn},
		},
		{
			Name: "T-Online", Domains: []string{"t-online.de", "magenta.de"},
			Servers: []Server{imap("secureimap.t-online.de"), pop3("securepop.t-online.de"), smtp("securesmtp.t-online.de")},
			Notes:   []string{"it takes a password for mail programs, which the owner sets in the customer center; not the account's own"},
		},
		{
			Name: "Fastmail", Domains: []string{"fastmail.com", "fastmail.fm"}, MX: []string{"messagingengine.com"},
			Servers: []Server{imap("imap.fastmail.com"), pop3("pop.fastmail.com"), smtp("smtp.fastmail.com")}, Notes: []string{appPassword},
		},
		{
			Name: "Zoho Mail", Domains: []string{"zohomail.com"},
			Servers: []Server{imap("imap.zoho.com"), pop3("pop.zoho.com"), smtp("smtp.zoho.com")}, Notes: []string{switchedOn},
		},
		{
			Name: "Yandex", Domains: []string{"yandex.ru", "ya.ru", "yandex.by", "yandex.kz"},
			Servers: []Server{imap("imap.yandex.ru"), pop3("pop.yandex.ru"), smtp("smtp.yandex.ru")}, Notes: []string{appPassword, switchedOn},
		},
		{
			Name: "Yandex", Domains: []string{"yandex.com"}, MX: []string{"mx.yandex.net"},
			Servers: []Server{imap("imap.yandex.com"), pop3("pop.yandex.com"), smtp("smtp.yandex.com")}, Notes: []string{appPassword, switchedOn},
		},
		{
			Name: "Mail.ru", Domains: []string{"mail.ru", "inbox.ru", "list.ru", "bk.ru", "internet.ru"},
			Servers: []Server{imap("imap.mail.ru"), pop3("pop.mail.ru"), smtp("smtp.mail.ru")}, Notes: []string{appPassword},
		},
		{
			Name: "NetEase 163", Domains: []string{"163.com"},
			Servers: []Server{imap("imap.163.com"), pop3("pop.163.com"), smtp("smtp.163.com")}, Notes: []string{authCode, wantsID, noopIdle},
		},
		{
			Name: "NetEase 126", Domains: []string{"126.com"},
			Servers: []Server{imap("imap.126.com"), pop3("pop.126.com"), smtp("smtp.126.com")}, Notes: []string{authCode, wantsID, noopIdle},
		},
		{
			Name: "QQ Mail", Domains: []string{"qq.com", "foxmail.com"},
			Servers: []Server{imap("imap.qq.com"), pop3("pop.qq.com"), smtp("smtp.qq.com")}, Notes: []string{authCode},
		},
		{
			Name: "Posteo", Domains: []string{"posteo.de", "posteo.net"},
			Servers: []Server{imap("posteo.de"), pop3("posteo.de"), smtp("posteo.de")},
		},
		{
			Name: "mailbox.org", Domains: []string{"mailbox.org"},
			Servers: []Server{imap("imap.mailbox.org"), pop3("pop3.mailbox.org"), smtp("smtp.mailbox.org")},
		},
		{
			Name: "Proton Mail", Domains: []string{"proton.me", "protonmail.com", "pm.me"}, MX: []string{"protonmail.ch"},
			Refuses: "its mail can be read by programs through Proton Mail Bridge alone, which runs on the owner's own computer",
		},
		{
			Name: "Tuta", Domains: []string{"tuta.com", "tutanota.com", "tutanota.de", "tuta.io", "tutamail.com", "keemail.me"}, MX: []string{"tutanota.de"},
			Refuses: "its mail can be read by its own programs alone",
		},
	}
}
