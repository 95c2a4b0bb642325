package serversync

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
)

// Static returns Mailboxes that never change: the given ones, all reached by p.
func Static(p profile.Profile, boxes ...mailbox.Mailbox) Mailboxes {
	s := &static{profile: p, boxes: make(map[mailbox.Key]mailbox.Mailbox, len(boxes))}
	for _, box := range boxes {
		s.boxes[box.Key] = box
		s.keys = append(s.keys, box.Key)
	}
	slices.SortFunc(s.keys, compareKeys)
	return s
}

type static struct {
	profile profile.Profile
	boxes   map[mailbox.Key]mailbox.Mailbox
	keys    []mailbox.Key
}

func (s *static) Mailbox(ctx context.Context, key mailbox.Key) (mailbox.Mailbox, profile.Profile, error) {
	box, ok := s.boxes[key]
	if !ok {
		return box, s.profile, fmt.Errorf("mailbox %s: %w", key, ErrNotFound)
	}
	return box, s.profile, ctx.Err()
}

func (s *static) Keys(ctx context.Context, after mailbox.Key, limit int) ([]mailbox.Key, error) {
	i, found := slices.BinarySearchFunc(s.keys, after, compareKeys)
	if found {
		i++
	}
	return s.keys[i:min(i+limit, len(s.keys))], ctx.Err()
}

func compareKeys(a, b mailbox.Key) int {
	return cmp.Or(cmp.Compare(a.Organization, b.Organization), cmp.Compare(a.Mailbox, b.Mailbox))
}
