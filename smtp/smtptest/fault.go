package smtptest

import (
	"io"
	"net"
	"strings"
	"time"
)

// What Options.Fail may return, beside "" for no fault and any text that is sent in
// place of the answer. A text that begins with 2 or 3 counts as the server's own:
// it does the command, or takes the message, and goes on; after another text it did
// not. CR LF within the text begins a new line; CR LF at the end is added.
const (
	Drop  = "drop"  // close the connection
	Reset = "reset" // close it with a reset
	Hang  = "hang"  // say nothing any more
	Slow  = "slow"  // do the command and send the answer byte by byte

	// Accept, in front of another fault, does the command first, so that
	// Accept+Drop for "." takes the message and closes the connection without a
	// word.
	Accept = "accept "

	// Cut, in front of a text, sends it without an end of line and closes the
	// connection.
	Cut = "cut "

	// Endless, in front of a text, sends it again and again.
	Endless = "endless "
)

// answer carries the fault out, or sends own if there is none. do is the command's
// effect. It reports whether it was done and whether the connection goes on.
func (d *dialogue) answer(cmd, own string, do func()) (done, on bool) {
	fault := ""
	if d.server.options.Fail != nil {
		fault = d.server.options.Fail(cmd)
	}
	if rest, ok := strings.CutPrefix(fault, Accept); ok {
		do()
		return true, d.misbehave(rest, own)
	}
	switch {
	case fault == "" || fault == Slow:
		done = own == "" || own[0] == '2' || own[0] == '3'
	default:
		done = fault[0] == '2' || fault[0] == '3'
	}
	if done {
		do()
	}
	return done, d.misbehave(fault, own)
}

// misbehave sends what fault says, and reports whether the connection goes on.
func (d *dialogue) misbehave(fault, own string) bool {
	text, cut := strings.CutPrefix(fault, Cut)
	again, endless := strings.CutPrefix(fault, Endless)
	switch {
	case fault == "":
		return d.send(own)
	case fault == Drop:
		return false
	case fault == Reset:
		if tcp, ok := d.raw.(*net.TCPConn); ok {
			tcp.SetLinger(0)
		}
		return false
	case fault == Hang:
		<-d.server.ctx.Done()
		return false
	case fault == Slow:
		return d.trickle(own + "\r\n")
	case cut:
		io.WriteString(d.conn, text)
		return false
	case endless:
		for d.send(again) {
		}
		return false
	}
	return d.send(fault)
}

func (d *dialogue) trickle(text string) bool {
	for i := range len(text) {
		select {
		case <-d.server.ctx.Done():
			return false
		case <-time.After(d.server.options.Pace):
		}
		if _, err := d.conn.Write([]byte{text[i]}); err != nil {
			return false
		}
	}
	return true
}
