package link

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long what happens at once may take on a busy machine.
const patience = time.Minute

// echo starts a server that greets if greeting is not empty and sends back what
// it gets.
func echo(t *testing.T, greeting string) string {
	return serve(t, func(c net.Conn) {
		io.WriteString(c, greeting)
		io.Copy(c, c)
	})
}

func serve(t *testing.T, handle func(net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { ln.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				handle(c)
			})
		}
	})
	return ln.Addr().String()
}

func start(t *testing.T, target string, o Options) *Link {
	t.Helper()
	before := runtime.NumGoroutine()
	l, err := Start(target, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		l.Close()
		l.Close()
		for until := time.Now().Add(patience); runtime.NumGoroutine() > before+2; time.Sleep(time.Millisecond) {
			if time.Now().After(until) {
				buf := make([]byte, 1<<20)
				t.Fatalf("goroutines are left:\n%s", buf[:runtime.Stack(buf, true)])
			}
		}
	})
	return l
}

func dial(t *testing.T, l *Link) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", l.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c.(*net.TCPConn)
}

func TestPasses(t *testing.T) {
	l := start(t, echo(t, ""), Options{})
	want := bytes.Repeat([]byte("0123456789"), 300_000)
	c := dial(t, l)
	go func() {
		c.Write(want)
		c.CloseWrite()
	}()
	got, err := io.ReadAll(c)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("got %d bytes, %v, want %d", len(got), err, len(want))
	}
	if s := l.Stats(); s.Conns != 1 || s.Up != int64(len(want)) || s.Down != int64(len(want)) {
		t.Errorf("stats are %+v", s)
	}
}

func TestTurns(t *testing.T) {
	tests := []struct {
		name     string
		greeting string
		asks     int
		want     int
	}{
		{name: "connect only", want: 1},
		{name: "a greeting is no turn", greeting: "hello\n", want: 1},
		{name: "the client speaks first", asks: 3, want: 4},
		{name: "the server speaks first", greeting: "hello\n", asks: 3, want: 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			// It answers lines, not pieces: a client that is held up between the pieces
			// of a flight hears nothing meanwhile.
			lines := serve(t, func(c net.Conn) {
				io.WriteString(c, tt.greeting)
				for r := bufio.NewReader(c); ; {
					line, err := r.ReadString('\n')
					if err != nil {
						return
					}
					io.WriteString(c, line)
				}
			})
			l := start(t, lines, Options{Delay: 5 * time.Millisecond})
			c := dial(t, l)
			r := bufio.NewReader(c)
			if tt.greeting != "" {
				r.ReadString('\n')
			}
			for range tt.asks {
				fmt.Fprint(c, "one ")
				fmt.Fprint(c, "flight\n")
				r.ReadString('\n')
			}
			for until := time.Now().Add(patience); l.Stats().Conns == 0 && time.Now().Before(until); {
				time.Sleep(time.Millisecond)
			}
			if got := l.Stats().Turns; got != tt.want {
				t.Errorf("%d turns, want %d", got, tt.want)
			}
		})
	}
}

func TestDelay(t *testing.T) {
	const delay = 20 * time.Millisecond
	l := start(t, echo(t, "hello\n"), Options{Delay: delay})
	// Connecting takes a round trip, and the greeting another, as the server waits
	// for the last of the three packets of a handshake. The quickest of some counts:
	// a busy machine makes others slower.
	const longest, longestTrip = 6 * delay, 3 * delay
	greeting, trip := time.Hour, time.Hour
	for n := 0; n < 5 || n < 200 && (greeting > longest || trip > longestTrip); n++ {
		began := time.Now()
		c := dial(t, l)
		r := bufio.NewReader(c)
		r.ReadString('\n')
		greeting = min(greeting, time.Since(began))
		began = time.Now()
		fmt.Fprint(c, "x\n")
		r.ReadString('\n')
		trip = min(trip, time.Since(began))
	}
	if greeting < 4*delay || greeting > longest {
		t.Errorf("the greeting came after %v, want %v", greeting, 4*delay)
	}
	if trip < 2*delay || trip > longestTrip {
		t.Errorf("a round trip took %v, want %v", trip, 2*delay)
	}
}

