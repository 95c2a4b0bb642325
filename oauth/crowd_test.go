package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/oauth"
	"github.com/go-serversync/serversync/oauth/oauthtest"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/store/memory"
)

// 10,000 grants that were given in one second, looked after for so many hours as
// SERVERSYNC_HOURS says (6 by default, 24 for the whole day), through an outage of the
// issuer of 70 minutes. No grant is refreshed twice at once, and in no
// second are more than twice as many refreshed as are on average. But for the outage
// and its wake nobody waits. The time is a bubble's: no clock can be slow.
func TestTOK2Crowd(t *testing.T) {
	t.Parallel()
	grants, day := 10_000, 6*time.Hour
	if text := os.Getenv("SERVERSYNC_HOURS"); text != "" {
		hours, err := strconv.Atoi(text)
		require.NoError(t, err)
		require.Greater(t, hours, 5, "the outage and its wake end in the fifth hour")
		day = time.Duration(hours) * time.Hour
	}
	if testing.Short() {
		day = 135 * time.Minute // without the outage
	}
	synctest.Test(t, func(t *testing.T) { crowd(t, grants, day) })
}

func crowd(t *testing.T, grants int, day time.Duration) {
	start := time.Now()
	outage, back := start.Add(135*time.Minute), start.Add(205*time.Minute)
	i := oauthtest.NewInMemory(oauthtest.Options{})
	var busy sync.Map // refresh tokens that are being used
	var twice, late atomic.Int64
	var mu sync.Mutex
	seconds := make(map[int64]int)
	s := &oauth.Source{Grants: memory.New(), Keyring: keyring(t), Issuers: []oauth.Issuer{i.Issuer()}, Transport: transport(func(req *http.Request) (*http.Response, error) {
		if err := req.ParseForm(); err != nil {
			return nil, err
		}
		body := req.PostForm
		if _, used := busy.LoadOrStore(body.Get("refresh_token"), true); used {
			twice.Add(1)
		}
		defer busy.Delete(body.Get("refresh_token"))
		at := time.Now()
		mu.Lock()
		seconds[at.Unix()]++
		mu.Unlock()
		time.Sleep(200 * time.Millisecond)
		if at.After(outage) && at.Before(back) {
			return nil, errors.New("no route")
		}
		return i.Give(body)
	})}
	for n := range grants {
		access, refresh := i.Grant("u")
		oauth.Plant(t, s, account(i, fmt.Sprint(n)), access, refresh, time.Hour)
	}
	var all sync.WaitGroup
	for n := range grants {
		a := account(i, fmt.Sprint(n))
		all.Go(func() {
			time.Sleep(time.Duration(n) * 5 * time.Minute / time.Duration(grants))
			for time.Since(start) < day {
				got, err := s.Token(context.Background(), a, secret.Text{})
				wait := 5 * time.Minute
				if e := (*provider.Error)(nil); errors.As(err, &e) {
					if now := time.Now(); now.Before(outage) || now.After(back.Add(time.Hour)) {
						late.Add(1)
					}
					wait = max(e.RetryAfter, time.Second)
				} else if err != nil || time.Until(got.Expires) < time.Minute {
					t.Errorf("a token of %v, %v", time.Until(got.Expires), err)
				}
				time.Sleep(wait)
			}
		})
	}
	all.Wait()
	require.NoError(t, s.Close())
	total, most := 0, 0
	for _, n := range seconds {
		total, most = total+n, max(most, n)
	}
	mean := float64(grants) / (54 * time.Minute).Seconds() // of tokens of an hour
	if day > back.Sub(start) {
		mean = float64(total) / (day - back.Sub(outage)).Seconds() // as it was while the issuer answered
	}
	t.Logf("%d grants, %v: %d refreshes, %.2f a second on average, %d in the fullest one, %d calls had to wait outside the outage and its wake", grants, day, total, mean, most, late.Load())
	require.Zero(t, twice.Load())
	require.Zero(t, i.Reuses())
	require.LessOrEqual(t, float64(most), 2*mean)
	require.Zero(t, late.Load())
	require.Greater(t, total, int(float64(grants)*(day.Hours()-3)))
	require.GreaterOrEqual(t, total, 2*grants)
}

// Mailboxes that want a first token at once take turns without an error where that
// takes no longer than two seconds.
func TestTurnsAreShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := oauthtest.NewInMemory(oauthtest.Options{Life: 2 * time.Minute})
		s := &oauth.Source{Grants: memory.New(), Keyring: keyring(t), Issuers: []oauth.Issuer{i.Issuer()}, Transport: i}
		var all sync.WaitGroup
		for n := range 10 {
			a := account(i, fmt.Sprint(n))
			access, refresh := i.Grant("u")
			oauth.Plant(t, s, a, access, refresh, 0)
			all.Go(func() {
				if _, err := s.Token(context.Background(), a, secret.Text{}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	})
}
