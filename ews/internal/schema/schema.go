// Package schema says what the messages of Exchange Web Services look like, and checks
// messages against it.
//
// The knowledge is one readable table, exchange.txt, whose head explains how to read it. The
// driver takes the order of an item's fields from it ([Order], [Position]), for Exchange refuses
// a request whose elements are out of order. A [Checker] follows a message element by element
// and says where it leaves the schema, in the words in which Exchange says it; [Check] does the
// same for a whole document and knows the line. [WriteXSD] and [WriteWSDL] write the table down
// as the documents that an Exchange server gives out.
//
// An [Edition] chooses between the table as a whole and what Exchange 2013 SP1 knows of it.
//
// The checker differs from a validator that has the documents. It is stricter: an xsi:type may
// name no type but one of the table, a header entry of Exchange's namespaces has to be one of its
// headers, a message may be 512 elements deep, and a value other than strings and base64 may have
// 4 KiB. It is laxer: RequestServerVersion may name every version there has been, in either
// edition, for a client that speaks to all servers names what it needs; attributes of SOAP's
// namespace, such as mustUnderstand, may stand on every header entry; header entries of foreign
// namespaces are let through; the prefix of an xsi:type is not looked at; and anyURI is any text.
package schema

import (
	"slices"
	"strings"
)

// The namespaces of Exchange's messages.
const (
	SOAP     = "http://schemas.xmlsoap.org/soap/envelope/"
	Messages = "http://schemas.microsoft.com/exchange/services/2006/messages"
	Types    = "http://schemas.microsoft.com/exchange/services/2006/types"
	Errors   = "http://schemas.microsoft.com/exchange/services/2006/errors"
)

const (
	xmlNamespace = "http://www.w3.org/XML/1998/namespace"
	xsiNamespace = "http://www.w3.org/2001/XMLSchema-instance"
	xsdNamespace = "http://www.w3.org/2001/XMLSchema"
)

// A Name is the name of an element or an attribute with its namespace.
type Name struct{ Space, Local string }

// String writes the namespace, a colon and the local name.
func (n Name) String() string {
	if n.Space == "" {
		return n.Local
	}
	return n.Space + ":" + n.Local
}

// An Attr is an attribute of an element. Declarations of namespaces are none.
type Attr struct {
	Name  Name
	Value string
}

// An Edition says how much of the table holds.
type Edition int

const (
	Newest          Edition = iota // all of it
	Exchange2013SP1                // without what came after Exchange 2013 SP1
)

// Order returns the child elements of a complex type of the types namespace, such as
// "MessageType", in the order in which they have to stand, those of its base types first. It
// returns nil for what is no such type. The order is the same in every edition that has a child.
func Order(typeName string, e Edition) []string {
	t := tables(e).types[Name{Types, typeName}]
	if t == nil {
		return nil
	}
	return slices.Clone(t.order)
}

// Operations returns the local names of the elements that are requests, sorted.
func Operations() []string {
	var names []string
	for _, e := range tables(Newest).elements {
		if e.role == request {
			names = append(names, e.name.Local)
		}
	}
	slices.Sort(names)
	return names
}

// operation returns the name of the operation whose request has this local name.
func operation(local string) string { return strings.TrimSuffix(local, "Request") }
