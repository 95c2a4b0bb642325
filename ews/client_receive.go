package ews

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
)

// room is what an answer may have besides a message.
const room = 64 << 20

// errorBody is how much of an answer that is no SOAP is looked at.
const errorBody = 16 << 10

var (
	errPacked = errors.New("the answer is packed in a way that nobody asked for")
	errParts  = errors.New("the answer has its content in parts (MTOM), which nobody asked for")
)

const remedyNoService = "check the URL in the profile; a proxy, a captive portal or a page of sign-in may stand in between"

// receive reads an answer. A server says what is wrong in SOAP whatever the status, and where it
// does so that counts.
func (c *client) receive(answer *http.Response, k call) error {
	if answer.Header.Get("Content-Encoding") != "" {
		return &provider.Error{Op: "ews: " + k.op, Kind: provider.ErrProtocol, Err: errPacked}
	}
	if answer.StatusCode == http.StatusForbidden && c.online() {
		return c.status(answer, "") // which says it in SOAP too, as a refusal of the mailbox
	}
	most := k.most
	if most == 0 {
		most = room + c.limits.Message*2
	}
	body := io.Reader(answer.Body)
	if !k.many {
		body = &limited{from: body, left: most, op: k.op}
	}
	kind, body, err := sniff(answer.Header.Get("Content-Type"), body)
	switch {
	case err != nil:
		return unreadable(k.op, err)
	case kind == inParts:
		return &provider.Error{Op: "ews: " + k.op, Kind: provider.ErrProtocol, Err: errParts}
	case kind == ofXML && answer.StatusCode == http.StatusOK:
		return c.read(body, k)
	case kind == ofXML:
		// What is no fault and no answer to the call says less than the status.
		err := c.read(body, k)
		var e *provider.Error
		if err == nil && answer.StatusCode == http.StatusInternalServerError {
			return nil
		}
		if errors.As(err, &e) && (e.Code != "" || answer.StatusCode == http.StatusInternalServerError) {
			return err
		}
		return c.status(answer, "")
	}
	text, _ := io.ReadAll(io.LimitReader(body, errorBody))
	return c.status(answer, string(text))
}

// The kinds of an answer's body.
type content int

const (
	ofXML content = iota
	inParts
	ofNone // nothing, or something else
)

// sniff tells by its type and its first bytes what a body is, and returns it whole.
func sniff(contentType string, body io.Reader) (content, io.Reader, error) {
	media, _, _ := mime.ParseMediaType(contentType)
	if strings.HasPrefix(media, "multipart/") {
		return inParts, body, nil
	}
	const enough = 64
	head := make([]byte, 0, 512)
	for len(begun(head)) < enough && len(head) < cap(head) {
		n, err := body.Read(head[len(head):cap(head)])
		head = head[:len(head)+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			return ofNone, nil, err
		}
	}
	whole := io.MultiReader(bytes.NewReader(head), body)
	start := bytes.ToLower(begun(head))
	switch {
	case media == "text/html", media == "application/xhtml+xml", media == "application/json",
		!bytes.HasPrefix(start, []byte("<")), bytes.HasPrefix(start, []byte("<!doctype html")), bytes.HasPrefix(start, []byte("<html")):
		return ofNone, whole, nil
	}
	return ofXML, whole, nil
}

// begun returns b without what may be before the beginning.
func begun(b []byte) []byte {
	return bytes.TrimLeft(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), " \t\r\n")
}

// A limited body ends with an error where it is longer than it may be.
type limited struct {
	from io.Reader
	left int64
	op   string
}

func (l *limited) Read(p []byte) (int, error) {
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.from.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, &provider.Error{Op: "ews: " + l.op, Kind: provider.ErrTooLarge, Err: errors.New("the answer is longer than an answer may be")}
	}
	return n, err
}

var errRepeats = errors.New("(words that repeat a secret)")

// failed returns an error with what an administrator finds the request by: our id of it and the
// server's, and which server it was.
func (c *client) failed(err error, k call, asked, h http.Header) error {
	var e *provider.Error
	if err == nil || !errors.As(err, &e) {
		return err
	}
	told := *e
	if told.Op == "ews" || strings.HasPrefix(told.Op, "ews: dial") {
		told.Op = "ews: " + k.op
	}
	if told.Kind == provider.ErrThrottled {
		c.throttled(&told, h)
	}
	c.granted(&told)
	if isElsewhere(told.Code) || h.Get("X-CasErrorCode") != "" {
		c.driver.moved(c.account)
	}
	if told.Err != nil && c.web.Repeats(told.Err.Error()) {
		told.Err = errRepeats
	}
	told.Err = c.named(told.Err, asked, h)
	return &told
}

// named adds the names of a request to an error.
func (c *client) named(err error, asked, h http.Header) error {
	if h == nil {
		return err
	}
	var names []string
	for _, name := range []string{"Request-Id", "X-FEServer", "X-BEServer", "X-CalculatedBETarget", "X-Ms-Diagnostics"} {
		text := h.Get(name)
		if text == "" || c.web.Repeats(text) {
			continue
		}
		if name == "X-Ms-Diagnostics" && err != nil && strings.Contains(err.Error(), wire.Quote(text)) {
			continue
		}
		names = append(names, strings.ToLower(name)+" "+wire.Quote(text))
	}
	names = append(names, "client-request-id "+asked.Get("Client-Request-Id"))
	if err == nil {
		return errors.New(strings.Join(names, ", "))
	}
	return fmt.Errorf("%w (%s)", err, strings.Join(names, ", "))
}
