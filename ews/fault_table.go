package ews

import (
	"strings"
	"sync"

	"github.com/go-serversync/serversync/provider"
)

// A meant is what is to be done about a response code.
type meant struct {
	kind   provider.Kind
	remedy string // "" for what is said of the code in general (package mailbox)
}

const batchStopped = "ErrorBatchProcessingStopped"

// meanings are those of the response codes ([MS-OXWSCDATA], section 2.2.5.24), by kind. A code
// that ends in "*" is what a family begins with. What is not listed is worth another try.
var meanings = []struct {
	kind  provider.Kind
	codes string
}{
	{provider.ErrThrottled, `
		ErrorServerBusy ErrorExceededConnectionCount ErrorTooManyObjectsOpened ErrorExceededFindCountLimit
		ErrorExceededSubscriptionCount ErrorSubmissionQuotaExceeded ErrorExceededMessageLimit
		ErrorRecipientCountLimitReached`},

	{provider.ErrUnavailable, `
		ErrorInternalServerTransientError ErrorInternalServerError ErrorMailboxStoreUnavailable ErrorMailboxFailover
		ErrorMailboxMoveInProgress ErrorConnectionFailed ErrorTimeoutExpired ErrorBatchProcessingStopped
		ErrorNoRespondingCASInDestinationSite ErrorADUnavailable ErrorADOperation ErrorADSessionFilter
		ErrorProxyRequestProcessingFailed ErrorProxyCallFailed ErrorProxyServiceDiscoveryFailed ErrorProxyTokenExpired
		ErrorProxyRequestNotAllowed ErrorCrossSiteRequest ErrorNoApplicableProxyCASServersAvailable ErrorReadEventsFailed
		ErrorQuotaExceeded ErrorMessageSubmissionBlocked ErrorInvalidLicense ErrorInsufficientResources`},

	{provider.ErrCursorExpired, `
		ErrorInvalidSyncStateData ErrorSyncFolderNotFound
		ErrorInvalidIdMalformed ErrorInvalidIdMalformedEwsLegacyIdFormat`},

	{provider.ErrNotFound, `
		ErrorItemNotFound ErrorFolderNotFound ErrorParentFolderNotFound ErrorToFolderNotFound ErrorManagedFolderNotFound
		ErrorCannotFindFile ErrorCalendarOccurrenceIsDeletedFromRecurrence ErrorInvalidAttachmentId ErrorAttachmentNotFound
		ErrorSubscriptionNotFound ErrorInvalidSubscription ErrorExpiredSubscription ErrorEventNotFound`},

	// Another key mends the first of these, and nothing the rest. ErrorItemSave is of both.
	{provider.ErrBadItem, `
		ErrorIrresolvableConflict ErrorStaleObject ErrorChangeKeyRequired* ErrorInvalidChangeKey ErrorObjectTypeChanged
		ErrorItemCorrupt ErrorCorruptData ErrorMimeContent* ErrorContentConversionFailed ErrorBodyFormatConversion*
		ErrorInvalidRecipients ErrorMissingRecipients ErrorMissingItemForCreateItemAttachment ErrorSendAsDenied
		ErrorCalendar* ErrorRecurrence* ErrorOccurrence* ErrorInvalidProperty* ErrorInvalidExtendedProperty*
		ErrorUnsupported* ErrorItemSave* ErrorItemProperty* ErrorPropertyUpdate ErrorPropertyValidationFailure
		ErrorSchemaValidation ErrorAttachmentNestLevelLimitExceeded ErrorCreateItemAccessDenied ErrorDeleteItemsFailed
		ErrorMoveCopyFailed ErrorCrossMailboxMoveCopy ErrorSubjectTooLong ErrorInvalidItemFor* ErrorTimeZone`},

	{provider.ErrTooLarge, `
		ErrorMessageSizeExceeded ErrorAttachmentSizeLimitExceeded ErrorDataSizeLimitExceeded ErrorMailboxDataArrayTooBig`},

	{provider.ErrAuth, `
		ErrorPasswordExpired ErrorPasswordChangeRequired ErrorInvalidCredentials ErrorTokenSerializationDenied
		ErrorMailboxLogonFailed`},

	{provider.ErrUnsupported, `
		ErrorNonExistentMailbox ErrorMissingEmailAddress ErrorInvalidUser ErrorInvalidSmtpAddress ErrorMailboxConfiguration
		ErrorAccountDisabled ErrorAccessDenied ErrorAccessModeSpecified ErrorImpersonateUserDenied ErrorImpersonationDenied
		ErrorImpersonationFailed ErrorImpersonationRequired ErrorOrganizationAccessBlocked ErrorNoPublicFolderReplicaAvailable
		ErrorSubscriptionDelegateAccessNotSupported ErrorCrossForestCallerNotFound
		ErrorInvalidServerVersion ErrorIncorrectSchemaVersion ErrorInvalidSchemaVersionForMailboxVersion`},

	{provider.ErrProtocol, `ErrorInvalidRequest ErrorInvalidOperation ErrorInvalidArgument`},
}

// remedies are for codes of which nothing is said in general.
var remedies = map[string]string{
	"ErrorProxyRequestNotAllowed":                 "nothing at first: the mailbox's server is looked for again; if it lasts, check the URL in the profile, or use autodiscover",
	"ErrorCrossSiteRequest":                       "use autodiscover, or enter the URL of the site that holds the mailbox",
	"ErrorNoApplicableProxyCASServersAvailable":   "use autodiscover, or ask the Exchange administrator why the mailbox's site has no server for the web services",
	"ErrorInvalidServerVersion":                   "the server is older than Exchange 2007 SP1, or what stands in front of it changes what is asked for",
	"ErrorIncorrectSchemaVersion":                 "the server is older than Exchange 2007 SP1, or what stands in front of it changes what is asked for",
	mailboxVersion:                                "have the mailbox moved to a server of Exchange 2007 SP1 or later",
	"ErrorImpersonationRequired":                  "have the profile's account act as the mailboxes' owners (Impersonate)",
	"ErrorSubscriptionDelegateAccessNotSupported": "nothing: the mailbox is polled; with impersonation Exchange tells of news",
	"ErrorNoPublicFolderReplicaAvailable":         "ask the Exchange administrator",
	"ErrorCrossForestCallerNotFound":              "use an account of the forest that holds the mailbox",
	"ErrorSchemaValidation":                       "tell those who make this program, with the request's ids",
}

// A codes has the meanings by code and by family.
type codes struct {
	exact    map[string]provider.Kind
	families []family
}

type family struct {
	begins string
	kind   provider.Kind
}

var table = sync.OnceValue(func() codes {
	all := codes{exact: make(map[string]provider.Kind)}
	for _, of := range meanings {
		for _, name := range strings.Fields(of.codes) {
			if begins, is := strings.CutSuffix(name, "*"); is {
				all.families = append(all.families, family{begins, of.kind})
			} else {
				all.exact[name] = of.kind
			}
		}
	}
	return all
})

// meaningOf returns what is to be done about a response code.
func meaningOf(code string) meant {
	m, _ := lookUp(code)
	return m
}

// isKnown reports whether a code is one of the table.
func isKnown(code string) bool {
	_, known := lookUp(code)
	return known
}

func lookUp(code string) (m meant, known bool) {
	all := table()
	if kind, ok := all.exact[code]; ok {
		return meant{kind, remedies[code]}, true
	}
	for _, f := range all.families {
		if strings.HasPrefix(code, f.begins) {
			return meant{f.kind, remedies[code]}, code == f.begins
		}
	}
	return meant{provider.ErrUnavailable, remedies[code]}, false
}
