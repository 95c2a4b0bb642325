package mailbox

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-serversync/serversync/profile"
)

// recordRules are about the mailbox by itself.
var recordRules = [...]rule{{
	code: "key-missing", original: "8005E217 InvalidMailbox", level: profile.Error, field: "Key",
	message: "the organization or the mailbox's own name is empty", remedy: "set both parts of the key",
	broken: func(s *subject) bool { return s.Key.Organization == "" || s.Key.Mailbox == "" },
}, {
	code: "kind-unknown", original: "8005E217 InvalidMailbox", level: profile.Error, field: "Kind",
	message: "it is no kind of mailbox", remedy: `use "", "queue" or "forward"`,
	broken: func(s *subject) bool { return !slices.Contains([]Kind{User, Queue, Forward}, s.Kind) },
}, {
	code: "home-unknown", original: "8005E217 InvalidMailbox", level: profile.Error, field: "Home",
	message: "it is no place where a mailbox can stand", remedy: `use "", "online", "on-premises" or "external"`,
	broken: func(s *subject) bool {
		return !slices.Contains([]Home{HomeUnknown, Online, OnPremises, External}, s.Home)
	},
}, {
	code: "name-long", level: profile.Error, field: "Name",
	message: "the name has more than 200 characters", remedy: "shorten it",
	broken: func(s *subject) bool { return utf8.RuneCountInString(s.Name) > 200 },
}, {
	code: "address-missing", original: "8005E221 InvalidEmailAddressInMailbox", level: profile.Error, field: "Address",
	message: "the mailbox has no email address", remedy: "enter the address of its user or queue",
	broken: func(s *subject) bool { return s.Kind != Forward && s.Address == "" },
}, {
	code: "forward-address-missing", original: "8005E211 ForwardMailboxEmailAddressRequired", level: profile.Error, field: "Address",
	message: "the forward mailbox has no email address", remedy: "enter the address to which the users forward their mail",
	broken: func(s *subject) bool { return s.Kind == Forward && s.Address == "" },
}, {
	code: "address-form", original: "8005E221 InvalidEmailAddressInMailbox", level: profile.Error, field: "Address",
	message: "it is not a bare email address", remedy: "enter it like anna@example.com, without a name and without brackets",
	broken: func(s *subject) bool { return s.Address != "" && !isAddress(s.Address) },
}, {
	code: "username-form", level: profile.Error, field: "Username",
	message: "the user name holds control characters or is not UTF-8", remedy: "enter it anew",
	broken: func(s *subject) bool {
		return !utf8.ValidString(s.Username) || strings.ContainsFunc(s.Username, unicode.IsControl)
	},
}, {
	code: "forward-regarding", original: "8005E207 ForwardMailboxCannotAssociateWithUser", level: profile.Error, field: "Regarding",
	message: "a forward mailbox belongs to no user and no queue, for it brings in the mail of many", remedy: "leave Regarding empty, or make it the mailbox of that user or queue",
	broken: func(s *subject) bool { return s.Kind == Forward && s.Regarding != "" },
}, {
	code: "incoming-method", original: "8005E224 InvalidIncomingDeliveryExpectingEmailConnector", level: profile.Error, side: Incoming, field: "Methods.Incoming",
	message: "it is no method for incoming mail", remedy: `use "", "server-side", "none", "outlook" or "forward-mailbox"`,
	broken: func(s *subject) bool { return !isMethod(s.Methods.Incoming) },
}, {
	code: "outgoing-method", original: "8005E226 InvalidOutgoingDeliveryExpectingEmailConnector", level: profile.Error, side: Outgoing, field: "Methods.Outgoing",
	message: "it is no method for outgoing mail", remedy: `use "", "server-side", "none" or "outlook"`,
	broken: func(s *subject) bool { return !isMethod(s.Methods.Outgoing) || s.Methods.Outgoing == ForwardMailbox },
}, {
	code: "act-method", original: "8005E217 InvalidMailbox", level: profile.Error, side: ACT, field: "Methods.ACT",
	message: "it is no method for appointments, contacts and tasks", remedy: `use "", "server-side", "none" or "outlook"`,
	broken: func(s *subject) bool { return !isMethod(s.Methods.ACT) || s.Methods.ACT == ForwardMailbox },
}, {
	code: "forward-incoming", original: "8005E212 (incoming method of a forward mailbox)", level: profile.Error, side: Incoming, field: "Methods.Incoming",
	message: "a forward mailbox is read by us or by nobody", remedy: `use "", "server-side" or "none"`,
	broken: func(s *subject) bool {
		return s.Kind == Forward && (s.Methods.Incoming == Outlook || s.Methods.Incoming == ForwardMailbox)
	},
}, {
	code: "forward-outgoing", original: "8005E213 (outgoing method of a forward mailbox)", level: profile.Error, side: Outgoing, field: "Methods.Outgoing",
	message: "a forward mailbox does not send", remedy: `use "" or "none", and send from the mailbox of a user or queue`,
	broken: func(s *subject) bool {
		return s.Kind == Forward && (s.Methods.Outgoing == ServerSide || s.Methods.Outgoing == Outlook)
	},
}, {
	code: "act-users-only", level: profile.Error, side: ACT, field: "Methods.ACT",
	message: "only users have appointments, contacts and tasks", remedy: `use "" or "none"`,
	broken: func(s *subject) bool {
		return s.Kind != User && (s.Methods.ACT == ServerSide || s.Methods.ACT == Outlook)
	},
}, {
	code: "delete-of-user", original: "8005E233 MailboxCannotDeleteEmails", level: profile.Error, side: Incoming, field: "DeleteProcessed",
	message: "mail is deleted only from the mailboxes of queues and from forward mailboxes; a user's mail is the user's", remedy: "switch DeleteProcessed off",
	broken: func(s *subject) bool { return s.Kind == User && s.DeleteProcessed },
}, {
	code: "delete-after-range", level: profile.Error, side: Incoming, field: "DeleteAfter",
	message: "it is no time between a day and ten years", remedy: "leave it at 0 for a day, or enter a time such as 7 days",
	broken: func(s *subject) bool {
		return s.DeleteAfter != 0 && (s.DeleteAfter < day || s.DeleteAfter > 3650*day)
	},
}, {
	code: "accept-unknown", level: profile.Error, side: Incoming, field: "Accept",
	message: "it is no choice of the email to be tracked", remedy: `use "", "all", "replies", "known", "records" or "none"`,
	broken: func(s *subject) bool { return !s.Accept.Valid() },
}, {
	code: "alias-form", level: profile.Error, field: "Aliases",
	message: "an alias is not a bare email address", remedy: "enter each like anna@example.com, without a name and without brackets",
	broken: func(s *subject) bool {
		return slices.ContainsFunc(s.Aliases, func(a string) bool { return !isAddress(a) })
	},
}, {
	code: "tracked-folders-many", level: profile.Error, side: Incoming, field: "TrackedFolders",
	message: "more than 25 folders are tracked", remedy: "track fewer folders",
	broken: func(s *subject) bool { return len(s.TrackedFolders) > MaxTrackedFolders },
}, {
	code: "tracked-folder-of-user", level: profile.Error, side: Incoming, field: "TrackedFolders",
	message: "folders can be tracked in the mailboxes of users only", remedy: "take the folders out",
	broken: func(s *subject) bool { return s.Kind != User && len(s.TrackedFolders) > 0 },
}, {
	code: "tracked-folder-twice", level: profile.Error, side: Incoming, field: "TrackedFolders",
	message: "a folder is tracked twice, or has no id", remedy: "name each folder once",
	broken: func(s *subject) bool {
		seen := map[string]bool{"": true}
		return slices.ContainsFunc(s.TrackedFolders, func(f TrackedFolder) bool {
			again := seen[f.Folder]
			seen[f.Folder] = true
			return again
		})
	},
}, {
	code: "profile-missing", original: "8005E222 EmailServerProfileNotAssociated", level: profile.Error, field: "Profile",
	message: "the mailbox has no profile, or it is another than the one at hand", remedy: "choose an email server profile that exists",
	broken: func(s *subject) bool {
		return (s.asks(Incoming) || s.asks(Outgoing) || s.asks(ACT)) && !s.hasProfile()
	},
}, {
	code: "inactive", original: "8005E219 InactiveMailbox", level: profile.Warning, field: "Inactive",
	message: "the mailbox is inactive: it is not worked on", remedy: "activate it when it is to be worked on",
	broken: func(s *subject) bool { return s.Inactive },
}}

