package serversync

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-serversync/serversync/mailbox"
)

// Explain returns why messages with this Message-ID were tracked or not, at each of
// their places, the last decision first; see [StoredVerdict.Explain]. It needs a Store
// with [Verdicts]. None is no error: the message may have been decided about before
// there was Tracking, or so long ago that it was forgotten.
func (s *Syncer) Explain(ctx context.Context, organization, messageID string) ([]StoredVerdict, error) {
	verdicts, ok := StoreAs[Verdicts](s.cfg.Store)
	if !ok {
		return nil, fmt.Errorf("serversync: the Store keeps no verdicts: %w", errors.ErrUnsupported)
	}
	id := strings.Trim(strings.TrimSpace(messageID), "<>")
	return through(ctx, &s.seam, mailbox.Key{Organization: organization}, "Verdicts.Verdicts", func(ctx context.Context) ([]StoredVerdict, error) {
		return verdicts.Verdicts(ctx, organization, id, explained)
	})
}

// explained is how many places of a message are explained.
const explained = 100

// Explain says in a sentence what was decided and why.
func (v StoredVerdict) Explain() string {
	switch v.Kind {
	case Deferred:
		return "it is tried again: " + v.Reason
	case Quarantined:
		return "it could not become a record and is kept aside: " + v.Reason
	}
	return v.Verdict.Explain()
}
