package serversync

import (
	"context"
	"errors"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// classify says what an error means for the state of a direction. It is of no
// relevance if it lies with the host's Store, or if somebody asked us to stop.
func classify(ctx context.Context, err error) (class mailbox.Class, relevant bool) {
	switch {
	case err == nil:
		return mailbox.Succeeded, true
	case isStoreError(err), ctx.Err() != nil, errors.Is(err, context.Canceled):
		return "", false
	}
	switch provider.KindOf(err) {
	case provider.ErrAuth:
		return mailbox.Refused, true
	case provider.ErrThrottled:
		return mailbox.Throttled, true
	case provider.ErrUnsafe, provider.ErrUnsupported, provider.ErrTooLarge:
		return mailbox.Permanent, true
	}
	return mailbox.Transient, true
}

// faults gives each kind of error its code, and a remedy where the error has none.
var faults = map[provider.Kind]mailbox.Fault{
	provider.ErrAuth:          {Code: "sign-in-refused", Remedy: "check user name and password, and whether the account may use this protocol"},
	provider.ErrThrottled:     {Code: "throttled", Remedy: "nothing: it goes on by itself when the server allows"},
	provider.ErrUnavailable:   {Code: "unavailable", Remedy: "check that the server runs and can be reached; it is tried again by itself"},
	provider.ErrCursorExpired: {Code: "cursor-expired", Remedy: "nothing: the folder is listed again by itself"},
	provider.ErrNotFound:      {Code: "not-found", Remedy: "check that the mailbox's folders exist on the server"},
	provider.ErrBadItem:       {Code: "bad-item", Remedy: "look at the quarantine"},
	provider.ErrProtocol:      {Code: "protocol-error", Remedy: "check that host and port belong to a server of this protocol; it is tried again by itself"},
	provider.ErrTooLarge:      {Code: "too-large", Remedy: "raise the limit that the message names, if the server is to be trusted"},
	provider.ErrUnsafe:        {Code: "unsafe", Remedy: "mend the server's TLS or address, or have the host's operator allow it"},
	provider.ErrUnsupported:   {Code: "unsupported", Remedy: "use another server or protocol"},
}

func fault(err error) mailbox.Fault {
	if err == nil {
		return mailbox.Fault{}
	}
	f, ok := faults[provider.KindOf(err)]
	if !ok {
		f.Code = "failed"
	}
	f.Cause = err.Error()
	var e *provider.Error
	if errors.As(err, &e) && e.Remedy != "" {
		f.Remedy = e.Remedy
	}
	return f
}
