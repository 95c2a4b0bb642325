package profile

import (
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-serversync/serversync/secret"
)

// A Proxy is how the operator has servers reached. It is the operator's alone: no
// profile names one, and the environment (HTTPS_PROXY and its like) is never looked
// at. The zero Proxy is none.
//
// Names are looked up and their addresses checked by us, and the proxy gets the
// address, unless it Resolves.
type Proxy struct {
	// URL is "socks5://host:port" (RFC 1928), or "http://host:port" or
	// "https://host:port" (CONNECT: RFC 9110, section 9.3.6). Its host is not
	// subject to the rules about addresses, which guard what organizations enter.
	URL string

	// Username and Password are shown to the proxy (RFC 1929, RFC 7617), as they
	// are unless the URL begins with https. Empty for a proxy that asks for none.
	Username string
	Password secret.Text

	// Resolves hands names to the proxy, for a host that cannot look them up. Then
	// only the form of a name and its port are checked here, and where the name
	// leads must be guarded by the proxy.
	Resolves bool
}

// IsZero reports whether there is no proxy.
func (p Proxy) IsZero() bool {
	return p.URL == "" && p.Username == "" && p.Password.IsZero() && !p.Resolves
}

// The faults of a Proxy. They repeat nothing of it, for a URL may hold a password.
var (
	errProxyURL    = errors.New("Proxy.URL is not socks5://host:port, http://host:port or https://host:port")
	errProxySecret = errors.New("Proxy.URL holds a user name or password: set Username and Password")
	errProxyLong   = errors.New("Proxy.Username and Proxy.Password may have 255 bytes each")
	errProxyUser   = errors.New("Proxy.Username may not have a colon (RFC 7617)")
	errProxyNone   = errors.New("Proxy.URL is empty, but another field of Proxy is set")
	errProxyNoName = errors.New("Proxy.Password is set without Proxy.Username")
)

// Parse returns the proxy's scheme ("socks5", "http" or "https") and its host:port.
// The error says what is wrong with p in words that repeat nothing of it.
func (p Proxy) Parse() (scheme, address string, err error) {
	u, err := url.Parse(p.URL)
	switch {
	case p.URL == "":
		return "", "", errProxyNone
	case err != nil || strings.ContainsAny(p.URL, "?#"):
		return "", "", errProxyURL
	case u.User != nil:
		return "", "", errProxySecret
	case u.Scheme != "socks5" && u.Scheme != "http" && u.Scheme != "https", u.Path != "" && u.Path != "/", !isHost(u.Hostname()):
		return "", "", errProxyURL
	case len(p.Username) > 255 || len(p.Password.Reveal()) > 255:
		return "", "", errProxyLong
	case u.Scheme != "socks5" && strings.Contains(p.Username, ":"):
		return "", "", errProxyUser
	case p.Username == "" && !p.Password.IsZero():
		return "", "", errProxyNoName
	}
	if port, err := strconv.ParseUint(u.Port(), 10, 16); err != nil || port == 0 {
		return "", "", errProxyURL
	}
	return u.Scheme, net.JoinHostPort(u.Hostname(), u.Port()), nil
}

// Err returns what is wrong with p, nil for a good one and for none.
func (p Proxy) Err() error {
	if p.IsZero() {
		return nil
	}
	_, _, err := p.Parse()
	return err
}