func TestDelayDoesNotNarrow(t *testing.T) {
	const size = 64 << 20
	l := start(t, serve(t, func(c net.Conn) {
		buf := make([]byte, 1<<20)
		for range size / len(buf) {
			c.Write(buf)
		}
	}), Options{Delay: 100 * time.Millisecond})
	began := time.Now()
	n, err := io.Copy(io.Discard, dial(t, l))
	took := time.Since(began)
	if err != nil || n != size {
		t.Fatalf("got %d bytes, %v", n, err)
	}
	// A line that waited for each 64 KB would take 100 s. Here it is the machine that
	// takes time.
	if took > 50*time.Second {
		t.Errorf("%d bytes took %v", size, took)
	}
	t.Logf("%.0f MB/s at 100 ms each way", size/took.Seconds()/1e6)
}

func TestBandwidth(t *testing.T) {
	l := start(t, echo(t, ""), Options{BytesPerSecond: 1_000_000})
	const least, most = 280 * time.Millisecond, 900 * time.Millisecond
	// The quickest of some: a busy machine makes others slower.
	quickest := time.Hour
	for n := 0; n == 0 || n < 50 && quickest > most; n++ {
		took := twice(t, l, 150_000)
		if took < least {
			t.Errorf("twice 150 KB at 1 MB/s took %v", took)
		}
		quickest = min(quickest, took)
	}
	if quickest > most {
		t.Errorf("twice 150 KB at 1 MB/s took %v and more", quickest)
	}
}

// twice has two connections at once bring so many bytes there and back, and returns
// how long that took.
func twice(t *testing.T, l *Link, size int64) time.Duration {
	t.Helper()
	began := time.Now()
	var wg sync.WaitGroup
	for range 2 {
		c := dial(t, l)
		wg.Go(func() {
			go func() {
				c.Write(make([]byte, size))
				c.CloseWrite()
			}()
			if n, err := io.Copy(io.Discard, c); n != size || err != nil {
				t.Errorf("got %d bytes, %v", n, err)
			}
		})
	}
	wg.Wait()
	return time.Since(began)
}

func TestSlice(t *testing.T) {
	l := start(t, echo(t, ""), Options{Slice: 1, Pause: time.Millisecond})
	// A reader that the machine holds up finds several slices at once.
	const enough = 30
	reads := 0
	for n := 0; n < 50 && reads < enough; n++ {
		reads = slices(t, l, strings.Repeat("abc", 100))
	}
	if reads < enough {
		t.Errorf("300 bytes came in %d reads", reads)
	}
}

