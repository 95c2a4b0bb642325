package wire

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// soon is how long what happens at once may take on a busy machine.
const soon = time.Minute

func TestP3ContextEndsARead(t *testing.T) {
	c := mustDial(t, options(listen(t, stall)))
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(50*time.Millisecond, func() { cancel(why) })
	start := time.Now()
	end := c.During(ctx)
	_, err := c.Read(make([]byte, 1))
	if err = end(err); err != why {
		t.Fatalf("end = %v, want the context's cause", err)
	}
	if end(nil) != nil {
		t.Error("a second end does something")
	}
	if took := time.Since(start); took > soon {
		t.Errorf("a read outlived its context by %v", took)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is used again after an operation was cut off")
	}
}

func TestP3ContextEndsAWrite(t *testing.T) {
	c := mustDial(t, options(listen(t, func(c net.Conn) { <-time.After(500 * time.Millisecond) })))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	end := c.During(ctx)
	var err error
	for err == nil {
		_, err = c.Write(make([]byte, 1<<20))
	}
	if err = end(err); !errors.Is(err, context.DeadlineExceeded) && provider.KindOf(Error("x", err)) != provider.ErrUnavailable {
		t.Fatalf("end = %v", err)
	}
}

func TestAnEndedContextSendsNothing(t *testing.T) {
	got := make(chan int, 1)
	c := mustDial(t, options(listen(t, func(c net.Conn) {
		n, _ := c.Read(make([]byte, 10))
		got <- n
	})))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	end := c.During(ctx)
	_, err := io.WriteString(c, "hello")
	if err = end(err); err != context.Canceled {
		t.Errorf("end = %v, want context.Canceled", err)
	}
	c.Close()
	if n := <-got; n != 0 {
		t.Errorf("the server received %d bytes", n)
	}
}

