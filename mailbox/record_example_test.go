package mailbox_test

import (
	"fmt"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
)

// All mistakes are told at once, before a connection is opened.
func ExampleMailbox_Validate() {
	p := profile.Profile{
		ID: "gmail", Kind: profile.IMAPSMTP,
		Incoming: profile.Endpoint{Host: "imap.gmail.com", Credentials: profile.OAuth},
		Outgoing: profile.Endpoint{Host: "smtp.gmail.com"},
	}
	m := mailbox.Mailbox{
		Key:     mailbox.Key{Organization: "contoso", Mailbox: "anna"},
		Address: "Anna <anna@example.com>", Regarding: "anna", Profile: "gmail",
		Methods:         mailbox.Methods{ACT: mailbox.ServerSide},
		DeleteProcessed: true,
	}
	for _, issue := range m.Validate(p, profile.Policy{}) {
		fmt.Println(issue.Field, issue.Code, issue.Original)
	}
	// Output:
	// Address address-form 8005E221
	// DeleteProcessed delete-of-user 8005E233
	// Methods.ACT act-needs-exchange 8005E247
}

// On Exchange Online, who runs the CRM cannot let it at the mailboxes alone.
func ExampleMayApprove() {
	m := mailbox.Mailbox{Address: "anna@example.com", Regarding: "anna", Profile: "exchange"}
	p := profile.Profile{ID: "exchange", Kind: profile.ExchangeOnline}
	ben := mailbox.Approver{Name: "ben", Roles: []mailbox.Role{mailbox.CRMAdministrator}}
	ok, why := mailbox.MayApprove(m, p, profile.Policy{}, mailbox.Settings{}, ben)
	fmt.Println(ok, why.Original, why.Remedy)

	ben.Roles = append(ben.Roles, mailbox.ExchangeAdministrator)
	ok, _ = mailbox.MayApprove(m, p, profile.Policy{}, mailbox.Settings{}, ben)
	fmt.Println(ok)
	// Output:
	// false 8009000B ask an Exchange or Global administrator
	// true
}

// An approval is for one address on one profile; another has to be approved anew.
func ExampleApproval_Holds() {
	m := mailbox.Mailbox{Address: "anna@example.com", Profile: "exchange"}
	p := profile.Profile{ID: "exchange", Kind: profile.ExchangeOnline}
	approval := mailbox.Approval{Status: mailbox.Approved, By: "ben", Address: m.Address, Profile: p.ID, Kind: p.Kind}
	fmt.Println(approval.Holds(m, p))
	m.Address = "boss@example.com"
	fmt.Println(approval.Holds(m, p), approval.Now(m, p))
	// Output:
	// true
	// false pending
}

// The organization's defaults suit every kind of mailbox.
func ExampleSettings_Apply() {
	s := mailbox.Settings{DefaultProfile: "exchange", DefaultMethods: mailbox.Methods{ACT: mailbox.ServerSide}}
	for _, kind := range []mailbox.Kind{mailbox.User, mailbox.Queue, mailbox.Forward} {
		m := s.Apply(mailbox.Mailbox{Kind: kind})
		fmt.Println(m.Profile, m.Syncs(mailbox.Incoming), m.Syncs(mailbox.Outgoing), m.Syncs(mailbox.ACT))
	}
	// Output:
	// exchange true true true
	// exchange true true false
	// exchange true false false
}

// A second organization does not take over a calendar by accident.
func ExampleClaim_Check() {
	claim := mailbox.Claim{Organization: "contoso"}
	_, fault := claim.Check("fabrikam", false)
	fmt.Println(fault.Code)
	ok, _ := claim.Check("fabrikam", true)
	fmt.Println(ok)
	// Output:
	// act-claimed
	// true
}
