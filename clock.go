package serversync

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"time"
)

// This file is the one place from which time and chance come, so that one seed
// replays one history. A test holds the rest of the package to it.

// A Clock tells the time. The zero Config has the system's.
type Clock interface {
	Now() time.Time

	// Sleep returns when d has passed, or ctx's error once it has ended.
	Sleep(ctx context.Context, d time.Duration) error
}

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now().UTC() }

func (systemClock) Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// systemRandom returns 64 random bits.
func systemRandom() uint64 {
	var b [8]byte
	rand.Read(b[:])
	return binary.LittleEndian.Uint64(b[:])
}

// spread returns a random number from 0 up to 1.
func (s *Syncer) spread() float64 { return float64(s.cfg.Random()>>11) / (1 << 53) }

// newID returns an id that nobody else has.
func (s *Syncer) newID() string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], s.cfg.Random())
	binary.BigEndian.PutUint64(b[8:], s.cfg.Random())
	return hex.EncodeToString(b[:])
}
