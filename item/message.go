package item

import (
	"time"

	"github.com/go-serversync/serversync/internal/mime"
)

// Address is one mailbox of an address header (RFC 5322, section 3.4).
type Address struct {
	Name string // decoded display name, may be empty
	Addr string // local@domain as written; may be no valid address, for senders write anything
}

// Message is an email. Every text in it is valid UTF-8 without NUL; what the sender
// wrote is in Raw.
type Message struct {
	// MessageID is the Message-ID without its angle brackets. Where the sender
	// gave none it is made from the Digest, the same each time, and
	// WarnMessageID is among the Warnings.
	MessageID  string
	InReplyTo  []string  // ids without angle brackets
	References []string  // oldest first; the last 50
	Date       time.Time // as the sender claims, UTC; zero if missing or unreadable
	Subject    string    // decoded

	From, Sender, ReplyTo, To, Cc, Bcc []Address

	Text string // the text/plain body, decoded, with \n line ends
	HTML string // the text/html body, decoded. It is hostile: clean it before showing it

	Attachments []Attachment
	Fields      []Field // the header, in its order
	Warnings    []Warning
	Digest      Digest

	Raw *Blob // the message, byte for byte
}

// Field is a header field.
type Field struct {
	Name  string // as written
	Value string // unfolded; encoded words are not decoded
}

// Text returns the value with its encoded words decoded (RFC 2047), as one line.
func (f Field) Text() string {
	text, _ := mime.Words(f.Value)
	return text
}

// Attachment describes a part that is not the message's text. Its content stays
// in the message's Raw until it is opened.
type Attachment struct {
	Name      string   // decoded and cleaned: no path, no control characters; may be empty
	Type      string   // media type in lower case, such as "application/pdf"
	ContentID string   // without angle brackets
	Inline    bool     // Content-Disposition says inline
	Size      int64    // decoded size in bytes
	Sum       [32]byte // SHA-256 of the decoded bytes

	raw      *Blob
	from, to int64  // the encoded body within raw
	encoding string // normalised Content-Transfer-Encoding
}

// Content is what makes two copies of a message the same one: its Message-ID and
// its Digest. Both must agree, for senders use one Message-ID for several
// messages, and anybody can write a Message-ID that somebody else will use.
type Content struct {
	MessageID string
	Digest    Digest
}

// Digest is a versioned digest of what a message says: sender, recipients but
// for Bcc, date, subject, words of the text and attachments. Boundaries, transfer
// encodings, charsets, folding, line lengths and trace headers do not change it. It
// starts with the version of its recipe, which docs/mime.md states, and a colon.
type Digest string

// Content returns m's content key.
func (m *Message) Content() Content { return Content{m.MessageID, m.Digest} }
