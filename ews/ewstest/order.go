package ewstest

import "strings"

// The elements of each kind of item and folder, in the order of the schema.
const (
	itemOrder = "MimeContent ItemId ParentFolderId ItemClass Subject Sensitivity Body Attachments DateTimeReceived Size Categories Importance InReplyTo IsSubmitted IsDraft IsFromMe IsResend IsUnmodified InternetMessageHeaders DateTimeSent DateTimeCreated ResponseObjects ReminderDueBy ReminderIsSet ReminderNextTime ReminderMinutesBeforeStart DisplayCc DisplayTo HasAttachments ExtendedProperty Culture EffectiveRights LastModifiedName LastModifiedTime IsAssociated WebClientReadFormQueryString WebClientEditFormQueryString ConversationId UniqueBody Flag StoreEntryId InstanceKey NormalizedBody EntityExtractionResult PolicyTag ArchiveTag RetentionDate Preview RightsManagementLicenseData PredictedActionReasons IsClutter BlockStatus HasBlockedImages TextBody IconIndex SearchKey"

	messageOrder = itemOrder + " Sender ToRecipients CcRecipients BccRecipients IsReadReceiptRequested IsDeliveryReceiptRequested ConversationIndex ConversationTopic From InternetMessageId IsRead IsResponseRequested References ReplyTo ReceivedBy ReceivedRepresenting ApprovalRequestData VotingInformation ReminderMessageData"

	calendarOrder = itemOrder + " UID RecurrenceId DateTimeStamp Start End OriginalStart IsAllDayEvent LegacyFreeBusyStatus Location When IsMeeting IsCancelled IsRecurring MeetingRequestWasSent IsResponseRequested CalendarItemType MyResponseType Organizer RequiredAttendees OptionalAttendees Resources ConflictingMeetingCount AdjacentMeetingCount ConflictingMeetings AdjacentMeetings Duration TimeZone AppointmentReplyTime AppointmentSequenceNumber AppointmentState Recurrence FirstOccurrence LastOccurrence ModifiedOccurrences DeletedOccurrences MeetingTimeZone StartTimeZone EndTimeZone ConferenceType AllowNewTimeProposal IsOnlineMeeting MeetingWorkspaceUrl NetShowUrl EnhancedLocation StartWallClock EndWallClock StartTimeZoneId EndTimeZoneId IntendedFreeBusyStatus JoinOnlineMeetingUrl OnlineMeetingSettings IsOrganizer"

	contactOrder = itemOrder + " FileAs FileAsMapping DisplayName GivenName Initials MiddleName Nickname CompleteName CompanyName EmailAddresses PhysicalAddresses PhoneNumbers AssistantName Birthday BusinessHomePage Children Companies ContactSource Department Generation ImAddresses JobTitle Manager Mileage OfficeLocation PostalAddressIndex Profession SpouseName Surname WeddingAnniversary HasPicture PhoneticFullName PhoneticFirstName PhoneticLastName Alias Notes Photo UserSMIMECertificate MSExchangeCertificate DirectoryId ManagerMailbox DirectReports"

	taskOrder = itemOrder + " ActualWork AssignedTime BillingInformation ChangeCount Companies CompleteDate Contacts DelegationState Delegator DueDate IsAssignmentEditable IsComplete IsRecurring IsTeamTask Mileage Owner PercentComplete Recurrence StartDate Status StatusDescription TotalWork"

	listOrder = itemOrder + " DisplayName FileAs ContactSource Members"
	postOrder = itemOrder + " ConversationIndex ConversationTopic From InternetMessageId IsRead PostedTime References Sender"

	meetingOrder = messageOrder + " AssociatedCalendarItemId IsDelegated IsOutOfDate HasBeenProcessed ResponseType UID RecurrenceId DateTimeStamp IsOrganizer"
	requestOrder = meetingOrder + " MeetingRequestType IntendedFreeBusyStatus Start End OriginalStart IsAllDayEvent LegacyFreeBusyStatus Location When IsMeeting IsCancelled IsRecurring MeetingRequestWasSent CalendarItemType MyResponseType Organizer RequiredAttendees OptionalAttendees Resources ConflictingMeetingCount AdjacentMeetingCount ConflictingMeetings AdjacentMeetings Duration TimeZone AppointmentReplyTime AppointmentSequenceNumber AppointmentState Recurrence FirstOccurrence LastOccurrence ModifiedOccurrences DeletedOccurrences MeetingTimeZone StartTimeZone EndTimeZone ConferenceType AllowNewTimeProposal IsOnlineMeeting MeetingWorkspaceUrl NetShowUrl EnhancedLocation ChangeHighlights StartWallClock EndWallClock StartTimeZoneId EndTimeZoneId"

	responseOrder = meetingOrder + " Start End Location Recurrence CalendarItemType ProposedStart ProposedEnd EnhancedLocation"
	cancelOrder   = meetingOrder + " Start End Location Recurrence CalendarItemType EnhancedLocation"

	folderOrder = "FolderId ParentFolderId FolderClass DisplayName TotalCount ChildFolderCount ExtendedProperty ManagedFolderInformation EffectiveRights DistinguishedFolderId PolicyTag ArchiveTag PermissionSet UnreadCount"
)

