package provider_test

import (
	"context"
	"fmt"

	"github.com/go-serversync/serversync/provider"
)

// counting is a host's wrapper that counts checks. Unwrap lets the abilities of
// what it wraps be found.
type counting struct {
	provider.Provider
	checks int
}

func (c *counting) Unwrap() provider.Provider { return c.Provider }

func (c *counting) Check(ctx context.Context) error {
	c.checks++
	return c.Provider.Check(ctx)
}

// An ability is found through a wrapper that does not know of it; a missing one is
// simply not there.
func ExampleAs() {
	session := &counting{Provider: acting{}}

	actor, ok := provider.As[provider.Actor](session)
	fmt.Println("can act:", ok)
	fmt.Println("marked:", actor.Act(context.Background(), provider.Act{Kind: provider.Mark, ID: "7", Flag: `\Seen`}))

	_, ok = provider.As[provider.Sender](session)
	fmt.Println("can send:", ok)
	// Output:
	// can act: true
	// marked: <nil>
	// can send: false
}
