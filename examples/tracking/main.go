// Command tracking shows how it is decided which mail is a CRM's, what it belongs to,
// and why. Anna writes to a customer about a case; then ten messages come in, and each
// gets a verdict. It needs nothing but Go, for the mail servers run inside it. Read
// main.go first, then directory.go; mail.go and servers.go set the scene.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/store/memory"
	"github.com/go-serversync/serversync/track"
)

// anna wants what answers tracked email, and nothing else. The folder "Harbour" on
// her mail server stands for a case: what she puts there is tracked.
var anna = mailbox.Mailbox{
	Key:            mailbox.Key{Organization: "northwind", Mailbox: "anna"},
	Address:        "anna@northwind.example",
	Password:       secret.New("correct horse"),
	TrackingNumber: 12,
	TrackedFolders: []mailbox.TrackedFolder{{Folder: "Harbour", RecordType: "case", RecordID: "C-9"}},
}

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	servers := startServers()
	defer servers.close()
	signer, err := track.NewSigner(track.SigningKey{ID: "k1", Key: secret.New(strings.Repeat("not a secret ", 3))})
	if err != nil {
		return err
	}
	store := memory.New() // yours would be your database
	syncer, err := serversync.New(serversync.Config{
		Store:     store,
		Drivers:   servers.drivers(),
		Mailboxes: serversync.Static(servers.profile(), anna),
		Policy:    servers.policy(),
		Tracking:  &serversync.Tracking{Addresses: directory{}, Signer: signer},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, syncer.Close()) }()
	fmt.Fprint(out, "\nAnna writes to Marta about case C-7. The subject gets a tracking token, and the\nMessage-ID is signed.\n\n")
	question, err := syncer.Send(ctx, anna.Key, serversync.Outgoing{
		ID:      "email-1",
		Email:   track.Ref{Type: "email", ID: "1"},
		From:    item.Address{Name: "Anna Keller", Addr: anna.Address},
		To:      []item.Address{{Name: "Marta Silva", Addr: "marta@fabrikam.example"}},
		Subject: "Your order of lanterns", Text: "Dear Marta,\n\nwhen do you need them?\n\nAnna\n",
		Regarding: track.Ref{Type: "case", ID: "C-7"},
	})
	if err != nil {
		return err
	}
	if _, err := syncer.SyncMailbox(ctx, anna.Key); err != nil {
		return err
	}
	fmt.Fprintf(out, "   Subject: %s\n\nTen messages come in:\n", subject(question))

	servers.deliver(question)
	if _, err := syncer.SyncMailbox(ctx, anna.Key); err != nil {
		return err
	}
	for i, m := range messages {
		why, err := syncer.Explain(ctx, anna.Organization, m.id)
		if err != nil {
			return err
		}
		show(out, i+1, m, why)
	}
	return nil
}

// show prints a message and the verdict on it.
func show(out io.Writer, n int, m message, why []serversync.StoredVerdict) {
	fmt.Fprintf(out, "\n%2d. %s\n", n, m.about)
	for _, w := range why {
		fmt.Fprintf(out, "    %s, %s", w.Kind, w.Verdict.Rule)
		if r := w.Verdict.Regarding; r != (track.Ref{}) {
			fmt.Fprintf(out, ", regarding %s", r)
		}
		fmt.Fprintln(out)
		for line := range strings.SplitSeq(wrapped(w.Explain(), 80), "\n") {
			fmt.Fprintf(out, "    %s\n", line)
		}
		for _, o := range w.Verdict.Outcomes {
			fmt.Fprintf(out, "    → to %s: %s %s\n", o.Recipient, o.Action, o.Status)
		}
	}
}

// subject returns the subject of what is sent.
func subject(e serversync.Entry) string {
	m, err := item.ParseMessage(e.Raw, item.Limits{})
	if err != nil {
		return err.Error()
	}
	return m.Subject
}

// wrapped breaks a text into lines.
func wrapped(text string, width int) string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimLeft(line+" "+word, " ")
	}
	return strings.Join(append(lines, line), "\n")
}
