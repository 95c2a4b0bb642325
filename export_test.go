package serversync

import "context"

// Intercept lets f make every call of the Store, the drivers and the Filter in the
// Syncer's place.
func (s *Syncer) Intercept(f func(ctx context.Context, c Call, do func(context.Context) error) error) {
	s.seam.intercept = f
}
