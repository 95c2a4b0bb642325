package mailbox

import "github.com/go-serversync/serversync/profile"

// ACT is the side of appointments, contacts and tasks. It uses the profile's
// incoming endpoint.
const ACT profile.Side = "act"

// A Method says who takes care of one side of a mailbox.
type Method string

// The methods. Dynamics 365 calls them synchronization methods (Microsoft: "Set
// incoming and outgoing email synchronization").
const (
	Default        Method = ""                // mail: ServerSide, but None for a forward mailbox's outgoing; appointments, contacts and tasks: None
	ServerSide     Method = "server-side"     // we do
	None           Method = "none"            // nobody does
	Outlook        Method = "outlook"         // another client does, such as Dynamics 365 for Outlook
	ForwardMailbox Method = "forward-mailbox" // incoming only: the mail comes by way of a forward mailbox
)

// Methods are a mailbox's methods.
type Methods struct {
	Incoming Method
	Outgoing Method
	ACT      Method // appointments, contacts and tasks
}

// Of returns the method of a side as it was entered.
func (m Methods) Of(side Side) Method {
	switch side {
	case Incoming:
		return m.Incoming
	case Outgoing:
		return m.Outgoing
	case ACT:
		return m.ACT
	}
	return None
}

// Method returns the method that holds for a side of the mailbox; it is never
// [Default]. Appointments, contacts and tasks have to be asked for, since the
// first synchronization of a calendar changes what people see in it.
func (m Mailbox) Method(side Side) Method {
	method := m.Methods.Of(side)
	switch {
	case method != Default:
		return method
	case side == ACT, side == Outgoing && m.Kind == Forward:
		return None
	}
	return ServerSide
}

// Syncs reports whether a side of the mailbox is for us to work on.
func (m Mailbox) Syncs(side Side) bool { return !m.Inactive && m.Method(side) == ServerSide }
