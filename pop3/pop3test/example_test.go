package pop3test_test

import (
	"bufio"
	"crypto/tls"
	"fmt"

	"github.com/go-serversync/serversync/pop3/pop3test"
)

// A test is the server's side: here a client finds that its QUIT did not delete.
func Example() {
	server := pop3test.NewServer(pop3test.Options{})
	defer server.Close()
	server.Add("user", []byte("Subject: Hello\r\n\r\nHow are you?\r\n"))
	server.SetFault(pop3test.Fault{Quit: "-ERR some deleted messages not removed"})

	conn, err := tls.Dial("tcp", server.Addr(), &tls.Config{RootCAs: server.CertPool()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	in := bufio.NewScanner(conn)
	in.Scan()
	for _, command := range []string{"USER user", "PASS secret", "DELE 1", "QUIT"} {
		fmt.Fprintf(conn, "%s\r\n", command)
		in.Scan()
		fmt.Println(in.Text())
	}
	fmt.Println(len(server.Messages("user")), "message left")

	// Output:
	// +OK
	// +OK signed in
	// +OK
	// -ERR some deleted messages not removed
	// 1 message left
}
