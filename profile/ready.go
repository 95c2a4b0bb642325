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