// slices sends text there and back, and returns in how many reads it came.
func slices(t *testing.T, l *Link, text string) (reads int) {
	t.Helper()
	c := dial(t, l)
	go func() {
		io.WriteString(c, text)
		c.CloseWrite()
	}()
	var got []byte
	for buf := make([]byte, 64<<10); ; reads++ {
		n, err := c.Read(buf)
		got = append(got, buf[:n]...)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if string(got) != text {
		t.Fatalf("got %d bytes, want %d", len(got), len(text))
	}
	return reads
}

func TestCutDown(t *testing.T) {
	for _, kind := range []Kind{Close, Reset} {
		t.Run(fmt.Sprint(kind), func(t *testing.T) {
			// The server answers and does not greet, for a reset that comes before a dial
			// has returned makes it fail.
			l := start(t, echo(t, ""), Options{Fault: Once(Fault{Kind: kind, Down: 7})})
			c := dial(t, l)
			io.WriteString(c, "0123456789")
			got, err := io.ReadAll(c)
			if string(got) != "0123456" || errors.Is(err, syscall.ECONNRESET) != (kind == Reset) {
				t.Errorf("got %q, %v", got, err)
			}
			c = dial(t, l)
			io.WriteString(c, "0123456789")
			got = make([]byte, 10)
			if _, err := io.ReadFull(c, got); err != nil || string(got) != "0123456789" {
				t.Errorf("the second connection got %q, %v", got, err)
			}
		})
	}
}

func TestCutUp(t *testing.T) {
	for _, kind := range []Kind{Close, Reset} {
		t.Run(fmt.Sprint(kind), func(t *testing.T) {
			type end struct {
				data []byte
				err  error
			}
			ends := make(chan end, 1)
			l := start(t, serve(t, func(c net.Conn) {
				data, err := io.ReadAll(c)
				ends <- end{data, err}
			}), Options{Fault: Always(Fault{Kind: kind, Up: 100_000})})
			c := dial(t, l)
			wrote := make(chan error, 1)
			go func() {
				_, err := c.Write(make([]byte, 1<<20))
				wrote <- err
			}()
			got := <-ends
			if len(got.data) != 100_000 && kind == Close || len(got.data) > 100_000 || (got.err != nil) != (kind == Reset) {
				t.Errorf("the server got %d bytes, %v", len(got.data), got.err)
			}
			// The kernel tells of a reset once, to whichever call comes first.
			_, err := io.Copy(io.Discard, c)
			c.Close()
			if reset := errors.Is(err, syscall.ECONNRESET) || errors.Is(<-wrote, syscall.ECONNRESET); reset != (kind == Reset) {
				t.Errorf("the client got %v", err)
			}
		})
	}
}

func TestCutAtOnce(t *testing.T) {
	l := start(t, echo(t, "hello"), Options{Fault: Once(Fault{Kind: Close})})
	if got, err := io.ReadAll(dial(t, l)); len(got) != 0 || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestCutAll(t *testing.T) {
	l := start(t, echo(t, "hello"), Options{})
	c := dial(t, l)
	io.ReadFull(c, make([]byte, 5))
	l.Cut()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %v", err)
	}
}

func TestSilenceAfter(t *testing.T) {
	l := start(t, echo(t, "0123456789"), Options{Fault: Always(Fault{Kind: Silence, Down: 4})})
	c := dial(t, l)
	got := make([]byte, 10)
	if _, err := io.ReadFull(c, got[:4]); err != nil {
		t.Fatal(err)
	}
	c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if n, err := c.Read(got[4:]); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %q more, %v", got[4:4+n], err)
	}
	c.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
	if n, err := c.Write(make([]byte, 64<<20)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a silent line took %d bytes, %v", n, err)
	}
}

func TestSilence(t *testing.T) {
	l := start(t, echo(t, ""), Options{})
	c := dial(t, l)
	buf := make([]byte, 4)
	for range 3 {
		l.Silence(true)
		l.Silence(true)
		fmt.Fprint(c, "ping")
		c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if n, err := c.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("got %q, %v", buf[:n], err)
		}
		l.Silence(false)
		l.Silence(false)
		c.SetReadDeadline(time.Now().Add(patience))
		if _, err := io.ReadFull(c, buf); err != nil || string(buf) != "ping" {
			t.Fatalf("got %q, %v", buf, err)
		}
	}
}

func TestServerGone(t *testing.T) {
	l := start(t, "127.0.0.1:1", Options{}) // a port that was free may be somebody's in a moment
	// The reset may come before the dial returns.
	c, err := net.Dial("tcp", l.Addr())
	if err == nil {
		defer c.Close()
		_, err = io.ReadAll(c)
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %v, want a reset", err)
	}
}

func TestServerResets(t *testing.T) {
	l := start(t, serve(t, func(c net.Conn) {
		io.WriteString(c, "half a li")
		time.Sleep(20 * time.Millisecond)
		c.(*net.TCPConn).SetLinger(0)
	}), Options{})
	got, err := io.ReadAll(dial(t, l))
	if string(got) != "half a li" || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestCloseUnderLoad(t *testing.T) {
	for _, silent := range []bool{false, true} {
		l := start(t, echo(t, ""), Options{Delay: time.Millisecond})
		for range 10 {
			c := dial(t, l)
			go io.Copy(c, c)
			c.Write(make([]byte, 1<<20))
		}
		l.Silence(silent)
		began := time.Now()
		l.Close()
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("Close took %v", took)
		}
	}
}
