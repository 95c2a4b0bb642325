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
		"999.H999999P7.exim.example.test",
		"1000.H7P9000.exim.example.test",
		"1000.H9876P31.exim.example.test",
		"1000.H123456P30.exim.example.test",
		"1001.H5P1.exim.example.test",
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
