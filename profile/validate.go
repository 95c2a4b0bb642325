package profile

import "fmt"

// Validate returns all that is wrong with p under policy at once, and warnings
// about what goes beyond the support matrix; nil if there is nothing to say. It
// opens no connection and asks no name server: what an address leads to is checked
// when it is dialled.
//
// A mailbox that uses one side only needs what [Issues.Of] returns for it.
func (p Profile) Validate(policy Policy) Issues {
	f := p.facts(policy)
	var issues Issues
	for i := range rules {
		issues = rules[i].check(f, issues)
	}
	return issues
}

// Err returns the errors among Validate's issues as one, nil if there is none.
// Warnings are none.
func (p Profile) Err(policy Policy) error {
	err := p.Validate(policy).Err()
	if err == nil {
		return nil
	}
	return fmt.Errorf("profile %q: %w", p.ID, err)
}
