package mailbox_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync/mailbox"
)

const (
	errorsDoc  = "../docs/errors.md"
	drawnBegin = "<!-- drawn from the code: begin -->\n"
	drawnEnd   = "<!-- drawn from the code: end -->\n"
)

// kindNames has what drivers call the errors that we name ourselves.
var kindNames = map[string]string{
	"sign-in-refused": "ErrAuth",
	"throttled":       "ErrThrottled",
	"unavailable":     "ErrUnavailable",
	"cursor-expired":  "ErrCursorExpired",
	"not-found":       "ErrNotFound",
	"bad-item":        "ErrBadItem",
	"protocol-error":  "ErrProtocol",
	"too-large":       "ErrTooLarge",
	"unsafe":          "ErrUnsafe",
	"unsupported":     "ErrUnsupported",
	"failed":          "none of these",
}

// headings says of each source, in words, who it is.
var headings = map[Source]string{
	SourceSyncer:      "The ten kinds of a driver's errors",
	SourceNetwork:     "The network says",
	SourceHTTP:        "A web server says",
	SourceOAuth:       "The service that gives out tokens says (RFC 6749), or a mail server of a token",
	SourceCertificate: "The certificate that proves this host",
	SourceExchange:    "Exchange says",
	SourceHost:        "Dynamics 365 says, or a host in its place",
	SourceIMAP:        "An IMAP or POP3 server says (RFC 5530, RFC 9051, RFC 2449, RFC 3206)",
	SourceSMTP:        "An SMTP server says (RFC 5321, RFC 4954, RFC 3463)",
}

// happens says what becomes of a direction, or of an item, after an error.
func happens(k Known) string {
	switch {
	case k.Class == "":
		return "nothing"
	case k.Scope == ScopeItem && k.Class == Transient:
		return "the item is tried again"
	case k.Scope == ScopeItem:
		return "the item is given up"
	}
	switch k.Class {
	case Throttled:
		return "waits"
	case Refused:
		return "stops at the third"
	case Permanent:
		return "stops"
	}
	return "is tried again"
}

func drawErrors() string {
	var b strings.Builder
	var last Source
	for k := range Catalogue() {
		if k.Source != last {
			column := "code"
			if k.Source == SourceSyncer {
				column = "code, kind"
			}
			fmt.Fprintf(&b, "\n## %s\n\n| %s | scope | class | level | what happens | cause | remedy |\n|---|---|---|---|---|---|---|\n", headings[k.Source], column)
			last = k.Source
		}
		names := "`" + k.Code + "`"
		if k.Source == SourceSyncer {
			names += "<br>" + kindNames[k.Code]
		}
		if also := k.Aliases(); len(also) > 0 {
			names += "<br>also " + strings.Join(also, ", ")
		}
		class := string(k.Class)
		if class == "" {
			class = "–"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", names, k.Scope, class, k.Level, happens(k), k.Cause, k.Remedy)
	}
	return strings.TrimPrefix(b.String()+"\n", "\n")
}

// The page about errors says what the code says.
func TestErrorsDocIsDrawnFromTheCode(t *testing.T) {
	doc, err := os.ReadFile(errorsDoc)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(doc), drawnBegin)
	require.True(t, ok, "where the tables begin")
	_, after, ok := strings.Cut(rest, drawnEnd)
	require.True(t, ok, "where the tables end")
	want := before + drawnBegin + drawErrors() + drawnEnd + after
	if *update {
		require.NoError(t, os.WriteFile(errorsDoc, []byte(want), 0o644))
		return
	}
	require.Equal(t, want, string(doc), "go test ./mailbox -run ErrorsDoc -update")
	for k := range Catalogue() {
		require.True(t, k.Source != SourceSyncer || kindNames[k.Code] != "", k.Code)
	}
}
