package discover

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// A Server is a server that was found, and what was seen of it.
type Server struct {
	Protocol profile.Protocol
	Host     string
	Port     int
	TLS      profile.TLS
	OAuth    bool   // it is known to take no password
	Username string // to sign in with; empty for the mailbox's address

	Source Source
	Record string // what names it, in words: an SRV record, the URL of a document

	Stages       []Stage  // how far it was gone, as a Trace was told
	Verified     string   // the name that its certificate was verified for; empty if none was
	Capabilities []string // as it told them
	Mechanisms   []string // of SASL, among them
	Err          error    // why it could not be used now; nil if all was well
}

// A Stage is one step on the way to a server.
type Stage struct {
	Stage    provider.Stage
	Evidence provider.Evidence
	Err      error
}

// Bounds of checking servers.
const (
	atOnce  = 6
	oneTime = 10 * time.Second
)

// checkAll checks servers, some at once, and returns those that can be used.
func (s *search) checkAll(ctx context.Context, servers []Server) (good []Server) {
	slot := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for i := range servers {
		wg.Go(func() {
			slot <- struct{}{}
			defer func() { <-slot }()
			s.check(ctx, &servers[i])
		})
	}
	wg.Wait()
	for _, server := range servers {
		if server.usable() {
			good = append(good, server)
		}
		var e *provider.Error
		if errors.As(server.Err, &e) && e.Kind == provider.ErrUnavailable && e.Code != "HostNotFound" && server.Source != FromProbing {
			s.doubt() // it is named, and may be back tomorrow
		}
	}
	return good
}

// usable reports whether a server is one. It is if it offers no sign-in that we
// know; a host may know another.
func (s Server) usable() bool {
	return s.Err == nil || provider.KindOf(s.Err) == provider.ErrUnsupported && s.Capabilities != nil
}

// check goes as far as a server's capabilities, without signing in.
func (s *search) check(ctx context.Context, server *Server) {
	ctx, cancel := context.WithTimeout(ctx, oneTime)
	defer cancel()
	ctx = provider.WithTrace(ctx, &provider.Trace{End: func(stage provider.Stage, e provider.Evidence, err error) {
		server.Stages = append(server.Stages, Stage{stage, e, err})
		if stage == provider.StageTLS && err == nil {
			server.Verified = server.Host
		}
		if stage == provider.StageCapabilities {
			server.Capabilities = e.Capabilities
		}
	}})
	if p := s.Probers[server.Protocol]; p != nil {
		server.Err = p.Probe(ctx, provider.Account{Endpoint: server.endpoint(), Policy: s.Policy})
	} else {
		server.Err = s.greet(ctx, server)
	}
	server.Mechanisms = mechanisms(server.Protocol, server.Capabilities)
}

func (s Server) endpoint() profile.Endpoint {
	e := profile.Endpoint{Host: s.Host, Port: s.Port, TLS: s.TLS}
	if s.OAuth {
		e.Credentials = profile.OAuth
	}
	return e
}

var errGreeting = errors.New("it greets in another language")

// maxGreeting is how much of a greeting is read (RFC 5321, section 4.5.3.1.5, and
// RFC 1939 and RFC 9051 have no longer ones).
const maxGreeting = 2048

// greet dials a server and waits for its first line. It says nothing itself.
func (s *search) greet(ctx context.Context, server *Server) error {
	op := string(server.Protocol)
	conn, err := wire.Dial(ctx, wire.DialOptions{
		Op: op, Address: net.JoinHostPort(server.Host, strconv.Itoa(server.Port)), TLS: server.TLS, TLSConfig: s.TLSConfig, Policy: s.Policy, Limits: s.Limits,
	})
	if err != nil {
		return err
	}
	defer conn.Close()
	end := provider.BeginStage(ctx, provider.StageGreeting)
	over := conn.During(ctx)
	conn.Deadline(s.Limits.Greeting)
	line := make([]byte, 0, 128)
	for err == nil && len(line) < maxGreeting && (len(line) == 0 || line[len(line)-1] != '\n') {
		one := make([]byte, 1)
		_, err = conn.Read(one)
		line = append(line, one...)
	}
	first := map[profile.Protocol]string{profile.IMAP: "* OK", profile.POP3: "+OK", profile.SMTP: "220"}[server.Protocol]
	if err == nil && !strings.HasPrefix(strings.ToUpper(string(line)), first) {
		err = &provider.Error{Op: op + ": greeting", Kind: provider.ErrProtocol, Remedy: "check the port", Err: errGreeting}
	}
	err = wire.Error(op+": greeting", over(err))
	e := provider.Evidence{}
	if err == nil {
		e.Text = wire.Quote(string(line))
	}
	end(e, err)
	return err
}

// mechanisms returns the SASL mechanisms among a server's capabilities, sorted:
// "AUTH=PLAIN" of IMAP, "AUTH PLAIN LOGIN" of SMTP, "SASL PLAIN" of POP3.
func mechanisms(p profile.Protocol, capabilities []string) (all []string) {
	for _, c := range capabilities {
		words := strings.Fields(strings.ToUpper(c))
		switch {
		case len(words) == 0:
		case p == profile.IMAP && strings.HasPrefix(words[0], "AUTH="):
			all = append(all, words[0][len("AUTH="):])
		case p == profile.SMTP && words[0] == "AUTH", p == profile.POP3 && words[0] == "SASL":
			all = append(all, words[1:]...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// tokensOnly reports whether a server takes tokens and no password.
func (s Server) tokensOnly() bool {
	has := func(names ...string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return slices.Contains(s.Mechanisms, n) })
	}
	return s.OAuth || has("XOAUTH2", "OAUTHBEARER") && !has("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256")
}
