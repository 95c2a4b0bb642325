package ews

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-serversync/serversync/ews/internal/soap"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/provider"
)

// Bits of PidTagMessageFlags ([MS-OXCMSG], section 2.2.1.6). They can be set while a message
// is made, and never after that.
const (
	messageRead   = 0x1
	messageUnsent = 0x8 // it is a draft
)

var errFlag = errors.New("the flag is none that Exchange has")

// File saves raw in a folder as a message that came, or was sent, and is no draft.
func (s *session) File(ctx context.Context, folder provider.FolderID, raw *item.Blob, flags []string) error {
	f, err := filingOf(flags)
	if err != nil {
		return err
	}
	_, err = s.createItem(ctx, folder, func(w *soap.Writer) {
		w.Start("t:Message")
		w.Base64("t:MimeContent", raw, "CharacterSet", "UTF-8")
		if len(f.categories) > 0 {
			w.Start("t:Categories")
			for _, name := range f.categories {
				w.Elem("t:String", name)
			}
			w.End()
		}
		setTag(w, "0x0E07", f.message)
		if f.flagged {
			setTag(w, "0x1090", 2) // PidTagFlagStatus: for follow-up
		}
		if f.verb != 0 {
			setTag(w, "0x1081", f.verb) // PidTagLastVerbExecuted
		}
		w.Elem("t:IsRead", strconv.FormatBool(f.message&messageRead != 0))
		w.End()
	})
	if noSuchFolder(err) {
		return fail("CreateItem", provider.ErrNotFound, "", fmt.Errorf("the folder is not there: %w", err))
	}
	return err
}

// setTag writes a property of MAPI that is an integer.
func setTag(w *soap.Writer, tag string, value int) {
	w.Start("t:ExtendedProperty")
	w.Empty("t:ExtendedFieldURI", "PropertyTag", tag, "PropertyType", "Integer")
	w.Elem("t:Value", strconv.Itoa(value))
	w.End()
}

// A filing is how a message with some flags is saved.
type filing struct {
	message    int // PidTagMessageFlags
	flagged    bool
	verb       int
	categories []string
}

// filingOf says what flags become: what Exchange has of IMAP's as what it is there, keywords as
// categories.
func filingOf(flags []string) (f filing, err error) {
	for _, flag := range flags {
		switch strings.ToLower(flag) {
		case `\seen`:
			f.message |= messageRead
		case `\draft`:
			f.message |= messageUnsent
		case `\flagged`:
			f.flagged = true
		case `\answered`:
			f.verb = 102 // replied to the sender ([MS-OXOMSG], section 2.2.1.29)
		case "":
			return f, fail("CreateItem", provider.ErrUnsupported, "", errFlag)
		default:
			if strings.HasPrefix(flag, `\`) {
				return f, fail("CreateItem", provider.ErrUnsupported, "", errFlag)
			}
			f.categories = append(f.categories, flag)
		}
	}
	return f, nil
}
