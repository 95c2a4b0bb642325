package track_test

import (
	"fmt"
	"strings"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/track"
)

// Four headers of anna's inbox are judged, with two look-ups for all of them.
func Example() {
	rules, err := track.NewRules("contoso", mailbox.Tracking{}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	anna := mailbox.Mailbox{Key: mailbox.Key{Organization: "contoso", Mailbox: "anna"}, Address: "anna@contoso.example", Regarding: "anna"}

	var messages []track.Message
	for _, header := range []string{
		"From: carol@example.org\nTo: anna@contoso.example\nIn-Reply-To: <1@contoso.example>",
		"From: mallory@example.net\nTo: anna@contoso.example\nIn-Reply-To: <1@contoso.example>",
		"From: carol@example.org\nTo: anna@contoso.example, support@contoso.example",
		"From: carol@example.org\nTo: everybody@contoso.example",
	} {
		raw := strings.ReplaceAll(header, "\n", "\r\n") + "\r\n\r\n"
		messages = append(messages, track.Message{Message: item.ParseHeader([]byte(raw), item.Limits{})})
	}
	page := rules.Page(track.Reading{Mailbox: anna}, messages)

	// The host looks up page.Addresses() in its directory …
	parties := map[string][]track.Party{
		"anna@contoso.example":    {{Kind: track.User, Ref: track.Ref{Type: "user", ID: "anna"}}},
		"support@contoso.example": {{Kind: track.Queue, Ref: track.Ref{Type: "queue", ID: "support"}, Accept: mailbox.AcceptKnown}},
		"carol@example.org":       {{Kind: track.Contact, Ref: track.Ref{Type: "contact", ID: "17"}}},
	}
	// … and page.Query() among its emails.
	emails := []track.Email{{
		Ref: track.Ref{Type: "email", ID: "1"}, Direction: track.Outgoing, IDs: []string{"1@contoso.example"},
		Regarding:    track.Ref{Type: "case", ID: "5"},
		Participants: []string{"anna@contoso.example", "carol@example.org"}, Recipients: []string{"carol@example.org"},
	}}
	for _, v := range page.Judge(parties, emails) {
		fmt.Println(v.Explain())
	}
	// Output:
	// Tracked: it answers an email that is tracked, and a recipient accepts replies (user anna accepts replies); it answers email 1, by in-reply-to; it belongs to case 5; user anna owns it.
	// Not tracked: it seems to answer a tracked email, but its sender had no part in that (user anna accepts replies); it may answer email 1, by in-reply-to, but its sender had no part in that; to have it tracked, put it into a tracked folder, or switch Correlation.TrustStrangers on.
	// Tracked: it is from a contact, account or lead, and a recipient accepts these (queue support accepts known); queue support owns it; queue support got a queue item.
	// Not tracked: no user or queue is among its recipients, and the mailbox does not accept every email; to have it tracked, add the address to the mailbox's aliases, have the mailbox accept every email, or put it into a tracked folder.
}
