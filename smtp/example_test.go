package smtp_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"log"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/smtp"
	"github.com/go-serversync/serversync/smtp/smtptest"
)

// One message goes to two people, one of whom the server does not know. Each has an
// outcome of their own.
func Example() {
	server := smtptest.NewServer(smtptest.Options{
		TLS:   profile.StartTLS,
		Users: map[string]string{"ann@example.com": "password"},
		Fail: func(cmd string) string {
			if strings.HasPrefix(cmd, "RCPT TO:<nobody@") {
				return "550 5.1.1 no such mailbox"
			}
			return ""
		},
	})
	defer server.Close()
	host, port, _ := net.SplitHostPort(server.Addr)
	number, _ := strconv.Atoi(port)

	driver := smtp.Driver{LocalName: "crm.example.com", TLSConfig: &tls.Config{RootCAs: server.CertPool()}}
	session, err := driver.Open(context.Background(), provider.Account{
		Mailbox:  mailbox.Mailbox{Address: "ann@example.com", Password: secret.New("password")},
		Endpoint: profile.Endpoint{Host: host, Port: number, TLS: profile.StartTLS},
		Policy:   profile.Policy{AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()

	sender, _ := provider.As[provider.Sender](session)
	result, err := sender.Send(context.Background(), provider.Submission{
		From:       "ann@example.com",
		Recipients: []string{"bob@example.net", "nobody@example.net"},
		Raw:        item.NewBlob([]byte("From: ann@example.com\r\nMessage-ID: <1@crm.example.com>\r\nSubject: hello\r\n\r\nHello.\r\n")),
		Submitting: func(context.Context) error { fmt.Println("from here on it may have been sent"); return nil },
	})
	for _, r := range result.Recipients {
		fmt.Println(r.Address, r.Status, r.Code)
	}
	fmt.Println(err)
	// Output:
	// from here on it may have been sent
	// bob@example.net sent 250
	// nobody@example.net rejected 550
	// smtp: RCPT: bad item: 550 5.1.1 no such mailbox
}
