package kerberos

import (
	"errors"
	"slices"
	"strings"

	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
)

// failedKind is what a server's refusal of a ticket is: another key or another ticket
// may mend it, but not another try.
const failedKind = provider.ErrAuth

// SASL's layers (RFC 4752, section 3.3).
const layerNone = 1

var (
	errLayer = errors.New("the server insists on a layer of its own over the connection, which TLS is there for")
	errTalk  = errors.New("the server goes on where the exchange is over")
	errBegun = errors.New("the server's answer comes before the question")
)

// unsafeServer says that a server is not what it claims to be.
func unsafeServer(spn string, err error) error {
	remedy := "make sure of the server's name and of the network between: another server may answer in its place"
	if spn != "" {
		remedy += "; it should be " + wire.Quote(spn)
	}
	return failure(provider.ErrUnsafe, "verify", err, remedy)
}

// An exchange is one run of GSSAPI as SASL has it (RFC 4752, section 3.1).
type exchange struct {
	session session
	authzid string
	proof   *proof
	agreed  bool // on the layer, which is the end of it
}

// Start returns the mechanism's name and the token that shows the ticket.
func (e *exchange) Start() (string, []byte, error) {
	p, token, err := e.session.show()
	if e.proof = p; err == nil {
		e.session.ticket.tried.Add(1)
	}
	return "GSSAPI", token, err
}

// Next answers the server: first that it has proved itself, then which layer we want.
// The errors are those of [Client.Begin], ErrProtocol, and ErrUnsafe for a server that
// proves itself wrong.
func (e *exchange) Next(challenge []byte) ([]byte, error) {
	switch {
	case e.proof == nil:
		return nil, protocol("exchange", errBegun)
	case e.agreed:
		return nil, protocol("exchange", errTalk)
	case !e.proof.done:
		if err := e.proof.check(e.session, challenge); err != nil {
			return nil, err
		}
		return []byte{}, nil
	}
	return e.layer(challenge)
}

// layer chooses no layer, and says for whom we act.
func (e *exchange) layer(challenge []byte) ([]byte, error) {
	if key, _ := e.proof.key(); !slices.Contains(usual, key.KeyType) {
		return nil, unsupported("layer", errOldKey, "give the service "+e.session.spn+" a key of AES")
	}
	offer, err := e.proof.unwrap(challenge)
	if err != nil {
		return nil, err
	}
	if len(offer) != 4 {
		return nil, protocol("layer", errToken)
	}
	if offer[0]&layerNone == 0 {
		return nil, unsupported("layer", errLayer, "have the server offer GSSAPI without a security layer over TLS")
	}
	if strings.ContainsRune(e.authzid, 0) {
		return nil, unsupported("layer", errNoUser, "")
	}
	answer, err := e.proof.wrap(append([]byte{layerNone, 0, 0, 0}, e.authzid...))
	e.agreed = err == nil
	return answer, err
}

// Verified returns nil once the server has shown that it holds the service's key, and an
// error of the kind ErrUnsafe before.
func (e *exchange) Verified() error {
	if e.proof == nil || !e.proof.done || !e.agreed {
		return unsafeServer(e.session.spn, errUnproven)
	}
	return nil
}
