package testserver_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/go-serversync/serversync/internal/testserver"
	"github.com/go-serversync/serversync/internal/testserver/servertest"
)

func TestKDC(t *testing.T) {
	k := servertest.KDC(t, testserver.KDCOptions{Users: map[string]string{"anna": `two "words"`}, Services: []string{"imap/localhost"}})
	path, err := k.CCache(t.Context(), "anna")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(path); err != nil || len(b) < 100 {
		t.Errorf("the credential cache has %d bytes, %v", len(b), err)
	}
	path, err = k.Keytab(t.Context(), "imap/localhost", "anna")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(path); err != nil || !strings.Contains(string(b), "localhost") || !strings.Contains(string(b), "anna") {
		t.Errorf("the keytab has %d bytes, %v", len(b), err)
	}
	if err := k.Kadmin(t.Context(), "cpw -pw x nobody"); err == nil {
		t.Error("nobody's password was changed")
	}
	if err := k.Kadmin(t.Context(), "cpw -pw other anna"); err != nil {
		t.Error(err)
	}
	if _, err := k.CCache(t.Context(), "anna"); err == nil {
		t.Error("the old password was taken")
	}
	if err := k.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	pids := k.PIDs()
	if len(pids) == 0 {
		t.Error("nothing runs")
	}
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	gone(t, pids)
	if _, err := os.Stat(k.Dir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
}
