package ews

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/ews/autodiscover"
)

// Who listens looks where mailboxes are as the driver does: it has what was found already, and
// the host's own finder.
func TestListenersFindMailboxesAsTheDriverDoes(t *testing.T) {
	d := new(Driver)
	require.Same(t, d.finder(), d.patient(time.Second).finder())
	d = &Driver{Autodiscover: new(autodiscover.Finder)}
	require.Same(t, d.Autodiscover, d.patient(time.Second).finder())
}
