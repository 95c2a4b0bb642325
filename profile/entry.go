package profile

// entryRules are about secrets on their way from an administrator to the host.
var entryRules = []rule{
	{
		code: "entry-unprotected", level: Error, part: own, field: "Password",
		message: "user name and password were entered over an unencrypted channel, which this host does not allow", remedy: "enter them again over https, or have the operator set Policy.AllowUnprotectedEntry",
		brokenEnd: func(f *facts, e *end) bool { return e.enters() && !f.policy.AllowUnprotectedEntry },
	},
	{
		code: "entry-risky", level: Warning, part: own, field: "Password",
		message: "user name and password were entered over an unencrypted channel, where others may have read them", remedy: "enter another password over https",
		brokenEnd: func(f *facts, e *end) bool { return e.enters() && f.policy.AllowUnprotectedEntry },
	},
	{
		code: "entry-secret-unprotected", level: Error, field: "Application.Secret",
		message: "the secret was entered over an unencrypted channel, which this host does not allow", remedy: "make another and enter it over https, or have the operator set Policy.AllowUnprotectedEntry",
		broken: func(f *facts) bool {
			return !f.p.Application.Secret.IsZero() && !f.policy.AllowUnprotectedEntry
		},
	},
	{
		code: "entry-secret-risky", level: Warning, field: "Application.Secret",
		message: "the secret was entered over an unencrypted channel, where others may have read it", remedy: "make another and enter it over https",
		broken: func(f *facts) bool {
			return !f.p.Application.Secret.IsZero() && f.policy.AllowUnprotectedEntry
		},
	},
}

// enters reports whether something is written down to sign in with.
func (e *end) enters() bool { return e.written.Username != "" || !e.written.Password.IsZero() }

// ValidateEntry returns what is wrong with p having been entered, by an administrator
// in a form for instance, over a channel that was protected, or was not. Only what
// is entered now counts: leave out the secrets that were stored before.
func (p Profile) ValidateEntry(policy Policy, protected bool) Issues {
	if protected {
		return nil
	}
	f := p.facts(policy)
	var issues Issues
	for i := range entryRules {
		issues = entryRules[i].check(f, issues)
	}
	return issues
}
