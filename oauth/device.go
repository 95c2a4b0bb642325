package oauth

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// A DeviceConsent is a consent that the owner gives on any device (RFC 8628): at URL
// they enter UserCode; at Direct it stands already, "" if there is no such page. Both
// are the issuer's words, to be shown as text. Session is for [Source.Wait].
type DeviceConsent struct {
	UserCode string
	URL      string
	Direct   string
	Session  string
	Expires  time.Time
}

// slower is by how much polling slows down when the issuer says so (RFC 8628, section
// 3.5).
const slower = 5 * time.Second

// BeginDevice begins a consent by device code. The error is ErrUnsupported where the
// issuer has no such flow; the rest as with [Source.Begin] and [Source.Token].
func (s *Source) BeginDevice(ctx context.Context, a provider.Account) (DeviceConsent, error) {
	c, scopes, needed, err := s.begin(ctx, a, opDevice)
	if err != nil {
		return DeviceConsent{}, err
	}
	if c.issuer.DeviceURL == "" {
		return DeviceConsent{}, fail(opDevice, provider.ErrUnsupported, "", "have the owner consent in a browser", errors.New("the issuer gives no device codes for mail"))
	}
	got, err := s.through(ctx, c, func(ctx context.Context) error {
		_, err := c.config("", scopes).DeviceAuth(ctx)
		return err
	})
	if err != nil {
		return DeviceConsent{}, err
	}
	if u, err := url.Parse(got.verify); got.deviceCode.IsZero() || got.userCode == "" || err != nil || u.Scheme != "https" {
		return DeviceConsent{}, fail(opDevice, provider.ErrProtocol, "", "check the issuer's DeviceURL", errors.New("the answer lacks a code, or an https page to enter it at"))
	}
	if u, err := url.Parse(got.direct); err != nil || u.Scheme != "https" {
		got.direct = ""
	}
	in := session{
		Issuer: c.issuer.Name, Client: c.app.ClientID, Tenant: c.tenant, Needed: needed,
		DeviceCode: got.deviceCode.Reveal(), Interval: got.interval, Expires: s.now().Add(got.life),
	}
	return DeviceConsent{UserCode: wire.Quote(got.userCode), URL: got.verify, Direct: got.direct, Expires: in.Expires, Session: s.seal(a.Mailbox.Key, in)}, nil
}

// Wait asks the issuer, as often as it allows, whether the owner has consented, until
// they have, they refuse, the code expires or ctx ends. The grant is then saved. It may
// be called again with the same session, also in another process. The error is as with
// [Source.Finish].
func (s *Source) Wait(ctx context.Context, a provider.Account, begun string) error {
	c, in, err := s.resume(ctx, a, opDevice, begun)
	if err != nil {
		return err
	}
	c.secrets = []secret.Text{secret.New(in.DeviceCode)}
	for {
		if err := s.sleep(ctx, in.Interval); err != nil {
			return err
		}
		if !s.now().Before(in.Expires) {
			return byCode(opDevice, "expired_token", errLate)
		}
		got, err := s.post(ctx, c, c.issuer.TokenURL, url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {in.DeviceCode}})
		if err == nil {
			return s.consented(ctx, a, c, in, got)
		}
		known := (*provider.Error)(nil)
		if !errors.As(err, &known) {
			return err
		}
		switch {
		case got.code == "authorization_pending":
		case got.code == "slow_down":
			in.Interval += slower
		case known.Kind == provider.ErrThrottled, known.Kind == provider.ErrUnavailable:
			in.Interval = max(min(2*in.Interval, time.Minute), known.RetryAfter) // RFC 8628: exponential back-off
		default:
			return codeSpent(err)
		}
	}
}
