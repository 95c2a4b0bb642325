package profile

// Kind says what mail system a profile reaches.
type Kind string

// The kinds of mail system. Two of them are hybrid: host and mailboxes stand on
// different sides, one in the cloud and one on premises.
const (
	ExchangeServer       Kind = "exchange-server"        // Exchange Server on premises
	ExchangeServerHybrid Kind = "exchange-server-hybrid" // Exchange Server on premises, the host in the cloud
	ExchangeOnline       Kind = "exchange-online"        // Exchange Online
	ExchangeOnlineHybrid Kind = "exchange-online-hybrid" // Exchange Online, the host on premises
	POP3SMTP             Kind = "pop3/smtp"              // any server that speaks POP3 for incoming and SMTP for outgoing mail
	IMAPSMTP             Kind = "imap/smtp"              // any server that speaks IMAP for incoming and SMTP for outgoing mail
)

// Protocol names a driver.
type Protocol string

// The protocols that drivers exist for. A host may bring a driver of its own
// under a name of its own.
const (
	EWS  Protocol = "ews" // Exchange Web Services
	IMAP Protocol = "imap"
	POP3 Protocol = "pop3"
	SMTP Protocol = "smtp"
)

// IsExchange reports whether k is one of the kinds of Exchange.
func (k Kind) IsExchange() bool {
	switch k {
	case ExchangeServer, ExchangeServerHybrid, ExchangeOnline, ExchangeOnlineHybrid:
		return true
	}
	return false
}

// Incoming returns the protocol that brings mail in, "" for an unknown kind.
func (k Kind) Incoming() Protocol {
	switch {
	case k.IsExchange():
		return EWS
	case k == IMAPSMTP:
		return IMAP
	case k == POP3SMTP:
		return POP3
	}
	return ""
}

// Outgoing returns the protocol that takes mail out, "" for an unknown kind.
func (k Kind) Outgoing() Protocol {
	switch {
	case k.IsExchange():
		return EWS
	case k == IMAPSMTP, k == POP3SMTP:
		return SMTP
	}
	return ""
}

// Protocol returns the protocol of a side, "" for an unknown kind.
func (k Kind) Protocol(side Side) Protocol {
	if side == Outgoing {
		return k.Outgoing()
	}
	return k.Incoming()
}

// IsExchangeOnline reports whether k is Exchange Online, seen from the cloud or
// from on premises.
func (k Kind) IsExchangeOnline() bool {
	return k == ExchangeOnline || k == ExchangeOnlineHybrid
}

// IsExchangeServer reports whether k is Exchange Server on premises, seen from
// beside it or from the cloud.
func (k Kind) IsExchangeServer() bool {
	return k == ExchangeServer || k == ExchangeServerHybrid
}

// HasACT reports whether appointments, contacts and tasks can be synchronized
// with k (rule V3): POP3 and IMAP servers have mail only.
func (k Kind) HasACT() bool { return k.IsExchange() }
