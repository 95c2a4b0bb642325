package item

import "github.com/go-serversync/serversync/internal/mime"

// Warning says what was wrong with a message and was repaired or left out.
type Warning string

// The warnings. The comment says what was done.
const (
	WarnLineEnds        Warning = "line ends"                // lines end with CR alone: read as line ends
	WarnByteOrder       Warning = "byte order mark"          // before the header: left out
	WarnMboxLine        Warning = "mbox line"                // a "From " line before the header: left out
	WarnHeaderLine      Warning = "header line"              // a header line is no field: left out
	WarnNoBlankLine     Warning = "no blank line"            // between header and body: the body starts at the first of two lines that are no fields
	WarnHeaderCut       Warning = "header cut"               // a header is over Limits.Header or Limits.Fields
	WarnFieldCut        Warning = "field cut"                // a field is over Limits.Field
	WarnDuplicateField  Warning = "duplicate field"          // a field that stands once stands twice: the first counts
	WarnAmbiguousParts  Warning = "ambiguous parts"          // two boundaries or content types for one part: the parts of either are listed
	WarnParameter       Warning = "parameter"                // parameters are repeated, broken or over Limits.Parameters
	WarnEncoding        Warning = "transfer encoding"        // unknown or repeated: bytes stay as they are
	WarnBase64          Warning = "base64"                   // junk left out, missing padding supplied
	WarnQuotedPrintable Warning = "quoted-printable"         // a "=" that encodes nothing stays
	WarnCharset         Warning = "charset"                  // unknown, or bytes are not of it: UTF-8, else windows-1252 or U+FFFD
	WarnNoBoundary      Warning = "no boundary"              // a multipart without parts: shown as text
	WarnOddBoundary     Warning = "odd boundary"             // not the declared one: the one in use counts
	WarnUnterminated    Warning = "unterminated"             // a final boundary is missing: the multipart ends with the message
	WarnDepth           Warning = "depth"                    // over Limits.Depth: the rest is one attachment
	WarnParts           Warning = "parts"                    // over Limits.Parts: the rest is one attachment
	WarnAddress         Warning = "address"                  // an address list is malformed: read as far as it makes sense
	WarnAddresses       Warning = "addresses"                // over Limits.Addresses: cut
	WarnEncodedWord     Warning = "encoded word"             // broken: kept as it stands
	WarnDate            Warning = "date"                     // missing, unreadable, or moved to 1970 or 2100
	WarnNUL             Warning = "nul"                      // in text: U+FFFD instead
	WarnMessageID       Warning = "message id"               // missing: made from the Digest; or over 320 bytes: cut
	WarnFromAmbiguous   Warning = "from ambiguous"           // From does not name one sender, or its name looks like another address. Link it to nobody
	WarnTextCut         Warning = "text cut"                 // a body is over Limits.Text
	WarnAttachments     Warning = "attachments"              // over Limits.Attachments: the rest is not listed
	WarnParser          Warning = "parser failed on message" // our fault: the whole body is given as text
)

// fromParser says which warning stands for which of the parser's flags, in the
// order of Message.Warnings.
var fromParser = [...]struct {
	flag    mime.Flags
	warning Warning
}{
	{mime.LineEnds, WarnLineEnds},
	{mime.ByteOrder, WarnByteOrder},
	{mime.MboxLine, WarnMboxLine},
	{mime.BadLine, WarnHeaderLine},
	{mime.NoBlankLine, WarnNoBlankLine},
	{mime.HeaderCut, WarnHeaderCut},
	{mime.FieldCut, WarnFieldCut},
	{mime.Duplicate, WarnDuplicateField},
	{mime.Ambiguous, WarnAmbiguousParts},
	{mime.BadParameter, WarnParameter},
	{mime.BadEncoding, WarnEncoding},
	{mime.BadBase64, WarnBase64},
	{mime.BadQuoted, WarnQuotedPrintable},
	{mime.BadCharset, WarnCharset},
	{mime.NoBoundary, WarnNoBoundary},
	{mime.OddBoundary, WarnOddBoundary},
	{mime.Unterminated, WarnUnterminated},
	{mime.TooDeep, WarnDepth},
	{mime.TooManyParts, WarnParts},
	{mime.BadAddress, WarnAddress},
	{mime.TooManyAddresses, WarnAddresses},
	{mime.BadWord, WarnEncodedWord},
	{mime.BadDate, WarnDate},
	{mime.NUL, WarnNUL},
}

// addWarnings appends what flags stand for.
func (m *Message) addWarnings(flags mime.Flags) {
	for _, f := range fromParser {
		if flags&f.flag != 0 {
			m.Warnings = append(m.Warnings, f.warning)
		}
	}
}
