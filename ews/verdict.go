package ews

import (
	"errors"
	"slices"
	"strings"

	"github.com/go-serversync/serversync/provider"
)

// rejects are the codes that say that a message cannot be sent as it is, with what can be done.
var rejects = map[string]string{
	"ErrorSendAsDenied":                       "give the account the right to send as, or on behalf of, the address in From, or send from the mailbox's own",
	"ErrorInvalidRecipients":                  "correct the recipients' addresses",
	"ErrorMissingRecipients":                  "name a recipient",
	"ErrorMessageSizeExceeded":                "send a smaller message, or have the server's operator take larger ones",
	"ErrorAttachmentSizeLimitExceeded":        "send smaller attachments, or have the server's operator take larger ones",
	"ErrorAttachmentNestLevelLimitExceeded":   "enclose fewer messages within messages",
	"ErrorDataSizeLimitExceeded":              "send a smaller message, or have the server's operator take larger ones",
	"ErrorMimeContentInvalid":                 "compose the message anew",
	"ErrorMimeContentInvalidBase64String":     "",
	"ErrorMimeContentConversionFailed":        "compose the message anew",
	"ErrorContentConversionFailed":            "compose the message anew",
	"ErrorItemCorrupt":                        "compose the message anew",
	"ErrorInvalidSmtpAddress":                 "correct the addresses",
	"ErrorMessageTooBig":                      "send a smaller message",
	"ErrorCannotSendMessageInModeratedFolder": "",
}

// waits are the codes with which a server says that it does something later.
var waits = []string{
	"ErrorServerBusy", "ErrorExceededConnectionCount", "ErrorTooManyObjectsOpened", "ErrorSubmissionQuotaExceeded",
	"ErrorExceededMessageLimit", "ErrorQuotaExceeded",
}

// statuses are those of HTTP with which a server says that it did nothing.
var statuses = []string{"HTTP 400", "HTTP 401", "HTTP 403", "HTTP 404", "HTTP 405", "HTTP 413", "HTTP 415", "HTTP 429", "HTTP 456", codeBlocked}

// changed reports whether err says that the draft's key is an old one.
func changed(err error) bool {
	switch code := codeOf(err); code {
	case "ErrorIrresolvableConflict", "ErrorStaleObject", "ErrorInvalidChangeKey":
		return true
	default:
		return strings.HasPrefix(code, "ErrorChangeKeyRequired")
	}
}

// definite reports whether err is an answer, and one that says that nothing was done. All
// others may come from a server that has sent the message, and failed behind that.
func definite(err error) bool {
	code := codeOf(err)
	if _, ok := rejects[code]; ok || changed(err) || slices.Contains(waits, code) || slices.Contains(statuses, code) {
		return true
	}
	switch provider.KindOf(err) {
	case provider.ErrAuth, provider.ErrBadItem:
		return strings.HasPrefix(code, "Error")
	}
	return false
}

// verdict says what becomes of the recipients of a message that was not sent, and tells an error
// that is about the message as such.
func verdict(err error) (provider.Status, error) {
	var e *provider.Error
	if !errors.As(err, &e) || changed(err) {
		return provider.StatusRetry, err
	}
	if remedy, ok := rejects[e.Code]; ok {
		about := *e
		if about.Kind != provider.ErrTooLarge {
			about.Kind = provider.ErrBadItem
		}
		if remedy != "" {
			about.Remedy = remedy
		}
		return provider.StatusRejected, &about
	}
	if e.Code != "" && (e.Kind == provider.ErrBadItem || e.Kind == provider.ErrTooLarge) {
		return provider.StatusRejected, err
	}
	return provider.StatusRetry, err
}
