package smtp_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/smtp"
	"github.com/go-serversync/serversync/smtp/smtptest"
)

// A cutter passes bytes between client and server and cuts both ways after so many
// bytes from one of the two.
type cutter struct {
	addr         string
	listener     net.Listener
	wg           sync.WaitGroup
	up, down     int64        // bytes allowed; negative: no bound
	passUp, pass int64        // bytes passed
	heard        bytes.Buffer // passed to the client
}

func newCutter(t *testing.T, server string, up, down int64) *cutter {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{addr: l.Addr().String(), listener: l, up: up, down: down}
	c.wg.Go(func() {
		client, err := l.Accept()
		if err != nil {
			return
		}
		defer client.Close()
		behind, err := net.Dial("tcp", server)
		if err != nil {
			return
		}
		defer behind.Close()
		cut := func() { client.Close(); behind.Close() }
		var both sync.WaitGroup
		both.Go(func() { c.passUp = carry(behind, client, c.up); cut() })
		both.Go(func() { c.pass = carry(io.MultiWriter(client, &c.heard), behind, c.down); cut() })
		both.Wait()
	})
	return c
}

func carry(to io.Writer, from io.Reader, allowed int64) int64 {
	if allowed >= 0 {
		from = io.LimitReader(from, allowed)
	}
	n, _ := io.Copy(to, from)
	return n
}

func (c *cutter) close() { c.listener.Close(); c.wg.Wait() }

// throughCutter sends one message through a connection that is cut, and returns
// the outcome, what the server took, and what cut it.
func throughCutter(t *testing.T, up, down int64) (status provider.Status, submitted int, taken int, c *cutter) {
	server := smtptest.NewServer(smtptest.Options{TLS: profile.Plaintext})
	c = newCutter(t, server.Addr, up, down)
	p, err := smtp.Driver{Limits: patient}.Open(t.Context(), account(c.addr, profile.Plaintext))
	status = provider.StatusRetry
	if err == nil {
		out := send(t, p.(provider.Sender), mail, bob)
		status, submitted = out.Recipients[0].Status, out.submitting
		p.Close()
	} else if provider.KindOf(err) != provider.ErrUnavailable {
		t.Errorf("cut at %d up, %d down: Open failed with %v", up, down, err)
	}
	c.close()
	server.Close()
	return status, submitted, len(server.Messages()), c
}

// uncut returns how many bytes go each way, the goodbye included. Close does not wait long for
// that, so what ended without it is done again.
func uncut(t *testing.T, bye string) (up, down int64) {
	for until := time.Now().Add(soon); time.Now().Before(until); {
		status, _, _, c := throughCutter(t, -1, -1)
		if status != provider.StatusSent {
			t.Fatalf("uncut it is %s", status)
		}
		if strings.HasSuffix(c.heard.String(), bye) {
			return c.passUp, c.pass
		}
	}
	t.Fatal("there was no goodbye")
	return 0, 0
}

// The server's side is cut at every byte of the dialogue, and so is ours. Whatever
// the place, "sent" needs the whole 250, and a message that the server has taken is
// never up for another try.
func TestCutAtEveryByte(t *testing.T) {
	const bye = "221 2.0.0 bye\r\n"
	up, down := uncut(t, bye)
	count := map[string]map[provider.Status]int{"server": {}, "client": {}}
	check := func(side string, at int64, status provider.Status, submitted, taken int, whole bool) {
		count[side][status]++
		name := fmt.Sprintf("%s cut at %d: %s, submitting %d, taken %d", side, at, status, submitted, taken)
		switch {
		case status == provider.StatusSent && (taken != 1 || !whole):
			t.Errorf("%s: sent, but the answer was cut", name)
		case status == provider.StatusRetry && taken != 0:
			t.Errorf("%s: it would be sent twice", name)
		case status == provider.StatusRejected:
			t.Errorf("%s: rejected by nobody", name)
		case status == provider.StatusUncertain && submitted != 1:
			t.Errorf("%s: uncertain without notice", name)
		}
	}
	for at := range down {
		status, submitted, taken, _ := throughCutter(t, -1, at)
		check("server", at, status, submitted, taken, at >= down-int64(len(bye)))
	}
	for at := range up {
		status, submitted, taken, _ := throughCutter(t, at, -1)
		check("client", at, status, submitted, taken, at >= up-int64(len("QUIT\r\n")))
	}
	t.Logf("server's %d bytes: %v; client's %d bytes: %v", down, count["server"], up, count["client"])
	if count["server"][provider.StatusUncertain] == 0 || count["server"][provider.StatusSent] == 0 {
		t.Error("the cuts did not reach the end")
	}
}
