// Exchange measures a first sync of many messages from an Exchange for tests that runs in
// another process, into a Store in memory, on one processor, and what looking again costs.
//
//	go run ./internal/bench/exchange
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/ews"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/store/memory"
)

var anna = mailbox.Mailbox{
	Key:      mailbox.Key{Organization: "bench", Mailbox: "anna"},
	Address:  "anna@example.com",
	Password: secret.New("secret"),
	Methods:  mailbox.Methods{Outgoing: mailbox.None},
}

func main() {
	serve := flag.Bool("serve", false, "be the server, until standard input ends")
	messages := flag.Int("messages", 20_000, "how many messages the inbox holds")
	mean := flag.Int64("mean", 30<<10, "their mean size in bytes")
	runs := flag.Int("runs", 3, "how often to measure")
	flag.Parse()
	var err error
	if *serve {
		err = server(*messages, *mean)
	} else {
		err = measure(*messages, *mean, *runs)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "exchange:", err)
		os.Exit(1)
	}
}

// measure prints a line for each run.
func measure(messages int, mean int64, runs int) error {
	runtime.GOMAXPROCS(1)
	fmt.Println("| run | messages/s | wall s | CPU s | list calls | GetItem calls | items in the smallest and a mean GetItem | requests of a poll | peak MiB |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|")
	for run := range runs {
		if err := once(run+1, messages, mean); err != nil {
			return err
		}
	}
	return nil
}

// once pulls everything from a server of its own.
func once(run, messages int, mean int64) (err error) {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, "-serve", "-messages", fmt.Sprint(messages), "-mean", fmt.Sprint(mean))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() {
		stdin.Close()
		if waited := cmd.Wait(); err == nil {
			err = waited
		}
	}()
	there := &far{in: stdin, out: bufio.NewReader(stdout)}
	var where place
	if err := there.read(&where); err != nil {
		return err
	}
	syncer, store, err := newSyncer(where)
	if err != nil {
		return err
	}
	defer syncer.Close()
	ctx := context.Background()
	began, cpu := time.Now(), used()
	report, err := syncer.SyncMailbox(ctx, anna.Key)
	wall, spent := time.Since(began), used()-cpu
	if err != nil {
		return err
	}
	if report.Tracked != messages || len(store.Messages("bench")) != messages {
		return fmt.Errorf("%d of %d messages came in", report.Tracked, messages)
	}
	pulled, err := there.counts()
	if err != nil {
		return err
	}
	if _, err := syncer.SyncMailbox(ctx, anna.Key); err != nil {
		return err
	}
	polled, err := there.counts()
	if err != nil {
		return err
	}
	fmt.Printf("| %d | %.0f | %.1f | %.1f | %d | %d | %d, %.0f | %d | %.0f |\n", run, float64(messages)/wall.Seconds(), wall.Seconds(), spent.Seconds(),
		pulled.Lists, pulled.Gets, pulled.Smallest, float64(messages)/float64(pulled.Gets), polled.All-pulled.All, float64(peak())/1024)
	return nil
}

func newSyncer(where place) (*serversync.Syncer, *memory.Store, error) {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(where.CA)
	store := memory.New()
	syncer, err := serversync.New(serversync.Config{
		Store:        store,
		Drivers:      map[profile.Protocol]provider.Driver{profile.EWS: &ews.Driver{TLSConfig: &tls.Config{RootCAs: roots}}},
		Mailboxes:    serversync.Static(profile.Profile{ID: "here", Kind: profile.ExchangeServer, Incoming: profile.Endpoint{URL: where.URL, Authentication: profile.Basic}}, anna),
		Policy:       profile.Policy{Deployment: profile.SelfHosted, AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
		CycleTimeout: time.Hour,
	})
	return syncer, store, err
}

// A far process is the server's, as seen from here.
type far struct {
	in  io.Writer
	out *bufio.Reader
}

// place is what the server says of itself first.
type place struct {
	URL string
	CA  []byte // PEM
}

// counts is what it says of the requests that came so far.
type counts struct {
	All, Lists, Gets int
	Smallest         int // ids in a GetItem, the last one aside
}

func (f *far) counts() (c counts, err error) {
	if _, err := fmt.Fprintln(f.in, "counts"); err != nil {
		return c, err
	}
	return c, f.read(&c)
}

func (f *far) read(v any) error {
	line, err := f.out.ReadBytes('\n')
	if err != nil {
		return err
	}
	return json.Unmarshal(line, v)
}
