package testserver_test

import (
	"bytes"
	"context"
	"errors"
	"net/smtp"
	"os"
	"testing"
	"time"

	"github.com/go-serversync/serversync/internal/mailgen"
	"github.com/go-serversync/serversync/internal/testserver"
	"github.com/go-serversync/serversync/internal/testserver/servertest"
)

func sendToExim(t *testing.T, e *testserver.Exim, to string, raw []byte) {
	t.Helper()
	if err := smtp.SendMail(e.Addr, nil, "anna@example.test", []string{to}, raw); err != nil {
		t.Fatal(err)
	}
}

// inExim waits for n messages and returns the last.
func inExim(t *testing.T, e *testserver.Exim, n int) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	all, err := e.Received(ctx, n)
	if err != nil {
		t.Fatalf("%d of %d messages have arrived: %v", len(all), n, err)
	}
	return all[n-1]
}

func TestEximDelivers(t *testing.T) {
	next := servertest.Exim(t, testserver.EximOptions{Users: []string{"bob"}})
	e := servertest.Exim(t, testserver.EximOptions{Users: []string{"anna"}, Next: next.Addr})
	raw := mailgen.Message(1, 1, 20_000)
	sendToExim(t, e, "anna@example.test", raw)
	_, sent, _ := bytes.Cut(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n")), []byte("\n\n"))
	if _, got, _ := bytes.Cut(inExim(t, e, 1), []byte("\n\n")); !bytes.Equal(got, sent) {
		t.Errorf("%d bytes of body arrived, want %d", len(got), len(sent))
	}
	// There is nobody: its sender is told. Elsewhere goes to the next server, which
	// knows no such domain.
	sendToExim(t, e, "none@example.test", mailgen.Tiny(1, 2))
	if bounce := inExim(t, e, 2); !bytes.Contains(bounce, []byte("none@example.test")) {
		t.Errorf("no bounce but\n%s", bounce)
	}
	sendToExim(t, e, "someone@elsewhere.example", mailgen.Tiny(1, 3))
	for until := time.Now().Add(patience); !bytes.Contains([]byte(next.Log()), []byte("someone@elsewhere.example")); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("nothing has gone to the next server")
		}
	}
}

// What is delivered in the first tenth of a second comes before what follows in it.
func TestEximReceivesInOrder(t *testing.T) {
	e := servertest.Exim(t, testserver.EximOptions{Users: []string{"anna"}})
	const messages = 12
	begun := time.Now()
	time.Sleep(begun.Truncate(time.Second).Add(time.Second).Sub(begun))
	for n := range messages {
		sendToExim(t, e, "anna@example.test", mailgen.Tiny(1, n))
		inExim(t, e, n+1)
	}
	all, err := e.Received(t.Context(), messages)
	if err != nil {
		t.Fatal(err)
	}
	for n, raw := range all {
		_, want, _ := bytes.Cut(bytes.ReplaceAll(mailgen.Tiny(1, n), []byte("\r\n"), []byte("\n")), []byte("\n\n"))
		if _, got, _ := bytes.Cut(raw, []byte("\n\n")); !bytes.Equal(got, want) {
			t.Errorf("message %d is not the one that was sent so, but\n%s", n, raw)
		}
	}
}

func TestEximKillRestartClose(t *testing.T) {
	if err := testserver.AvailableExim(); err != nil {
		servertest.Exim(t, testserver.EximOptions{}) // skips or fails
	}
	e, err := testserver.StartExim(t.Context(), testserver.EximOptions{Users: []string{"anna"}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for i := range 3 {
		sendToExim(t, e, "anna@example.test", mailgen.Tiny(1, i))
		inExim(t, e, i+1)
		pids := e.PIDs()
		if len(pids) == 0 {
			t.Error("no process runs")
		}
		switch i {
		case 0:
			e.Kill()
			gone(t, pids)
			fallthrough
		case 1:
			if err := e.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
		default:
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
		}
		gone(t, pids)
	}
	if _, err := os.Stat(e.Dir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
}

func TestEximRefusesOptions(t *testing.T) {
	servertest.Exim(t, testserver.EximOptions{})
	if _, err := testserver.StartExim(t.Context(), testserver.EximOptions{Next: "192.0.2.1:25"}); err == nil {
		t.Error("a server elsewhere was taken")
	}
}
