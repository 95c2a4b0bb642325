package ewstest

import (
	"strconv"
	"strings"
	"time"
)

// times returns when a calendar item begins and ends.
func (it *stored) times() (start, end time.Time) {
	start, _ = readTime(it.set["Start"].value())
	end, _ = readTime(it.set["End"].value())
	return start, end
}

// ofCalendar returns what a calendar item has although nobody set it.
func (it *stored) ofCalendar(name string) *node {
	b := it.home.box
	start, end := it.times()
	attendees := it.set["RequiredAttendees"] != nil || it.set["OptionalAttendees"] != nil || it.set["Resources"] != nil
	switch name {
	case "UID":
		return elem(name, "040000008200E00074C5B7101A82E00800000000"+strings.ToUpper(strconv.FormatUint(hash(it.id), 16)))
	case "IsAllDayEvent", "IsCancelled", "IsResponseRequested", "IsOnlineMeeting":
		return elem(name, "false")
	case "LegacyFreeBusyStatus":
		return elem(name, "Busy")
	case "IsMeeting":
		return elem(name, boolean(attendees))
	case "IsRecurring":
		return elem(name, "false")
	case "MeetingRequestWasSent":
		return elem(name, boolean(it.submitted))
	case "CalendarItemType":
		if it.set["Recurrence"] != nil {
			return elem(name, "RecurringMaster")
		}
		return elem(name, "Single")
	case "MyResponseType":
		if attendees {
			return elem(name, "Organizer")
		}
		return elem(name, "Unknown")
	case "Organizer":
		return group(name, group("Mailbox", elem("Name", b.name), elem("EmailAddress", b.address), elem("RoutingType", "SMTP"), elem("MailboxType", "Mailbox")))
	case "Duration":
		if end.After(start) {
			return elem(name, "PT"+strconv.Itoa(int(end.Sub(start).Minutes()))+"M")
		}
	case "AppointmentSequenceNumber":
		return elem(name, "0")
	case "AppointmentState":
		if attendees {
			return elem(name, "1")
		}
		return elem(name, "0")
	case "ReminderMinutesBeforeStart":
		return elem(name, "15")
	case "DateTimeStamp":
		return elem(name, stamp(it.modified))
	case "TimeZone":
		return elem(name, "UTC")
	}
	return nil
}

// calendar is a calendar item as iCalendar.
func (it *stored) calendar() []byte {
	start, end := it.times()
	text := strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\r\n", `\n`, "\n", `\n`)
	const layout = "20060102T150405Z"
	var p printer
	for _, line := range []string{
		"BEGIN:VCALENDAR", "METHOD:PUBLISH", "PRODID:Microsoft Exchange Server 2010", "VERSION:2.0", "BEGIN:VEVENT",
		"SUMMARY:" + text.Replace(it.subject()),
		"DTSTART:" + start.Format(layout), "DTEND:" + end.Format(layout),
		"UID:" + it.property(nil, "UID").value(),
		"LOCATION:" + text.Replace(it.set["Location"].value()),
		"DTSTAMP:" + it.modified.Format(layout),
		"SEQUENCE:0", "STATUS:CONFIRMED", "END:VEVENT", "END:VCALENDAR",
	} {
		p.WriteString(line + "\r\n")
	}
	return p.Bytes()
}

// ofContact returns what a contact has although nobody set it.
func (it *stored) ofContact(name string) *node {
	given, family := it.set["GivenName"].value(), it.set["Surname"].value()
	full := strings.TrimSpace(given + " " + family)
	switch name {
	case "DisplayName", "Subject":
		return maybe(name, full)
	case "FileAs":
		if it.set["FileAsMapping"].value() == "LastCommaFirst" && family != "" {
			return elem(name, strings.TrimSuffix(family+", "+given, ", "))
		}
		return maybe(name, full)
	case "CompleteName":
		if full != "" {
			return group(name, maybe("FirstName", given), maybe("LastName", family), elem("FullName", full))
		}
	case "HasPicture":
		return elem(name, "false")
	}
	return nil
}

// ofTask returns what a task has although nobody set it.
func (it *stored) ofTask(name string) *node {
	switch name {
	case "Status":
		return elem(name, "NotStarted")
	case "StatusDescription":
		return elem(name, map[string]string{"": "Not Started", "NotStarted": "Not Started", "InProgress": "In Progress",
			"Completed": "Completed", "WaitingOnOthers": "Waiting on someone else", "Deferred": "Deferred"}[it.set["Status"].value()])
	case "PercentComplete", "ChangeCount":
		return elem(name, "0")
	case "IsComplete":
		return elem(name, boolean(it.set["Status"].value() == "Completed"))
	case "IsRecurring":
		return elem(name, boolean(it.set["Recurrence"] != nil))
	case "IsTeamTask":
		return elem(name, "false")
	case "IsAssignmentEditable":
		return elem(name, "0")
	case "DelegationState":
		return elem(name, "NoMatch")
	case "Owner":
		return elem(name, it.home.box.name)
	}
	return nil
}
