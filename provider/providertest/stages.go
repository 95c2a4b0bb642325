package providertest

import (
	"context"
	"slices"
	"time"

	"github.com/go-serversync/serversync/provider"
)

var (
	_ provider.Driver = (*Server)(nil)
	_ provider.Prober = (*Server)(nil)
)

// stages are those that the fake goes through.
func stages() []provider.Stage {
	return []provider.Stage{provider.StageDNS, provider.StageTCP, provider.StageTLS, provider.StageGreeting, provider.StageCapabilities, provider.StageSignIn}
}

// reach tells the stages up to the last one, or up to the one that the hook lets
// fail.
func (s *session) reach(ctx context.Context, a provider.Account, op Op, last provider.Stage) error {
	end := provider.BeginStage(ctx, provider.StageDNS)
	o, err := s.consult(ctx, Call{Op: op})
	if err == nil && o.fails() {
		err = s.suffer(ctx, op, o)
	}
	if err == nil && !provider.Traced(ctx) {
		return nil
	}
	all := stages()
	all = all[:slices.Index(all, last)+1]
	at := slices.Index(all, failing(o, err))
	if at < 0 {
		at = len(all) - 1
	}
	for i, stage := range all {
		if i > 0 {
			end = provider.BeginStage(ctx, stage)
		}
		if err != nil && i == at {
			end(provider.Evidence{}, err)
			return err
		}
		end(s.evidence(stage, a), nil)
	}
	return nil
}

// failing returns the stage that fails with err, of a mail system without a network.
func failing(o Outcome, err error) provider.Stage {
	if o.Stage != "" {
		return o.Stage
	}
	switch provider.KindOf(err) {
	case provider.ErrAuth:
		return provider.StageSignIn
	case provider.ErrUnsupported:
		return provider.StageCapabilities
	case provider.ErrProtocol:
		return provider.StageGreeting
	case provider.ErrUnsafe:
		return provider.StageTLS
	}
	return provider.StageTCP
}

// evidence is made up, and the same each time.
func (s *session) evidence(stage provider.Stage, a provider.Account) (e provider.Evidence) {
	switch stage {
	case provider.StageDNS:
		return provider.Evidence{Host: a.Endpoint.Host, Addresses: []string{"192.0.2.1"}}
	case provider.StageTCP:
		return provider.Evidence{Addresses: []string{"192.0.2.1:993"}}
	case provider.StageTLS:
		return provider.Evidence{TLSVersion: "TLS 1.3", CipherSuite: "TLS_AES_128_GCM_SHA256", Chain: []string{"CN=fake"},
			NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}
	case provider.StageGreeting:
		return provider.Evidence{Text: s.box.manner.driver + " ready"}
	case provider.StageCapabilities:
		return provider.Evidence{Capabilities: []string{s.box.manner.ids}}
	case provider.StageSignIn:
		username, _ := a.Credentials()
		return provider.Evidence{Mechanism: "FAKE", Username: username}
	}
	return e
}
