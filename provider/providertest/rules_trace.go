package providertest

import (
	"context"
	"fmt"
	"slices"

	"github.com/go-serversync/serversync/provider"
)

// This file holds the rules about what a traced Open tells.

// A telling is what a Trace heard.
type telling struct {
	begun, ended []provider.Stage
	failed       []error // of the stages that failed
	last         error   // of the last stage that ended
	evidence     string
}

// tracedOpen opens a session with a Trace and closes it.
func (p *probe) tracedOpen(ctx context.Context) (*telling, error) {
	told := new(telling)
	ctx = provider.WithTrace(ctx, &provider.Trace{
		Begin: func(s provider.Stage) { told.begun = append(told.begun, s) },
		End: func(s provider.Stage, e provider.Evidence, err error) {
			told.ended, told.last = append(told.ended, s), err
			told.evidence += fmt.Sprintf("%s: %+v\n", s, e)
			if err != nil {
				told.failed = append(told.failed, err)
			}
		},
	})
	session, err := p.Harness.Open(ctx)
	if err == nil {
		session.Close()
	}
	return told, err
}

// rank orders the stages. TLS comes before the greeting, or behind it by STARTTLS.
func rank(s provider.Stage) int {
	return slices.IndexFunc([][]provider.Stage{
		{provider.StageAutodiscover}, {provider.StageCertificate}, {provider.StageToken}, {provider.StagePermission}, {provider.StageDNS}, {provider.StageTCP}, {provider.StageTLS, provider.StageGreeting}, {provider.StageCapabilities}, {provider.StageSignIn},
	}, func(same []provider.Stage) bool { return slices.Contains(same, s) })
}

func stagesInOrder(p *probe) {
	told, err := p.tracedOpen(p.ctx)
	if err != nil {
		p.Fatalf("Open: %v", err)
	}
	if len(told.ended) == 0 {
		p.Errorf("a traced Open told no stage")
	}
	for i, s := range told.ended {
		switch {
		case rank(s) < 0:
			p.Errorf("%q is no stage", s)
		case slices.Contains(told.ended[:i], s):
			p.Errorf("stage %s was told twice", s)
		case i > 0 && rank(s) < rank(told.ended[i-1]):
			p.Errorf("stage %s was told after %s", s, told.ended[i-1])
		}
	}
	if !slices.Equal(told.begun, told.ended) {
		p.Errorf("the stages %v began and %v ended", told.begun, told.ended)
	}
	if len(told.failed) > 0 {
		p.Errorf("stages failed with %v though Open did not", told.failed)
	}
}

func stageFails(p *probe) {
	check := func(what string, ctx context.Context) {
		told, err := p.tracedOpen(ctx)
		if err == nil {
			return // another rule's business
		}
		if len(told.failed) != 1 || told.last != err {
			p.Errorf("%s: stages failed with %v, the last that was told with %v; Open returned %v", what, told.failed, told.last, err)
		}
	}
	ended, cancel := context.WithCancel(p.ctx)
	cancel()
	check("Open with an ended context", ended)
	if p.Refuse != nil {
		p.Refuse()
		check("Open with a refused sign-in", p.ctx)
	}
}

func noSecretInEvidence(p *probe) {
	p.need("Secret", p.Secret != "")
	told, err := p.tracedOpen(p.ctx)
	if err != nil {
		p.Fatalf("Open: %v", err)
	}
	p.wantNoSecret("the evidence of a stage", told.evidence)
	if p.Refuse != nil {
		p.Refuse()
		told, _ = p.tracedOpen(p.ctx)
		p.wantNoSecret("the evidence of a refused sign-in", told.evidence)
	}
}
