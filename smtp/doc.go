// Package smtp sends mail: it is the driver for submission servers (RFC 6409) and
// for relays that need no sign-in.
//
// Commands and their parameters are go-smtp's. Three things are done here, because
// the bytes on the wire matter: the way into TLS, so that nothing learned before it
// is believed after it; the message itself, so that its last five bytes leave only
// when the caller has noted that they will; and the reading of replies, so that a
// server cannot send for ever, nor answer before it was asked.
//
// A provider that [Driver.Open] returns is a [provider.Sender]. It may be used for
// many messages, one after another. After an error of the connection every further
// Send fails at once with ErrUnavailable: close the provider and open another.
//
// What is retried, what is not and what stays uncertain is told in docs/smtp.md.
package smtp
