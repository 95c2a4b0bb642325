package ewstest_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/go-serversync/serversync/ews/ewstest"
)

// A test is the server's side: here a client finds that the server is busy, and then what came.
func Example() {
	server := ewstest.NewServer(ewstest.Options{})
	defer server.Close()
	server.Add("user@example.com", "inbox", []byte("Subject: Hello\r\n\r\nHow are you?\r\n"))
	busy := ewstest.Busy("5000")
	busy.Times = 1
	server.SetFault(busy)

	const ask = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types">
<s:Header><t:RequestServerVersion Version="Exchange2013_SP1"/></s:Header><s:Body>
<GetFolder xmlns="http://schemas.microsoft.com/exchange/services/2006/messages">
<FolderShape><t:BaseShape>Default</t:BaseShape></FolderShape>
<FolderIds><t:DistinguishedFolderId Id="inbox"/></FolderIds></GetFolder></s:Body></s:Envelope>`
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: server.CertPool()}}
	defer transport.CloseIdleConnections()
	for range 2 {
		request, err := http.NewRequest(http.MethodPost, server.URL(), strings.NewReader(ask))
		if err != nil {
			fmt.Println(err)
			return
		}
		request.Header.Set("Content-Type", "text/xml; charset=utf-8")
		request.SetBasicAuth("user@example.com", "secret")
		answer, err := transport.RoundTrip(request)
		if err != nil {
			fmt.Println(err)
			return
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		fmt.Println(answer.StatusCode, err, strings.Contains(string(body), "ErrorServerBusy"), strings.Contains(string(body), "<t:TotalCount>1</t:TotalCount>"))
	}
	fmt.Println(server.Counts().Requests["GetFolder"], "requests")

	// Output:
	// 500 <nil> true false
	// 200 <nil> false true
	// 2 requests
}
