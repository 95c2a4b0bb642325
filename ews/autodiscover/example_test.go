package autodiscover_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/go-serversync/serversync/ews/autodiscover"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// An example's name service knows one record: the domain's mail is with a hoster.
type hosted struct{}

func (hosted) LookupSRV(_ context.Context, _, _, name string) (string, []*net.SRV, error) {
	return "", []*net.SRV{{Target: "autodiscover.hoster.example.", Port: 443}}, nil
}

func (hosted) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// Where the way leads out of the mailbox's domain, a person is to say whether it may be gone.
func Example() {
	finder := &autodiscover.Finder{Resolver: hosted{}}
	_, err := finder.Find(context.Background(), provider.Account{
		Mailbox: mailbox.Mailbox{Address: "anna@northwind.example", Password: secret.New("...")},
		Profile: profile.Profile{Kind: profile.ExchangeServerHybrid, Autodiscover: true},
	})
	var why *autodiscover.Error
	if errors.As(err, &why) {
		for _, p := range why.Confirm {
			fmt.Printf("May %s see the password? %s.\n", p.Host, p.Why)
		}
		for _, st := range why.Steps[1:] { // without how long each took
			fmt.Println(st.Protocol, st.URL)
		}
	}
	// Output:
	// May autodiscover.hoster.example see the password? an SRV record of northwind.example names it.
	// soap https://northwind.example/autodiscover/autodiscover.svc
	// soap https://autodiscover.northwind.example/autodiscover/autodiscover.svc
	// redirect http://autodiscover.northwind.example/autodiscover/autodiscover.xml
	// srv _autodiscover._tcp.northwind.example
	// soap https://autodiscover.hoster.example/autodiscover/autodiscover.svc
}
