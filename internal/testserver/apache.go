package testserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// ApacheOptions says what Apache to start.
type ApacheOptions struct {
	// KDC and Keytab are what HTTP/localhost is signed in to with, by Kerberos.
	KDC    *KDC
	Keytab string

	// NTLM are the passwords by user, of the domain EXAMPLE, with which it is signed in to
	// by NTLM, with a KDC or without. As in Windows, it is the connection that is signed in.
	NTLM map[string]string
}

// Apache is a running Apache that asks for Negotiate (RFC 4559) and answers a signed-in
// request with the user's name. Its methods may be used by many goroutines.
type Apache struct {
	instance

	CA        *CA    // the issuer of the certificate
	HTTPSAddr string // its name is localhost

	opt ApacheOptions
}

// apacheConf is Apache's configuration. Words in capitals between @ are replaced.
const apacheConf = `
ServerRoot @DIR@
ServerName localhost
PidFile @DIR@/pid
DefaultRuntimeDir @DIR@
ErrorLog @DIR@/log
User nobody
Group @GROUP@
Listen @ADDR@
@MODULES@
StartServers 24
MaxSpareServers 32
KeepAliveTimeout 60
SSLSessionCache none
<VirtualHost *:*>
  DocumentRoot @DIR@/www
  SSLEngine on
  SSLCertificateFile @DIR@/cert.pem
  SSLCertificateKeyFile @DIR@/key.pem
  TraceEnable off
  ErrorDocument 404 "found"
  <Location />
    AuthType GSSAPI
    AuthName mail
@MECHANISMS@
    Require valid-user
    Header always set X-User "expr=%{REMOTE_USER}"
    Header always set X-Length "expr=%{HTTP:Content-Length}"
  </Location>
</VirtualHost>
`

// apacheModules are the modules that it needs. Each connection has a process: where several
// share one, as mpm_event has it, gss-ntlmssp takes a token for an invalid one or drops connections
// now and then.
var apacheModules = []string{"mpm_prefork", "authz_core", "authz_user", "authn_core", "headers", "ssl", "auth_gssapi"}

// mechanisms returns the part of the configuration about them.
func (o ApacheOptions) mechanisms(dir string) string {
	var b strings.Builder
	if o.KDC != nil {
		b.WriteString("    GssapiCredStore keytab:" + filepath.Join(dir, "keytab") + "\n    GssapiAllowedMech krb5\n")
	}
	if o.NTLM != nil {
		b.WriteString("    GssapiAllowedMech ntlmssp\n    GssapiConnectionBound On\n")
	}
	return b.String()
}

// MissingApache returns what keeps Apache from running here, one reason each.
func MissingApache() []string {
	missing := MissingKDC()
	if _, err := program("apache2"); err != nil {
		missing = append(missing, err.Error())
	}
	if _, err := os.Stat("/etc/gss/mech.d/mech.ntlmssp.conf"); err != nil {
		missing = append(missing, "gss-ntlmssp is not installed")
	}
	for _, m := range apacheModules {
		if _, err := os.Stat(apacheModule(m)); err != nil {
			missing = append(missing, "Apache's module "+m+" is not installed")
		}
	}
	return missing
}

func apacheModule(name string) string { return "/usr/lib/apache2/modules/mod_" + name + ".so" }

// AvailableApache returns nil if Apache can run here, or an error that gives every reason
// why it cannot.
func AvailableApache() error { return lacking(MissingApache()) }

// StartApache starts an Apache. ctx bounds the start, not the server: the caller calls
// Close.
func StartApache(ctx context.Context, o ApacheOptions) (*Apache, error) {
	if err := AvailableApache(); err != nil {
		return nil, err
	}
	if o.KDC == nil && o.NTLM == nil {
		return nil, errors.New("testserver: ApacheOptions has neither KDC nor NTLM")
	}
	for try := 1; ; try++ {
		a, err := newApache(o)
		if err != nil {
			return nil, err
		}
		if err = a.begin(ctx); err == nil {
			return a, nil
		}
		again := try < 5 && ctx.Err() == nil && a.portTaken()
		_ = a.Close() // the error to tell is the first one
		if !again {
			return nil, err
		}
	}
}

func newApache(o ApacheOptions) (*Apache, error) {
	ports, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	a := &Apache{HTTPSAddr: loopback(ports.numbers[0]), opt: o}
	a.instance.ports = ports
	if a.CA, err = NewCA(); err != nil {
		return nil, err
	}
	a.instance.name, a.instance.addr, a.instance.start, a.instance.ready = "Apache", a.HTTPSAddr, a.launch, a.began
	a.instance.dir, err = newFolder("apache")
	return a, err
}

// begin writes all files and starts the server.
func (a *Apache) begin(ctx context.Context) error {
	cert, key, err := a.CA.Issue()
	if err != nil {
		return err
	}
	_, group, err := lookUp(nobody)
	if err != nil {
		return err
	}
	// The server's processes are nobody's, and have to read the keys.
	files := map[string]string{"ntlm": ""}
	if a.opt.KDC != nil {
		keys, err := os.ReadFile(a.opt.Keytab)
		if err != nil {
			return err
		}
		files["keytab"] = string(keys)
	}
	for user, password := range a.opt.NTLM {
		files["ntlm"] += fmt.Sprintf("EXAMPLE:%s:%s\n", user, password)
	}
	var modules strings.Builder
	for _, m := range apacheModules {
		fmt.Fprintf(&modules, "LoadModule %s_module %s\n", m, apacheModule(m))
	}
	files["apache.conf"] = strings.NewReplacer("@DIR@", a.dir, "@ADDR@", a.HTTPSAddr, "@GROUP@", fmt.Sprintf("#%d", group), "@MODULES@", modules.String(), "@MECHANISMS@", a.opt.mechanisms(a.dir)).Replace(apacheConf)
	return errors.Join(
		os.Mkdir(filepath.Join(a.dir, "www"), 0o755),
		a.writeFiles(0o600, map[string]string{"cert.pem": string(cert), "key.pem": string(key)}),
		a.writeFiles(0o644, files),
		a.run(ctx),
	)
}

// launch starts the server's processes.
func (a *Apache) launch() (*process, error) {
	path, err := program("apache2")
	if err != nil {
		return nil, err
	}
	if err := os.RemoveAll(filepath.Join(a.dir, "log")); err != nil {
		return nil, err
	}
	env, err := program("env")
	if err != nil {
		return nil, err
	}
	// Its processes cannot write into the KDC's folder.
	args := []string{"NTLM_USER_FILE=" + filepath.Join(a.dir, "ntlm")}
	if a.opt.KDC != nil {
		args = append(args, a.opt.KDC.Environ()...)
	}
	args = append(args, "KRB5RCACHENAME=none:", path, "-f", filepath.Join(a.dir, "apache.conf"), "-D", "FOREGROUND")
	return startProcess(a.dir, filepath.Join(a.dir, "out"), env, args...)
}

// began waits until the server says that it serves.
func (a *Apache) began(ctx context.Context, p *process) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for !strings.Contains(a.Log(), "resuming normal operations") {
		select {
		case <-p.done:
			return errors.New("testserver: Apache ended instead of starting")
		case <-ctx.Done():
			return fmt.Errorf("testserver: Apache does not start: %w", ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}
