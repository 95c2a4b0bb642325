package autodiscover

import (
	"time"

	"github.com/go-serversync/serversync/secret"
)

// Remember has a result remembered for an address, for a day.
func (f *Finder) Remember(address string) {
	k := key{address: address}
	_, flight, _ := f.cache.get(k, secret.Text{}, time.Now())
	f.cache.land(k, flight, time.Now().Add(keepFound), true)
}

// Remembered returns how many results are.
func (f *Finder) Remembered() int { return len(f.cache.kept) }

// Remembers reports whether one is for an address.
func (f *Finder) Remembers(address string) bool { return f.cache.kept[key{address: address}] != nil }
