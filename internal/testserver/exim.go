package testserver

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// EximOptions says what Exim to start.
type EximOptions struct {
	// Users are those of [Domain] who have a mailbox. Another address of the domain
	// is accepted, and a bounce tells its sender that there is nobody.
	Users []string

	// Next is where mail for other domains goes, by SMTP: 127.0.0.1:port. If nobody
	// listens there, it is tried again each second. Default: such mail bounces.
	Next string

	// DelayWarning is how long mail waits before its sender is told. Whole seconds.
	// Default: nobody is told.
	DelayWarning time.Duration

	// Extra is added to the main part of the configuration.
	Extra string
}

// Exim is a running Exim. Its methods may be used by many goroutines. It asks no
// password and no client to encrypt, and stores mail itself; see Received.
type Exim struct {
	instance

	Addr string // SMTP without TLS

	opt EximOptions
}

// eximFolder is where scripts/install-servers.sh unpacks Exim. Its package cannot be
// installed beside Postfix's.
const eximFolder = "/usr/local/lib/serversync-test/exim"

// eximUser is the user whom Debian's Exim runs as.
const eximUser = "Debian-exim"

func eximProgram() (string, error) {
	if path, err := inside("exim4", eximFolder+"/usr/sbin"); err == nil {
		return path, nil
	}
	return program("exim4")
}

// MissingExim returns what keeps Exim from running here, one reason each, or nothing
// if it can run.
func MissingExim() []string {
	missing := notRoot("Exim")
	if _, err := eximProgram(); err != nil {
		missing = append(missing, err.Error())
	}
	if _, _, err := lookUp(eximUser); err != nil {
		missing = append(missing, err.Error())
	}
	return missing
}

// AvailableExim returns nil if Exim can run here, or an error that gives every reason
// why it cannot.
func AvailableExim() error { return lacking(MissingExim()) }

// StartExim starts an Exim. ctx bounds the start, not the server: the caller calls
// Close.
func StartExim(ctx context.Context, o EximOptions) (*Exim, error) {
	if err := AvailableExim(); err != nil {
		return nil, err
	}
	o.Users = slices.Clone(o.Users)
	for try := 1; ; try++ {
		e, err := newExim(o)
		if err != nil {
			return nil, err
		}
		err = e.begin(ctx)
		if err == nil {
			return e, nil
		}
		again := try < 5 && ctx.Err() == nil && e.portTaken()
		_ = e.Close() // the error to tell is the first one
		if !again {
			return nil, err
		}
	}
}

func newExim(o EximOptions) (*Exim, error) {
	ports, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	e := &Exim{opt: o, Addr: loopback(ports.numbers[0])}
	e.instance.ports = ports
	e.instance.name, e.instance.addr, e.instance.start = "Exim", e.Addr, e.launch
	e.instance.dir, err = newFolder("exim")
	e.banner = filepath.Base(e.dir)
	return e, err
}

// begin writes the configuration and starts the server for the first time. All but
// that is the server's own, for it gives up being root.
func (e *Exim) begin(ctx context.Context) error {
	uid, gid, err := lookUp(eximUser)
	if err != nil {
		return err
	}
	for _, name := range []string{"spool", "mail", "logs"} {
		path := filepath.Join(e.dir, name)
		if err := errors.Join(os.Mkdir(path, 0o700), os.Chown(path, uid, gid)); err != nil {
			return err
		}
	}
	conf, err := e.config()
	if err != nil {
		return err
	}
	if err := e.writeFiles(0o644, map[string]string{"exim.conf": conf}); err != nil {
		return err
	}
	return e.run(ctx)
}

// launch starts the server in the foreground. It looks at its queue each second.
func (e *Exim) launch() (*process, error) {
	path, err := eximProgram()
	if err != nil {
		return nil, err
	}
	return startProcess(e.dir, filepath.Join(e.dir, "out"), path, "-C", filepath.Join(e.dir, "exim.conf"), "-bdf", "-q1s")
}

// Log returns what the server has logged so far.
func (e *Exim) Log() string {
	main, _ := os.ReadFile(filepath.Join(e.dir, "logs", "main")) // none is written yet
	return e.instance.Log() + string(main)
}

// portTaken tells whether a server did not start because someone else took its port.
func (e *Exim) portTaken() bool { return strings.Contains(e.Log(), "Address already in use") }

// Received waits until n messages have been delivered to mailboxes, or ctx ends, and
// returns all that have, oldest first.
func (e *Exim) Received(ctx context.Context, n int) ([][]byte, error) {
	for {
		all, err := e.delivered()
		if err != nil || len(all) >= n {
			return all, err
		}
		select {
		case <-ctx.Done():
			return all, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// delivered reads the Maildir that all mailboxes are.
func (e *Exim) delivered() ([][]byte, error) {
	folder := filepath.Join(e.dir, "mail", "new")
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	slices.SortFunc(entries, byDelivery)
	var all [][]byte
	for _, entry := range entries {
		raw, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			return nil, err
		}
		all = append(all, raw)
	}
	return all, nil
}

// byDelivery orders what is in a Maildir. Exim's names begin with the second and the
// microsecond of the delivery, "1795803150.M9876P32004" (H in later ones than Debian's),
// neither filled up with zeros: as text, .009876 would come after .123456.
func byDelivery(a, b os.DirEntry) int {
	second, microsecond := delivery(a.Name())
	otherSecond, otherMicrosecond := delivery(b.Name())
	return cmp.Or(cmp.Compare(second, otherSecond), cmp.Compare(microsecond, otherMicrosecond))
}

// delivery reads the time of a message's delivery from its name, zero if it has none.
func delivery(name string) (second, microsecond int) {
	head, rest, _ := strings.Cut(name, ".")
	micro, _, _ := strings.Cut(strings.TrimLeft(rest, "MH"), "P")
	second, _ = strconv.Atoi(head)
	microsecond, _ = strconv.Atoi(micro)
	return second, microsecond
}
