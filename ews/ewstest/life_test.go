package ewstest

import (
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A server that is closed leaves nothing behind, whatever was under way.
func TestCloseLeavesNothing(t *testing.T) {
	for range 3 {
		s := NewServer(Options{})
		c := newClient(t, s)
		s.SetFault(Fault{Hang: true, Times: 1}, Fault{Delay: time.Hour, Times: 1})
		failed := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := newClient(t, s).http.Do(c.signed(newRequest(t, s)))
				failed <- err
			}()
		}
		require.Eventually(t, func() bool { return s.Counts().All == 2 }, time.Minute, time.Millisecond)
		s.Close()
		for range 2 {
			require.Error(t, <-failed)
		}
		s.Close() // again does nothing
		leavesNothing(t)
	}
}

func newRequest(t *testing.T, s *Server) *http.Request {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL(), strings.NewReader(soapOf(asked, zonesRequest)))
	if err != nil {
		t.Error(err)
	}
	return r
}

// leavesNothing waits until a server's goroutines, which have done all they had to do, are gone.
func leavesNothing(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool { return leaks("ewstest.(*Server)", "net/http.(*conn).serve") == nil }, time.Minute, time.Millisecond)
}

// leaks returns the goroutines that run what is named.
func leaks(names ...string) (all []string) {
	buf := make([]byte, 1<<20)
	for _, g := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		for _, name := range names {
			if strings.Contains(g, name) {
				all = append(all, g)
			}
		}
	}
	return all
}

func TestBreak(t *testing.T) {
	c := newClient(t, start(t, Options{}))
	require.Equal(t, 200, c.zones("").status)
	c.s.Break()
	require.Eventually(t, func() bool {
		answer, err := c.http.Do(c.signed(newRequest(t, c.s)))
		if err == nil {
			answer.Body.Close()
		}
		return err == nil && answer.StatusCode == 200
	}, time.Minute, time.Millisecond)
	require.EqualValues(t, 2, c.s.Counts().Connections)
}
