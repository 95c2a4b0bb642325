package s2s_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s"
	"github.com/go-serversync/serversync/s2s/s2stest"
	"github.com/go-serversync/serversync/secret"
)

// crowd has many mailboxes ask at once, all refused the same token, and returns which tokens they got.
func (w *world) crowd(n int, refused string) map[string]int {
	var mu sync.Mutex
	got := make(map[string]int)
	var all sync.WaitGroup
	start := make(chan struct{})
	for k := range n {
		all.Add(1)
		go func() {
			defer all.Done()
			<-start
			t, err := w.source.Token(context.Background(), account(fmt.Sprint("m", k)), secret.New(refused))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				got[err.Error()]++
				return
			}
			got[t.Value.Reveal()]++
		}()
	}
	close(start)
	all.Wait()
	return got
}

// 10,000 mailboxes that start at once make one request.
func TestTOK7(t *testing.T) {
	w := newWorld(t)
	got := w.crowd(10_000, "")
	require.Len(t, got, 1)
	require.Equal(t, 10_000, got[w.token()])
	require.Equal(t, 1, w.issuer.asked())
	require.Equal(t, 1, w.issuer.Counts().Visits[s2stest.Discovery])
	require.Equal(t, int64(1), w.source.Stats().Requests)
}

// Profiles that share a token share it too after nobody has asked for hours, when what was kept is swept.
func TestTOK7AfterAPause(t *testing.T) {
	w := newWorld(t)
	w.token()
	w.clock.pass(5 * time.Hour)
	for n := range 5 {
		a := account("ann")
		a.Profile.ID = profile.ID(fmt.Sprint("p", n))
		_, err := w.source.Token(context.Background(), a, secret.Text{})
		require.NoError(t, err)
	}
	w.settle()
	require.Equal(t, 2, w.issuer.asked())
}

// Who has no time left goes away; the request goes on for the others.
func TestTOK1FlightOutlivesItsCaller(t *testing.T) {
	w := newWorld(t)
	hold := make(chan struct{})
	w.issuer.SetFault(s2stest.Fault{Until: hold})
	ctx, cancel := context.WithCancel(context.Background())
	gone := make(chan error)
	go func() {
		_, err := w.source.Token(ctx, account("ann"), secret.Text{})
		gone <- err
	}()
	w.issuer.arrived()
	cancel()
	require.ErrorIs(t, <-gone, context.Canceled)
	other := make(chan error)
	go func() {
		_, err := w.source.Token(context.Background(), account("bob"), secret.Text{})
		other <- err
	}()
	close(hold)
	require.NoError(t, <-other)
	require.Equal(t, 1, w.issuer.asked())
}

// Thirty days, or a thousand lives: as many requests as lives, and no more than a life of which the last fifth is not used.
func TestTOK2ThirtyDays(t *testing.T) {
	for _, life := range []time.Duration{5 * time.Minute, 75 * time.Minute, time.Hour, 24 * time.Hour} {
		t.Run(life.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.issuer.SetLife(life + time.Second)
			month := min(30*24*time.Hour, 1000*life)
			if testing.Short() {
				month = min(3*24*time.Hour, 100*life)
			}
			step := min(life/10, time.Minute)
			for range month / step {
				got, err := w.source.Token(context.Background(), account("ann"), secret.Text{})
				require.NoError(t, err)
				require.GreaterOrEqual(t, got.Expires.Sub(w.clock.Now()), time.Minute)
				w.settle()
				w.clock.pass(step)
			}
			least, most := int((month+life-1)/life), int((month*5/4+life-1)/life)
			require.GreaterOrEqual(t, w.issuer.asked(), least)
			require.LessOrEqual(t, w.issuer.asked(), most)
			require.LessOrEqual(t, w.issuer.Counts().Visits[s2stest.Discovery], int(month/(24*time.Hour))+1)
			t.Log(life, w.issuer.asked(), "requests of", least, "to", most)
		})
	}
}

// A refresh is between four fifths of a token's life and its last minute, at the same time for one share.
func TestTOK2Schedule(t *testing.T) {
	for _, life := range []time.Duration{2 * time.Minute, 5 * time.Minute, 10 * time.Minute, time.Hour, 75 * time.Minute, 24 * time.Hour} {
		for _, share := range []float64{0, 0.3, 0.5, 0.999} {
			at := s2s.RefreshAt(share, epoch, epoch.Add(life))
			require.GreaterOrEqual(t, at.Sub(epoch), life*4/5)
			require.Less(t, at.Sub(epoch), life)
			want := max(5*time.Minute, life/10)
			if life >= 30*time.Minute {
				require.InDelta(t, float64(want), float64(life-at.Sub(epoch)), float64(want)/10+1)
			}
		}
	}
}

