package ews

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-serversync/serversync/ews/autodiscover"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// A locator is the Driver's own Finder, made when it is first wanted.
type locator struct {
	once   sync.Once
	finder *autodiscover.Finder
}

func (d *Driver) finder() *autodiscover.Finder {
	if d.Autodiscover != nil {
		return d.Autodiscover
	}
	d.locator.once.Do(func() {
		d.locator.finder = &autodiscover.Finder{TLSConfig: d.TLSConfig, Limits: d.Limits, UserAgent: d.UserAgent, Logger: d.Logger}
	})
	return d.locator.finder
}

// locate returns where the mailbox's web services are: where the profile says, which nothing overrides; for
// Exchange Online without autodiscover at its usual address; else where autodiscover finds them, of
// which it tells ctx's Trace. What was found is remembered until moved is called.
func (d *Driver) locate(ctx context.Context, a provider.Account) (string, error) {
	found, err := d.discover(ctx, a)
	return found.URL, err
}

// discover is locate with all that autodiscover tells. Where it was not asked there is the URL alone, and the
// mailbox's own address.
func (d *Driver) discover(ctx context.Context, a provider.Account) (autodiscover.Result, error) {
	given := autodiscover.Result{URL: a.Endpoint.URL, Address: a.Mailbox.Address}
	online := a.Profile.Kind.IsExchangeOnline()
	switch {
	case given.URL != "":
		return given, nil
	case online && (!a.Profile.Autodiscover || a.Mailbox.Address == ""): // a profile is tested without a mailbox
		given.URL = profile.ExchangeOnlineURL
		return given, nil
	case !a.Profile.Autodiscover:
		return given, provider.FailStage(ctx, provider.StageAutodiscover, &provider.Error{Op: "ews", Kind: provider.ErrUnsupported, Err: errNoLocation,
			Remedy: "enter the URL of Exchange's web services in the profile, or set Autodiscover"})
	case a.Mailbox.Address == "":
		return given, provider.FailStage(ctx, provider.StageAutodiscover, &provider.Error{Op: "ews", Kind: provider.ErrUnsupported, Err: errNoMailbox,
			Remedy: "test one of the profile's mailboxes"})
	}
	end := provider.BeginStage(ctx, provider.StageAutodiscover)
	found, err := d.finder().Find(ctx, a)
	end(located(ctx, found), err)
	return found, err
}

var (
	errNoLocation = errors.New("no location is given and autodiscover is off")
	errNoMailbox  = errors.New("autodiscover asks about a mailbox's address, and there is none")
)

// located is the evidence of what autodiscover did, in one line: where something was found, of the steps
// that led there, else of all. The Result and an *autodiscover.Error have all of it.
func located(ctx context.Context, found autodiscover.Result) (e provider.Evidence) {
	if !provider.Traced(ctx) {
		return e
	}
	if u, err := url.Parse(found.URL); err == nil {
		e.Host = wire.Quote(u.Hostname())
	}
	var parts []string
	if found.Remembered {
		parts = append(parts, "remembered from "+found.Time.UTC().Format(time.DateTime))
	}
	const most = 12
	steps := slices.Clone(found.Steps)
	if found.URL != "" {
		steps = slices.DeleteFunc(steps, func(st autodiscover.Step) bool { return st.Err != nil || st.Status == 0 })
	}
	for _, st := range steps[:min(len(steps), most)] {
		parts = append(parts, strings.Join(strings.Fields(st.String()), " "))
	}
	if more := len(steps) - most; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more steps", more))
	}
	e.Text = strings.Join(parts, " | ")
	return e
}

// moved forgets where a mailbox was found, because its server says that it is elsewhere. The next locate
// searches anew.
func (d *Driver) moved(a provider.Account) { d.finder().Forget(a.Mailbox.Address) }
