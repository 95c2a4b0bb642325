package mailbox_test

import (
	"fmt"
	"time"

	"github.com/go-serversync/serversync/mailbox"
)

// A failure makes a direction wait; the next success makes it healthy again.
func ExampleState_Apply() {
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	retry := mailbox.Retry{}.WithDefaults()
	var s mailbox.State
	s, _ = s.Apply(mailbox.Event{Kind: mailbox.EventCycle, Side: mailbox.Incoming,
		Outcome: mailbox.Outcome{Class: mailbox.Transient, Fault: mailbox.Fault{Cause: "no answer"}}}, now, retry, 0.5)
	open, until, why := s.Gate(mailbox.Incoming, now, mailbox.Rules{}, retry)
	fmt.Println(s.Incoming.Phase, open, until.Sub(now), why.Cause)
	s, _ = s.Apply(mailbox.Event{Kind: mailbox.EventCycle, Side: mailbox.Incoming,
		Outcome: mailbox.Outcome{Class: mailbox.Succeeded}}, until, retry, 0.5)
	fmt.Println(s.Incoming.Phase)
	// Output:
	// retrying false 5m0s no answer
	// healthy
}
