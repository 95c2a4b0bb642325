package ewstest

import (
	"slices"
	"strconv"
	"time"

	"github.com/go-serversync/serversync/ews/internal/soap"
)

// A pageView says which of what was found is wanted.
type pageView struct {
	kind      string // of the element: IndexedPage, FractionalPage; "" for all
	most      int
	offset    int
	end       bool // the offset is from the end
	num, den  int
	condition matcher
}

// readView reads the view in a request. Limit is the server's own.
func readView(body *node, limit int) (v *pageView, err error) {
	v = &pageView{most: limit}
	for _, n := range body.children {
		number := func(name string, def int) int {
			if i, err := strconv.Atoi(n.attr(name)); err == nil {
				return i
			}
			return def
		}
		switch n.name.Local {
		case "IndexedPageItemView", "IndexedPageFolderView":
			v.kind, v.offset, v.end = "Indexed", number("Offset", 0), n.attr("BasePoint") == "End"
		case "FractionalPageItemView", "FractionalPageFolderView":
			v.kind, v.num, v.den = "Fractional", number("Numerator", 0), number("Denominator", 1)
			if v.den < 1 || v.num < 0 || v.num > v.den {
				return nil, fail("ErrorInvalidFractionalPagingParameters", "The numerator must be between 0 and the denominator.")
			}
		case "SeekToConditionPageItemView":
			v.kind, v.end = "Condition", n.attr("BasePoint") == "End"
			if v.condition, err = readRestriction(n.child("Condition").first()); err != nil {
				return nil, err
			}
		case "ContactsView":
		default:
			continue
		}
		most := number("MaxEntriesReturned", limit)
		if v.offset < 0 {
			return nil, fail("ErrorInvalidIndexedPagingParameters", "The offset must not be less than 0.")
		}
		if most < 1 {
			return nil, fail("ErrorInvalidPagingMaxRows", "At least one row must be asked for.")
		}
		v.most = min(limit, most)
	}
	return v, nil
}

func (n *node) first() *node {
	if n == nil || len(n.children) == 0 {
		return nil
	}
	return n.children[0]
}

// page returns which of n things are given, and the attributes that say where they stand.
func (v *pageView) page(n int, matches func(i int) bool) (from, to int, attrs []string) {
	switch v.kind {
	case "Indexed":
		from = min(v.offset, n)
		if v.end {
			to = n - from
			from = max(0, to-v.most)
			return from, to, pageAttrs(n, n-from, from == 0, "IndexedPagingOffset")
		}
	case "Fractional":
		from = n * v.num / v.den
	case "Condition":
		for from < n && !matches(from) {
			from++
		}
	}
	to = min(n, from+v.most)
	if v.kind == "Fractional" {
		return from, to, []string{"NumeratorOffset", strconv.Itoa(to), "AbsoluteDenominator", strconv.Itoa(max(n, 1)),
			"TotalItemsInView", strconv.Itoa(n), "IncludesLastItemInRange", boolean(to == n)}
	}
	if v.kind == "" {
		return from, to, []string{"TotalItemsInView", strconv.Itoa(n), "IncludesLastItemInRange", boolean(to == n)}
	}
	return from, to, pageAttrs(n, to, to == n, "IndexedPagingOffset")
}

func pageAttrs(n, next int, last bool, name string) []string {
	return []string{name, strconv.Itoa(next), "TotalItemsInView", strconv.Itoa(n), "IncludesLastItemInRange", boolean(last)}
}

func findItem(q *request, w *soap.Writer) error {
	parents := list(q.body.child("ParentFolderIds"))
	search, err := q.readSearch()
	if err != nil {
		return q.all(w, parents, err)
	}
	return q.each(w, parents, func(n *node) (result, error) {
		f, err := q.folder(n)
		if err == nil && !f.rightsFor(q.acting).read {
			err = denied()
		}
		if err != nil {
			return nil, err
		}
		found := search.in(q, f)
		from, to, attrs := search.view.page(len(found), func(i int) bool { return search.view.condition(itemThing{q, found[i]}) })
		if search.calendar {
			from, to, attrs = 0, len(found), pageAttrs(len(found), len(found), true, "IndexedPagingOffset")[2:]
		}
		for _, it := range found[from:to] {
			if err := search.shape.check(it); err != nil && it.damage == "" {
				return nil, err
			}
		}
		return func(w *soap.Writer) {
			w.Start("m:RootFolder", attrs...)
			w.Start("t:Items")
			for _, it := range found[from:to] {
				search.shape.write(q, w, it)
			}
			w.End()
			w.End()
		}, nil
	})
}

