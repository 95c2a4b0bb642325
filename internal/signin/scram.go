package signin

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/go-serversync/serversync/provider"
)

// scram is SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677). The password is
// proven without being shown, and so is that the server knows it.
type scram struct {
	name     string
	username string // prepared and escaped
	password string // prepared
	gs2      string // the header, which says whether the proof is bound
	binding  []byte // what to, for -PLUS
	nonce    string // ours, and then with the server's behind it

	first     string // our first message without the header
	signature []byte // that the server has to show
	step      int
	verified  bool
	complaint string // the server's error, of those that the RFC names
}

// nonceSize is how many random bytes a nonce has.
const nonceSize = 24

var (
	errUnprepared = errors.New("user name or password has characters that SCRAM does not know")
	errUnbound    = errors.New("the connection has nothing to bind the sign-in to")
	errForged     = errors.New("the server does not know the password: its signature is wrong")
	errUnverified = errors.New("the server said that we are signed in, and did not prove that it knows the password")
	errDowngrade  = errors.New("the server can bind the sign-in to the connection, and somebody hid that from us")
	errElsewhere  = errors.New("the server's end of the connection is not ours: somebody is in between")
)

// scram begins an exchange. The error is ErrUnsupported where the password cannot be
// prepared, for the server may know it in another way.
func (s *SignIn) scram(name, username, password string) (*scram, error) {
	user, err := prepare(username)
	pass, err2 := prepare(password)
	if err != nil || err2 != nil {
		return nil, s.fail(provider.ErrUnsupported, "set another password", errUnprepared)
	}
	nonce := make([]byte, nonceSize)
	rand.Read(nonce) // never fails: it ends the program instead
	x := &scram{name: name, username: strings.NewReplacer("=", "=3D", ",", "=2C").Replace(user), password: pass, nonce: base64.StdEncoding.EncodeToString(nonce)}
	binding, data := channelBinding(s.server.TLS)
	switch {
	case name == scramPlus && binding == "":
		return nil, s.fail(provider.ErrUnsupported, "", errUnbound)
	case name == scramPlus:
		x.gs2, x.binding = "p="+binding+",,", data
	case binding != "":
		x.gs2 = "y,," // we could, and saw no -PLUS; a server that has it must refuse
	default:
		x.gs2 = "n,,"
	}
	return x, nil
}

func (x *scram) Start() (string, []byte, error) {
	x.first = "n=" + x.username + ",r=" + x.nonce
	return x.name, []byte(x.gs2 + x.first), nil
}

// Next answers the server's first message with the proof, and looks at the
// signature in its last.
func (x *scram) Next(challenge []byte) ([]byte, error) {
	x.step++
	switch x.step {
	case 1:
		return x.prove(string(challenge))
	case 2:
		return []byte{}, x.verify(string(challenge))
	}
	return nil, errMore
}

func (x *scram) prove(message string) ([]byte, error) {
	m, err := readServerFirst(message, x.nonce)
	if err != nil {
		return nil, err
	}
	salted, err := pbkdf2.Key(sha256.New, x.password, m.salt, m.iterations, sha256.Size)
	if err != nil { // a salt that FIPS 140 forbids
		return nil, unsafeMessage("the password cannot be derived: " + err.Error())
	}
	x.nonce = m.nonce
	final := "c=" + base64.StdEncoding.EncodeToString(append([]byte(x.gs2), x.binding...)) + ",r=" + x.nonce
	auth := x.first + "," + message + "," + final
	clientKey := mac(salted, "Client Key")
	stored := sha256.Sum256(clientKey)
	proof := mac(stored[:], auth)
	subtle.XORBytes(proof, proof, clientKey)
	x.signature = mac(mac(salted, "Server Key"), auth)
	return []byte(final + ",p=" + base64.StdEncoding.EncodeToString(proof)), nil
}

func mac(key []byte, message string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(message))
	return h.Sum(nil)
}

// verify looks at the server's last message. Its error is not ours: the server
// comes to its refusal by itself.
func (x *scram) verify(message string) error {
	signature, complaint, err := readServerFinal(message)
	if err != nil {
		return err
	}
	if complaint != "" {
		x.complaint = complaint
		return nil
	}
	if !hmac.Equal(signature, x.signature) {
		return &provider.Error{Kind: provider.ErrUnsafe, Remedy: "somebody may stand in for the server; check its name and certificate", Err: errForged}
	}
	x.verified = true
	return nil
}

// Verified returns nil if the server has proven that it knows the password.
func (x *scram) Verified() error {
	if !x.verified {
		return errUnverified
	}
	return nil
}

// refused tells a refusal that says that somebody is in between from a wrong password.
func (x *scram) refused(err error, s *SignIn) error {
	const remedy = "have the network between looked at"
	switch x.complaint {
	case "":
		return err
	case "server-does-support-channel-binding":
		return s.fail(provider.ErrUnsafe, remedy, errDowngrade)
	case "channel-bindings-dont-match":
		return s.fail(provider.ErrUnsafe, remedy+"; a proxy that ends TLS has this effect as well", errElsewhere)
	}
	var e *provider.Error
	if !errors.As(err, &e) {
		return err
	}
	told := *e
	told.Err = fmt.Errorf("%w (%s)", e.Err, x.complaint)
	return &told
}

// bound says in words what the sign-in was bound to.
func (x *scram) bound() string {
	if name, ok := strings.CutPrefix(x.gs2, "p="); ok {
		return "bound to the connection by " + strings.TrimRight(name, ",")
	}
	return ""
}
