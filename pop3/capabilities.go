package pop3

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
)

// maxCapabilities is how many capabilities are read.
const maxCapabilities = 200

// capabilities are what CAPA says (RFC 2449). The zero value is a server that does not
// know CAPA.
type capabilities struct {
	known      bool // CAPA was answered
	user       bool
	uidl, top  bool
	pipelining bool
	stls       bool
	utf8       bool
	mechanisms []string      // of SASL, in capitals
	delay      time.Duration // LOGIN-DELAY; 0 if there is none
	all        []string      // as evidence
}

// askCaps asks for the capabilities. That a server does not know CAPA is no error.
func (s *session) askCaps() error {
	s.caps = capabilities{}
	a, err := s.ask("CAPA")
	if err != nil || !a.ok {
		return err
	}
	s.caps.known = true
	return s.lines(maxCapabilities, func(line []byte) error {
		s.caps.add(string(line))
		return nil
	})
}

// add takes a line of CAPA's answer in.
func (c *capabilities) add(line string) {
	words := strings.Fields(strings.ToUpper(line))
	if len(words) == 0 {
		return
	}
	c.all = append(c.all, strings.Join(words, " "))
	switch words[0] {
	case "USER":
		c.user = true
	case "UIDL":
		c.uidl = true
	case "TOP":
		c.top = true
	case "PIPELINING":
		c.pipelining = true
	case "STLS":
		c.stls = true
	case "UTF8":
		c.utf8 = true
	case "SASL":
		c.mechanisms = append(c.mechanisms, words[1:]...)
	case "LOGIN-DELAY":
		if len(words) > 1 {
			n, _ := strconv.ParseUint(words[1], 10, 31)
			c.delay = time.Duration(n) * time.Second
		}
	}
}

// offered is the evidence of the capabilities that are known now.
func (s *session) offered(ctx context.Context) (e provider.Evidence) {
	if provider.Traced(ctx) && !s.caps.known {
		e.Text = "the server does not know CAPA"
		return e
	}
	return wire.Offered(ctx, slices.Clone(s.caps.all))
}

// The bounds of a wait that a server asks for, in case it asks for nonsense.
const (
	minDelay = time.Minute
	maxDelay = 24 * time.Hour
)

// pause is how long to wait when the server wants a pause between sign-ins.
func (c capabilities) pause() time.Duration { return min(max(c.delay, minDelay), maxDelay) }
