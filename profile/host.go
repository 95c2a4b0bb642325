package profile

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The longest that is taken: a host name by RFC 1035, the others as Dynamics 365
// stores them.
const (
	maxHost        = 253
	maxURL         = 2084
	maxUsername    = 250
	maxApplication = 1024
	maxAddress     = 100
	maxName        = 100
	maxDescription = 2000
)

// isHost reports whether host is a host name or an IP address and nothing else.
// Names of digits, such as "2130706433" or "0x7f.1", are none: some resolvers take
// them for addresses that no policy has seen.
func isHost(host string) bool {
	if len(host) > maxHost {
		return false
	}
	name := strings.TrimSuffix(host, ".")
	if name == "" || name[0] == '.' || strings.Contains(name, "..") {
		return false
	}
	last := name[strings.LastIndexByte(name, '.')+1:]
	digits := strings.Trim(last, "0123456789") == "" || last[0] == '0' && last[1]|' ' == 'x'
	if digits || strings.Contains(host, ":") {
		addr, err := netip.ParseAddr(host)
		return err == nil && isZone(addr.Zone())
	}
	for i := range len(host) {
		if c := host[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`/\@#?%:[]"<>`, c) >= 0 {
			return false
		}
	}
	return true
}

// isZone reports whether zone is an interface's name, or empty. To netip any text is a
// zone, also one with a line end.
func isZone(zone string) bool {
	for _, c := range []byte(strings.ToLower(zone)) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && strings.IndexByte("-._", c) < 0 {
			return false
		}
	}
	return true
}

// A place is what a URL names.
type place struct {
	https bool
	host  string
	port  int
}

// parseURL reads the location of Exchange's web services. It takes an absolute
// http or https URL with a host, and nothing that could hide another or hold a
// secret: no user, query or fragment.
func parseURL(location string) (place, bool) {
	u, err := url.Parse(location)
	if err != nil || len(location) > maxURL || u.Scheme != "https" && u.Scheme != "http" {
		return place{}, false
	}
	at := place{https: u.Scheme == "https", host: u.Hostname(), port: 80}
	if at.https {
		at.port = 443
	}
	if strings.ContainsAny(location, "?#@") || strings.HasSuffix(u.Host, ":") || u.Opaque != "" || CheckHost(at.host) != nil {
		return place{}, false
	}
	if port := u.Port(); port != "" {
		// They are digits, and too many of them are the largest number there is.
		if at.port, _ = strconv.Atoi(port); at.port < 1 || at.port > 65535 {
			return place{}, false
		}
	}
	return at, true
}

// within reports whether host is domain or a name in it.
func within(host, domain string) bool {
	host = strings.TrimSuffix(host, ".")
	n := len(host) - len(domain)
	return n >= 0 && strings.EqualFold(host[n:], domain) && (n == 0 || host[n-1] == '.')
}

// A system is a mail system that its host names give away.
type system int

const (
	someSystem     system = iota
	gmail                 // with Google Workspace
	yahoo                 // Yahoo! Mail
	exchangeOnline        // for organizations, in the world-wide and the sovereign clouds
	outlookCom            // Outlook.com, MSN, Hotmail and Windows Live Mail, for people
)

func systemOf(host string) system {
	in := func(domains ...string) bool {
		for _, d := range domains {
			if within(host, d) {
				return true
			}
		}
		return false
	}
	switch {
	case in("gmail.com", "googlemail.com"):
		return gmail
	case in("yahoo.com"):
		return yahoo
	case in("office365.com", "outlook.office.com", "office365.us", "partner.outlook.cn"):
		return exchangeOnline
	case in("outlook.com", "live.com", "hotmail.com", "msn.com"):
		return outlookCom
	}
	return someSystem
}

// isText reports whether s can be shown in one line.
func isText(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
}

// longer reports whether s has more than most characters.
func longer(s string, most int) bool {
	return len(s) > most && utf8.RuneCountInString(s) > most
}

// isLines reports whether s can be shown as a text of several lines.
func isLines(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool {
		return unicode.IsControl(r) && r != '\t' && r != '\n' && r != '\r'
	}) < 0
}

// isAddress reports whether s can be a bare email address.
func isAddress(s string) bool {
	at := strings.LastIndexByte(s, '@')
	return at > 0 && at < len(s)-1 && isText(s) && !longer(s, maxAddress) && !strings.ContainsAny(s, " <>,;")
}
