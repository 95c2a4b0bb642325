// Package soap reads and writes the XML of Exchange Web Services (SOAP 1.1) as it
// passes: nothing of a message is held but what a caller asks for, and base64 is decoded and
// encoded in the stream.
//
// A [Reader] goes through a document by its elements, matched on namespace and local
// name in whatever order they come. It takes what Exchange really sends: characters that XML
// does not have become U+FFFD, halves of surrogate pairs are joined, an ampersand that begins nothing stands
// for itself. It does not take what no honest server sends: a DOCTYPE, more depth, attributes or
// bytes than its [Limits], or an end that does not fit its beginning.
//
// A [Writer] writes elements in the order in which it is told to; package schema has the
// order that Exchange wants.
package soap

// The namespaces of a message, with the prefixes that a Writer has for them.
const (
	Envelope = "http://schemas.xmlsoap.org/soap/envelope/"                    // s
	Messages = "http://schemas.microsoft.com/exchange/services/2006/messages" // m
	Types    = "http://schemas.microsoft.com/exchange/services/2006/types"    // t
	Errors   = "http://schemas.microsoft.com/exchange/services/2006/errors"   // e
	Instance = "http://www.w3.org/2001/XMLSchema-instance"

	xop = "http://www.w3.org/2004/08/xop/include"
)
