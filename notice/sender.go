package notice

import "strings"

// daemons are the local parts that programs which deliver mail write under.
var daemons = []string{
	"mailer-daemon", "mailer_daemon", "mailerdaemon", "mail-daemon", "maildaemon", "mdaemon",
	"microsoftexchange329e71ec88ae4615bbc36ab6ce41109e", // Exchange 2007 and later, Exchange Online
}

// daemonNames are names that they write under, from whatever address.
var daemonNames = []string{
	"mailer-daemon", "mail delivery subsystem", "mail delivery system", "mail delivery service",
	"internet mail delivery", "mail administrator", "system administrator", "microsoft outlook",
	"electronic postmaster",
}

// sender reads who the message is from.
func (h *header) sender() {
	for i, from := range h.message.From {
		if i == 2 {
			break // nobody whom we look for writes as many
		}
		local := localPart(from.Addr)
		switch {
		case isOneOf(local, daemons):
			h.daemon = true
		case strings.EqualFold(local, "postmaster"), isOneOf(from.Name, daemonNames):
			h.postmaster = true
		}
		if unanswerable(local) {
			h.noAnswer = true
		}
	}
}

// unanswerable reports whether a local part is one that programs do not answer: those
// of RFC 3834, section 2 and RFC 5230, section 4.6, and those that say so.
func unanswerable(local string) bool {
	const owner, request = "owner-", "-request"
	return len(local) > len(owner) && strings.EqualFold(local[:len(owner)], owner) ||
		len(local) > len(request) && strings.EqualFold(local[len(local)-len(request):], request) ||
		isOneOf(local, unanswered)
}

var unanswered = []string{
	"mailer-daemon", "majordomo", "listserv",
	"noreply", "no-reply", "no_reply", "donotreply", "do-not-reply", "do_not_reply",
}
