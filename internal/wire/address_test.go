package wire

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// cloudLoopback is a cloud's policy that lets tests reach their servers.
var cloudLoopback = profile.Policy{AllowNetworks: loopback.AllowNetworks}

func TestSSRF01And02RefusedAddresses(t *testing.T) {
	cloud, private := profile.Policy{}, profile.Policy{AllowPrivate: true}
	selfHosted := profile.Policy{Deployment: profile.SelfHosted}
	tests := []struct {
		addr           string
		cloud, private bool // allowed under the policy
	}{
		{"8.8.8.8", true, true},
		{"2a00:1450:4001::1", true, true},
		{"127.0.0.1", false, false},
		{"::1", false, false},
		{"0.0.0.0", false, false},
		{"::", false, false},
		{"::7f00:1", false, false},
		{"::ffff:127.0.0.1", false, false},
		{"::ffff:8.8.8.8", true, true},
		{"::ffff:169.254.169.254", false, false},
		{"169.254.169.254", false, false},
		{"169.254.1.1", false, false},
		{"10.1.2.3", false, true},
		{"172.31.255.255", false, true},
		{"172.32.0.0", true, true},
		{"192.168.0.1", false, true},
		{"::ffff:192.168.0.1", false, true},
		{"100.64.0.1", false, true},
		{"100.100.100.200", false, false},
		{"192.0.0.192", false, false},
		{"192.0.0.8", false, false},
		{"198.18.0.1", false, false},
		{"198.20.0.1", true, true},
		{"224.0.0.1", false, false},
		{"240.0.0.1", false, false},
		{"255.255.255.255", false, false},
		{"168.63.129.16", false, false},
		{"fd00::1", false, true},
		{"fd00:ec2::254", false, false},
		{"fd20:ce::254", false, false},
		{"fe80::1%eth0", false, false},
		{"fec0::1", false, false},
		{"ff02::1", false, false},
		{"64:ff9b::a9fe:a9fe", false, false},
		{"64:ff9b::808:808", true, true},
		{"64:ff9b::a00:1", false, true},
		{"2002:a9fe:a9fe::", false, false},
		{"2002:808:808::1", true, true},
		{"2002:7f00:1::1", false, false},
		{"2001:0:808:808::f7f7:f7f7", true, true},   // both ends are 8.8.8.8
		{"2001:0:808:808::5601:5601", false, false}, // the client is 169.254.169.254
		{"2001:0:7f00:1::f7f7:f7f7", false, false},  // the server is 127.0.0.1
	}
	for _, tt := range tests {
		addr := netip.MustParseAddr(tt.addr)
		if err := allowedAddress(cloud, addr); (err == nil) != tt.cloud {
			t.Errorf("allowed(cloud, %s) = %v, want allowed %t", tt.addr, err, tt.cloud)
		}
		if err := allowedAddress(private, addr); (err == nil) != tt.private {
			t.Errorf("allowed(private, %s) = %v, want allowed %t", tt.addr, err, tt.private)
		}
		if err := allowedAddress(selfHosted, addr); (err == nil) != tt.private {
			t.Errorf("allowed(self-hosted, %s) = %v, want allowed %t", tt.addr, err, tt.private)
		}
	}
	if err := allowed(loopback, netip.MustParseAddrPort("[::ffff:127.0.0.1]:8025")); err != nil {
		t.Errorf("a named network is not open: %v", err)
	}
	if err := allowed(cloudLoopback, netip.MustParseAddrPort("10.0.0.1:25")); err == nil {
		t.Error("a named network opens others")
	}
}

