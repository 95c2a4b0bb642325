package smtp_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/netip"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/smtp"
	"github.com/go-serversync/serversync/smtp/smtptest"
)

// An administrator sees how far a connection comes, and what is wrong, before
// anybody's password is sent.
func ExampleDriver_Probe() {
	server := smtptest.NewServer(smtptest.Options{Expired: true})
	defer server.Close()
	address := netip.MustParseAddrPort(server.Addr)

	ctx := provider.WithTrace(context.Background(), &provider.Trace{
		End: func(stage provider.Stage, e provider.Evidence, err error) {
			fmt.Println(stage, e.TLSVersion, e.Chain, "failed:", err != nil)
		},
	})
	err := smtp.Driver{TLSConfig: &tls.Config{RootCAs: server.CertPool()}}.Probe(ctx, provider.Account{
		Endpoint: profile.Endpoint{Host: "127.0.0.1", Port: int(address.Port())},
		Policy:   profile.Policy{AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, // for the example's own server
	})
	fmt.Println(provider.KindOf(err))
	// Output:
	// tcp  [] failed: false
	// tls TLS 1.3 [CN=smtptest] failed: true
	// refused for safety
}
