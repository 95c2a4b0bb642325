// Package diagnosis says what mail servers mean that refuse an access token, in words that an administrator can
// act upon: what Exchange says of a token in HTTP, and what Exchange Online leaves unsaid in IMAP, POP3 and SMTP.
package diagnosis

import "strings"

// Online reports whether a host is Exchange Online's, in the world-wide or a sovereign cloud.
func Online(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, domain := range []string{"office365.com", "outlook.office.com", "office365.us", "apps.mil", "partner.outlook.cn"} {
		if host == domain || strings.HasSuffix(host, "."+domain) {
			return true
		}
	}
	return false
}
