package mailbox_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync/mailbox"
)

// Two organizations never both synchronize the appointments, contacts and tasks
// of one mailbox, unless one is told to take it over.
func TestClaim(t *testing.T) {
	var free Claim
	ok, _ := free.Check("contoso", false)
	require.True(t, ok)
	ours := free.Synced("contoso", start)
	require.Equal(t, Claim{"contoso", start, start}, ours)

	later := start.AddDate(0, 0, 1)
	ok, fault := ours.Check("contoso", false)
	require.True(t, ok)
	require.Zero(t, fault)
	ours = ours.Synced("contoso", later)
	require.Equal(t, Claim{"contoso", start, later}, ours)

	ok, fault = ours.Check("fabrikam", false)
	require.False(t, ok)
	require.Equal(t, "act-claimed", fault.Code)
	require.Contains(t, fault.Cause, `"contoso", last on 2026-11-22 09:00 UTC`)
	require.Contains(t, fault.Remedy, "take it over")

	ok, _ = ours.Check("fabrikam", true)
	require.True(t, ok)
	taken := ours.Synced("fabrikam", later)
	require.Equal(t, Claim{"fabrikam", later, later}, taken)
	ok, _ = taken.Check("contoso", false)
	require.False(t, ok, "who had it before notices")

	_, fault = Claim{Organization: "contoso"}.Check("fabrikam", false)
	require.NotContains(t, fault.Cause, "last on", "it has never been used")
	ok, fault = free.Check("", true)
	require.False(t, ok)
	require.Equal(t, "act-claim-unnamed", fault.Code)
}