func TestSSRF01OddNames(t *testing.T) {
	// The look-up answers with a public address: what refuses must be the name.
	look := func(context.Context, string, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	for _, host := range []string{"127.0.0.1", "[::1]", "localhost", "localhost.", "0.0.0.0", "[::]", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "１２７.0.0.1", "a@b", "a/b", "a b", "[fe80::1%eth0]", "[::ffff:169.254.169.254]"} {
		_, err := dial(t.Context(), DialOptions{Op: "test", Address: host + ":25"}, look)
		if provider.KindOf(err) != provider.ErrUnsafe {
			t.Errorf("dialling %s: %v, want it refused for safety", host, err)
		}
		if host != "a b" && strings.Contains(host, "\n") {
			t.Errorf("error text is not clean: %v", err)
		}
	}
}

func TestSSRF03RebindingAndMixedAnswers(t *testing.T) {
	address := listen(t, stall)
	_, port, _ := net.SplitHostPort(address)
	o := options("mail.example:" + port)
	calls := 0
	rebinding := func(context.Context, string, string) ([]netip.Addr, error) {
		calls++
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	o.Policy = profile.Policy{Deployment: profile.SelfHosted, AllowPlaintext: true}
	_, err := dial(t.Context(), o, rebinding)
	wantKind(t, err, provider.ErrUnsafe)
	if calls == 0 {
		t.Fatal("the name was not resolved by us")
	}

	mixed := func(context.Context, string, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("169.254.169.254"), netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("127.0.0.1")}, nil
	}
	o.Policy, o.TLS = cloudLoopback, profile.StartTLS
	c, err := dial(t.Context(), o, mixed)
	if err != nil {
		t.Fatalf("the good address is not used: %v", err)
	}
	c.Close()
}

func TestAD05AtMostFourAddressesAreTried(t *testing.T) {
	address := listen(t, stall)
	_, port, _ := net.SplitHostPort(address)
	many := func(context.Context, string, string) ([]netip.Addr, error) {
		bad := netip.MustParseAddr("10.0.0.1")
		return []netip.Addr{bad, bad, bad, bad, netip.MustParseAddr("127.0.0.1")}, nil
	}
	o := options("mail.example:" + port)
	o.Policy, o.TLS = cloudLoopback, profile.StartTLS
	_, err := dial(t.Context(), o, many)
	wantKind(t, err, provider.ErrUnsafe)
}

// SEC-6: a cloud policy dials the ports of mail and those that it names, wherever
// the networks that it names do not lie.
func TestSSRF07Ports(t *testing.T) {
	selfHosted := profile.Policy{Deployment: profile.SelfHosted}
	named := profile.Policy{AllowPorts: []int{2525}}
	for _, tt := range []struct {
		policy profile.Policy
		to     string
		want   bool
	}{
		{profile.Policy{}, "8.8.8.8:993", true},
		{profile.Policy{}, "8.8.8.8:587", true},
		{profile.Policy{}, "8.8.8.8:443", true},
		{profile.Policy{}, "8.8.8.8:80", false},
		{profile.Policy{}, "8.8.8.8:22", false},
		{profile.Policy{}, "8.8.8.8:6379", false},
		{profile.Policy{}, "8.8.8.8:2525", false},
		{named, "8.8.8.8:2525", true},
		{named, "8.8.8.8:2526", false},
		{named, "10.0.0.1:2525", false},
		{selfHosted, "8.8.8.8:2525", true},
		{selfHosted, "10.0.0.1:2525", true},
		{selfHosted, "127.0.0.1:25", false},
		{selfHosted, "169.254.169.254:443", false},
		{cloudLoopback, "127.0.0.1:6379", true},
		{cloudLoopback, "[::ffff:127.0.0.1]:6379", true},
		{cloudLoopback, "8.8.8.8:6379", false},
	} {
		if err := allowed(tt.policy, netip.MustParseAddrPort(tt.to)); (err == nil) != tt.want {
			t.Errorf("allowed(%+v, %s) = %v, want allowed %t", tt.policy, tt.to, err, tt.want)
		}
	}
}

// SEC-6 where it counts: at the dial, with words for the administrator.
func TestSSRF07Refused(t *testing.T) {
	public := func(context.Context, string, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("192.0.3.1")}, nil
	}
	for _, port := range []string{"22", "6379", "11211", "9200", "2375", "0", "65536", "143abc", "-1", ""} {
		_, err := dial(t.Context(), DialOptions{Op: "test", Address: "mail.example:" + port}, public)
		var e *provider.Error
		if !errors.As(err, &e) || e.Kind != provider.ErrUnsafe || e.Remedy == "" {
			t.Errorf("dialling port %q: %v, want it refused for safety with a remedy", port, err)
		}
	}
}

// Names of private networks are not even looked up under a cloud's policy; where it
// names networks, they lead there and nowhere else.
func TestSSRF04InnerNames(t *testing.T) {
	address := listen(t, stall)
	_, port, _ := net.SplitHostPort(address)
	inner := []string{"mail", "mail.", "kubernetes.default.svc", "printer.local", "vault.internal", "api.svc.", "LOCALHOST", "x.localhost", "nas.home.arpa", "x.localdomain"}
	never := func(_ context.Context, _, host string) ([]netip.Addr, error) {
		t.Errorf("%s was looked up", host)
		return []netip.Addr{netip.MustParseAddr("192.0.3.1")}, nil
	}
	for _, host := range inner {
		_, err := dial(t.Context(), DialOptions{Op: "test", Address: host + ":143"}, never)
		wantKind(t, err, provider.ErrUnsafe)
		o := options(host + ":" + port)
		o.TLS, o.Policy = profile.StartTLS, cloudLoopback
		_, err = dial(t.Context(), o, to("192.0.3.1"))
		wantKind(t, err, provider.ErrUnsafe)
		for _, policy := range []profile.Policy{cloudLoopback, loopback} {
			o.Policy = policy
			c, err := dial(t.Context(), o, to("127.0.0.1"))
			if err != nil {
				t.Errorf("%s under %+v: %v", host, policy, err)
				continue
			}
			c.Close()
		}
	}
	for _, host := range []string{"mail.example", "svc.example.com", "local.example.com", "mail.localhost.example"} {
		if innerName(host) {
			t.Errorf("%s is taken for a name of a private network", host)
		}
	}
	// Whatever a CNAME passes on its way, its end is what is dialled.
	_, err := dial(t.Context(), DialOptions{Op: "test", Address: "mail.example:143"}, to("10.96.0.1"))
	wantKind(t, err, provider.ErrUnsafe)
}

// A search domain would make an inner name of "kubernetes.default".
func TestSSRF04SearchDomains(t *testing.T) {
	var asked []string
	look := func(_ context.Context, _, host string) ([]netip.Addr, error) {
		asked = append(asked, host)
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	_, err := dial(t.Context(), DialOptions{Op: "test", Address: "kubernetes.default:143"}, look)
	wantKind(t, err, provider.ErrUnavailable)
	if len(asked) != 1 || asked[0] != "kubernetes.default." {
		t.Errorf("looked up were %q, want the name with its final dot alone", asked)
	}
}

// Where a server speaks first, one that is none of mail's gets not a byte of us.
func TestSSRF08NothingIsSentBeforeTheGreeting(t *testing.T) {
	got := make(chan int, 1)
	o := options(listen(t, func(c net.Conn) {
		io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
		n, _ := c.Read(make([]byte, 100))
		got <- n
	}))
	o.TLS = profile.StartTLS
	c := mustDial(t, o)
	line := make([]byte, 12)
	if _, err := io.ReadFull(c, line); err != nil || string(line) != "HTTP/1.1 400" {
		t.Fatal(string(line), err)
	}
	c.Close()
	if n := <-got; n != 0 {
		t.Errorf("the server received %d bytes", n)
	}
}