// Ahead of its end a token is refreshed without anybody waiting; in its last minute all wait.
func TestTOK2Ahead(t *testing.T) {
	w := newWorld(t)
	first := w.token()
	w.clock.pass(50 * time.Minute)
	require.Equal(t, first, w.token())
	w.settle()
	require.Equal(t, 1, w.issuer.asked(), "it was not due")
	w.clock.pass(6 * time.Minute)
	require.Equal(t, first, w.token(), "the old one serves while the refresh is under way")
	w.settle()
	second := w.token()
	require.NotEqual(t, first, second)
	require.Equal(t, 2, w.issuer.asked())
	w.clock.pass(59*time.Minute + time.Second)
	require.NotEqual(t, second, w.token(), "nothing is handed out with less than a minute left")
	require.Equal(t, 3, w.issuer.asked())
	require.Equal(t, int64(2), w.source.Stats().Refreshes)
}

// Where a refresh ahead fails the old token serves on, and the issuer is asked now and then.
func TestTOK2AheadFails(t *testing.T) {
	for name, row := range map[string]struct {
		answer      s2stest.Fault
		least, most int // requests within three minutes
	}{
		"away":      {said(503, "away"), 2, 4},
		"refused":   {said(401, `{"error":"invalid_client","error_description":"AADSTS7000222: expired"}`), 2, 4},
		"throttled": {said(429, "", "Retry-After", "150"), 2, 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			first := w.token()
			w.issuer.SetFault(row.answer)
			w.issuer.forget()
			w.clock.pass(55 * time.Minute)
			for range 3 * 60 {
				require.Equal(t, first, w.token())
				w.settle()
				w.clock.pass(time.Second)
			}
			assert.GreaterOrEqual(t, w.issuer.asked(), row.least)
			assert.LessOrEqual(t, w.issuer.asked(), row.most)
			w.issuer.SetFault()
			w.clock.pass(10 * time.Minute)
			require.NotEqual(t, first, w.token())
		})
	}
}

// A failure stands for a while, however many ask; a test asks at once, unless the issuer wants to be left alone.
func TestColdFailureIsRemembered(t *testing.T) {
	for name, row := range map[string]struct {
		answer s2stest.Fault
		kind   provider.Kind
		stands time.Duration
		test   int // requests that a test makes
	}{
		"refused":         {said(401, `{"error":"invalid_client","error_description":"AADSTS7000222: expired"}`), provider.ErrAuth, 30 * time.Second, 1},
		"away":            {said(503, ""), provider.ErrUnavailable, 5 * time.Second, 1},
		"away for so and": {said(503, "", "Retry-After", "90"), provider.ErrUnavailable, 90 * time.Second, 0},
		"throttled":       {said(429, "", "Retry-After", "600"), provider.ErrThrottled, 600 * time.Second, 0},
		"throttled mute":  {said(429, ""), provider.ErrThrottled, time.Minute, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.issuer.SetFault(row.answer)
			w.refused(row.kind)
			require.Len(t, w.crowd(1000, ""), 1)
			w.clock.pass(row.stands - time.Second)
			e := w.refused(row.kind)
			require.Equal(t, 1, w.issuer.asked())
			if row.test == 0 {
				require.Equal(t, time.Second, e.RetryAfter, "what is left of it")
			}
			_, err := w.source.Token(traced(), account("ann"), secret.Text{})
			isError(t, err, row.kind)
			require.Equal(t, 1+row.test, w.issuer.asked())
			w.issuer.SetFault()
			w.clock.pass(2 * row.stands)
			w.token()
		})
	}
}

// An issuer that stays away is asked less and less often.
func TestColdFailureGrows(t *testing.T) {
	w := newWorld(t)
	w.issuer.SetFault(said(500, ""))
	for range 60 * 60 {
		w.refused(provider.ErrUnavailable)
		w.clock.pass(time.Second)
	}
	require.Greater(t, w.issuer.asked(), 55)
	require.Less(t, w.issuer.asked(), 70)
}

// 10,000 mailboxes whose token is refused have it replaced once.
func TestTOK3Storm(t *testing.T) {
	w := newWorld(t)
	first := w.token()
	w.clock.pass(2 * time.Minute)
	got := w.crowd(10_000, first)
	require.Len(t, got, 1)
	require.Zero(t, got[first])
	require.Equal(t, 2, w.issuer.asked())
	require.Equal(t, 10_000, got[w.token()])
}

// A token that is new is not refused for its age: nobody is asked.
func TestTOK3YoungToken(t *testing.T) {
	w := newWorld(t)
	first := w.token()
	w.clock.pass(59 * time.Second)
	_, err := w.source.Token(context.Background(), account("ann"), secret.New(first))
	e := isError(t, err, provider.ErrAuth)
	require.Equal(t, s2s.CodeRefused, e.Code)
	require.Contains(t, e.Error(), contoso)
	require.Contains(t, e.Error(), client)
	require.Equal(t, 1, w.issuer.asked())
	require.Equal(t, first, w.token(), "others go on with it")
}

// One mailbox that is refused whatever token it shows has the issuer asked now and then, and no more.
func TestTOK3Stubborn(t *testing.T) {
	w := newWorld(t)
	for range 24 * 60 {
		have := w.token()
		w.settle()
		if next, err := w.source.Token(context.Background(), account("bad"), secret.New(have)); err == nil {
			_, err = w.source.Token(context.Background(), account("bad"), next.Value)
			require.Equal(t, s2s.CodeRefused, isError(t, err, provider.ErrAuth).Code)
		} else {
			require.Equal(t, s2s.CodeRefused, isError(t, err, provider.ErrAuth).Code)
		}
		w.clock.pass(time.Minute)
	}
	require.Less(t, w.issuer.asked(), 24+30, "a day of 24 tokens")
	require.Greater(t, w.issuer.asked(), 24)
}

