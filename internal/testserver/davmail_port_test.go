package testserver

import (
	"net"
	"os"
	"testing"
)

// DavMail says that a port was taken, and goes on without it. Its start has to fail all
// the same, and in the way that makes StartDavMail try other ports.
func TestDavMailFindsPortTaken(t *testing.T) {
	if err := AvailableDavMail(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	for i, which := range []string{"IMAP", "SMTP"} {
		d, err := newDavMail(DavMailOptions{URL: "http://127.0.0.1:1/EWS/Exchange.asmx"})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		taken, err := net.Listen("tcp", loopback(d.ports.numbers[i]))
		if err != nil {
			t.Fatal(err)
		}
		defer taken.Close()
		if err := d.begin(t.Context()); err == nil || !d.portTaken() {
			t.Errorf("the port of %s is taken: %v; port taken: %v", which, err, d.portTaken())
		}
		if pids := d.PIDs(); len(pids) != 0 {
			t.Errorf("processes %d run on", pids)
		}
	}
}
