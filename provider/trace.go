package provider

import (
	"context"
	"time"

	"github.com/go-serversync/serversync/profile"
)

// A Stage is a step on the way to a working session.
type Stage string

// The stages, in their order. A driver tells those that it goes through.
const (
	StageDNS          Stage = "dns"          // the server's name was looked up
	StageTCP          Stage = "tcp"          // a connection was made
	StageTLS          Stage = "tls"          // it was protected, at once or by STARTTLS
	StageGreeting     Stage = "greeting"     // the server said what it is and can
	StageSignIn       Stage = "sign-in"      // it knows who we are
	StageCapabilities Stage = "capabilities" // it has what is needed
)

// A Trace follows a driver through the stages of opening a session, as
// net/http/httptrace does for a request. Its functions may be nil. They are called
// by one goroutine at a time and must not block.
type Trace struct {
	// Begin is called as a stage begins.
	Begin func(Stage)

	// End is called as it ends: with what was learned, which holds no secret and
	// no text of the server that is not quoted, or with why it failed. A stage
	// that ends without a Begin took no time of its own.
	End func(Stage, Evidence, error)
}

// Evidence is what a stage has learned. Fields that do not apply are zero.
type Evidence struct {
	Host         string    `json:"host,omitempty"`
	Addresses    []string  `json:"addresses,omitempty"`   // of DNS: those that may be tried; of TCP: the one that answered
	TLSVersion   string    `json:"tlsVersion,omitempty"`  // such as "TLS 1.3"
	CipherSuite  string    `json:"cipherSuite,omitempty"` // such as "TLS_AES_128_GCM_SHA256"
	Chain        []string  `json:"chain,omitempty"`       // subjects of the certificates, the server's first
	NotAfter     time.Time `json:"notAfter,omitzero"`     // when the first of the chain expires
	Capabilities []string  `json:"capabilities,omitempty"`
	Mechanism    string    `json:"mechanism,omitempty"` // of sign-in, such as "PLAIN"
	Username     string    `json:"username,omitempty"`  // signed in as
	Text         string    `json:"text,omitempty"`      // in words, for what has no field of its own
}

type traceKey struct{}

// WithTrace returns a context with which drivers tell t what they do.
func WithTrace(ctx context.Context, t *Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

// BeginStage tells ctx's Trace, if there is one, that a stage begins, and returns
// the function that tells its end.
func BeginStage(ctx context.Context, stage Stage) (end func(Evidence, error)) {
	t, _ := ctx.Value(traceKey{}).(*Trace)
	if t == nil {
		return func(Evidence, error) {}
	}
	if t.Begin != nil {
		t.Begin(stage)
	}
	return func(e Evidence, err error) {
		if t.End != nil {
			t.End(stage, e, err)
		}
	}
}

// A Prober is a Driver that can go as far as the greeting without signing in, so
// that a profile can be tested without a mailbox.
type Prober interface {
	// Probe connects, protects the connection, asks what the server can and ends
	// the connection. The error is an *Error, or ctx's own.
	Probe(ctx context.Context, p profile.Profile, side profile.Side, policy profile.Policy) error
}
