package ews

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-serversync/serversync/internal/diagnosis"
	"github.com/go-serversync/serversync/internal/websignin"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// elsewhere are the codes that say that another server has the mailbox.
var elsewhere = []string{
	"ErrorProxyRequestNotAllowed", "ErrorCrossSiteRequest", "ErrorNoApplicableProxyCASServersAvailable",
	"ErrorMailboxMoveInProgress", "ErrorReadEventsFailed", "HTTP 404", "HTTP 449",
	"HTTP 301", "HTTP 302", "HTTP 303", "HTTP 307", "HTTP 308",
}

func isElsewhere(code string) bool { return slices.Contains(elsewhere, code) }

// status returns what an answer that is no SOAP means. text is its beginning.
func (c *client) status(answer *http.Response, text string) error {
	code := wire.HTTPCode(answer.StatusCode)
	fail := func(kind provider.Kind, remedy, why string) error {
		return &provider.Error{Op: "ews", Kind: kind, Code: code, Remedy: remedy, Err: errors.New(why)}
	}
	switch status := answer.StatusCode; status {
	case http.StatusOK, http.StatusNoContent:
		return &provider.Error{Op: "ews", Kind: provider.ErrUnavailable, Remedy: remedyNoService, Err: errNoService}
	case http.StatusForbidden:
		return c.forbidden(fail)
	case http.StatusNotFound, http.StatusGone:
		if c.account.Profile.Autodiscover {
			return fail(provider.ErrUnavailable, "nothing at first: the mailbox's server is looked for again", "there are no web services where autodiscover has found them")
		}
		return fail(provider.ErrUnsupported, "check the URL in the profile, or use autodiscover; the server's administrator can see whether EWS is switched on", "there are no web services at this address")
	case http.StatusProxyAuthRequired:
		return fail(provider.ErrUnavailable, "whoever runs this service must name the proxy's user and password in the policy", "a proxy wants a sign-in of its own")
	case http.StatusRequestTimeout, http.StatusBadGateway, http.StatusGatewayTimeout, 449:
		return fail(provider.ErrUnavailable, "", "the server, or what stands in front of it, could not serve the request now")
	case http.StatusRequestEntityTooLarge:
		return fail(provider.ErrTooLarge, "raise the server's limits for requests (maxAllowedContentLength, maxReceivedMessageSize), or send less", "the request is larger than the server takes")
	case http.StatusTooManyRequests:
		return fail(provider.ErrThrottled, "", "the server asks for fewer requests")
	case http.StatusServiceUnavailable:
		return fail(provider.ErrThrottled, "nothing at first; if it lasts, ask the mail administrator", "the server is down or has more to do than it can")
	case 456:
		return fail(provider.ErrAuth, "", "the account is blocked until somebody signs in to it, or an administrator unblocks it")
	case http.StatusInternalServerError:
		return c.broken(text, fail)
	default:
		switch {
		case status/100 == 3:
			return c.redirected(answer, fail)
		case status/100 == 5:
			return fail(provider.ErrUnavailable, "", "the server failed")
		case status == http.StatusBadRequest && versionErrorIn(text) != "":
			return c.broken(text, fail)
		}
		return fail(provider.ErrProtocol, "check the URL in the profile", "the server does not take the request")
	}
}

// A failing makes an error of an answer's status.
type failing func(kind provider.Kind, remedy, why string) error

// broken says what an answer of 500 without SOAP means.
func (c *client) broken(text string, fail failing) error {
	if code := versionErrorIn(text); code != "" {
		m := meaningOf(code)
		return &provider.Error{Op: "ews", Kind: m.kind, Code: code, Remedy: m.remedy, Err: errors.New("the server refuses the schema")}
	}
	if strings.Contains(strings.ToUpper(text), "SERVER ERROR IN '/EWS' APPLICATION") {
		// It is how a front end says that those behind it have too much to do.
		return fail(provider.ErrThrottled, "nothing at first; if it lasts, ask the Exchange administrator", "the web services fail as a whole")
	}
	return fail(provider.ErrUnavailable, "", "the server failed, and does not say in what")
}

