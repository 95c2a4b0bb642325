package s2s

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/go-serversync/serversync/internal/tokens"
	"github.com/go-serversync/serversync/profile"
)

// A Cloud is one of Microsoft's, or a private one: who gives tokens, and what those of Exchange Online are for.
type Cloud struct {
	Authority string   // where tokens are given, without a tenant: https://login.microsoftonline.com
	Resource  string   // what tokens of Exchange Online are for: https://outlook.office365.com
	Hosts     []string // who may see them: host names, each of which stands for itself and every name in it
}

// WorldWide is the cloud of nearly everybody.
func WorldWide() Cloud {
	return cloudOf(tokens.WorldWide(), "https://outlook.office365.com", "autodiscover-s.outlook.com", "autodiscover.outlook.com")
}

// USGovernment is the cloud of the United States' government (GCC High). GCC is in the
// world-wide one.
func USGovernment() Cloud {
	return cloudOf(tokens.USGovernment(), "https://outlook.office365.us", "autodiscover-s.office365.us")
}

// USDefense is the cloud of the United States' Department of Defense.
func USDefense() Cloud {
	return cloudOf(tokens.USDefense(), "https://outlook-dod.office365.us", "autodiscover-s-dod.office365.us")
}

// China is the cloud that 21Vianet runs.
func China() Cloud { return cloudOf(tokens.China(), "https://partner.outlook.cn") }

func cloudOf(c tokens.Cloud, resource string, more ...string) Cloud {
	return Cloud{Authority: "https://" + c.Login, Resource: resource, Hosts: append(c.Hosts, more...)}
}

// exchangeOnline is how Entra ID itself names Exchange Online, in every cloud.
const exchangeOnline = "00000002-0000-0ff1-ce00-000000000000"

// ConsentURL returns the page on which an administrator of a tenant has the application of client admitted to the
// mailboxes there, for a host to show.
func (c Cloud) ConsentURL(tenant, client string) string {
	return strings.TrimRight(c.Authority, "/") + "/" + url.PathEscape(tenant) + "/adminconsent?client_id=" + url.QueryEscape(client)
}

func (c Cloud) isZero() bool { return c.Authority == "" && c.Resource == "" && len(c.Hosts) == 0 }

// Check returns all that is wrong with c, nil if nothing is.
func (c Cloud) Check() error {
	var all []error
	for _, u := range []struct{ field, location string }{{"Authority", c.Authority}, {"Resource", c.Resource}} {
		if hostOf(u.location) == "" {
			all = append(all, fmt.Errorf("the Cloud's %s is no https URL of a host alone", u.field))
		}
	}
	if len(c.Hosts) == 0 {
		all = append(all, errors.New("the Cloud's Hosts are none, so its tokens are for nobody"))
	}
	for _, h := range c.Hosts {
		if profile.CheckHost(h) != nil || strings.Contains(h, "*") {
			all = append(all, fmt.Errorf("the Cloud's Hosts: %q is no host name", h))
		}
	}
	return errors.Join(all...)
}

// maxLocation is how long the URL of a host can be: the longest name, with a scheme and a port.
const maxLocation = 253 + 32

// hostOf returns the host of an https URL that names a host and nothing else, "" for anything else.
func hostOf(location string) string {
	if len(location) > maxLocation {
		return ""
	}
	u, err := url.Parse(location)
	if err != nil || u.Scheme != "https" || u.User != nil || strings.Trim(u.EscapedPath(), "/") != "" || strings.ContainsAny(location, "?#@\\ ") || profile.CheckHost(u.Hostname()) != nil {
		return ""
	}
	return u.Hostname()
}
