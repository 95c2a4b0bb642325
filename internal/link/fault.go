package link

// A Kind is a way for a connection to fail.
type Kind int

// The kinds of fault.
const (
	None    Kind = iota
	Close        // both sides see an orderly end, as when a server process ends
	Reset        // both sides see a reset, as when a machine restarts
	Silence      // nothing passes any more in either direction, and nobody is told
)

// A Fault is what goes wrong with a connection, and when: once Up bytes have
// passed to the server or Down bytes to the client, exactly. 0 means that this
// direction does not bring it about; if both are 0, it comes as soon as the
// connection is made. A reset can overtake bytes that the other side's kernel has
// not taken yet; an orderly end cannot.
type Fault struct {
	Kind Kind
	Up   int64
	Down int64
}

// Always gives every connection the same fault.
func Always(f Fault) func(conn int) Fault {
	return func(int) Fault { return f }
}

// Once gives the first connection a fault and later ones none, so that a client
// that tries again succeeds.
func Once(f Fault) func(conn int) Fault {
	return func(conn int) Fault {
		if conn == 0 {
			return f
		}
		return Fault{}
	}
}
