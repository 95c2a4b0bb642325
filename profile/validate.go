package profile

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Validate returns every mistake in p under policy, nil if there is none.
func (p Profile) Validate(policy Policy) Issues {
	var issues Issues
	add := func(code, field, message, remedy string) {
		issues = append(issues, Issue{Code: code, Level: Error, Field: field, Message: message, Remedy: remedy})
	}
	if p.Kind.Incoming() == "" {
		add("kind-unknown", "Kind", fmt.Sprintf("%q is no kind of mail system", p.Kind), "use one of the package's kinds")
	}
	if utf8.RuneCountInString(p.Name) > 100 {
		add("name-long", "Name", "the name has more than 100 characters", "shorten it")
	}
	if p.MaxConnections < 0 || p.MaxConnections > 300 {
		add("connections-range", "MaxConnections", fmt.Sprintf("%d is not between 1 and 300", p.MaxConnections), "leave it at 0 for the default of 10")
	}
	if p.MinPollInterval < 0 || p.MinPollInterval > 24*time.Hour {
		add("poll-interval-range", "MinPollInterval", fmt.Sprintf("%v is not between 0 and 24 hours", p.MinPollInterval), "leave it at 0 for the default")
	}
	p.Incoming.validate("incoming", policy, add)
	p.Outgoing.validate("outgoing", policy, add)
	if p.Incoming.Credentials == Anonymous {
		add("incoming-anonymous", "Incoming.Credentials", "mail cannot be read without signing in", "take the credentials from the mailbox or the profile")
	}
	return issues
}

// Err returns Validate's issues as one error, nil if there is none.
func (p Profile) Err(policy Policy) error {
	err := p.Validate(policy).Err()
	if err == nil {
		return nil
	}
	return fmt.Errorf("profile %q: %w", p.ID, err)
}

func (e Endpoint) validate(direction string, policy Policy, add func(code, field, message, remedy string)) {
	title := strings.ToUpper(direction[:1]) + direction[1:]
	if strings.TrimSpace(e.Host) == "" {
		add(direction+"-host-missing", title+".Host", "no server is named", "enter the server's host name")
	} else if strings.ContainsAny(e.Host, " \t\r\n/@#?%\\\x00") {
		add(direction+"-host-form", title+".Host", "it is not a bare host name", "enter the name alone, without user, path or scheme")
	}
	if e.Port < 0 || e.Port > 65535 {
		add(direction+"-port-range", title+".Port", fmt.Sprintf("%d is not between 1 and 65535", e.Port), "leave it at 0 for the usual port")
	}
	switch e.TLS {
	case ImplicitTLS, StartTLS:
	case Plaintext:
		if !policy.AllowPlaintext {
			add(direction+"-plaintext", title+".TLS", "mail and password would cross the network unprotected, which this host does not allow", "use TLS")
		}
	default:
		add(direction+"-tls-unknown", title+".TLS", fmt.Sprintf("%q is no way to protect a connection", e.TLS), `use "", "starttls" or "plaintext"`)
	}
	switch e.Credentials {
	case FromMailbox, Anonymous:
	case FromProfile:
		if e.Username == "" {
			add(direction+"-username-missing", title+".Username", "the credentials come from the profile but it has no user name", "enter it, or take credentials from the mailbox")
		}
		if e.Password.IsZero() {
			add(direction+"-password-missing", title+".Password", "the credentials come from the profile but it has no password", "enter it, or take credentials from the mailbox")
		}
	default:
		add(direction+"-credentials-unknown", title+".Credentials", fmt.Sprintf("%q is no source of credentials", e.Credentials), `use "", "profile" or "anonymous"`)
	}
}
