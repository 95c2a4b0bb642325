package testserver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Realm is the Kerberos realm of [Domain]: Dovecot finds its user anna@example.test
// for the principal anna@EXAMPLE.TEST.
const Realm = "EXAMPLE.TEST"

// KDCOptions says what KDC to start. The zero value is a KDC without principals.
type KDCOptions struct {
	// Users are the passwords by principal, without the realm.
	Users map[string]string

	// Services are principals with random keys, such as "imap/localhost".
	Services []string

	// Enctypes are the encryption types that keys are made for, in the words of
	// kdc.conf's supported_enctypes. Default: AES with SHA-1 and with SHA-2.
	Enctypes string

	// MaxLife bounds tickets, such as "10m". Default: a day.
	MaxLife string
}

// KDC is a running Kerberos KDC for [Realm]. Its methods may be used by many
// goroutines.
type KDC struct {
	instance

	Addr string

	opt KDCOptions
}

// kdcPrograms are what a KDC needs.
var kdcPrograms = []string{"krb5kdc", "kdb5_util", "kadmin.local", "kinit"}

// MissingKDC returns what keeps a KDC and a Dovecot that speaks GSSAPI from running
// here, one reason each, or nothing if they can run.
func MissingKDC() []string {
	missing := missingDovecot()
	for _, name := range kdcPrograms {
		if _, err := program(name); err != nil {
			missing = append(missing, err.Error())
		}
	}
	for _, folder := range []string{"/usr/lib/dovecot/modules/auth", "/usr/lib/dovecot/auth", "/usr/local/lib/dovecot/auth"} {
		if _, err := os.Stat(folder + "/libmech_gssapi.so"); err == nil {
			return missing
		}
	}
	return append(missing, "Dovecot's GSSAPI module is not installed")
}

// AvailableKDC returns nil if a KDC and a Dovecot that speaks GSSAPI can run here, or
// an error that gives every reason why they cannot.
func AvailableKDC() error { return lacking(MissingKDC()) }

// StartKDC starts a KDC. ctx bounds the start, not the server: the caller calls Close.
func StartKDC(ctx context.Context, o KDCOptions) (*KDC, error) {
	if err := AvailableKDC(); err != nil {
		return nil, err
	}
	o.Users, o.Services = maps.Clone(o.Users), slices.Clone(o.Services)
	for try := 1; ; try++ {
		k, err := newKDC(o)
		if err != nil {
			return nil, err
		}
		if err = k.begin(ctx); err == nil {
			return k, nil
		}
		again := try < 5 && ctx.Err() == nil && k.portTaken()
		_ = k.Close() // the error to tell is the first one
		if !again {
			return nil, err
		}
	}
}

func newKDC(o KDCOptions) (*KDC, error) {
	ports, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	k := &KDC{Addr: loopback(ports.numbers[0]), opt: o}
	k.instance.ports = ports
	k.instance.name, k.instance.addr, k.instance.start, k.instance.ready = "the KDC", k.Addr, k.launch, k.began
	k.instance.dir, err = newFolder("kdc")
	return k, err
}

// begin writes the configuration, makes the database, and starts the server.
func (k *KDC) begin(ctx context.Context) error {
	files := map[string]string{"krb5.conf": k.clientConf(), "kdc.conf": k.serverConf(), "kadm5.acl": ""}
	if err := k.writeFiles(0o644, files); err != nil {
		return err
	}
	if _, err := k.tool(ctx, "kdb5_util", "", "create", "-s", "-r", Realm, "-P", "of nobody's concern"); err != nil {
		return err
	}
	var queries []string
	for _, name := range slices.Sorted(maps.Keys(k.opt.Users)) {
		queries = append(queries, fmt.Sprintf("addprinc -pw %s %s", kadminQuote(k.opt.Users[name]), kadminQuote(name)))
	}
	for _, name := range k.opt.Services {
		queries = append(queries, "addprinc -randkey "+kadminQuote(name))
	}
	if err := k.Kadmin(ctx, queries...); err != nil {
		return err
	}
	return k.run(ctx)
}

func kadminQuote(word string) string { return `"` + strings.ReplaceAll(word, `"`, `""`) + `"` }

// launch starts the server's process.
func (k *KDC) launch() (*process, error) {
	path, err := program("krb5kdc")
	if err != nil {
		return nil, err
	}
	// What the last one has written would be taken for this one's.
	if err := os.RemoveAll(filepath.Join(k.dir, "log")); err != nil {
		return nil, err
	}
	env, err := program("env")
	if err != nil {
		return nil, err
	}
	args := append(k.Environ(), path, "-n", "-r", Realm)
	return startProcess(k.dir, filepath.Join(k.dir, "out"), env, args...)
}

// began waits until the server says that it serves. It greets nobody, and another
// server may have taken the port, so that a connection would say nothing.
func (k *KDC) began(ctx context.Context, p *process) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for !strings.Contains(k.Log(), "commencing operation") {
		select {
		case <-p.done:
			return errors.New("testserver: the KDC ended instead of starting")
		case <-ctx.Done():
			return fmt.Errorf("testserver: the KDC does not start: %w", ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}

// Kadmin runs queries on the KDC's database, such as "cpw -pw other anna".
func (k *KDC) Kadmin(ctx context.Context, queries ...string) error {
	for _, q := range queries {
		// It ends well whatever comes of the query, and complains in words.
		out, err := k.tool(ctx, "kadmin.local", "", "-r", Realm, "-q", q)
		if err != nil {
			return err
		}
		for line := range strings.Lines(out) {
			if strings.Contains(line, " while ") || strings.Contains(line, "unknown request") {
				return fmt.Errorf("testserver: kadmin %q: %s", q, strings.TrimSpace(line))
			}
		}
	}
	return nil
}

// Keytab writes a keytab with the keys of principals as they are, and returns its
// path. It lies in the KDC's folder and ends with it.
func (k *KDC) Keytab(ctx context.Context, principals ...string) (string, error) {
	file, err := os.CreateTemp(k.dir, "*.keytab")
	if err != nil {
		return "", err
	}
	// An empty file is no keytab, and none at all is made.
	if err := errors.Join(file.Close(), os.Remove(file.Name())); err != nil {
		return "", err
	}
	for _, p := range principals {
		if err := k.Kadmin(ctx, fmt.Sprintf("ktadd -norandkey -k %s %s", file.Name(), kadminQuote(p))); err != nil {
			return "", err
		}
	}
	return file.Name(), os.Chmod(file.Name(), 0o600)
}

// CCache signs a user in as kinit does, with further arguments for it such as
// "-l", "1m", and returns the path of the credential cache.
func (k *KDC) CCache(ctx context.Context, user string, args ...string) (string, error) {
	path := filepath.Join(k.dir, "cc-"+user)
	_, err := k.tool(ctx, "kinit", k.opt.Users[user]+"\n", append([]string{"-c", "FILE:" + path}, append(args, user)...)...)
	return path, err
}

// tool runs one of Kerberos' programs and returns what it prints and complains of.
func (k *KDC) tool(ctx context.Context, name, input string, args ...string) (string, error) {
	path, err := program(name)
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), k.Environ()...)
	cmd.Stdin = strings.NewReader(input)
	cmd.WaitDelay = time.Minute
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("testserver: %s: %w: %s", name, err, strings.TrimSpace(string(out)))
	}
	return string(out), nil
}
