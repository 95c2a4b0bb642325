package wire

import (
	"cmp"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/go-serversync/serversync/provider"
)

// Error says what an error of dialling, TLS or the connection means: it returns an
// *provider.Error with its kind, words and remedy. A nil err, an *provider.Error
// and a context's own error are returned as they are.
func Error(op string, err error) error {
	var known *provider.Error
	if err == nil || errors.As(err, &known) || ofContext(err) {
		return err
	}
	d := diagnose(err)
	return &provider.Error{Op: op, Kind: d.kind, Code: d.code, Remedy: d.remedy, Err: &cause{d.words, err}}
}

// ofContext reports whether err is a context's own error. errors.Is would also say
// so of a dialler's time-out.
func ofContext(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if err == context.Canceled || err == context.DeadlineExceeded {
			return true
		}
	}
	return false
}

// A cause says in our words what went wrong, and has the error itself behind it,
// whose text a server may have written.
type cause struct {
	words string
	err   error
}

func (c *cause) Error() string {
	if c.words == "" {
		return Quote(c.err.Error())
	}
	return c.words
}

func (c *cause) Unwrap() error { return c.err }

// The codes of failures below a protocol, in words that administrators look up.
const (
	codeHost    = "HostNotFound"
	codeConnect = "ConnectFailure"
	codeTime    = "TimedOut"
	codeTLS     = "SecureConnection"
	codeClosed  = "ConnectionClosed"
)

type diagnosis struct {
	kind   provider.Kind
	code   string
	words  string // "" for the error's own
	remedy string
}

func diagnose(err error) diagnosis {
	var refused *refusal
	var dns *net.DNSError
	var between *proxyError
	switch {
	case errors.As(err, &between):
		return between.diagnosis()
	case errors.As(err, &refused):
		return diagnosis{provider.ErrUnsafe, "", Quote(refused.what), cmp.Or(refused.remedy, "enter the mail server's public name; if it does stand there, whoever runs this service can allow its network")}
	case errors.As(err, &dns) && dns.IsNotFound:
		return diagnosis{provider.ErrUnavailable, codeHost, "there is no server named " + Quote(strings.TrimSuffix(dns.Name, ".")), "check the server's name in the profile"}
	case errors.As(err, &dns):
		return diagnosis{provider.ErrUnavailable, timedOut(dns.IsTimeout), "the name service gave no answer for " + Quote(dns.Name), "check the server's name and this machine's name service"}
	}
	if d, ok := diagnoseTLS(err); ok {
		d.code = codeTLS
		return d
	}
	var timeout net.Error
	switch {
	case errors.Is(err, errSlow):
		return diagnosis{provider.ErrUnavailable, codeTime, "the server takes or gives data too slowly", ""}
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return diagnosis{provider.ErrUnavailable, codeTime, "the server did not answer in time", "check host and port, and any firewall between"}
	case errors.Is(err, syscall.ECONNREFUSED):
		return diagnosis{provider.ErrUnavailable, codeConnect, "nothing listens there", "check host and port; the server may be down"}
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return diagnosis{provider.ErrUnavailable, codeConnect, "there is no way to that network", "check the host, and this machine's network"}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNABORTED), errors.Is(err, net.ErrClosed):
		return diagnosis{provider.ErrUnavailable, codeClosed, "the connection was closed", ""}
	case errors.Is(err, ErrEarly):
		return diagnosis{kind: provider.ErrProtocol}
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), errors.As(err, new(flate.CorruptInputError)):
		return diagnosis{kind: provider.ErrProtocol, words: "the answer is packed in a damaged way"}
	}
	return diagnosis{kind: provider.ErrUnavailable}
}

func timedOut(yes bool) string {
	if yes {
		return codeTime
	}
	return ""
}

// HTTPCode is the code of an error that an HTTP status stands for, such as "HTTP 503". A bare number
// is a reply of SMTP's.
func HTTPCode(status int) string { return "HTTP " + strconv.Itoa(status) }
