package serversync

import (
	"strings"

	"github.com/go-serversync/serversync/provider"
)

// undeliverable is the folder for mail that could not become a record (Microsoft:
// "Move Failed Emails to Undeliverable Folder").
const undeliverable = "Undeliverable"

// movedAwayTo reports whether a folder is where such mail is moved.
func (c *cycle) movedAwayTo(f provider.Folder) bool {
	return c.profile.MoveUndeliverable && f.Kind == provider.Mail && strings.EqualFold(f.Name, undeliverable)
}

// moveAway owes the move of an item that could not become a record, where the profile
// asks for it, or its mark, where a person had asked for it by a category.
func (c *cycle) moveAway(r Record) []OwedAct {
	if r.Kind != Quarantined {
		return nil
	}
	act := provider.Act{Folder: r.Folder, Epoch: r.Epoch, ID: r.ID}
	var acts []OwedAct
	if c.categorized(r.Flags) {
		act.Kind, act.Flag = provider.Mark, c.settings.Tracking.Category+"-"+undeliverable
		acts = append(acts, c.owe(act, 0))
	}
	if c.profile.MoveUndeliverable && c.in != nil {
		act.Kind, act.Flag, act.To = provider.Move, "", undeliverable
		for _, f := range c.in.folders {
			if c.movedAwayTo(f) {
				act.To = f.ID
			}
		}
		if act.To != r.Folder {
			acts = append(acts, c.owe(act, 0))
		}
	}
	return acts
}
