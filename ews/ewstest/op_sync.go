package ewstest

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-serversync/serversync/ews/internal/soap"
)

// maxChanges is how many changes SyncFolderItems gives at once, whatever is asked for.
const maxChanges = 512

// A told change is one that goes into an answer.
type told struct {
	element string // Create, Update, Delete or ReadFlagChange
	item    *stored
	id      string // of what is deleted
}

func syncFolderItems(q *request, w *soap.Writer) error {
	return q.one(w, func() (result, error) {
		f, err := q.folderAs(q.body.child("SyncFolderId"), "ErrorSyncFolderNotFound")
		if err == nil && !f.rightsFor(q.acting).read {
			err = denied()
		}
		if err != nil {
			return nil, err
		}
		shape, err := readShape(q.body.child("ItemShape"), true)
		if err != nil {
			return nil, err
		}
		most, _ := strconv.Atoi(strings.TrimSpace(q.body.child("MaxChangesReturned").value()))
		if most < 1 || most > maxChanges {
			return nil, badRequest("MaxChangesReturned must be between 1 and 512.")
		}
		m := q.model()
		s := syncState{what: 'i', about: hash(f.id), forgets: m.states, listing: true, from: m.count, received: math.MaxInt64}
		if given := strings.TrimSpace(q.body.child("SyncState").value()); given != "" {
			if s, err = m.readState(given, 'i', hash(f.id)); err != nil {
				return nil, err
			}
		}
		ignored := make(map[string]bool)
		for _, n := range list(q.body.child("Ignore")) {
			ignored[n.attr("Id")] = true
		}
		news := &page{folder: f, most: most, ignored: ignored, hidden: q.body.child("SyncScope").value() == "NormalAndAssociatedItems"}
		last := news.fill(&s)
		return func(w *soap.Writer) {
			w.Elem("m:SyncState", s.encode(min(m.StateSize, 16<<20)))
			w.Elem("m:IncludesLastItemInRange", boolean(last))
			w.Start("m:Changes")
			for _, c := range news.told {
				c.write(q, w, shape)
			}
			w.End()
		}, nil
	})
}

// write writes a change. An item that is damaged, or of a kind that does not have what is asked
// for, is given by its id.
func (c told) write(q *request, w *soap.Writer, shape *shape) {
	w.Start("t:" + c.element)
	switch c.element {
	case "Delete":
		w.Empty("t:ItemId", "Id", c.id, "ChangeKey", changeKey("deleted", hash(c.id)))
	case "ReadFlagChange":
		c.item.itemID("ItemId").write(w)
		w.Elem("t:IsRead", boolean(c.item.read))
	default:
		if shape.check(c.item) != nil {
			shape = &shape0
		}
		shape.write(q, w, c.item)
	}
	w.End()
}

// A page of changes is put together.
type page struct {
	folder  *folder
	most    int
	ignored map[string]bool
	hidden  bool // associated items count too
	told    []told
}

// fill fills the page with what comes after a state, and moves that on. It reports whether that
// is all there is.
func (p *page) fill(s *syncState) (last bool) {
	if s.listing && !p.list(s) {
		return false
	}
	return p.history(s)
}

// list adds items that were there when the listing began, the newest first. It reports whether
// those were the last.
func (p *page) list(s *syncState) bool {
	f := p.folder
	i := len(f.items)
	if s.received != math.MaxInt64 {
		i = f.place(time.Unix(0, s.received).UTC(), s.arrived)
	}
	for i--; i >= 0; i-- {
		it := f.items[i]
		if it.arrived > s.from || it.associated && !p.hidden || p.ignored[it.id] {
			continue
		}
		if len(p.told) == p.most {
			return false
		}
		p.told = append(p.told, told{element: "Create", item: it})
		s.received, s.arrived = it.received.UnixNano(), it.arrived
	}
	s.listing = false
	return true
}

// history adds what happened since the state, each item once. It reports whether that is all.
func (p *page) history(s *syncState) bool {
	f := p.folder
	here := make(map[*stored]bool)
	for _, c := range p.told {
		here[c.item] = true
	}
	before := s.from
	for i := f.since(s.from); i < len(f.log); i++ {
		l := f.log[i]
		if l.isOver(f) || l.item != nil && (here[l.item] || p.ignored[l.item.id] || l.item.associated && !p.hidden) ||
			l.kind == deleted && l.arrived > before {
			s.from = l.at
			continue
		}
		if len(p.told) == p.most {
			return false
		}
		p.told = append(p.told, told{element: [...]string{"Create", "Update", "ReadFlagChange", "Delete"}[l.kind], item: l.item, id: l.id})
		if l.kind == created {
			here[l.item] = true
		}
		s.from = l.at
	}
	return true
}

var shape0 = shape{base: "IdOnly", plans: idPlans()}

// idPlans are those of a shape that has the ids only.
func idPlans() map[*kind]*plan {
	all := make(map[*kind]*plan)
	for _, k := range kinds {
		all[k] = &plan{fields: []string{"ItemId"}}
	}
	return all
}

func syncFolderHierarchy(q *request, w *soap.Writer) error {
	return q.one(w, func() (result, error) {
		var top *folder
		var err error
		about := "root"
		if n := q.body.child("SyncFolderId"); n != nil {
			top, err = q.folderAs(n, "ErrorSyncFolderNotFound")
			if err == nil {
				about = top.id
			}
		} else {
			var b *mailbox
			if b, err = q.box(); err == nil {
				top = b.root
			}
		}
		if err != nil {
			return nil, err
		}
		shape, err := readFolderShape(q.body.child("FolderShape"))
		if err != nil {
			return nil, err
		}
		m := q.model()
		s := syncState{what: 'f', about: hash(about), forgets: m.states}
		fresh := true
		if given := strings.TrimSpace(q.body.child("SyncState").value()); given != "" {
			if s, err = m.readState(given, 'f', hash(about)); err != nil {
				return nil, err
			}
			fresh = false
		}
		news := top.box.hierarchySince(top, s.from, fresh)
		s.from = m.count
		return func(w *soap.Writer) {
			w.Elem("m:SyncState", s.encode(min(m.StateSize, 16<<20)))
			w.Elem("m:IncludesLastFolderInRange", "true")
			w.Start("m:Changes")
			for _, c := range news {
				w.Start("t:" + c.kind)
				if c.kind == "Delete" {
					w.Empty("t:FolderId", "Id", c.id, "ChangeKey", changeKey("folder", c.at))
				} else {
					shape.write(q, w, c.folder)
				}
				w.End()
			}
			w.End()
		}, nil
	})
}

// hierarchySince returns what happened to the folders in top: each once.
func (b *mailbox) hierarchySince(top *folder, at uint64, fresh bool) (news []folderChange) {
	if fresh {
		for _, f := range top.deep() {
			news = append(news, folderChange{kind: "Create", folder: f, id: f.id})
		}
		return news
	}
	last := make(map[string]int)
	for _, c := range b.hierarchy {
		if c.at <= at {
			continue
		}
		if i, ok := last[c.id]; ok {
			if c.kind == "Delete" {
				news[i] = c
			}
			continue
		}
		last[c.id] = len(news)
		news = append(news, c)
	}
	return slices.DeleteFunc(news, func(c folderChange) bool {
		if c.kind == "Delete" {
			return c.made > at
		}
		return c.folder == top || !c.folder.isWithin(top)
	})
}
