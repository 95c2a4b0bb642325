package profile

// locationRules are about where a server is and how the way there is protected.
var locationRules = []rule{
	{
		code: "host-missing", original: "E24B", outgoing: "E24C", level: Error, part: own, field: "Host",
		message: "no server is named", remedy: "enter the server's host name",
		brokenEnd: func(_ *facts, e *end) bool { return e.protocol != EWS && isBlank(e.Host) },
	},
	{
		code: "url-missing", original: "E24B", outgoing: "E24C", level: Error, part: location, field: "URL",
		message: "no location is given and autodiscover is off", remedy: "enter the URL of Exchange's web services, or set Autodiscover",
		brokenEnd: func(f *facts, e *end) bool { return e.protocol == EWS && e.URL == "" && !f.p.Autodiscover },
	},
	{
		code: "url-not-needed", original: "E205", level: Error, part: location, field: "URL",
		message: "autodiscover finds the location, so none may be given", remedy: "clear it, or clear Autodiscover",
		brokenEnd: func(f *facts, e *end) bool { return e.protocol == EWS && e.URL != "" && f.p.Autodiscover },
	},
	{
		code: "host-not-exchange", matrix: "V4", level: Error, part: own, field: "Host",
		message: "a host and port are for POP3, IMAP and SMTP; Exchange cannot be mixed with them in one profile",
		remedy:  "enter a URL, or make a profile of another kind",
		brokenEnd: func(_ *facts, e *end) bool {
			return e.protocol == EWS && (e.Host != "" || e.Port != 0)
		},
	},
	{
		code: "url-only-exchange", matrix: "V4", level: Error, part: own, field: "URL",
		message: "a URL is for Exchange, which cannot be mixed with POP3, IMAP or SMTP in one profile",
		remedy:  "enter host and port, or make an Exchange profile",
		brokenEnd: func(_ *facts, e *end) bool {
			return e.isMail() && e.URL != ""
		},
	},
	{
		code: "host-form", original: "E218", level: Error, part: own, field: "Host",
		message: "it is not a bare host name", remedy: "enter the name alone, without user, path or scheme",
		brokenEnd: func(_ *facts, e *end) bool {
			return e.protocol != EWS && !isBlank(e.Host) && CheckHost(e.Host) == errHostForm
		},
	},
	{
		code: "host-ascii", original: "E218", level: Error, part: own, field: "Host",
		message: "the name is not ASCII, and letters of other scripts look like Latin ones", remedy: "enter it as xn--..., as its registry has it",
		brokenEnd: func(_ *facts, e *end) bool { return e.protocol != EWS && CheckHost(e.Host) == errHostASCII },
	},
	{
		code: "host-scripts", original: "E218", level: Error, part: own, field: "Host",
		message: "a label of the name mixes scripts, as names that are to be mistaken for others do", remedy: "ask whoever gave you the name; an honest one is written in one script",
		brokenEnd: func(_ *facts, e *end) bool { return e.protocol != EWS && CheckHost(e.Host) == errHostScripts },
	},
	{
		code: "url-form", original: "E20A", level: Error, part: location, field: "URL",
		message: "it is not the URL of a web service", remedy: "enter it as https://mail.example.com/EWS/Exchange.asmx, without user, query or fragment",
		brokenEnd: func(_ *facts, e *end) bool { return e.badURL },
	},
	{
		code: "url-https", original: "E23E", outgoing: "E23F", level: Error, part: location, field: "TLS",
		message: "the URL begins with https and TLS is off", remedy: "leave TLS empty",
		brokenEnd: func(_ *facts, e *end) bool { return e.https && e.TLS == Plaintext },
	},
	{
		code: "url-http", original: "E240", outgoing: "E241", level: Error, part: location, field: "URL",
		message: "the URL begins with http and TLS is on", remedy: "begin it with https",
		brokenEnd: func(_ *facts, e *end) bool {
			return e.protocol == EWS && e.host != "" && !e.https && e.TLS == ImplicitTLS
		},
	},
	{
		code: "port-range", original: "E24F", outgoing: "E256", level: Error, part: own, field: "Port",
		message: "it is not between 1 and 65535", remedy: "leave it at 0 for the usual port",
		brokenEnd: func(_ *facts, e *end) bool { return e.protocol != EWS && (e.Port < 0 || e.Port > 65535) },
	},
	{
		code: "port-refused", level: Error, part: own, field: "Port",
		message: "this host does not allow that port", remedy: "use a port of mail (25, 110, 143, 465, 587, 993 or 995), or have it added to Policy.AllowPorts",
		brokenEnd: func(f *facts, e *end) bool { return e.isMail() && f.portRefused(e) },
	},
	{
		code: "url-port-refused", level: Error, part: location, field: "URL",
		message: "this host does not allow that port", remedy: "use port 443, or have the port added to Policy.AllowPorts",
		brokenEnd: func(f *facts, e *end) bool { return e.protocol == EWS && f.portRefused(e) },
	},
	{
		code: "port-crossed", level: Warning, part: own, field: "Port",
		message: "servers protect that port in another way than TLS says", remedy: "use 465, 993 or 995 with TLS from the first byte, and 587, 143 or 110 with STARTTLS",
		brokenEnd: func(_ *facts, e *end) bool { return e.isMail() && e.crossed() },
	},
	{
		code: "tls-unknown", level: Error, part: location, field: "TLS",
		message: "it is no way to protect a connection", remedy: `use "", "starttls" or "plaintext"`,
		brokenEnd: func(_ *facts, e *end) bool {
			return e.TLS != ImplicitTLS && e.TLS != StartTLS && e.TLS != Plaintext
		},
	},
	{
		code: "tls-exchange", level: Error, part: location, field: "TLS",
		message: "HTTP has no STARTTLS", remedy: "leave TLS empty, which means https",
		brokenEnd: func(_ *facts, e *end) bool { return e.protocol == EWS && e.TLS == StartTLS },
	},
	{
		code: "plaintext-cloud", original: "E201", level: Error, part: location, field: "TLS",
		message: "mail and password would cross the network unprotected, which a cloud host never allows", remedy: "use TLS",
		brokenEnd: func(f *facts, e *end) bool { return f.cloud && e.TLS == Plaintext },
	},
	{
		code: "plaintext", original: "E234", level: Error, part: location, field: "TLS",
		message: "mail and password would cross the network unprotected, which this host does not allow", remedy: "use TLS, or have the operator set Policy.AllowPlaintext",
		brokenEnd: func(f *facts, e *end) bool {
			return !f.cloud && e.TLS == Plaintext && !f.policy.PlaintextAllowed()
		},
	},
}