// A search is what FindItem is asked for.
type search struct {
	shape      *shape
	view       *pageView
	match      matcher
	restricted bool
	traversal  string
	order      []*node
	calendar   bool // by a CalendarView
	start, end time.Time
	most       int
}

func (q *request) readSearch() (s *search, err error) {
	s = &search{traversal: q.body.attr("Traversal")}
	if q.body.child("QueryString") != nil {
		return nil, fail("ErrorContentIndexingNotEnabled", "The mailbox is not indexed.")
	}
	if q.body.child("GroupBy") != nil || q.body.child("DistinguishedGroupBy") != nil {
		return nil, badOperation("Grouping is not possible here.")
	}
	if s.shape, err = readShape(q.body.child("ItemShape"), true); err != nil {
		return nil, err
	}
	s.restricted = q.body.child("Restriction") != nil
	if s.match, err = readRestriction(q.body.child("Restriction")); err != nil {
		return nil, err
	}
	limit := 1000
	if q.model().MaxFind > 0 {
		limit = q.model().MaxFind
	}
	if s.view, err = readView(q.body, limit); err != nil {
		return nil, err
	}
	s.order = list(q.body.child("SortOrder"))
	if n := q.body.child("CalendarView"); n != nil {
		return s, s.readCalendarView(q, n)
	}
	return s, nil
}

func (s *search) readCalendarView(q *request, n *node) error {
	var ok, also bool
	s.calendar = true
	s.start, ok = readTime(n.attr("StartDate"))
	s.end, also = readTime(n.attr("EndDate"))
	s.most, _ = strconv.Atoi(n.attr("MaxEntriesReturned"))
	switch {
	case !ok || !also:
		return badRequest("The calendar view has no times.")
	case s.end.Before(s.start):
		return fail("ErrorCalendarEndDateIsEarlierThanStartDate", "EndDate is earlier than StartDate.")
	case s.end.Sub(s.start) > 2*366*24*time.Hour:
		return fail("ErrorCalendarViewRangeTooBig", "The calendar view is longer than two years.")
	case s.restricted || len(s.order) > 0:
		return fail("ErrorUnsupportedPathForQuery", "A calendar view goes with no restriction and no order.")
	}
	return nil
}

// in returns what a search finds in a folder, in order.
func (s *search) in(q *request, f *folder) []*stored {
	if s.calendar {
		return s.inCalendar(f)
	}
	if s.traversal == "SoftDeleted" {
		f = f.box.known["recoverableitemsdeletions"]
	}
	var found []*stored
	for i := len(f.items) - 1; i >= 0; i-- { // the newest first, where nobody says otherwise
		it := f.items[i]
		release := it.hold()
		if it.associated == (s.traversal == "Associated") && (!s.restricted || s.match(itemThing{q, it})) {
			found = append(found, it)
		}
		release()
	}
	if len(s.order) > 0 {
		s.sort(q, found)
	}
	return found
}

// sort sorts what was found. The values are looked up once for each item.
func (s *search) sort(q *request, found []*stored) {
	keys := make(map[*stored][]string, len(found))
	for _, it := range found {
		release := it.hold()
		for _, o := range s.order {
			values, _ := itemThing{q, it}.values(o.first())
			keys[it] = append(keys[it], append(values, "")[0])
		}
		release()
	}
	slices.SortStableFunc(found, func(a, b *stored) int {
		for i, o := range s.order {
			c := compare(keys[a][i], keys[b][i])
			if o.attr("Order") == "Descending" {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
}

// inCalendar returns the items of a calendar that overlap with the view's time, in order.
func (s *search) inCalendar(f *folder) []*stored {
	var found []*stored
	for _, it := range f.items {
		if it.kind.name != "CalendarItem" {
			continue
		}
		start, end := it.times()
		if start.Before(s.end) && (end.After(s.start) || end.Equal(start) && !start.Before(s.start)) {
			found = append(found, it)
		}
	}
	slices.SortStableFunc(found, func(a, b *stored) int {
		x, _ := a.times()
		y, _ := b.times()
		return x.Compare(y)
	})
	if s.most > 0 && len(found) > s.most {
		found = found[:s.most]
	}
	return found
}
