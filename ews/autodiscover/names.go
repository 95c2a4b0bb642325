package autodiscover

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// redirected asks autodiscover's host over http where to go. The request holds neither address nor
// credential; whoever is on the way can forge the answer, so that it is followed only to hosts that may see
// them, as any other is (Microsoft: "Autodiscover for Exchange", phase 3).
func (s *search) redirected(ctx context.Context, domain string) *answer {
	at := "http://autodiscover." + domain + poxPath
	st, began := Step{Protocol: Redirect, URL: at}, s.now()
	var to *url.URL
	got, err := s.get(ctx, "autodiscover."+domain, poxPath)
	if err == nil {
		location := got.Header.Get("Location")
		if st.Status = got.StatusCode; got.StatusCode/100 == 3 && location != "" {
			to, err = s.parse(location, mustParse(at), false)
		} else {
			err = fail(provider.ErrNotFound, "", "it redirects nowhere")
		}
	}
	if err == nil {
		if s.hops++; s.hops > maxHops {
			s.over = fail(provider.ErrProtocol, answerRemedy, "there is no end to the redirects")
			err = s.over
		} else {
			st.Text = "redirects to " + shown(to)
		}
	}
	st.Err, st.Took = timely(ctx, err), s.now().Sub(began)
	s.note(st)
	if st.Err != nil {
		return nil
	}
	return s.host(ctx, to, "autodiscover."+domain+" redirects there, over http")
}

// get makes a GET over http. The transport of packages that sign in makes none, and port 80 is
// no port of mail: both are open for this request alone, the rest of the policy holds.
func (s *search) get(ctx context.Context, host, path string) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, oneTime)
	defer cancel()
	policy := s.account.Policy
	policy.AllowPorts = append(slices.Clone(policy.AllowPorts), 80)
	conn, err := wire.Dial(ctx, wire.DialOptions{ // and then no STARTTLS follows
		Op: op, Address: net.JoinHostPort(host, "80"), TLS: profile.StartTLS, Policy: policy, Limits: s.limits,
	})
	if err != nil {
		return nil, timely(ctx, err)
	}
	defer conn.Close()
	end := conn.During(ctx)
	conn.Deadline(oneTime)
	got, err := func() (*http.Response, error) {
		r := &http.Request{Method: http.MethodGet, URL: &url.URL{Scheme: "http", Host: host, Path: path}, Host: host, Close: true, Header: http.Header{"User-Agent": {s.agent()}}}
		if err := r.Write(conn); err != nil {
			return nil, err
		}
		return http.ReadResponse(bufio.NewReader(io.LimitReader(conn, 64<<10)), r)
	}()
	if err = end(err); err != nil {
		if known := wire.Error(op, err); provider.KindOf(known) != "" && provider.KindOf(known) != provider.ErrUnavailable {
			return nil, known
		}
		return nil, &provider.Error{Op: op, Kind: provider.ErrUnavailable, Err: errors.New("it gives no answer of HTTP")}
	}
	got.Body.Close()
	return got, nil
}

// records asks the servers that the domain's SRV records name ([MS-OXDISCO], section 3.1.5.3), by priority and then
// weight, the heaviest first, so that the same are asked each time.
func (s *search) records(ctx context.Context, domain string) *answer {
	name := "_autodiscover._tcp." + domain
	st, began := Step{Protocol: SRV, URL: name}, s.now()
	var resolver Resolver = net.DefaultResolver
	if s.Resolver != nil {
		resolver = s.Resolver
	}
	limited, cancel := context.WithTimeout(ctx, oneTime)
	_, records, err := resolver.LookupSRV(limited, "autodiscover", "tcp", domain+".")
	cancel()
	var dns *net.DNSError
	switch {
	case err == nil && len(records) == 0, errors.As(err, &dns) && dns.IsNotFound:
		st.Err = fail(provider.ErrNotFound, "", "there is no such record")
	case err != nil:
		st.Err = fail(provider.ErrUnavailable, "", "the name service gave no answer")
	}
	targets := make([]*url.URL, 0, maxTargets)
	for _, r := range ordered(records) {
		target := bare(r.Target)
		if _, err := netip.ParseAddr(target); err == nil || profile.CheckHost(target) != nil || !strings.Contains(target, ".") || r.Port == 0 {
			continue
		}
		if len(targets) < maxTargets {
			targets = append(targets, mustParse(origin(target, int(r.Port))+poxPath))
		}
	}
	if st.Err == nil && len(targets) == 0 {
		st.Err = fail(provider.ErrNotFound, "", "the records name no server")
	}
	if st.Err == nil {
		st.Text = fmt.Sprintf("%d records, of which %d are asked", len(records), len(targets))
	}
	st.Took = s.now().Sub(began)
	s.note(st)
	for _, target := range targets {
		if s.done(ctx) {
			break
		}
		if a := s.host(ctx, target, "an SRV record of "+domain+" names it"); a != nil {
			return a
		}
	}
	return nil
}

func ordered(records []*net.SRV) []*net.SRV {
	return slices.SortedStableFunc(slices.Values(records), func(a, b *net.SRV) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), -cmp.Compare(a.Weight, b.Weight), cmp.Compare(a.Target, b.Target), cmp.Compare(a.Port, b.Port))
	})
}
