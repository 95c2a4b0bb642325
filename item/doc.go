// Package item holds what is synchronized. Today that is the [Message].
//
// The package is pure but for reading a [Blob]: nothing here opens a connection
// or knows a server. [ParseMessage] takes any bytes at all and gives a message
// with warnings; it never rejects one. [Draft.Compose] is the strict side: it
// makes bytes that any server takes, or says what cannot be sent.
package item
