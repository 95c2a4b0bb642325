package mailbox

import (
	"github.com/go-serversync/serversync/profile"
)

// A rule is one thing that may be wrong with a mailbox. The rules are a table, so
// that the page docs/mailboxes.md can be drawn from them.
type rule struct {
	code     string
	original string // code and name in Dynamics 365
	matrix   string // the rule of the support matrix
	level    profile.Level
	side     Side
	field    string
	message  string
	remedy   string

	// One of the two is set. What is asked of each side that we work on concerns the
	// mailbox as a whole where it is broken on all of them.
	broken   func(s *subject) bool
	brokenOn func(s *subject, side Side) bool
}

// A subject is what a rule is held against.
type subject struct {
	Mailbox
	p      profile.Profile
	policy profile.Policy
}

// Validate returns every mistake in m, nil if there is none. p is the mailbox's
// profile, the zero Profile if there is none; mistakes within it are told by
// [profile.Profile.Validate].
//
// Issue.Original is the code of Dynamics 365 (Microsoft: "Web service error
// codes"), and Issue.Rule the rule of the support matrix (Microsoft: "Supported
// email service configurations for server-side synchronization").
//
// That mailbox or profile is inactive is a warning here, for such a mailbox may be
// edited; [Mailbox.Ready] has it as an error.
func (m Mailbox) Validate(p profile.Profile, policy profile.Policy) profile.Issues {
	s := &subject{m, p, policy}
	issues := s.against(recordRules[:], nil)
	if s.hasProfile() {
		issues = s.against(profileRules[:], issues)
	}
	return issues
}

// Ready returns what keeps a side of m from being tested and worked on at all,
// however good the settings are: it is not for us, or it is switched off.
func (m Mailbox) Ready(side Side, p profile.Profile) profile.Issues {
	s := &subject{Mailbox: m, p: p}
	return s.against(readyRules[:], nil).Of(side)
}

// against adds to issues what the rules find.
func (s *subject) against(rules []rule, issues profile.Issues) profile.Issues {
	for i := range rules {
		r := &rules[i]
		if r.brokenOn != nil {
			issues = s.onSides(r, issues)
		} else if r.broken(s) {
			issues = append(issues, r.issue(r.side))
		}
	}
	return issues
}

func (s *subject) onSides(r *rule, issues profile.Issues) profile.Issues {
	before, whole := len(issues), true
	for _, side := range [...]Side{Incoming, Outgoing, ACT} {
		switch {
		case !s.asks(side):
		case r.brokenOn(s, side):
			issues = append(issues, r.issue(side))
		default:
			whole = false
		}
	}
	if whole && len(issues) > before {
		issues = append(issues[:before], r.issue(""))
	}
	return issues
}

func (r *rule) issue(side Side) profile.Issue {
	original := r.original
	if len(original) > 8 {
		original = original[:8] // the name is for people
	}
	return profile.Issue{
		Code: r.code, Original: original, Rule: r.matrix, Level: r.level, Side: side,
		Field: r.field, Message: r.message, Remedy: r.remedy,
	}
}

// asks reports whether a side is for us to work on, active or not.
func (s *subject) asks(side Side) bool { return s.Method(side) == ServerSide }

// hasProfile reports whether p is the mailbox's profile.
func (s *subject) hasProfile() bool { return s.Profile != "" && s.Profile == s.p.ID }

// takes reports whether a side takes its credentials from a source.
func (s *subject) takes(side Side, source profile.Credentials) bool {
	return s.p.Endpoint(side).Credentials == source
}

func isExchangeOnline(k profile.Kind) bool {
	return k == profile.ExchangeOnline || k == profile.ExchangeOnlineHybrid
}

func isExchangeServer(k profile.Kind) bool {
	return k == profile.ExchangeServer || k == profile.ExchangeServerHybrid
}

func isHybrid(k profile.Kind) bool {
	return k == profile.ExchangeServerHybrid || k == profile.ExchangeOnlineHybrid
}