// redirected says what an answer that points elsewhere means. It is not followed: what proves us
// is for the server that the profile names, or that autodiscover has found.
func (c *client) redirected(answer *http.Response, fail failing) error {
	to, err := url.Parse(answer.Header.Get("Location"))
	if err != nil {
		to = new(url.URL)
	}
	to = c.at.ResolveReference(to)
	if strings.EqualFold(to.Hostname(), c.at.Hostname()) && strings.HasSuffix(strings.ToLower(to.Path), "/genericerrorpage.htm") {
		return &provider.Error{Op: "ews", Kind: provider.ErrThrottled, Code: wire.HTTPCode(http.StatusServiceUnavailable), Err: errors.New("the server sends us to its page for errors, as it does when it has more to do than it can")}
	}
	where := "elsewhere"
	if host := to.Host; host != "" && !c.web.Repeats(answer.Header.Get("Location")) {
		where = "to " + wire.Quote(to.Scheme+"://"+host)
	}
	if c.account.Profile.Autodiscover {
		return fail(provider.ErrUnavailable, "nothing at first: the mailbox's server is looked for again", "the server points "+where+", and redirects are not followed")
	}
	return fail(provider.ErrUnsafe, "enter the address that is meant itself, if it is the mail system's", "the server points "+where+", and redirects are not followed")
}

// retired is what there is to say since Exchange Online lets EWS go.
const retired = "Exchange Online blocks EWS by default since October 2026, and has none at all from 1 April 2027 on"

const remedyRetired = "what comes after EWS is Microsoft Graph; until 1 April 2027 an administrator can have EWS enabled: for the organization with this application among those allowed (Set-OrganizationConfig -EwsEnabled $true -EwsAllowedAppIDs), and for the mailbox (Set-CASMailbox -EwsEnabled $true); it takes up to two hours to apply, and goes on by itself"

// codeBlocked says that Exchange Online lets EWS not be used. It is in the catalogue (package mailbox), and tried again there:
// an administrator who mends it changes no profile.
const codeBlocked = "ews_blocked"

// forbidden says what 403 means.
func (c *client) forbidden(fail failing) error {
	if c.online() {
		return &provider.Error{Op: "ews", Kind: provider.ErrUnsupported, Code: codeBlocked, Remedy: remedyRetired,
			Err: errors.New("the server does not let this application use EWS for the mailbox; " + retired)}
	}
	return fail(provider.ErrUnsupported, "", "the server allows no programs, or not this one, to this mailbox")
}

// online reports whether the server is Exchange Online.
func (c *client) online() bool {
	if c.account.Profile.Kind.IsExchangeOnline() {
		return true
	}
	return diagnosis.Online(c.at.Hostname())
}

// headerIn returns the header of a refused sign-in, nil if err is none.
func headerIn(err error) http.Header {
	var refused *websignin.Refusal
	if errors.As(err, &refused) {
		return refused.Header
	}
	return nil
}

const remedyScope = "permit the application this mailbox: in Exchange Online by the role \"Application EWS.AccessAsApp\" with a scope that holds it (RBAC for Applications), or full_access_as_app without an application access policy that leaves it out; on premises by the role ApplicationImpersonation. It takes up to two hours to apply, and goes on by itself"

// granted tells a refusal to let us act for a mailbox as what it is. An application's is a mailbox that is not opened to
// it, or not yet, and one of Exchange Online's that lately let us act for it mostly passes.
func (c *client) granted(e *provider.Error) {
	switch e.Code {
	case "ErrorImpersonateUserDenied", "ErrorImpersonationDenied", "ErrorImpersonationFailed":
	case "ErrorAccessDenied":
		if !c.impersonates() {
			return
		}
	default:
		return
	}
	if c.account.Endpoint.Credentials == profile.ServerToServer {
		e.Code, e.Remedy = diagnosis.CodeMailbox, remedyScope
	}
	if c.online() && c.driver.known.lately(c.account.Mailbox.Key) {
		e.Kind, e.Code = provider.ErrUnavailable, "ErrorInternalServerTransientError"
		e.Remedy = "nothing at first: Exchange Online has let us act for this mailbox within the last hours; if it lasts, have the application's role for the mailbox looked at"
	}
}
