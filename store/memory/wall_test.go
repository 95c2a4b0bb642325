package memory_test

import (
	"testing"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/store/memory"
)

// A wall is a mailbox's or a profile's. What is raised on no wall writes nothing.
func TestWall(t *testing.T) {
	store := memory.New()
	wall := ann.Wall()
	if err := store.Raise(ctx, wall); err != nil || store.Writes() != 0 {
		t.Errorf("Raise of nothing = %v, %d writes, want none", err, store.Writes())
	}
	if err := store.Raise(ctx, wall, mailbox.Alert{ID: "1"}); err != nil || store.Writes() != 1 {
		t.Errorf("Raise = %v, %d writes, want one", err, store.Writes())
	}
	wall.Profile = "relay"
	if err := store.Raise(ctx, wall, mailbox.Alert{ID: "2"}); err == nil || store.Writes() != 1 {
		t.Errorf("Raise on the wall of both = %v, %d writes, want an error", err, store.Writes())
	}
	if on, err := store.Alerts(ctx, wall, false, 10); err == nil {
		t.Errorf("Alerts on the wall of both = %v, want an error", on)
	}
}
