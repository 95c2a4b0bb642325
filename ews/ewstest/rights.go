package ewstest

import "strings"

// A grant is what somebody may do in a mailbox that is not theirs.
type grant struct {
	full, sendAs, onBehalf bool
	folders                map[*folder]string // levels such as "Reviewer"
}

// rights are what somebody may do with a folder.
type rights struct{ create, subfolders, delete, modify, read bool }

var (
	allRights = rights{true, true, true, true, true}
	levels    = map[string]rights{
		"Owner": allRights, "PublishingEditor": allRights,
		"Editor": {create: true, delete: true, modify: true, read: true},
		"Author": {create: true, read: true}, "NoneditingAuthor": {create: true, read: true},
		"Contributor": {create: true}, "Reviewer": {read: true}, "None": {},
	}
)

// grantOf returns what user may do in b, nil if nothing.
func (b *mailbox) grantOf(user string) *grant { return b.grants[strings.ToLower(user)] }

// rightsFor returns what somebody may do with a folder.
func (f *folder) rightsFor(who string) rights {
	if f.box.is(who) {
		return allRights
	}
	g := f.box.grantOf(who)
	switch {
	case g == nil:
		return rights{}
	case g.full:
		return allRights
	}
	return levels[g.folders[f]]
}

func (f *folder) rightsOf(q *request) rights {
	if q == nil {
		return allRights
	}
	return f.rightsFor(q.acting)
}

func (r rights) element() *node {
	return group("EffectiveRights", elem("CreateAssociated", boolean(r.subfolders)), elem("CreateContents", boolean(r.create)),
		elem("CreateHierarchy", boolean(r.subfolders)), elem("Delete", boolean(r.delete)), elem("Modify", boolean(r.modify)),
		elem("Read", boolean(r.read)), elem("ViewPrivateItems", boolean(r.subfolders)))
}
