package autodiscover

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-serversync/serversync/provider"
)

// note adds a step, and keeps what it means for the whole.
func (s *search) note(st Step) {
	st.Address = s.address
	s.hide(&st.Text)
	s.hide(&st.URL)
	if st.Err != nil {
		st.Err = s.discreet(st.Err)
	}
	s.steps = append(s.steps, st)
	var known *provider.Error
	if !errors.As(st.Err, &known) {
		return
	}
	first := func(of *error) { *of = cmp.Or(*of, st.Err) }
	switch known.Kind {
	case provider.ErrThrottled:
		first(&s.throttled)
	case provider.ErrNotFound:
		if st.Status != 0 && known.Code != "" {
			first(&s.unknown)
		}
	case provider.ErrUnavailable:
		if known.Code != "HostNotFound" && st.Protocol != Redirect { // nothing on port 80 is usual, and no news
			first(&s.late)
		}
	case provider.ErrUnsupported:
		first(&s.unfit)
	case provider.ErrProtocol:
		if known.Code != "" {
			first(&s.unfit)
		}
	case provider.ErrUnsafe:
		if st.Protocol == Check || st.Status != 0 {
			first(&s.unsafe)
		} else {
			first(&s.broken)
		}
	}
}

// hide replaces words in which a server repeats what it was shown.
func (s *search) hide(text *string) {
	for _, secret := range s.secrets {
		if secret.In(*text) {
			*text = repeated
			return
		}
	}
}

// discreet does the same with an error.
func (s *search) discreet(err error) error {
	text := err.Error()
	var known *provider.Error
	if errors.As(err, &known) {
		text += " " + known.Code
	}
	if s.hide(&text); text != repeated {
		return err
	}
	return &provider.Error{Op: op, Kind: provider.KindOf(err), Err: errors.New(repeated)}
}

const repeated = "(words that repeat the credential)"

// verdict says what it comes to that nothing was found.
func (s *search) verdict() error {
	for i := range s.pending {
		s.hide(&s.pending[i].URL)
	}
	told := &Error{Steps: s.steps, Confirm: s.pending}
	kind, remedy := provider.ErrNotFound, "enter the location of the web services in the profile, or have the domain's administrator set autodiscover up"
	of := func(k provider.Kind, err error, text string) {
		kind, told.cause, told.text = k, err, text
		var known *provider.Error
		if errors.As(err, &known) && known.Remedy != "" {
			remedy = known.Remedy
		}
	}
	told.text = "the address's domain names no server of Exchange, and none answers by a usual name"
	switch {
	case s.over != nil && s.refused == 0:
		of(cmp.Or(provider.KindOf(s.over), provider.ErrUnavailable), s.over, words(s.over))
	case len(s.pending) > 0:
		var hosts []string
		for _, p := range s.pending {
			hosts = append(hosts, p.Host)
		}
		of(provider.ErrUnsafe, nil, "these hosts must be confirmed first: "+strings.Join(slices.Compact(hosts), ", "))
		remedy = confirmRemedy
	case s.refused > 0:
		of(provider.ErrAuth, nil, fmt.Sprintf("the sign-in was refused by %d of the servers that were asked", s.refused))
		remedy = "check user name and password"
	case s.throttled != nil:
		of(provider.ErrThrottled, s.throttled, "the server has too much to do")
	case s.unsafe != nil:
		of(provider.ErrUnsafe, s.unsafe, words(s.unsafe))
	case s.unknown != nil:
		of(provider.ErrNotFound, s.unknown, words(s.unknown))
	case s.late != nil:
		of(provider.ErrUnavailable, s.late, "not everybody gave an answer: "+words(s.late))
	case s.unfit != nil:
		of(provider.KindOf(s.unfit), s.unfit, words(s.unfit))
	case s.broken != nil:
		of(provider.ErrUnsafe, s.broken, words(s.broken))
	}
	e := &provider.Error{Op: op, Kind: kind, Remedy: remedy, Err: told}
	if told.cause == nil && kind == provider.ErrNotFound {
		e.Code = "ErrorAutoDiscoverFailed" // as Exchange calls it
	}
	var known *provider.Error
	if errors.As(told.cause, &known) {
		e.Code, e.RetryAfter = known.Code, known.RetryAfter
	}
	return e
}

// timely tells our own bound on a request from its context's end, which ends the search anyhow.
func timely(ctx context.Context, err error) error {
	if err == nil || provider.KindOf(err) != "" {
		return err
	}
	if ctx.Err() != nil {
		return &provider.Error{Op: op, Kind: provider.ErrUnavailable, Code: "TimedOut", Err: errors.New("no answer came in time")}
	}
	return &provider.Error{Op: op, Kind: provider.ErrUnavailable, Err: errors.New("the request failed")}
}