// A kind is what element an item is, with the class that its items have.
type kind struct {
	name   string
	class  string
	fields []string
	places map[string]int // of fields
}

var kinds = []*kind{
	newKind("Message", "IPM.Note", messageOrder),
	newKind("CalendarItem", "IPM.Appointment", calendarOrder),
	newKind("Contact", "IPM.Contact", contactOrder),
	newKind("Task", "IPM.Task", taskOrder),
	newKind("DistributionList", "IPM.DistList", listOrder),
	newKind("PostItem", "IPM.Post", postOrder),
	newKind("MeetingRequest", "IPM.Schedule.Meeting.Request", requestOrder),
	newKind("MeetingResponse", "IPM.Schedule.Meeting.Resp.Pos", responseOrder),
	newKind("MeetingCancellation", "IPM.Schedule.Meeting.Canceled", cancelOrder),
	newKind("MeetingMessage", "IPM.Schedule.Meeting", meetingOrder),
	newKind("Item", "IPM.Note", itemOrder),
}

func newKind(name, class, order string) *kind {
	k := &kind{name: name, class: class, fields: strings.Fields(order), places: make(map[string]int)}
	for i, f := range k.fields {
		k.places[f] = i
	}
	return k
}

// kindOf returns the kind with that element, nil if there is none.
func kindOf(name string) *kind {
	for _, k := range kinds {
		if k.name == name {
			return k
		}
	}
	return nil
}

// kindOfClass returns the kind whose items have that class.
func kindOfClass(class string) *kind {
	class = strings.ToUpper(class)
	best := kinds[0]
	for _, k := range kinds {
		c := strings.ToUpper(k.class)
		if k.name != "Item" && (class == c || strings.HasPrefix(class, c+".")) && len(c) >= len(best.class) {
			best = k
		}
	}
	if strings.HasPrefix(class, "IPM.SCHEDULE.MEETING.RESP.") {
		best = kindOf("MeetingResponse")
	}
	return best
}

// isMail reports whether items of the kind are mail: they are read and unread, and have MIME.
func (k *kind) isMail() bool {
	switch k.name {
	case "Message", "PostItem", "MeetingRequest", "MeetingResponse", "MeetingCancellation", "MeetingMessage":
		return true
	}
	return false
}

// uri returns the FieldURI of one of the kind's fields.
func (k *kind) uri(field string) string {
	place, ok := k.places[field]
	switch {
	case !ok || place < len(kindOf("Item").fields):
		return "item:" + field
	case k.isMail() && k.name != "PostItem" && place < len(kinds[0].fields):
		return "message:" + field
	}
	return map[string]string{"CalendarItem": "calendar:", "Contact": "contacts:", "Task": "task:", "DistributionList": "contacts:",
		"PostItem": "postitem:", "MeetingRequest": "meetingRequest:"}[k.name] + field
}