func TestAContextThatEndsAfterwardsHarmsNothing(t *testing.T) {
	c := mustDial(t, options(listen(t, func(c net.Conn) { io.Copy(c, c) })))
	for range 200 {
		ctx, cancel := context.WithCancel(t.Context())
		end := c.During(ctx)
		_, err := io.WriteString(c, "x")
		if err == nil {
			_, err = io.ReadFull(c, make([]byte, 1))
		}
		cancel() // races with the operation's end
		if err := end(err); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNoDeadlineBetweenOperations(t *testing.T) {
	say := make(chan struct{})
	o := options(listen(t, func(c net.Conn) { <-say; io.WriteString(c, "x"); stall(c) }))
	o.Limits.Command = 50 * time.Millisecond
	c := mustDial(t, o)
	read := make(chan error, 1)
	go func() { _, err := c.Read(make([]byte, 1)); read <- err }()
	select {
	case err := <-read:
		t.Fatalf("a read between operations ended: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	close(say)
	if err := <-read; err != nil {
		t.Fatal(err)
	}
	// An operation's deadline reaches a read that waits already.
	go func() { _, err := c.Read(make([]byte, 1)); read <- err }()
	time.Sleep(20 * time.Millisecond)
	end := c.During(t.Context())
	err := Error("x", <-read)
	end(err)
	wantKind(t, err, provider.ErrUnavailable)
}

// everyPause returns a connection to a server that writes n bytes, one after each pause. It is for a
// bubble, where time passes only when nobody has anything to do.
func everyPause(t *testing.T, limit time.Duration, n int, pause time.Duration) *Conn {
	client, server := net.Pipe()
	over := make(chan struct{})
	t.Cleanup(func() { client.Close(); <-over })
	go func() {
		defer close(over)
		defer server.Close()
		for range n {
			time.Sleep(pause)
			if _, err := server.Write([]byte("x")); err != nil {
				return
			}
		}
	}()
	return newConn(client, "x", nil, provider.Limits{Command: limit}.WithDefaults())
}

func TestProgressExtendsTheDeadline(t *testing.T) {
	const pieces = 25
	for _, tt := range []struct {
		pause time.Duration
		kind  provider.Kind
	}{{50 * time.Second, ""}, {70 * time.Second, provider.ErrUnavailable}} {
		synctest.Test(t, func(t *testing.T) {
			c := everyPause(t, time.Minute, pieces, tt.pause)
			end := c.During(t.Context())
			_, err := io.ReadFull(c, make([]byte, pieces))
			if err := Error("x", end(err)); provider.KindOf(err) != tt.kind || tt.kind == "" && err != nil {
				t.Errorf("a server that gives a byte each %v: %v, want %q", tt.pause, err, tt.kind)
			}
		})
	}
}

func TestDeadlineIsWhateverProgress(t *testing.T) {
	o := options(listen(t, func(c net.Conn) {
		for {
			if _, err := io.WriteString(c, "x"); err != nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}))
	c := mustDial(t, o)
	end := c.During(t.Context())
	c.Deadline(200 * time.Millisecond)
	_, err := io.Copy(io.Discard, c)
	err = Error("x", end(err))
	wantKind(t, err, provider.ErrUnavailable)
}

func TestFloor(t *testing.T) {
	var w window
	if w.slow(100, 29*time.Second, 500) {
		t.Error("judged before the window was full")
	}
	if !w.slow(100, 2*time.Second, 500) {
		t.Error("200 bytes in 31 s is not slow")
	}
	if w.slow(15_000, 30*time.Second, 500) || w.slow(20_000, 31*time.Second, 500) {
		t.Error("500 bytes a second is slow")
	}
	c := newConn(nil, "x", nil, provider.Limits{}.WithDefaults())
	client, server := net.Pipe()
	defer server.Close()
	c.raw, c.stream = client, client
	c.Body(true)
	if err := c.settle(10, 31*time.Second, nil); !errors.Is(err, errSlow) {
		t.Errorf("settle = %v, want errSlow", err)
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, errSlow) {
		t.Errorf("Read = %v after the connection was given up", err)
	}
	c.Close()
}

func TestSilent(t *testing.T) {
	step := make(chan struct{})
	c := mustDial(t, options(listen(t, func(c net.Conn) { <-step; io.WriteString(c, "250 early\r\n"); <-step })))
	if err := c.Silent(); err != nil {
		t.Fatalf("Silent() = %v, want nil", err)
	}
	step <- struct{}{}
	err := await(c, nil)
	if err != ErrEarly {
		t.Skipf("this system cannot look: %v", err)
	}
	if b := make([]byte, 11); true {
		if _, err := io.ReadFull(c, b); err != nil || string(b) != "250 early\r\n" {
			t.Fatalf("read %q, %v: the early bytes are lost", b, err)
		}
	}
	close(step)
	if err := await(c, nil); err != io.EOF {
		t.Errorf("Silent() = %v after the server hung up, want EOF", err)
	}
}

// await asks until the answer is another than not.
func await(c *Conn, not error) (err error) {
	for until := time.Now().Add(soon); time.Now().Before(until); {
		if err = c.Silent(); err != not {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return err
}

func TestBlackHole(t *testing.T) {
	// A listener that never accepts, with a full queue, would depend on the system;
	// a server that takes the connection and says nothing is the same to a reader.
	o := options(listen(t, stall))
	o.TLS = profile.ImplicitTLS
	o.Limits.TLS = 200 * time.Millisecond
	start := time.Now()
	_, err := Dial(t.Context(), o)
	wantKind(t, err, provider.ErrUnavailable)
	if time.Since(start) > soon {
		t.Error("a silent server held us")
	}
}

func TestDialErrors(t *testing.T) {
	const address = "127.0.0.1:1" // a port that was free may be somebody's in a moment
	_, err := Dial(t.Context(), options(address))
	wantKind(t, err, provider.ErrUnavailable)
	if !strings.Contains(err.Error(), "nothing listens") {
		t.Errorf("words = %q", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Dial(ctx, options(address)); err != context.Canceled {
		t.Errorf("Dial with an ended context = %v", err)
	}
}

func TestErrorPassesThrough(t *testing.T) {
	own := &provider.Error{Op: "a", Kind: provider.ErrAuth}
	for _, err := range []error{nil, own, context.Canceled, context.DeadlineExceeded} {
		if got := Error("x", err); got != err {
			t.Errorf("Error(%v) = %v", err, got)
		}
	}
	// The dialler's own time-out says that it is a context's.
	_, err := (&net.Dialer{Timeout: 1}).Dial("tcp", "127.0.0.1:1")
	wantKind(t, Error("x", err), provider.ErrUnavailable)
}

func TestQuote(t *testing.T) {
	tests := []struct{ text, want string }{
		{"250 ok", "250 ok"},
		{"a\r\nb\x1b[31mc\x00", `a\r\nb\x1b[31mc\x00`},
		{"caf\xe9 \u202eevil\u2028x", `caf\xe9 \u202eevil\u2028x`},
		{"größer", "größer"},
		{"\u0085", ``},
		{strings.Repeat("x", 256), strings.Repeat("x", 256)},
		{strings.Repeat("x", 257), strings.Repeat("x", 253) + "…"},
		{strings.Repeat("\x01", 10_000), strings.Repeat(`\x01`, 63) + "…"},
	}
	for _, tt := range tests {
		if got := Quote(tt.text); got != tt.want || len(got) > maxQuote {
			t.Errorf("Quote(%.20q…) = %q (%d bytes), want %q", tt.text, got, len(got), tt.want)
		}
	}
}
