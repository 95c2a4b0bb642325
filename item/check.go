package item

import (
	"fmt"
	"mime"
	"strings"
)

// checkValue refuses what would end a header field early. The value itself may be
// anybody's words and stays out of the error.
func checkValue(field, value string) error {
	if strings.ContainsAny(value, "\r\n\x00") {
		return fmt.Errorf("item: %s holds CR, LF or NUL", field)
	}
	return nil
}

// checkAddress refuses what a server might read as more than one address. That is
// stricter than RFC 5321: no quoted local part, no domain literal, no address
// beyond ASCII, whose domain has to be written in its xn-- form.
func checkAddress(field, addr string) error {
	local, domain, ok := strings.Cut(addr, "@")
	switch {
	case !ok:
		return fmt.Errorf("item: %s has an address without @", field)
	case len(addr) > 254 || len(local) > 64:
		return fmt.Errorf("item: %s has an address that is too long", field)
	case !isDotAtom(local, atomPunctuation):
		return fmt.Errorf("item: %s has an address whose local part is not plain ASCII", field)
	case !isDotAtom(domain, "-_"):
		return fmt.Errorf("item: %s has an address whose domain is no host name in ASCII", field)
	}
	return nil
}

// atomPunctuation is what an atom may hold beside letters and digits (RFC 5322,
// section 3.2.3).
const atomPunctuation = "!#$%&'*+-/=?^_`{|}~"

// isDotAtom reports whether s is one or more atoms with dots between them.
func isDotAtom(s, punctuation string) bool {
	empty := true // the atom so far
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.IndexByte(punctuation, c) >= 0:
			empty = false
		case c == '.' && !empty:
			empty = true
		default:
			return false
		}
	}
	return !empty
}

// checkID refuses an id that could not stand between angle brackets. Without an id
// there is nothing to refuse.
func checkID(field, id string) error {
	if len(id) > longID {
		return fmt.Errorf("item: %s has an id of more than %d bytes", field, longID)
	}
	for i := range len(id) {
		if c := id[i]; c <= ' ' || c > '~' || strings.IndexByte(`<>()\",;`, c) >= 0 {
			return fmt.Errorf("item: %s has an id with white space, brackets or other than ASCII", field)
		}
	}
	return nil
}

func isFieldName(name string) bool {
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c > '~' || c == ':' {
			return false
		}
	}
	return name != "" && len(name) <= 64
}

// NewMessageID returns random@domain. random comes from the caller, who has a
// source of randomness, and must not have been used before.
func NewMessageID(random, domain string) (string, error) {
	if !isDotAtom(random, "-_+") || !isDotAtom(domain, "-_") || len(random)+len(domain) > 200 {
		return "", fmt.Errorf("item: no Message-ID can be made of %q and %q", random, domain)
	}
	return random + "@" + domain, nil
}

// mediaType returns a's type as it is written.
func (a *DraftAttachment) mediaType() (string, error) {
	if a.Type == "" {
		return "application/octet-stream", nil
	}
	kind, params, err := mime.ParseMediaType(a.Type)
	major, minor, _ := strings.Cut(kind, "/")
	if err != nil || !isDotAtom(major, "-+_") || !isDotAtom(minor, "-+_") || len(kind) > 100 {
		return "", fmt.Errorf("item: DraftAttachment.Type is no media type")
	}
	if major == "multipart" {
		return "", fmt.Errorf("item: DraftAttachment.Type is a multipart")
	}
	delete(params, "name") // it is said once
	for _, v := range params {
		if err := checkValue("DraftAttachment.Type", v); err != nil {
			return "", err
		}
	}
	return mime.FormatMediaType(kind, params), nil
}
