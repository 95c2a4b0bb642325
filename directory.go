package serversync

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
)

// A Directory keeps profiles, mailboxes and settings in memory: for tests, examples
// and hosts whose configuration is a file. It is a [Mailboxes], an [Editor] and
// [Organizations]. The zero Directory is empty and ready for use, by many
// goroutines.
type Directory struct {
	mu       sync.RWMutex
	boxes    map[mailbox.Key]mailbox.Mailbox
	keys     []mailbox.Key // sorted
	profiles map[profileKey]profile.Profile
	settings map[string]mailbox.Settings
	edits    int
}

// Static returns a Directory of the given mailboxes, all reached by p, which each
// of their organizations has.
func Static(p profile.Profile, boxes ...mailbox.Mailbox) *Directory {
	d := new(Directory)
	for _, box := range boxes {
		box.Profile = cmp.Or(box.Profile, p.ID)
		d.PutProfile(box.Organization, p)
		d.PutMailbox(box)
	}
	return d
}

// PutProfile adds or replaces a profile of an organization. One without a Revision
// gets one.
func (d *Directory) PutProfile(organization string, p profile.Profile) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.profiles == nil {
		d.profiles = make(map[profileKey]profile.Profile)
	}
	if p.Revision == "" {
		d.edits++
		p.Revision = "put " + strconv.Itoa(d.edits)
	}
	d.profiles[profileKey{organization, p.ID}] = p
}

// PutMailbox adds or replaces a mailbox.
func (d *Directory) PutMailbox(box mailbox.Mailbox) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.boxes == nil {
		d.boxes = make(map[mailbox.Key]mailbox.Mailbox)
	}
	d.boxes[box.Key] = box
	if i, found := slices.BinarySearchFunc(d.keys, box.Key, compareKeys); !found {
		d.keys = slices.Insert(d.keys, i, box.Key)
	}
}

// PutSettings sets an organization's settings. Without any it has the zero ones.
func (d *Directory) PutSettings(organization string, s mailbox.Settings) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.settings == nil {
		d.settings = make(map[string]mailbox.Settings)
	}
	d.settings[organization] = s
}

// Mailbox returns a mailbox and its profile.
func (d *Directory) Mailbox(ctx context.Context, key mailbox.Key) (mailbox.Mailbox, profile.Profile, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	box, ok := d.boxes[key]
	if !ok {
		return box, profile.Profile{}, fmt.Errorf("mailbox %s: %w", key, ErrNotFound)
	}
	return box, d.profiles[profileKey{key.Organization, box.Profile}], ctx.Err()
}

// Keys returns the keys of all mailboxes, a page at a time.
func (d *Directory) Keys(ctx context.Context, after mailbox.Key, limit int) ([]mailbox.Key, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	i, found := slices.BinarySearchFunc(d.keys, after, compareKeys)
	if found {
		i++
	}
	return slices.Clone(d.keys[i:min(i+limit, len(d.keys))]), ctx.Err()
}

// Edit changes a mailbox and gives it another Revision. Change must not call the
// Directory, which is locked.
func (d *Directory) Edit(ctx context.Context, key mailbox.Key, change func(*mailbox.Mailbox)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	box, ok := d.boxes[key]
	if !ok {
		return fmt.Errorf("mailbox %s: %w", key, ErrNotFound)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	box.Folders = slices.Clone(box.Folders) // a cycle may hold the others
	change(&box)
	d.edits++
	box.Key, box.Revision = key, "edit "+strconv.Itoa(d.edits)
	d.boxes[key] = box
	return nil
}

// Profile returns a profile of an organization.
func (d *Directory) Profile(ctx context.Context, organization string, id profile.ID) (profile.Profile, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	p, ok := d.profiles[profileKey{organization, id}]
	if !ok {
		return p, fmt.Errorf("profile %q: %w", id, ErrNotFound)
	}
	return p, ctx.Err()
}

// Settings returns an organization's settings.
func (d *Directory) Settings(ctx context.Context, organization string) (mailbox.Settings, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.settings[organization], ctx.Err()
}

func compareKeys(a, b mailbox.Key) int {
	return cmp.Or(cmp.Compare(a.Organization, b.Organization), cmp.Compare(a.Mailbox, b.Mailbox))
}
