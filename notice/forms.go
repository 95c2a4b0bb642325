package notice

// A form is a way in which a program tells, in words, that mail did not arrive.
type form struct {
	name   string
	source string   // where its makers show it, or what it was seen from
	begins []string // a line begins with one of these, rules before it left out. In lower case, as all here
	has    []string // one of these is in the same line; nil for anything
	action Action
	// delayed are words that make it a delay instead.
	delayed []string
	// labels are what stands before an address at the start of a line. Without any it
	// is the address that the line starts with.
	labels []string
}

// forms are the forms known, in the order in which they are tried. None is taken for
// anything unless it is from a mail system; a subject never counts.
var forms = []form{
	{
		name: "qmail", source: "QSBMF (cr.yp.to/proto/qsbmf.txt); Apache James writes it too",
		begins: []string{"hi. this is the "}, action: Failed,
	},
	{
		name: "exim", source: "Exim specification, Customizing bounce and warning messages; GMX and mail.ru",
		begins: []string{
			"this message was created automatically by mail delivery software",
			"a message that you sent could not be delivered to one or more of its", "a message that you sent has not yet been delivered",
		},
		action: Failed,
		delayed: []string{
			"has not yet been delivered", "has not been delivered to all of its", "not yet been delivered",
			"delivery attempts will continue", "no action is required on your part",
		},
	},
	{
		name: "postfix", source: "Postfix, bounce(5)",
		begins: []string{"this is the mail system at host ", "this is the postfix program at host ", "this is the mail delivery agent at host "},
		action: Failed, delayed: []string{"this is a warning only", "could not be delivered for more than", "it will be retried until"},
	},
	{
		name: "opensmtpd", source: "OpenSMTPD, smtpd(8)",
		begins: []string{"this is the mailer-daemon, please do not reply"}, action: Failed, delayed: []string{"a message is delayed for more than"},
	},
	{
		name: "sendmail", source: "Sendmail Installation and Operation Guide; since V8",
		begins: []string{
			"the following addresses had permanent fatal errors", "the following addresses had fatal errors",
			"the following addresses had transient non-fatal errors", "the following addresses had delivery problems",
		},
		action: Failed, delayed: []string{"this is a warning message only", "transient non-fatal errors"},
	},
	{
		name: "sendmail5", source: "Sendmail V5 and its descendants (Sun, HP, Ultrix)",
		begins: []string{"transcript of session follows"}, action: Failed,
		delayed: []string{"will keep trying"},
		labels:  []string{"550 ", "551 ", "552 ", "553 ", "554 ", "501 "},
	},
	{
		name: "smail", source: "Smail 3, guide to administration",
		begins: []string{"message log follows", "failed addresses follow", "warning log follows"},
		action: Failed, delayed: []string{"will continue to try", "warning log follows"},
	},
	{
		name: "courier", source: "Courier, courierd(8), dsn templates",
		begins: []string{"this is a delivery status notification from ", "undeliverable mail", "delayed mail"},
		action: Failed, delayed: []string{"delayed mail", "has not been delivered yet", "mail not yet delivered"},
	},
	{
		name: "exchange5.5", source: "Microsoft, Exchange Server 5.5, non-delivery reports",
		begins: []string{"did not reach the following recipient(s)"}, action: Failed,
	},
	{
		name: "exchange2003", source: "Microsoft, Exchange Server 2003, non-delivery reports; hMailServer writes it too",
		begins: []string{"your message did not reach some or all of the intended recipients"}, action: Failed,
	},
	{
		name: "exchange", source: "Microsoft, Exchange Server: NDRs and delivery failures",
		begins: []string{
			"delivery has failed to these recipients or ", "delivery is delayed to these recipients or ",
			"your message couldn't be delivered", "delivery has failed to these recipients",
		},
		action: Failed, delayed: []string{"delivery is delayed to these recipients", "this message hasn't been delivered yet"},
	},
	{
		name: "exchange-online", source: "Microsoft, Email non-delivery reports in Exchange Online",
		begins: []string{"your message to "}, has: []string{"couldn't be delivered", "wasn't delivered"},
		action: Failed, labels: []string{"your message to "},
	},
	{
		name: "windows-smtp", source: "Microsoft, SMTP service of Windows (IIS)",
		begins: []string{
			"delivery to the following recipients failed.", "delivery to the following recipients has been delayed",
			"delivery to the following recipients have been delayed",
		},
		action: Failed, delayed: []string{"has been delayed", "have been delayed"},
	},
	{
		name: "gmail", source: "Google, Bounced emails: messages of 2004 to 2016, and since",
		begins: []string{
			"delivery to the following recipient failed permanently", "delivery to the following recipients failed permanently",
			"delivery to the following recipient has been delayed", "your message wasn't delivered to ",
		},
		action: Failed, delayed: []string{"has been delayed"}, labels: []string{"", "your message wasn't delivered to "},
	},
	{
		name: "yahoo", source: "Yahoo Mail, messages of its mail delivery system",
		begins: []string{"message from yahoo.com", "message from  yahoo.com", "sorry, we were unable to deliver your message to the following address"},
		action: Failed,
	},
	{
		name: "domino", source: "HCL, Domino: delivery failure reports",
		begins: []string{"was not delivered to:"}, action: Failed,
	},
	{
		name: "groupwise", source: "Novell, GroupWise Internet Agent: undeliverable messages",
		begins: []string{"the message that you sent was undeliverable to the following"}, action: Failed,
	},
	{
		name: "mercury", source: "Mercury/32 and Mercury/NLM, Electronic Postmaster",
		begins: []string{"the local mail transport system has reported the following problems"}, action: Failed,
	},
	{
		name: "mailenable", source: "MailEnable, SMTP connector: non-delivery",
		begins: []string{"mailenable: message could not be delivered", "mailenable: message delivery has been delayed"}, action: Failed,
		delayed: []string{"has been delayed"}, labels: []string{"recipient:"},
	},
	{
		name: "imail", source: "Ipswitch, IMail Server: undeliverable mail",
		begins: []string{
			"unknown user:", "unknown host:", "invalid final delivery userid:", "user mailbox exceeds allowed size:",
			"undeliverable to ", "delivery failed 20 attempts:",
		},
		action: Failed,
		labels: []string{
			"unknown user:", "unknown host:", "invalid final delivery userid:", "user mailbox exceeds allowed size:",
			"undeliverable to ", "delivery failed 20 attempts:",
		},
	},
	{
		name: "zmailer", source: "ZMailer, manual: error reports",
		begins: []string{"this is a collection of reports about email delivery"}, action: Failed,
		labels: []string{"", "error: "},
	},
	{
		name: "mdaemon", source: "MDaemon, delivery failure template",
		begins: []string{"the attached message had permanent fatal delivery errors", "the following message had permanent fatal delivery errors"},
		action: Failed, labels: []string{"failed address:"},
	},
	{
		name: "messaging-server", source: "Oracle Communications Messaging Server (PMDF, iPlanet): notification messages",
		begins: []string{"this report relates to a message you sent with the following header", "your message cannot be delivered to the following recipients"},
		action: Failed, delayed: []string{"your message is being returned; it has been enqueued", "has been enqueued and undeliverable for"},
		labels: []string{"recipient address:"},
	},
	{
		name: "communigate", source: "CommuniGate Pro, Queue: delivery reports",
		begins: []string{"failed to deliver to ", "message delivery to "}, has: []string{"failed", "delayed"}, action: Failed,
		delayed: []string{"delayed"}, labels: []string{"failed to deliver to ", "message delivery to "},
	},
	{
		name: "aol", source: "AOL, messages of its mail delivery subsystem",
		begins: []string{"your mail to the following recipients could not be delivered"}, action: Failed,
	},
	{
		name: "interscan", source: "Trend Micro, InterScan Messaging Security: delivery failure",
		begins: []string{"unable to deliver message to "}, action: Failed, labels: []string{"unable to deliver message to "},
	},
}

// separators are what a line may begin with, rules around it left out, where the
// original message begins.
var separators = []string{
	"this is a copy of the message", "this is a copy of your message", "below this line is a copy", "original message",
	"unsent message follows", "message header follows", "message text follows", "message headers follow",
	"undelivered message follows", "returned message", "included is a copy", "below is a copy of the original",
	"the header of the original message", "the headers of the message", "possibly truncated original message",
	"information about your message", "your original message", "returned message follows", "message contents follow",
	"unsent message below", "the original message follows", "received:", "return-path:",
}
