package ewstest

import (
	"slices"
	"strings"
	"time"

	"github.com/go-serversync/serversync/ews/internal/soap"
)

// getUserAvailability tells when people are busy. Times are in UTC, whatever zone is asked for
// but for the times of the window, which are in it.
func getUserAvailability(q *request, w *soap.Writer) error {
	mailboxes := list(q.body.child("MailboxDataArray"))
	if len(mailboxes) > 100 {
		return fail("ErrorMailboxDataArrayTooBig", "There are too many mailboxes in the request.")
	}
	window := q.body.at("FreeBusyViewOptions", "TimeWindow")
	start, ok := readTime(window.child("StartTime").value())
	end, also := readTime(window.child("EndTime").value())
	if !ok || !also || !end.After(start) {
		return fail("ErrorInvalidTimeInterval", "The time window is not valid.")
	}
	if end.Sub(start) > 62*24*time.Hour {
		return fail("ErrorTimeIntervalTooBig", "The time window is longer than 62 days.")
	}
	w.Start("m:FreeBusyResponseArray")
	for _, n := range mailboxes {
		w.Start("m:FreeBusyResponse")
		b := q.model().mailbox(strings.TrimSpace(n.at("Email", "Address").value()))
		if b == nil {
			w.Start("m:ResponseMessage", "ResponseClass", "Error")
			fail("ErrorMailRecipientNotFound", "The recipient was not found.").write(w)
			w.End()
			w.Start("m:FreeBusyView")
			w.Elem("t:FreeBusyViewType", "None")
			w.End()
		} else {
			w.Start("m:ResponseMessage", "ResponseClass", "Success")
			w.Elem("m:ResponseCode", "NoError")
			w.End()
			b.writeBusy(w, start, end, q.body.at("FreeBusyViewOptions", "RequestedView").value())
		}
		w.End()
	}
	w.End()
	return nil
}

// writeBusy writes when the owner of a mailbox is busy.
func (b *mailbox) writeBusy(w *soap.Writer, start, end time.Time, view string) {
	busy := (&search{start: start, end: end}).inCalendar(b.known["calendar"])
	busy = slices.DeleteFunc(busy, func(it *stored) bool { return it.property(nil, "LegacyFreeBusyStatus").value() == "Free" })
	if view == "" || view == "MergedOnly" {
		view = "FreeBusy"
	}
	w.Start("m:FreeBusyView")
	w.Elem("t:FreeBusyViewType", view)
	if len(busy) > 0 {
		w.Start("t:CalendarEventArray")
		for _, it := range busy {
			from, to := it.times()
			w.Start("t:CalendarEvent")
			w.Elem("t:StartTime", from.Format("2006-01-02T15:04:05"))
			w.Elem("t:EndTime", to.Format("2006-01-02T15:04:05"))
			w.Elem("t:BusyType", it.property(nil, "LegacyFreeBusyStatus").value())
			w.End()
		}
		w.End()
	}
	w.End()
}
