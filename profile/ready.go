package profile

// MicrosoftExchangeOnline returns the profile that Dynamics 365 creates by itself
// where the host's own tenant has Exchange Online: by autodiscover, server to
// server.
func MicrosoftExchangeOnline(id ID, application Application) Profile {
	p := New(ExchangeOnline, id)
	p.Name, p.Application = "Microsoft Exchange Online", application
	return p
}

// Gmail returns a profile for Gmail and Google Workspace over IMAP. The owner of
// each mailbox consents by OAuth; application is what the host is registered as with
// Google, with its secret.
func Gmail(id ID, application Application) Profile {
	p := google(IMAPSMTP, id, application)
	p.Name, p.Incoming.Host = "Gmail", "imap.gmail.com"
	return p.withNumbers()
}

// GmailPOP3 returns a profile as [Gmail] does, over POP3.
func GmailPOP3(id ID, application Application) Profile {
	p := google(POP3SMTP, id, application)
	p.Name, p.Incoming.Host = "Gmail (POP3)", "pop.gmail.com"
	return p.withNumbers()
}

func google(kind Kind, id ID, application Application) Profile {
	p := New(kind, id)
	p.Application, p.Incoming.Credentials = application, OAuth
	p.Outgoing = Endpoint{Host: "smtp.gmail.com", TLS: StartTLS}
	return p
}

// Yahoo returns a profile for Yahoo! Mail over IMAP. Each mailbox has an app
// password, which its owner makes in the account's security settings; the account's
// own password is not taken.
func Yahoo(id ID) Profile {
	p := New(IMAPSMTP, id)
	p.Name, p.Incoming.Host, p.Outgoing.Host = "Yahoo! Mail", "imap.mail.yahoo.com", "smtp.mail.yahoo.com"
	return p.withNumbers()
}

// YahooPOP3 returns a profile as [Yahoo] does, over POP3.
func YahooPOP3(id ID) Profile {
	p := New(POP3SMTP, id)
	p.Name, p.Incoming.Host, p.Outgoing.Host = "Yahoo! Mail (POP3)", "pop.mail.yahoo.com", "smtp.mail.yahoo.com"
	return p.withNumbers()
}

// ExchangeOnlineIMAP returns a profile for Exchange Online over IMAP and SMTP. The owner
// of each mailbox consents by OAuth; application is what the host is registered as with
// Entra ID. SMTP has to be switched on for the mailbox (SMTP AUTH).
func ExchangeOnlineIMAP(id ID, application Application) Profile {
	p := New(IMAPSMTP, id)
	p.Name, p.Application = "Exchange Online (IMAP)", application
	p.Incoming = Endpoint{Host: "outlook.office365.com", Credentials: OAuth}
	p.Outgoing = Endpoint{Host: "smtp.office365.com", TLS: StartTLS}
	return p.withNumbers()
}

// ExchangeOnlinePOP3 returns a profile as [ExchangeOnlineIMAP] does, over POP3.
func ExchangeOnlinePOP3(id ID, application Application) Profile {
	p := ExchangeOnlineIMAP(id, application)
	p.Name, p.Kind, p.Incoming.Port = "Exchange Online (POP3)", POP3SMTP, 0
	return p.withNumbers()
}

// OutlookCom returns a profile for Outlook.com, Hotmail, Live and MSN over IMAP. The
// owner of each mailbox consents by OAuth, and has to allow IMAP in the mailbox's settings.
// A policy of the cloud or with FIPS refuses these systems.
func OutlookCom(id ID, application Application) Profile {
	p := New(IMAPSMTP, id)
	p.Name, p.Application = "Outlook.com", application
	p.Incoming = Endpoint{Host: "imap-mail.outlook.com", Credentials: OAuth}
	p.Outgoing = Endpoint{Host: "smtp-mail.outlook.com", TLS: StartTLS}
	return p.withNumbers()
}

// OutlookComPOP3 returns a profile as [OutlookCom] does, over POP3.
func OutlookComPOP3(id ID, application Application) Profile {
	p := OutlookCom(id, application)
	p.Name, p.Kind, p.Incoming.Host, p.Incoming.Port = "Outlook.com (POP3)", POP3SMTP, "pop-mail.outlook.com", 0
	return p.withNumbers()
}

// ICloud returns a profile for iCloud Mail, over IMAP: it has no POP3 and no OAuth. Each
// mailbox has an app-specific password, which its owner makes in the Apple account, and
// the address as its user name.
func ICloud(id ID) Profile {
	p := New(IMAPSMTP, id)
	p.Name, p.Incoming.Host = "iCloud Mail", "imap.mail.me.com"
	p.Outgoing = Endpoint{Host: "smtp.mail.me.com", TLS: StartTLS}
	return p.withNumbers()
}
