// Command discover shows how mail servers are found by an address alone. It needs
// nothing but Go: network.go is a small network in this process, with a name service
// and mail servers of its own. Read main.go first.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"github.com/go-serversync/serversync/discover"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	net := startNetwork()
	defer net.close()

	// Yours would be discover.Finder{Policy: policy, Probers: ...}, with the drivers
	// that you sync with.
	finder := discover.Finder{Policy: net.policy(), Resolver: net, TLSConfig: net.tls(), Probers: net.drivers()}

	for _, address := range []string{
		"anna@northwind.example", // its DNS has SRV records
		"ben@fabrikam.example",   // a hoster has its mail
		"cleo@contoso.example",   // its mail goes to Exchange Online
		"dora@adatum.example",    // says nothing, but has usual names
		"erik@mallory.example",   // every name leads to one server
		"fay@proton.me",
	} {
		fmt.Fprintf(out, "\n%s\n", address)
		results, err := finder.Discover(ctx, address)
		var failed *provider.Error
		switch {
		case errors.As(err, &failed):
			fmt.Fprintf(out, "   %v\n   %s\n", failed.Err, failed.Remedy)
		case err != nil:
			return err
		}
		for _, r := range results {
			show(out, r)
		}
	}
	return nil
}

// show tells a result as a form for an administrator could.
func show(out io.Writer, r discover.Result) {
	fmt.Fprintf(out, "   %s, found by %s\n", r.Profile.Kind, r.Source)
	for _, side := range []struct {
		server   discover.Server
		endpoint profile.Endpoint
	}{{r.Incoming, r.Profile.Endpoint(profile.Incoming)}, {r.Outgoing, r.Profile.Endpoint(profile.Outgoing)}} {
		s := side.server
		if s.Host == "" {
			continue
		}
		tls := "TLS"
		if s.TLS == profile.StartTLS {
			tls = "STARTTLS"
		}
		fmt.Fprintf(out, "      %-4s %s:%d %s, signing in by %s\n", s.Protocol, s.Host, s.Port, tls, how(side.endpoint))
		if s.Verified != "" {
			fmt.Fprintf(out, "           its certificate is good; it offers %s\n", strings.Join(s.Mechanisms, ", "))
		}
		fmt.Fprintf(out, "           known from: %s\n", s.Record)
	}
	if r.Username != "" {
		fmt.Fprintf(out, "      user name: %s\n", r.Username)
	}
	for _, note := range r.Notes {
		fmt.Fprintf(out, "      note: %s\n", note)
	}
	if !r.Confirmed {
		fmt.Fprintf(out, "      before any password goes there, somebody must confirm: %s\n", strings.Join(r.Confirm, ", "))
	}
}

func how(e profile.Endpoint) string {
	if e.Credentials == profile.OAuth {
		return "OAuth"
	}
	return "password"
}
