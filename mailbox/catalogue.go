package mailbox

// A Scope says whom an error concerns.
type Scope string

// The scopes, from the narrowest to the widest.
const (
	ScopeItem    Scope = "item"    // one message or recipient; a direction is never stopped by it
	ScopeMailbox Scope = "mailbox" // this mailbox; others go on
	ScopeProfile Scope = "profile" // every mailbox of the profile
)
