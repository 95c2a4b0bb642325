package testserver

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

// Exim names a message by the second and the microsecond of its delivery, and pads
// neither. A microsecond of few digits comes first all the same.
func TestEximReceivedOldestFirst(t *testing.T) {
	e := &Exim{instance: instance{dir: t.TempDir()}}
	folder := filepath.Join(e.dir, "mail", "new")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"999999999.M999999P7.exim.example.test",
		"1795810369.M7P29000.exim.example.test",
		"1795810369.M31479P23710.exim.example.test",
		"1795810369.M245668P23705.exim.example.test",
		"1795810370.M5P1.exim.example.test",
	}
	for _, name := range want {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := e.Received(context.Background(), len(want))
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range want {
		if string(got[i]) != name {
			t.Errorf("message %d is %s, want %s", i, got[i], name)
		}
	}
}
