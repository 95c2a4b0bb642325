package serversync

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/track"
)

// SendAs says whether a mailbox may send in the name of an address that is not its own
// (Microsoft: "Send email on behalf of another user", and the rights Send As and Send on
// Behalf of Exchange). The mail system has to allow it as well.
type SendAs string

// What a mailbox may do with another address.
const (
	SendRefused  SendAs = ""          // send nothing in its name
	SendAsOther  SendAs = "as"        // send as if it were that address: From alone names it
	SendOnBehalf SendAs = "on-behalf" // send for it: From names it, and Sender the mailbox
)

// from sees to it that the mailbox may send as From says.
func (c *composer) from(ctx context.Context, d *item.Draft) error {
	d.From.Addr = cmp.Or(d.From.Addr, c.box.Address)
	if d.Sender.Addr != "" && !c.own(d.Sender.Addr) {
		return c.notAllowed(ctx, d.Sender.Addr)
	}
	if c.own(d.From.Addr) {
		return nil
	}
	right := SendRefused
	if hook := c.s.cfg.SendAs; hook != nil {
		var err error
		right, err = through(ctx, &c.s.seam, c.key, "Config.SendAs", func(ctx context.Context) (SendAs, error) {
			return hook(ctx, c.key, d.From.Addr)
		})
		if err != nil {
			return err
		}
	}
	switch right {
	case SendAsOther:
	case SendOnBehalf:
		d.Sender.Addr = cmp.Or(d.Sender.Addr, c.box.Address)
	default:
		return c.notAllowed(ctx, d.From.Addr)
	}
	return nil
}

// own reports whether an address is the mailbox's. Servers that tell upper from lower
// case, and give both to different people, are none that we know of.
func (c *composer) own(address string) bool {
	return strings.EqualFold(address, c.box.Address) ||
		slices.ContainsFunc(c.box.Aliases, func(alias string) bool { return strings.EqualFold(alias, address) })
}

// notAllowed says that the mailbox may not send in somebody's name, by the code that
// the original has for a user's and for a queue's.
func (c *composer) notAllowed(ctx context.Context, address string) error {
	f := mailbox.Fault{Code: "8004480D", Scope: mailbox.ScopeItem, Level: profile.Error}
	if known, ok := mailbox.Lookup(f.Code); ok {
		f.Cause, f.Remedy = known.Cause, known.Remedy+"; or add the address to the mailbox's aliases"
	}
	if t := c.s.cfg.Tracking; t != nil && t.Addresses != nil {
		address = strings.ToLower(address)
		parties, err := through(ctx, &c.s.seam, c.key, "AddressBook.Parties", func(ctx context.Context) (map[string][]track.Party, error) {
			return t.Addresses.Parties(ctx, c.key.Organization, []string{address})
		})
		if err == nil && slices.ContainsFunc(parties[address], func(p track.Party) bool { return p.Kind == track.Queue }) {
			f.Code = "8004480F"
		}
	}
	return &RefusalError{f}
}
