package discover_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/discover"
	"github.com/go-serversync/serversync/imap/imaptest"
	"github.com/go-serversync/serversync/provider"
)

// X4: a document has a host be named after the mailbox, so that the name service and
// whoever watches it learn the address.
func TestX4NoHostIsNamedAfterTheMailbox(t *testing.T) {
	for _, host := range []string{
		"%EMAILLOCALPART%.northwind.example", "%EMAILADDRESS%", "%EMAILLOCALPART%-%EMAILDOMAIN%", "imap.%EMAILLOCALPART%.evil.example", "a%%EMAILLOCALPART%%.evil.example",
	} {
		w := newWorld(t)
		w.imap("anna.northwind.example", 993, imaptest.Options{})
		w.web("autoconfig.northwind.example", func(rw http.ResponseWriter, _ *http.Request) {
			io.WriteString(rw, document("imap", host, "993", "SSL"))
		})
		_, err := w.finder().Discover(t.Context(), anna)
		require.Equal(t, provider.ErrNotFound, provider.KindOf(err), "%v", err)
		for _, name := range w.asked {
			require.NotContains(t, strings.ToLower(name), "anna")
		}
	}
}

// AD-06: names that look like the domain's are a stranger's.
func TestAD06Lookalikes(t *testing.T) {
	for host, confirmed := range map[string]bool{
		"MAIL.NorthWind.Example.": true, "northwind.example.": true, "mail.northwind.example.evil.example.": false,
		"notnorthwind.example.": false, "northwind.example.evil.example.": false, "northwind-example.evil.example.": false,
	} {
		w := newWorld(t)
		w.imap(strings.TrimSuffix(host, "."), 993, imaptest.Options{})
		w.record("imaps", "northwind.example", 0, 0, host, 993)
		results, err := w.finder().Discover(t.Context(), "anna@NorthWind.EXAMPLE.")
		require.NoError(t, err, host)
		require.Equal(t, confirmed, results[0].Confirmed, host)
		require.Equal(t, confirmed, len(results[0].Confirm) == 0)
	}
}

// X3: what SRV records and documents name lies under the policy, addresses as hosts too.
func TestX3InnerHostsAreNotDialled(t *testing.T) {
	for _, host := range []string{"10.0.0.5", "192.168.1.1", "169.254.169.254", "::1", "[::1]", "fd00::1", "0x7f.1", "2130706433", "localhost", "mail", "db.internal", "x.svc"} {
		w := newWorld(t)
		w.a["db.internal"], w.a["x.svc"], w.a["localhost"], w.a["mail"] = "10.0.0.5", "10.0.0.5", "127.0.0.1", "10.0.0.5"
		w.record("imaps", "northwind.example", 0, 0, host+".", 993)
		w.record("submissions", "northwind.example", 0, 0, host, 465)
		w.web("autoconfig.northwind.example", func(rw http.ResponseWriter, _ *http.Request) {
			io.WriteString(rw, document("imap", host, "993", "SSL"))
		})
		f := w.finder()
		f.Policy.AllowNetworks = []netip.Prefix{netip.MustParsePrefix("127.0.1.0/24")}
		_, err := f.Discover(t.Context(), anna)
		require.Error(t, err, host)
		for _, target := range w.proxy.Targets() {
			require.True(t, strings.HasPrefix(target, "127.0.1."), "%s: dialled %s", host, target)
		}
	}
}

// P3, P5: where nobody answers at all, it ends in its time and leaves nothing behind.
func TestP5BlackHoles(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	require.NoError(t, err)
	defer l.Close()
	w := newWorld(t)
	w.any = "127.0.1.1"
	for _, port := range []int{443, 993, 143, 995, 110, 465, 587} {
		w.at[fmt.Sprintf("127.0.1.1:%d", port)] = l.Addr().String()
	}
	before := runtime.NumGoroutine()
	f := w.finder()
	f.Timeout = time.Second
	began := time.Now()
	_, err = f.Discover(t.Context(), anna)
	require.Equal(t, provider.ErrUnavailable, provider.KindOf(err), "%v", err)
	require.Less(t, time.Since(began), time.Minute, "the bound is a second")
	f.Resolver = silent{}
	_, err = f.Discover(t.Context(), anna)
	require.Equal(t, provider.ErrUnavailable, provider.KindOf(err), "%v", err)
	l.Close()
	w.proxy.Close()
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before }, time.Minute, 10*time.Millisecond)
}

// silent is a name service that never answers.
type silent struct{}

func (silent) LookupSRV(ctx context.Context, _, _, _ string) (string, []*net.SRV, error) {
	<-ctx.Done()
	return "", nil, ctx.Err()
}

func (silent) LookupMX(ctx context.Context, _ string) ([]*net.MX, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (silent) LookupNetIP(ctx context.Context, _, _ string) ([]netip.Addr, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// AD-05: ten thousand records are not much to sort, and what is no port is none.
func TestAD05OddRecords(t *testing.T) {
	w := newWorld(t)
	for i := range 10_000 {
		w.record("imaps", "northwind.example", 0, 0, fmt.Sprintf("h%d.northwind.example.", i), []uint16{0, 22, 6379, 8080}[i%4])
	}
	w.record("submission", "northwind.example", 0, 0, "", 587)
	w.record("pop3", "northwind.example", 0, 0, "a..northwind.example.", 110)
	w.mx["northwind.example."] = []*net.MX{{Host: "."}, {Host: ""}}
	f := w.finder()
	f.Policy.AllowNetworks = nil
	began := time.Now()
	_, err := f.Discover(t.Context(), anna)
	require.Error(t, err)
	require.Less(t, time.Since(began), time.Minute)
	require.Empty(t, w.proxy.Targets())
}

var _ discover.Resolver = silent{}
