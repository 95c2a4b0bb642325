package discover

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// Bounds of an autoconfig document. Real ones have 2 KiB and a depth of 5.
const (
	maxDocument = 64 << 10
	maxDepth    = 16
	maxElements = 1000
	maxAttrs    = 16
	maxText     = 1024
)

// autoconfig returns the servers that the domain's document names. It is had over
// https and from where it is said to be; redirects are not followed, and the address
// is not told to anybody.
func (s *search) autoconfig(ctx context.Context) []Server {
	web, err := wire.NewTransport(wire.HTTPOptions{Op: "autoconfig", TLSConfig: s.TLSConfig, Policy: s.Policy, Limits: s.Limits})
	if err != nil {
		return nil
	}
	defer web.CloseIdleConnections()
	for _, url := range []string{
		"https://autoconfig." + s.domain + "/mail/config-v1.1.xml",
		"https://" + s.domain + "/.well-known/autoconfig/mail/config-v1.1.xml",
	} {
		document, err := load(ctx, web, url)
		if err != nil {
			continue // most domains have none
		}
		if servers, err := s.parse(document, url); err == nil && len(servers) > 0 {
			return servers
		}
	}
	return nil
}

func load(ctx context.Context, web *wire.Transport, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, oneTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	answer, err := web.Do(r)
	if err != nil {
		return nil, err
	}
	document, err := web.ReadBody(answer, maxDocument)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = provider.ErrNotFound
	}
	return document, err
}

var errDocument = errors.New("it is no autoconfig document, or one beyond all measure")

// An entry is an incomingServer or outgoingServer of a document.
type entry struct {
	kind   string              // its type, such as "imap"
	values map[string][]string // by the names of its elements
}

// entries reads a document (Mozilla's "clientConfig", version 1.1).
func entries(document []byte) (all []entry, err error) {
	d := xml.NewDecoder(bytes.NewReader(document))
	var path []string
	var text strings.Builder
	for elements := 0; ; {
		token, err := d.RawToken()
		if err == io.EOF && len(path) == 0 && elements > 0 {
			return all, nil
		}
		if err != nil {
			return nil, errDocument
		}
		switch t := token.(type) {
		case xml.Directive: // a DTD
			return nil, errDocument
		case xml.ProcInst:
			if t.Target != "xml" {
				return nil, errDocument
			}
		case xml.StartElement:
			elements++
			path = append(path, t.Name.Local)
			if len(path) > maxDepth || elements > maxElements || len(t.Attr) > maxAttrs || path[0] != "clientConfig" || len(path) == 1 && elements > 1 {
				return nil, errDocument
			}
			text.Reset()
			if len(path) == 3 && path[1] == "emailProvider" && (t.Name.Local == "incomingServer" || t.Name.Local == "outgoingServer") {
				all = append(all, entry{attr(t, "type"), map[string][]string{}})
			}
		case xml.EndElement:
			if len(path) == 0 || path[len(path)-1] != t.Name.Local {
				return nil, errDocument
			}
			if len(path) == 4 && len(all) > 0 && strings.HasSuffix(path[2], "Server") {
				values := all[len(all)-1].values
				values[t.Name.Local] = append(values[t.Name.Local], strings.TrimSpace(text.String()))
			}
			path = path[:len(path)-1]
			text.Reset()
		case xml.CharData:
			if text.Len()+len(t) > maxText && len(bytes.TrimSpace(t)) > 0 {
				return nil, errDocument
			}
			if len(t) <= maxText {
				text.Write(t)
			}
		}
	}
}

func attr(t xml.StartElement, name string) string {
	for _, a := range t.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func (e entry) value(name string) string {
	if all := e.values[name]; len(all) > 0 {
		return all[0]
	}
	return ""
}

// parse returns the servers of a document, at most 4 of a protocol. Those without
// TLS are left out.
func (s *search) parse(document []byte, url string) (servers []Server, err error) {
	all, err := entries(document)
	if err != nil {
		return nil, err
	}
	replace := strings.NewReplacer("%EMAILADDRESS%", s.address, "%EMAILLOCALPART%", s.local, "%EMAILDOMAIN%", s.domain)
	count := make(map[profile.Protocol]int)
	for _, e := range all {
		server := Server{
			// A host named after the mailbox would tell its address to the name service.
			Protocol: profile.Protocol(e.kind), Host: strings.ToLower(strings.ReplaceAll(e.value("hostname"), "%EMAILDOMAIN%", s.domain)), Source: FromAutoconfig, Record: url,
			Username: replace.Replace(e.value("username")),
		}
		server.Port, _ = strconv.Atoi(e.value("port"))
		switch e.value("socketType") {
		case "SSL":
		case "STARTTLS":
			server.TLS = profile.StartTLS
		default:
			continue
		}
		server.OAuth = true
		for _, how := range e.values["authentication"] {
			server.OAuth = server.OAuth && how == "OAuth2"
		}
		server.OAuth = server.OAuth && len(e.values["authentication"]) > 0
		if server.Username == s.address || len(server.Username) > 250 || strings.ContainsAny(server.Username, "%\r\n\x00") {
			server.Username = ""
		}
		known := server.Protocol == profile.IMAP || server.Protocol == profile.POP3 || server.Protocol == profile.SMTP
		if known && s.wants(server.Protocol) && s.mayBe(server) && count[server.Protocol] < maxTargets {
			count[server.Protocol]++
			servers = append(servers, server)
		}
	}
	return servers, nil
}
