package provider

import (
	"context"
	"time"
)

// A Stage is a step on the way to a working session.
type Stage string

// The stages, in their order. A driver tells those that it goes through, each once.
// Where TLS comes by STARTTLS, the greeting goes before it.
const (
	StageAutodiscover Stage = "autodiscover" // the server was found by the mailbox's address; only where it is to be
	StageCertificate  Stage = "certificate"  // what proves the host to the issuer of tokens is in order; only where its source says so
	StageToken        Stage = "token"        // an access token was had; only where one is needed
	StagePermission   Stage = "permission"   // the token permits what the endpoint needs; only where its source can read it
	StageDNS          Stage = "dns"          // the server's name was looked up; not told of an IP address
	StageTCP          Stage = "tcp"          // a connection was made
	StageTLS          Stage = "tls"          // it was protected, at once or by STARTTLS
	StageGreeting     Stage = "greeting"     // the server said what it is
	StageCapabilities Stage = "capabilities" // it offers what is needed, a way to sign in among it
	StageSignIn       Stage = "sign-in"      // it knows who we are
)

// A Trace follows a driver through the stages of opening a session, as
// net/http/httptrace does for a request. Its functions may be nil. They are called
// by one goroutine at a time and must not block.
//
// Where Open or Probe returns an error, the last stage told ended with that error,
// and no other stage failed.
type Trace struct {
	// Begin is called as a stage begins.
	Begin func(Stage)

	// End is called as it ends: with what was learned, which holds no secret and
	// no text of the server that is not quoted, or with why it failed. A stage
	// that ends without a Begin took no time of its own: it failed before there
	// was anything to do.
	End func(Stage, Evidence, error)
}

// Evidence is what a stage has learned. Fields that do not apply are zero.
type Evidence struct {
	Host         string    `json:"host,omitempty"`
	Addresses    []string  `json:"addresses,omitempty"`    // of DNS: those that may be tried; of TCP: the one that answered, or those that were tried
	TLSVersion   string    `json:"tlsVersion,omitempty"`   // such as "TLS 1.3"
	CipherSuite  string    `json:"cipherSuite,omitempty"`  // such as "TLS_AES_128_GCM_SHA256"
	Chain        []string  `json:"chain,omitempty"`        // subjects of the certificates, the server's first
	NotAfter     time.Time `json:"notAfter,omitzero"`      // when the first of the chain expires; of certificate: when ours does
	Thumbprints  []string  `json:"thumbprints,omitempty"`  // of certificate: ours, each as "SHA-1 …" or "SHA-256 …"
	Capabilities []string  `json:"capabilities,omitempty"` // what the server offers, sorted; of sign-in: what it offers since then, if it said so
	Mechanism    string    `json:"mechanism,omitempty"`    // of sign-in, such as "PLAIN"
	Username     string    `json:"username,omitempty"`     // signed in as
	Text         string    `json:"text,omitempty"`         // in words, for what has no field of its own
}

type traceKey struct{}

// WithTrace returns a context with which drivers tell t what they do.
func WithTrace(ctx context.Context, t *Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

// FilterTrace returns a context whose Trace, if ctx has one, gets what edit makes
// of the evidence.
func FilterTrace(ctx context.Context, edit func(Evidence) Evidence) context.Context {
	t := traceOf(ctx)
	if t == nil || t.End == nil {
		return ctx
	}
	return WithTrace(ctx, &Trace{Begin: t.Begin, End: func(s Stage, e Evidence, err error) { t.End(s, edit(e), err) }})
}

// Traced reports whether ctx has a Trace. A driver gathers evidence only if so.
func Traced(ctx context.Context) bool { return traceOf(ctx) != nil }

func traceOf(ctx context.Context) *Trace {
	t, _ := ctx.Value(traceKey{}).(*Trace)
	return t
}

// BeginStage tells ctx's Trace, if there is one, that a stage begins, and returns
// the function that tells its end.
func BeginStage(ctx context.Context, stage Stage) (end func(Evidence, error)) {
	t := traceOf(ctx)
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

// FailStage tells ctx's Trace, if there is one, that a stage failed before it
// began, such as by a refusal of our own, and returns err.
func FailStage(ctx context.Context, stage Stage, err error) error {
	if t := traceOf(ctx); t != nil && t.End != nil {
		t.End(stage, Evidence{}, err)
	}
	return err
}

// A Prober is a Driver that can go as far as a server's capabilities without
// signing in, so that a profile can be tested without a mailbox.
type Prober interface {
	// Probe connects, protects the connection, asks what the server can and ends
	// the connection politely. Where an application's own token is needed it is had first, for that takes no mailbox. It fails as Open would up to there, and if the
	// server offers no way to sign in that the endpoint could use. a.Mailbox may
	// be zero. The error is an *Error, or ctx's own.
	Probe(ctx context.Context, a Account) error
}
