package testserver

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMailboxName(t *testing.T) {
	for folder, want := range map[string]string{
		"":                   "INBOX",
		"INBOX":              `"INBOX"`,
		"Sent Items":         `"Sent Items"`,
		`a"b\c`:              `"a\"b\\c"`,
		"R&D":                `"R&-D"`,
		"~peter/mail/台北/日本語": `"~peter/mail/&U,BTFw-/&ZeVnLIqe-"`, // RFC 3501, section 5.1.3
		"😀":                  `"&2D3eAA-"`,
	} {
		if got := mailboxName(folder); got != want {
			t.Errorf("mailboxName(%q) = %s, want %s", folder, got, want)
		}
	}
}

func TestAddress(t *testing.T) {
	for user, want := range map[string]string{"Anna": "anna@example.test", "Bob@Other.Example": "bob@other.example"} {
		if got := Address(user); got != want {
			t.Errorf("Address(%q) = %q, want %q", user, got, want)
		}
	}
}

func TestAvailable(t *testing.T) {
	missing, err := Missing(), Available()
	if (err == nil) != (len(missing) == 0) {
		t.Errorf("missing is %q, yet Available says %v", missing, err)
	}
	for _, reason := range missing {
		if !strings.Contains(err.Error(), reason) {
			t.Errorf("%v does not tell %q", err, reason)
		}
	}
	if _, err := inside("no-such-server", "/usr/sbin", "/usr/lib"); err == nil || !strings.Contains(err.Error(), "no-such-server is not installed") {
		t.Errorf("a server that does not exist: %v", err)
	}
}

// locking skips the test where the loopback interface has but one address.
func locking(t *testing.T) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.3:0")
	if err != nil {
		t.Skip(err)
	}
	ln.Close()
}

func TestFreePortsDiffer(t *testing.T) {
	locking(t)
	ports, err := freePorts(100)
	if err != nil {
		t.Fatal(err)
	}
	defer ports.Close()
	seen := map[int]bool{}
	for _, p := range ports.numbers {
		seen[p] = true
	}
	if len(seen) != 100 {
		t.Errorf("of 100 ports %d differ", len(seen))
	}
}

// A server that was killed finds its ports free again, however many servers other
// programs start meanwhile.
func TestPortsAreKept(t *testing.T) {
	locking(t)
	ours, err := freePorts(100)
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	for range 2000 { // of 20,000
		other, err := freePorts(1)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(ours.numbers, other.numbers[0]) {
			t.Errorf("port %d was given to another", other.numbers[0])
		}
		if err := other.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := ours.Close(); err != nil {
		t.Error(err)
	}
}

// A server must not outlive the program that started it, even if that is killed.
func TestServerEndsWithItsProgram(t *testing.T) {
	const child = "TESTSERVER_CHILD"
	if os.Getenv(child) != "" {
		d, err := StartDovecot(t.Context(), DovecotOptions{})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Printf("\nstarted %s %d\n", d.Dir(), d.proc.cmd.Process.Pid)
		select {}
	}
	if err := Available(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestServerEndsWithItsProgram$")
	cmd.Env = append(os.Environ(), child+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var dir string
	var group int
	for lines := bufio.NewScanner(out); dir == "" && lines.Scan(); {
		fmt.Sscanf(lines.Text(), "started %s %d", &dir, &group)
	}
	if dir == "" || len(groupMembers(group)) < 3 {
		t.Errorf("no server was started in %q: group %d has processes %d", dir, group, groupMembers(group))
	}
	cmd.Process.Kill()
	cmd.Wait()
	for until := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		_, err := os.Stat(dir)
		left := groupMembers(group)
		if errors.Is(err, os.ErrNotExist) && len(left) == 0 {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("the folder: %v; the processes: %d", err, left)
		}
	}
}
