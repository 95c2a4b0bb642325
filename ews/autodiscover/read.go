package autodiscover

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/go-serversync/serversync/ews/internal/soap"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
)

// An answer is what a server says. It has locations, or another address, or another URL to ask.
type answer struct {
	outer, either, inner []string // where the web services are: from outside of the organization's network, and from inside
	grouping, version    string
	schemas              []string

	address string // to ask about instead
	url     string // to ask instead

	from string // the server's host
}

// locations returns where the web services may be, the best first.
func (a *answer) locations(inside bool) (all []string) {
	order := [][]string{a.outer, a.either, a.inner}
	if inside {
		slices.Reverse(order)
	}
	for _, location := range slices.Concat(order...) {
		if location != "" && !slices.Contains(all, location) && len(all) < maxCandidates {
			all = append(all, location)
		}
	}
	return all
}

// text says in words what an answer is.
func (a *answer) text(to *url.URL) string {
	switch {
	case to != nil:
		return "redirects to " + shown(to)
	case a.address != "":
		return "redirects to the address " + wire.Quote(a.address)
	}
	text := "names the web services"
	if a.version != "" {
		text += " of Exchange " + wire.Quote(a.version)
	}
	return text
}

// read reads an answer. The error is a *provider.Error: ErrNotFound with a Code where the server knows no such
// mailbox.
func read(p Protocol, body []byte) (a *answer, err error) {
	switch p {
	case SOAP:
		a, err = readSOAP(body)
	case POX:
		a, err = readPOX(body)
	default:
		a, err = readJSON(body)
	}
	var known *provider.Error
	switch {
	case err != nil && !errors.As(err, &known):
		kind := provider.ErrProtocol
		if errors.Is(err, soap.ErrTooLarge) {
			kind = provider.ErrTooLarge
		}
		return nil, &provider.Error{Op: op, Kind: kind, Err: fmt.Errorf("%w: %w", errAnswer, err)}
	case err != nil:
		return nil, err
	case a.url == "" && a.address == "" && len(a.locations(false)) == 0:
		return nil, fail(provider.ErrUnsupported, answerRemedy, "the answer names no web services")
	}
	return a, nil
}

// said is an error of which the server tells.
func said(kind provider.Kind, code, text string) error {
	return &provider.Error{Op: op, Kind: kind, Code: wire.Quote(code), Remedy: map[provider.Kind]string{provider.ErrNotFound: "check the mailbox's address"}[kind],
		Err: fmt.Errorf("the server says %s: %s", cmp.Or(wire.Quote(code), "nothing"), cmp.Or(wire.Quote(text), "no more"))}
}

// limits are those of a document. Real ones have 8 KiB and a depth of 6.
func limits() soap.Limits {
	return soap.Limits{Depth: 24, Attributes: 16, Name: 128, Value: 1024, Bytes: maxAnswer}
}

// maxText is of one element's text.
const maxText = 4096

var (
	errAnswer  = errors.New("the answer is none of autodiscover")
	errAnother = errors.New("it is another document")
)

// readJSON reads an answer of "Autodiscover v2" (Microsoft has published no reference of it; Exchange Server 2016
// and later, and Exchange Online, have it).
func readJSON(body []byte) (*answer, error) {
	var got struct{ Protocol, URL, ErrorCode, ErrorMessage string } // whatever the case of letters
	if err := json.Unmarshal(body, &got); err != nil {
		return nil, errors.New("it is no JSON of autodiscover")
	}
	switch code := got.ErrorCode; {
	case code == "UserNotFound", code == "MailboxNotFound", code == "InvalidUserId":
		return nil, said(provider.ErrNotFound, code, got.ErrorMessage)
	case code != "":
		return nil, said(provider.ErrProtocol, code, got.ErrorMessage)
	case !strings.EqualFold(got.Protocol, "EWS"):
		return nil, fmt.Errorf("%w: it is about another protocol", errAnother)
	}
	return &answer{outer: []string{got.URL}}, nil
}

// begin reads a document up to its root, which must have this name.
func begin(body []byte, space, local string) (*soap.Reader, soap.Element, error) {
	r := soap.NewReader(bytes.NewReader(body), limits())
	root, ok := r.Root()
	if ok && !root.Is(space, local) {
		return nil, root, errAnother
	}
	if !ok {
		return nil, root, cmp.Or(r.Err(), errAnother)
	}
	return r, root, nil
}

// finish reads a document to its end, behind which nothing may follow.
func finish(r *soap.Reader, root soap.Element) error {
	r.Skip(root)
	if _, more := r.Root(); more {
		return errAnother
	}
	return r.Err()
}

func value(r *soap.Reader, e soap.Element) string { return strings.TrimSpace(r.Text(e, maxText)) }
