package provider

import (
	"cmp"
	"time"

	"github.com/go-serversync/serversync/item"
)

// Limits bounds what a peer may make us hold and how long it may make us wait, in
// one place for all drivers. The zero value of a field means its default.
type Limits struct {
	Item item.Limits // of a message's structure

	Message int64 // bytes of one message. Default: 150 MiB
	Memory  int64 // bytes of a message kept in memory; a larger one is spooled to a file. Default: 1 MiB

	Line      int // bytes of a line of protocol. Default: 64 KiB
	Literal   int // bytes of a literal that is no message. Default: 64 KiB
	Response  int // bytes of one response without its messages. Default: 1 MiB
	Nesting   int // open parentheses in a response. Default: 50
	Responses int // responses to one command. Default: 1,000,000
	Folders   int // folders of a mailbox. Default: 50,000

	Dial       time.Duration // to connect. Default: 10 s
	TLS        time.Duration // for the TLS handshake. Default: 10 s
	Greeting   time.Duration // for the server's greeting. Default: 30 s
	Command    time.Duration // without any progress of a command. Default: 60 s
	Terminator time.Duration // for the answer to a message sent. Default: 10 min (RFC 5321, section 4.5.3.2.6)
	Floor      int           // bytes a second that a message, or an answer over HTTP, must come or go with, over 30 s. Default: 500
}

// WithDefaults returns l with every zero field set to its default.
func (l Limits) WithDefaults() Limits {
	l.Item = l.Item.WithDefaults()
	l.Message = cmp.Or(l.Message, 150<<20)
	l.Memory = cmp.Or(l.Memory, 1<<20)
	l.Line = cmp.Or(l.Line, 64<<10)
	l.Literal = cmp.Or(l.Literal, 64<<10)
	l.Response = cmp.Or(l.Response, 1<<20)
	l.Nesting = cmp.Or(l.Nesting, 50)
	l.Responses = cmp.Or(l.Responses, 1_000_000)
	l.Folders = cmp.Or(l.Folders, 50_000)
	l.Dial = cmp.Or(l.Dial, 10*time.Second)
	l.TLS = cmp.Or(l.TLS, 10*time.Second)
	l.Greeting = cmp.Or(l.Greeting, 30*time.Second)
	l.Command = cmp.Or(l.Command, time.Minute)
	l.Terminator = cmp.Or(l.Terminator, 10*time.Minute)
	l.Floor = cmp.Or(l.Floor, 500)
	return l
}
