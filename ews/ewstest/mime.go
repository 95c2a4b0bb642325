package ewstest

import (
	"github.com/go-serversync/serversync/item"
)

// mime returns an item's MIME as the server gives it: as it came, unless it was changed since
// or the server writes all MIME anew.
func (it *stored) mime() *item.Blob {
	if it.damage == "cut" {
		return cut(it.bytes())
	}
	if it.kind.name == "CalendarItem" && it.raw == nil {
		return plainBlob(it.calendar())
	}
	blob := it.blob()
	if blob != nil && (!it.edited && !it.home.box.model.Rewrite || !it.kind.isMail()) {
		return blob
	}
	return plainBlob(it.render())
}

// withoutMIME returns why an item's MIME cannot be given, nil if it can.
func (it *stored) withoutMIME() error {
	switch {
	case it.damage == "bad":
		return fail("ErrorMimeContentConversionFailed", "The conversion of the MIME content failed.")
	case !it.kind.isMail() && it.kind.name != "CalendarItem":
		return fail("ErrorUnsupportedMimeConversion", "The MIME content of items of this type cannot be made.")
	}
	return nil
}
