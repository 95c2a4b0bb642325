package serversync

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/mailbox"
)

// M2: a clock that is set back by a day holds nothing up for a day, and lets no more
// through either.
func TestM2RateWhenTheClockIsSetBack(t *testing.T) {
	key := mailbox.Key{Organization: "acme", Mailbox: "ann"}
	var r rates
	now := time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)
	for range 5 {
		require.Zero(t, r.wait(key, 5, now))
		r.note(key, 5, now)
	}
	now = now.Add(-24 * time.Hour)
	require.Equal(t, time.Minute, r.wait(key, 5, now))
	now = now.Add(time.Minute)
	require.Zero(t, r.wait(key, 5, now))

	var a automatics
	count := func(id string) automaticCount {
		return automaticCount{mailbox: key, id: id, thread: "t@x", addresses: []string{"carl@example.org"}}
	}
	for n := range mostInThread {
		require.NoError(t, a.admit(count(fmt.Sprint(n)), now))
	}
	now = now.Add(-24 * time.Hour)
	require.Error(t, a.admit(count("more"), now))
	now = now.Add(automaticSpan)
	require.NoError(t, a.admit(count("more"), now))
}

// The rate may be changed at any time: in no minute are there more than the rate that
// held at its end.
func TestM2RateIsChanged(t *testing.T) {
	key := mailbox.Key{Organization: "acme", Mailbox: "ann"}
	var r rates
	now := time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)
	var sent []time.Time
	for _, perMinute := range []int{10, 3, 7, 1, 20, 2} {
		for end := now.Add(90 * time.Second); now.Before(end); now = now.Add(time.Second) {
			if r.wait(key, perMinute, now) > 0 {
				continue
			}
			within := 0
			for _, at := range sent {
				if now.Sub(at) < time.Minute {
					within++
				}
			}
			require.Less(t, within, perMinute)
			sent = append(sent, now)
			r.note(key, perMinute, now)
		}
	}
	require.Greater(t, len(sent), 40)
}