// A clock that jumps costs a request at most, and nobody a token.
func TestTOK4ClockJumps(t *testing.T) {
	for _, jump := range []time.Duration{2 * time.Hour, -2 * time.Hour, 20 * time.Hour, -20 * time.Hour, 40 * 24 * time.Hour, -40 * 24 * time.Hour, 30 * time.Second, -30 * time.Second} {
		t.Run(jump.String(), func(t *testing.T) {
			w := newWorld(t)
			w.source.Certificates[0] = newCertificate(t, 0, "long", epoch.AddDate(-1, 0, 0), epoch.AddDate(1, 0, 0))
			w.issuer.register(w.source.Certificates[0])
			w.token()
			w.clock.pass(10 * time.Minute)
			// The issuer's clock does not jump, unless the jump is none of a clock's.
			w.clock.pass(jump)
			if jump.Abs() <= 24*time.Hour {
				w.issuer.SetClock(-jump)
			}
			w.token()
			w.settle()
			w.token()
			want := 2
			if jump.Abs() < time.Minute {
				want = 1
			} else if jump.Abs() <= 24*time.Hour {
				want = 3 // the assertion was of another time, and was made anew
			}
			require.Equal(t, want, w.issuer.asked())
			require.Zero(t, w.source.Stats().Failures)
		})
	}
}

// A machine whose clock is wrong from the start proves itself by the issuer's, and says so.
func TestTOK4ClockIsWrong(t *testing.T) {
	for ahead, words := range map[time.Duration]string{
		7 * time.Minute: "this machine's clock is 7m behind", -3 * time.Hour: "this machine's clock is 3h00m ahead", 4 * time.Minute: ""} {
		t.Run(ahead.String(), func(t *testing.T) {
			w := newWorld(t)
			w.issuer.SetClock(ahead)
			a := account("ann")
			token, err := w.source.Token(context.Background(), a, secret.Text{})
			require.NoError(t, err)
			require.Equal(t, 1, w.issuer.asked())
			require.Equal(t, epoch.Add(time.Hour), token.Expires, "as our clock has it")
			of, err := w.source.Certificate(a)
			require.NoError(t, err)
			permits, err := w.source.Permission(a, token)
			require.NoError(t, err)
			for _, e := range []provider.Evidence{of, permits} {
				if words == "" {
					require.NotContains(t, e.Text, "clock")
				} else {
					require.Contains(t, e.Text, words)
				}
			}
		})
	}
}

// What nobody wants any more is forgotten, and what somebody wants is not.
func TestTokensAreForgotten(t *testing.T) {
	w := newWorld(t, func(s *s2s.Source) {
		s.Admit = func(context.Context, provider.Account, string) error { return nil }
	})
	var tenants []string
	for n := range 100 {
		tenants = append(tenants, fmt.Sprintf("%08x-aaaa-4bbb-8ccc-222222222222", n))
	}
	w.issuer = newIssuer(t, w.clock.Now, w.source.Certificates, tenants...)
	w.source.Transport = w.issuer
	for n, tenant := range tenants {
		a := account("ann")
		a.Mailbox.Key.Organization = fmt.Sprint("o", n)
		a.Profile.TenantID = tenant
		_, err := w.source.Token(context.Background(), a, secret.Text{})
		require.NoError(t, err)
	}
	entries, cells := s2s.Kept(w.source)
	require.Equal(t, [2]int{100, 100}, [2]int{entries, cells})
	for range 6 * 60 {
		w.token()
		w.settle()
		w.clock.pass(time.Minute)
	}
	entries, cells = s2s.Kept(w.source)
	require.Equal(t, [2]int{1, 1}, [2]int{entries, cells})
	require.Equal(t, int64(6), w.source.Stats().Refreshes)
}

// A test has a token of now: what an administrator has granted since is in no older one. That costs the issuer one
// request for many tests, and where it is away the token that serves is tested.
func TestTestsHaveANewToken(t *testing.T) {
	w := newWorld(t)
	test := func() (string, error) {
		token, err := w.source.Token(traced(), account("ann"), secret.Text{})
		return token.Value.Reveal(), err
	}
	first := w.token()
	again, err := test()
	require.NoError(t, err)
	require.Equal(t, first, again, "it is a minute old at most")
	w.clock.pass(10 * time.Minute)
	second, err := test()
	require.NoError(t, err)
	require.NotEqual(t, first, second)
	require.Equal(t, second, w.token())
	for range 50 {
		w.clock.pass(time.Second)
		again, err = test()
		require.NoError(t, err)
		require.Equal(t, second, again)
	}
	require.Equal(t, 2, w.issuer.asked())
	w.clock.pass(15 * time.Minute)
	w.issuer.SetFault(s2stest.Unavailable(""))
	again, err = test()
	require.NoError(t, err, "the token serves")
	require.Equal(t, second, again)
}
