package ewstest

import (
	"strconv"
	"strings"

	"github.com/go-serversync/serversync/ews/internal/soap"
)

// A zone is a time zone of Windows. Biases are the opposite of offsets from UTC.
type zone struct {
	id, name, bias string
	daylight       string // the bias in summer, "" if there is none
	begin, end     turn
}

// A turn is when summer begins or ends: the occurrence of a Sunday in a month, and the time.
type turn struct {
	month, occurrence int
	offset            string
}

var zones = []zone{
	{id: "UTC", name: "(UTC) Coordinated Universal Time", bias: "PT0S"},
	{id: "GMT Standard Time", name: "(UTC+00:00) Dublin, Edinburgh, Lisbon, London", bias: "PT0S", daylight: "-PT1H", begin: turn{3, -1, "PT1H"}, end: turn{10, -1, "PT2H"}},
	{id: "W. Europe Standard Time", name: "(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", bias: "-PT1H", daylight: "-PT2H", begin: turn{3, -1, "PT2H"}, end: turn{10, -1, "PT3H"}},
	{id: "Eastern Standard Time", name: "(UTC-05:00) Eastern Time (US & Canada)", bias: "PT5H", daylight: "PT4H", begin: turn{3, 2, "PT2H"}, end: turn{11, 1, "PT2H"}},
	{id: "Pacific Standard Time", name: "(UTC-08:00) Pacific Time (US & Canada)", bias: "PT8H", daylight: "PT7H", begin: turn{3, 2, "PT2H"}, end: turn{11, 1, "PT2H"}},
	{id: "India Standard Time", name: "(UTC+05:30) Chennai, Kolkata, Mumbai, New Delhi", bias: "-PT5H30M"},
	{id: "Tokyo Standard Time", name: "(UTC+09:00) Osaka, Sapporo, Tokyo", bias: "-PT9H"},
}

func getServerTimeZones(q *request, w *soap.Writer) error {
	full := !strings.EqualFold(q.body.attr("ReturnFullTimeZoneData"), "false")
	wanted := make(map[string]bool)
	for _, n := range list(q.body.child("Ids")) {
		wanted[n.value()] = true
	}
	return q.one(w, func() (result, error) {
		return func(w *soap.Writer) {
			w.Start("m:TimeZoneDefinitions")
			for _, z := range zones {
				if len(wanted) > 0 && !wanted[z.id] {
					continue
				}
				z.write(w, full)
			}
			w.End()
		}, nil
	})
}

func (z zone) write(w *soap.Writer, full bool) {
	if !full {
		w.Empty("t:TimeZoneDefinition", "Id", z.id, "Name", z.name)
		return
	}
	standard, daylight := "trule:Microsoft/Registry/"+z.id+"/1-Standard", "trule:Microsoft/Registry/"+z.id+"/1-Daylight"
	w.Start("t:TimeZoneDefinition", "Id", z.id, "Name", z.name)
	w.Start("t:Periods")
	w.Empty("t:Period", "Bias", z.bias, "Name", "Standard", "Id", standard)
	if z.daylight != "" {
		w.Empty("t:Period", "Bias", z.daylight, "Name", "Daylight", "Id", daylight)
	}
	w.End()
	w.Start("t:TransitionsGroups")
	w.Start("t:TransitionsGroup", "Id", "0")
	if z.daylight == "" {
		w.Start("t:Transition")
		w.Elem("t:To", standard, "Kind", "Period")
		w.End()
	} else {
		z.begin.write(w, daylight)
		z.end.write(w, standard)
	}
	w.End()
	w.End()
	w.Start("t:Transitions")
	w.Start("t:Transition")
	w.Elem("t:To", "0", "Kind", "Group")
	w.End()
	w.End()
	w.End()
}

func (c turn) write(w *soap.Writer, to string) {
	w.Start("t:RecurringDayTransition")
	w.Elem("t:To", to, "Kind", "Period")
	w.Elem("t:TimeOffset", c.offset)
	w.Elem("t:Month", strconv.Itoa(c.month))
	w.Elem("t:DayOfWeek", "Sunday")
	w.Elem("t:Occurrence", strconv.Itoa(c.occurrence))
	w.End()
}
