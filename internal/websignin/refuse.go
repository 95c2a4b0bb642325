package websignin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-serversync/serversync/internal/diagnosis"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

var (
	errBare        = errors.New("what proves us would cross the network unprotected")
	errMissing     = errors.New("there is no user name, or no password")
	errControls    = errors.New("user name or password has a line end or a NUL in it, which no header can say")
	errColon       = errors.New("the user name has a colon, which Basic cannot say")
	errNoMechanism = errors.New("the account has no mechanism for the profile's authentication that can sign in to web servers")
	errPolicy      = errors.New("this host does not allow Negotiate and NTLM")
	errFIPS        = errors.New("NTLM is not FIPS 140 approved, which this host requires")
	errSASL        = errors.New("the profile's authentication is none for web servers")
	errNoSignIn    = errors.New("the server wants a sign-in and offers no way to")
	errNoWay       = errors.New("the server offers no way to sign in that profile and policy allow")
	errPanicked    = errors.New("the host's mechanism failed")
	errNothing     = errors.New("the host's mechanism gives nothing")
)

// A Refusal is why a request was not served, as the cause of an error of the kind ErrAuth.
type Refusal struct {
	Header  http.Header // of the answer, without what repeats a secret
	Offered []string    // the schemes that the server offers, those that are known
	words   string
}

// Error says what the server has refused, and what it says about it.
func (r *Refusal) Error() string { return r.words }

// refused returns what an answer of 401 means.
func (c *Client) refused(h http.Header, by string) error {
	r := &Refusal{Header: c.hushed(h), Offered: offeredIn(h), words: "the server refused the sign-in"}
	if by != "" {
		r.words += " by " + by
	}
	var meant *diagnosis.Meaning
	if c.method == provider.WithToken {
		meant, _ = diagnosis.OfToken(h)
	}
	// What is quoted is of the fields that repeat nothing: a part of one could be a part of a secret.
	_, why := diagnosis.OfToken(r.Header)
	if meant != nil {
		r.words += ": " + meant.Cause
	}
	if why != "" && !c.Repeats(why) {
		r.words += ": " + wire.Quote(why)
	}
	e := &provider.Error{Op: c.op, Kind: provider.ErrAuth, Code: wire.HTTPCode(http.StatusUnauthorized), Remedy: c.remedy(by), Err: r}
	if meant != nil {
		e.Code, e.Remedy = meant.Code, meant.Remedy(c.application())
		if e.Code == "token_issuer" && c.issues() {
			e.Remedy = remedyPartner
		}
	}
	if by != "" && len(r.Offered) > 0 && !(&way{name: by}).offeredBy(r.Offered) {
		e.Remedy += "; the server does not offer " + by + ", but " + strings.Join(r.Offered, ", ")
	}
	return e
}

// diagnosed reports whether a refusal says why.
func diagnosed(refused error) bool {
	var e *provider.Error
	return errors.As(refused, &e) && e.Code != wire.HTTPCode(http.StatusUnauthorized)
}

// application reports whether it is an application that signs in, as itself.
func (c *Client) application() bool { return c.account.Endpoint.Credentials == profile.ServerToServer }

// issues reports whether the tokens are this host's own.
func (c *Client) issues() bool { return c.account.Profile.IssuesTokens(c.account.Endpoint.Credentials) }

// remedyPartner is for tokens that this host issues itself.
const remedyPartner = "have the Exchange administrator make this host a partner application (New-PartnerApplication), or read its metadata anew (Set-PartnerApplication -RefreshAuthMetadata); check that the client ID, the realm and the certificate of the profile are those of the metadata"

// remedy says what to do about a refusal of which the server does not tell the reason.
func (c *Client) remedy(by string) string {
	switch {
	case c.issues():
		return remedyPartner
	case c.method == provider.WithToken && c.application():
		return "see that the application has a role by RBAC for Applications that is for this mailbox, or full_access_as_app (Office 365 Exchange Online, application permissions) with an administrator's consent; it can take two hours until that counts"
	case c.method == provider.WithToken:
		return "see whether the application may use this service for the mailbox and has an administrator's consent; for an owner's consent, have it given again"
	case by == negotiate || by == ntlm:
		return "check user name and password, or the identity that this process runs under, and the server's name in the profile; a server that insists on Extended Protection takes neither NTLM nor Kerberos from here"
	}
	return "check user name and password"
}

// hushed returns h without the fields that repeat a secret: an error outlives its request, and is shown.
func (c *Client) hushed(h http.Header) http.Header {
	kept := make(http.Header, len(h))
	for name, values := range h {
		if !c.Repeats(name) && !slices.ContainsFunc(values, c.Repeats) {
			kept[name] = values
		}
	}
	return kept
}

func (c *Client) fail(kind provider.Kind, remedy string, err error) error {
	return &provider.Error{Op: c.op, Kind: kind, Remedy: remedy, Err: err}
}

// open reports whether the profile leaves it to the server how it is signed in to.
func (c *Client) open() bool {
	return c.method != provider.WithToken && c.account.Endpoint.Authentication == profile.AutoDetect
}

// impossible says why no server could be signed in to.
func (c *Client) impossible() error {
	fips := c.peer("").Policy.FIPS
	switch {
	case c.method == provider.WithPassword:
		return c.fail(provider.ErrUnsupported, "leave the authentication open, or use Basic, NTLM or Negotiate", errSASL)
	case !c.account.Policy.ADAuthenticationAllowed():
		return c.fail(provider.ErrUnsupported, "have the operator set Policy.ADAuthentication, or use another authentication", errPolicy)
	case fips && c.account.Endpoint.Authentication == profile.NTLM:
		return c.fail(provider.ErrUnsupported, "use Kerberos, or OAuth", errFIPS)
	}
	return c.fail(provider.ErrUnsupported, "give the account the mechanism (packages auth/kerberos and auth/ntlm), or use another authentication", errNoMechanism)
}

// lacking says why a server that offers this cannot be signed in to.
func (c *Client) lacking(offered []string, ways []*way) error {
	if len(offered) == 0 {
		return c.fail(provider.ErrUnsupported, "have the server's operator offer one", errNoSignIn)
	}
	var names []string
	for _, w := range ways {
		names = append(names, w.name)
	}
	has := strings.Join(offered, ", ")
	return c.fail(provider.ErrUnsupported, fmt.Sprintf("the server needs to offer %s; it has %s", strings.Join(names, " or "), has),
		fmt.Errorf("%w: it has %s", errNoWay, strings.ToLower(has)))
}

// contain runs what is the host's. A panic is an error.
func (c *Client) contain(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errPanicked
			if text := fmt.Sprint(r); !c.Repeats(text) {
				err = fmt.Errorf("%w: %s", errPanicked, wire.Quote(text))
			}
			err = c.broken(err)
		}
	}()
	return f()
}

// broken says that the fault is the host's mechanism's.
func (c *Client) broken(err error) error {
	return c.fail(provider.ErrUnavailable, "whoever runs this service must look at the mechanism", err)
}

// foreign returns an error of another's as an *provider.Error, or as ctx's own.
func (c *Client) foreign(ctx context.Context, err error) error { return c.caller().Foreign(ctx, err) }
