package diagnosis

import "strings"

// CodeRefused says that a server takes none of an application's tokens, and not why: what it says itself speaks of
// user names and passwords, of which there are none.
const CodeRefused = "token_refused"

// CodeMailbox says that an application may sign in, and not open the mailbox. It is in the catalogue (package mailbox).
const CodeMailbox = "mailbox_permission"

// What each protocol is called, for which an application needs rights of its own.
var services = map[string]struct{ name, permission, enable string }{
	"imap": {"IMAP", "IMAP.AccessAsApp", "Set-CASMailbox -ImapEnabled $true"},
	"pop":  {"POP3", "POP.AccessAsApp", "Set-CASMailbox -PopEnabled $true"},
	"smtp": {"SMTP AUTH", "SMTP.SendAsApp", "Set-CASMailbox -SmtpClientAuthenticationDisabled $false"},
}

// OfMail returns what to do where Exchange Online refuses an application's token in a protocol of mail, as
// provider.Peer names it. said is the server's code and words, which seldom tell the reason: the steps are those without which each
// application is refused. refused says that it was the sign-in that was refused; else "" means that nothing
// is known of the words. code is "" for the server's own.
func OfMail(service, said string, refused bool) (code, remedy string) {
	of, known := services[service]
	said = strings.ToLower(said)
	switch {
	case !known:
		return "", ""
	case strings.Contains(said, "authenticated but not connected"):
		return CodeMailbox, "the application is let in, but not into this mailbox: give its service principal FullAccess to it (Add-MailboxPermission, with the service principal that New-ServicePrincipal made from the object id of the enterprise application), check that the user name is the mailbox's own address, and have " + of.name + " switched on for it (" + of.enable + ")"
	case strings.Contains(said, "smtpclientauthentication is disabled"):
		return "", "switch SMTP AUTH on for the mailbox (" + of.enable + "); for all mailboxes: Set-TransportConfig -SmtpClientAuthenticationDisabled $false"
	case refused || strings.Contains(said, "command error. 10"):
		if refused {
			code = CodeRefused
		}
		return code, "see that the application has " + of.permission + " (Office 365 Exchange Online, application permissions) with an administrator's consent; that it is registered in Exchange (New-ServicePrincipal) by the object id of the enterprise application, not of the registration; that it has FullAccess to the mailbox (Add-MailboxPermission); and that " + of.name + " is on for the mailbox (" + of.enable + "); it can take an hour until that counts"
	}
	return "", ""
}
