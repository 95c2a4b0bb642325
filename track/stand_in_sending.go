package track

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"regexp"
	"strings"

	"github.com/go-serversync/serversync/item"
)

// This file stands in for what is being written elsewhere, and goes when that is there.

// Token returns a tracking token.
func (r *Rules) Token(user, counter int64) string {
	t := r.settings.Token
	return fmt.Sprintf("%s%d%0*d%0*d", t.Prefix, t.Base, t.UserDigits, user, t.CounterDigits, counter)
}

// Subject returns a subject with a token at its end, within the limit of subjects.
func (r *Rules) Subject(subject, token string) string {
	if token == "" || strings.Contains(subject, token) {
		return subject
	}
	room := r.settings.Token.SubjectLimit - len([]rune(token)) - 1
	if runes := []rune(subject); len(runes) > room {
		subject = string(runes[:room])
	}
	return strings.TrimSpace(subject + " " + token)
}

// Index returns what answers to a message are matched by.
func (r *Rules) Index(m *item.Message, direction Direction) Email {
	e := Email{Direction: direction, Sent: m.Date}
	if m.MessageID != "" {
		e.IDs = []string{m.MessageID}
	}
	e.Token = regexp.MustCompile(regexp.QuoteMeta(r.settings.Token.Prefix) + `\d+`).FindString(m.Subject)
	for _, f := range m.Fields {
		if strings.EqualFold(f.Name, "Thread-Index") {
			e.Conversation = f.Value[:min(len(f.Value), 29)]
		}
	}
	seen := map[string]bool{}
	add := func(list []item.Address, to bool) {
		for _, a := range list {
			address := strings.ToLower(a.Addr)
			if address == "" || seen[address] {
				continue
			}
			seen[address] = true
			e.Participants = append(e.Participants, address)
			if to {
				e.Recipients = append(e.Recipients, address)
			}
		}
	}
	add(m.From, false)
	add(m.To, true)
	add(m.Cc, true)
	add(m.Bcc, true)
	return e
}

// MayAnswer reports whether a program may answer a message, and if not, why.
func (r *Rules) MayAnswer(m *item.Message, v Verdict) (ok bool, why string) {
	if v.Notice.NoAnswer {
		return false, v.Notice.Evidence
	}
	for _, f := range m.Fields {
		value := strings.ToLower(strings.TrimSpace(f.Value))
		switch strings.ToLower(f.Name) {
		case "auto-submitted":
			if value != "no" && value != "" {
				return false, f.Name
			}
		case "return-path":
			if value == "<>" {
				return false, f.Name
			}
		case "precedence":
			if value == "bulk" || value == "list" || value == "junk" {
				return false, f.Name
			}
		case "list-id":
			return false, f.Name
		}
	}
	return true, ""
}

// Sign returns what nobody else can make of a text, for one use.
func (s *Signer) Sign(organization, use, text string) string {
	mac := hmac.New(sha256.New, []byte(s.keys[0].Key.Reveal()))
	fmt.Fprintf(mac, "%q %q %q", organization, use, text)
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(mac.Sum(nil)[:16]))
}

func (s *Signer) standInReference(organization string, email Ref) string {
	return s.keys[0].ID + "." + s.Sign(organization, "ref", email.String())
}