// readyRules are about whether a side is worked on at all.
var readyRules = [...]rule{{
	code: "inactive", original: "8005E219 InactiveMailbox", level: profile.Error, field: "Inactive",
	message: "the mailbox is inactive", remedy: "activate it",
	broken: func(s *subject) bool { return s.Inactive },
}, {
	code: "profile-missing", original: "8005E222 EmailServerProfileNotAssociated", level: profile.Error, field: "Profile",
	message: "the mailbox has no profile, or it is another than the one at hand", remedy: "choose an email server profile that exists",
	broken: func(s *subject) bool { return !s.hasProfile() },
}, {
	code: "profile-inactive", original: "8005E228 InactiveEmailServerProfile", level: profile.Error, field: "Profile",
	message: "the profile is inactive", remedy: "activate the profile, or choose another",
	broken: func(s *subject) bool { return s.hasProfile() && s.p.Inactive },
}, {
	code: "incoming-by-forward", original: "8005E223 IncomingDeliveryIsForwardMailbox", level: profile.Error, side: Incoming, field: "Methods.Incoming",
	message: "its mail comes by way of a forward mailbox, so it is not read itself", remedy: `test the forward mailbox, or use "server-side"`,
	broken: func(s *subject) bool { return s.Method(Incoming) == ForwardMailbox },
}, {
	code: "incoming-not-ours", original: "8005E224 InvalidIncomingDeliveryExpectingEmailConnector", level: profile.Error, side: Incoming, field: "Methods.Incoming",
	message: "nobody or another client brings the mail in", remedy: `use "server-side"`,
	broken: func(s *subject) bool { return !s.asks(Incoming) && s.Method(Incoming) != ForwardMailbox },
}, {
	code: "forward-does-not-send", original: "8005E225 OutgoingNotAllowedForForwardMailbox", level: profile.Error, side: Outgoing, field: "Kind",
	message: "a forward mailbox does not send", remedy: "send from the mailbox of a user or queue",
	broken: func(s *subject) bool { return s.Kind == Forward },
}, {
	code: "outgoing-not-ours", original: "8005E226 InvalidOutgoingDeliveryExpectingEmailConnector", level: profile.Error, side: Outgoing, field: "Methods.Outgoing",
	message: "nobody or another client sends the mail", remedy: `use "server-side"`,
	broken: func(s *subject) bool { return !s.asks(Outgoing) && s.Kind != Forward },
}, {
	code: "act-not-ours", level: profile.Error, side: ACT, field: "Methods.ACT",
	message: "nobody or another client keeps the appointments, contacts and tasks", remedy: `use "server-side"`,
	broken: func(s *subject) bool { return !s.asks(ACT) },
}}

func isMethod(m Method) bool {
	return slices.Contains([]Method{Default, ServerSide, None, Outlook, ForwardMailbox}, m)
}
