package profile

import "strings"

// A rule is one thing that can be wrong with a profile: what is told about it, and
// how it is recognised. The table of docs/profiles.md is drawn from the rules.
type rule struct {
	code     string
	original string // what Dynamics 365 calls it, without the 8005 in front
	outgoing string // the same where it calls it otherwise on the outgoing side
	matrix   string // the rule of the support matrix
	level    Level
	part     part
	side     Side // the only side that it is looked for on; "" for both
	field    string
	message  string
	remedy   string

	// One of the two is set. An end is one side of the profile.
	broken    func(f *facts) bool
	brokenEnd func(f *facts, e *end) bool
}

// A part is where the field of a rule stands, which says whose mistake it is where
// Outgoing takes what is Incoming's.
type part int

const (
	whole    part = iota // in the profile itself; never said twice
	own                  // in each endpoint, always its own
	location             // in each endpoint; Exchange may take Incoming's
	signIn               // in each endpoint; Outgoing takes Incoming's unless OwnOutgoing
)

// rules are all of them, in the order in which they are told.
var rules = concat(profileRules, locationRules, systemRules, credentialRules, authenticationRules)

func concat(lists ...[]rule) (all []rule) {
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

// check adds to issues what r finds. Where Outgoing takes Incoming's, the field is
// Incoming's; it concerns the side or sides on which it does harm.
func (r *rule) check(f *facts, issues Issues) Issues {
	if r.broken != nil {
		if r.broken(f) {
			issues = append(issues, r.issue(r.side, ""))
		}
		return issues
	}
	in := r.side != Outgoing && r.brokenEnd(f, &f.incoming)
	out := r.side != Incoming && r.brokenEnd(f, &f.outgoing)
	switch {
	case !in && !out:
	case r.part == whole || f.inherits(r.part):
		side := Side("")
		if !out {
			side = Incoming
		} else if !in {
			side = Outgoing
		}
		issues = append(issues, r.issue(side, Incoming))
	default:
		if in {
			issues = append(issues, r.issue(Incoming, Incoming))
		}
		if out {
			issues = append(issues, r.issue(Outgoing, Outgoing))
		}
	}
	return issues
}

// issue returns the issue of a side whose field stands in the endpoint of where.
func (r *rule) issue(side, where Side) Issue {
	return Issue{
		Code: r.codeAt(where), Original: r.originalAt(where), Rule: r.matrix, Level: r.level,
		Side: side, Field: r.fieldAt(where), Message: r.message, Remedy: r.remedy,
	}
}

func (r *rule) codeAt(where Side) string {
	if r.part == whole {
		return r.code
	}
	return string(where) + "-" + r.code
}

func (r *rule) originalAt(where Side) string {
	short := r.original
	if where == Outgoing && r.outgoing != "" {
		short = r.outgoing
	}
	if short == "" {
		return ""
	}
	return "8005" + short
}

func (r *rule) fieldAt(where Side) string {
	if r.part == whole {
		return r.field
	}
	return strings.ToUpper(string(where[:1])) + string(where[1:]) + "." + r.field
}
