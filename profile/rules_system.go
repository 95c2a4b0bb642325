package profile

// systemRules say what the support matrix says about the mail system.
var systemRules = []rule{
	{
		code: "exchange-version-unknown", level: Error, field: "Exchange",
		message: "it is no version of Exchange Server that is known", remedy: "leave it empty, or use one of package profile's versions",
		broken: func(f *facts) bool { return f.p.Exchange.age() == noVersion },
	},
	{
		code: "exchange-version-unused", level: Warning, field: "Exchange",
		message: "it is for Exchange Server on premises only and means nothing here", remedy: "clear it",
		broken: func(f *facts) bool { return f.p.Exchange != "" && !f.p.Kind.IsExchangeServer() },
	},
	{
		code: "exchange-version-old", original: "E242", matrix: "V7", level: Error, field: "Exchange",
		message: "this version is too old: from the cloud Exchange Server 2013 SP1 is the oldest that is supported, on premises 2010", remedy: "update the server",
		broken: func(f *facts) bool {
			a := f.p.Exchange.age()
			return f.p.Kind.IsExchangeServer() && (a == before2010 || a == of2010 && f.cloud)
		},
	},
	{
		code: "exchange-version-untested", matrix: "V7", level: Warning, field: "Exchange",
		message: "the support matrix does not name this version: it has 2013 SP1, 2016 and 2019, and on premises 2010 and 2013", remedy: "it may work but is not tested",
		broken: func(f *facts) bool {
			a := f.p.Exchange.age()
			return f.p.Kind.IsExchangeServer() && (a == since2019 || a == of2013 && f.cloud)
		},
	},
	{
		code: "exchange-version-tokens", matrix: "V7", level: Error, field: "Exchange",
		message: "this version takes no access tokens: hybrid modern authentication begins with Exchange Server 2013 CU19 and 2016 CU8", remedy: "update the server, or take credentials from the profile",
		brokenEnd: func(f *facts, e *end) bool {
			a := f.p.Exchange.age()
			return f.p.Kind.IsExchangeServer() && (a == before2010 || a == of2010) && e.usesToken()
		},
	},
	{
		code: "system-untested", matrix: "M5", level: Warning, field: "Kind",
		message: "of the systems that speak POP3, IMAP and SMTP the support matrix has Gmail and Yahoo! Mail, and on premises Outlook.com, by POP3 alone", remedy: "others may work but are not tested",
		broken: (*facts).outsideMatrix,
	},
	{
		code: "system-not-fips", matrix: "V8", level: Error, part: own, field: "Host",
		message: "MSN, Outlook.com and Windows Live Mail are not known to use FIPS 140-2 cryptography alone, which cloud hosts and FIPS policies require", remedy: "use another mail system",
		brokenEnd: func(f *facts, e *end) bool {
			return e.isMail() && e.system == outlookCom && (f.cloud || f.policy.FIPS)
		},
	},
	{
		code: "system-maybe-not-fips", matrix: "V8", level: Warning, part: own, field: "Host",
		message: "MSN, Outlook.com and Windows Live Mail are not known to use FIPS 140-2 cryptography alone", remedy: "they work where that is not required",
		brokenEnd: func(f *facts, e *end) bool {
			return e.isMail() && e.system == outlookCom && !f.cloud && !f.policy.FIPS
		},
	},
	{
		code: "kind-not-exchange-online", matrix: "V1", level: Warning, side: Incoming, field: "Kind",
		message: "the server is Exchange Online, which is supported with a profile of its own kind only", remedy: "use kind exchange-online or exchange-online-hybrid; mail may come all the same",
		brokenEnd: func(f *facts, e *end) bool {
			return e.system == exchangeOnline && e.protocol != "" && !f.p.Kind.IsExchangeOnline()
		},
	},
}

// The ages of Exchange Server.
type age int

const (
	noVersion  age = iota // unknown
	anyVersion            // not said
	before2010
	of2010
	of2013 // without its service pack
	named  // by the support matrix for every host
	since2019
)

func (v ExchangeVersion) age() age {
	switch v {
	case "":
		return anyVersion
	case Exchange2003, Exchange2007, Exchange2007SP1:
		return before2010
	case Exchange2010, Exchange2010SP1, Exchange2010SP2, Exchange2010SP3:
		return of2010
	case Exchange2013:
		return of2013
	case Exchange2013SP1, Exchange2016, Exchange2019:
		return named
	case ExchangeSE:
		return since2019
	}
	return noVersion
}
