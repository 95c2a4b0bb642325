package profile

import "cmp"

// ExchangeOnlineURL is where Exchange Online's web services are for everybody
// outside the sovereign clouds. An Exchange Online profile without Autodiscover
// and without a URL means it.
const ExchangeOnlineURL = "https://outlook.office365.com/EWS/Exchange.asmx"

// DefaultConnections is Profile.MaxConnections where it is 0.
const DefaultConnections = 10

// New returns a profile of a kind with that kind's defaults. Exchange Online is
// found by autodiscover and signed in to server to server, as Dynamics 365 sets it
// up; of the other kinds the servers are still to be named.
func New(kind Kind, id ID) Profile {
	p := Profile{ID: id, Kind: kind}
	if kind.IsExchangeOnline() {
		p.Autodiscover, p.Incoming.Credentials = true, ServerToServer
	}
	return p.withNumbers()
}

// WithDefaults returns p with its defaults written out, for people to see: ports,
// connections, Exchange Online's URL, and Outgoing as Incoming where it has nothing
// of its own. It means the same as p, which needs no such call to work. Edit p, not
// what is returned: there a change to Incoming leaves Outgoing as it was.
func (p Profile) WithDefaults() Profile {
	in, out := p.Endpoint(Incoming), p.Endpoint(Outgoing)
	if p.setsLocked() { // a mistake, which is to be seen and not painted over
		out = p.Outgoing
	}
	p.Incoming, p.Outgoing = in, out
	return p.withNumbers()
}

// withNumbers fills in connections and ports, but for a server that is not named
// yet: its endpoint stays as empty as it was.
func (p Profile) withNumbers() Profile {
	p.MaxConnections = cmp.Or(p.MaxConnections, DefaultConnections)
	for side, e := range map[Side]*Endpoint{Incoming: &p.Incoming, Outgoing: &p.Outgoing} {
		if e.Host != "" {
			e.Port = cmp.Or(e.Port, usualPorts[p.Kind.Protocol(side)][e.TLS])
		}
	}
	return p
}
