package smtp_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/smtp"
)

// takesNoBody is a server that reads nothing behind DATA, until the client goes.
func takesNoBody(t *testing.T, behind string) (address string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	over := make(chan struct{})
	wait.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wait.Go(func() { talkUpToData(c, behind, over) })
		}
	})
	t.Cleanup(func() { close(over); l.Close(); wait.Wait() })
	return l.Addr().String()
}

func talkUpToData(c net.Conn, behind string, over <-chan struct{}) {
	defer c.Close()
	in := bufio.NewReader(c)
	io.WriteString(c, "220 hi\r\n")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		if strings.HasPrefix(line, "DATA") {
			io.WriteString(c, "354 go\r\n"+behind)
			<-over
			return
		}
		io.WriteString(c, "250 ok\r\n")
	}
}

func TestAServerThatStopsReading(t *testing.T) {
	// More than the buffers between us hold.
	sub := provider.Submission{From: ann, Recipients: []string{bob}, Raw: item.NewBlob([]byte(strings.Repeat(mail, 200_000)))}
	t.Run("ends by the deadline for progress", func(t *testing.T) {
		p := hurried(t, account(takesNoBody(t, ""), profile.Plaintext), 2*time.Second)
		start := time.Now()
		out := sendWith(t, p.(provider.Sender), sub)
		out.want(t, provider.ErrUnavailable, provider.StatusRetry)
		if out.submitting != 0 || time.Since(start) > soon {
			t.Errorf("submitting %d, after %v", out.submitting, time.Since(start))
		}
	})
	t.Run("ends with the context", func(t *testing.T) {
		p, err := smtp.Driver{Limits: patient}.Open(t.Context(), account(takesNoBody(t, ""), profile.Plaintext))
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		why := errors.New("why")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(300*time.Millisecond, func() { cancel(why) })
		start := time.Now()
		result, err := p.(provider.Sender).Send(ctx, sub)
		if err != why || result.Recipients[0].Status != provider.StatusRetry || time.Since(start) > soon {
			t.Errorf("Send = %+v, %v after %v", result.Recipients, err, time.Since(start))
		}
	})
}

// A server that refuses before the message is through, as some do for its size, is
// taken at its word.
func TestRefusedBeforeTheEnd(t *testing.T) {
	for answer, want := range map[string]struct {
		status provider.Status
		kind   provider.Kind
	}{
		"552 5.3.4 too big\r\n": {provider.StatusRejected, provider.ErrTooLarge},
		"421 4.3.2 down\r\n":    {provider.StatusRetry, provider.ErrUnavailable},
		"250 fine\r\n":          {provider.StatusRetry, provider.ErrProtocol},
		"999 huh\r\n":           {provider.StatusRetry, provider.ErrProtocol},
	} {
		p, err := smtp.Driver{Limits: patient}.Open(t.Context(), account(takesNoBody(t, answer), profile.Plaintext))
		if err != nil {
			t.Fatal(err)
		}
		out := send(t, p.(provider.Sender), mail, bob)
		out.want(t, want.kind, want.status)
		if out.submitting != 0 {
			t.Errorf("%q: submitting was called", answer)
		}
		p.Close()
	}
}
