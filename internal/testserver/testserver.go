// Package testserver runs real mail servers for tests: Dovecot for IMAP, POP3 and
// LMTP, Postfix and Exim for SMTP, MIT's Kerberos KDC and Apache for Negotiate, and
// DavMail, which is a client of Exchange. Each is a private instance on loopback ports of its own,
// with its own folder and a certificate of a throw-away [CA]. It shares nothing
// with a server that the machine may run, and Close ends exactly what was started.
// If the program that started one dies without closing it, the instance is ended
// and its folder removed all the same.
//
// It needs root, for the servers change users, and the programs that
// scripts/install-servers.sh installs; [Available] tells what is lacking. Tests
// use it through package servertest, which skips or fails without them.
package testserver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
)

// Domain is the domain of the mailboxes. A user whose name has no domain has one
// here, so that "anna" is also anna@example.test.
const Domain = "example.test"

// Address returns the mail address of a user, which is also the full login name.
func Address(user string) string {
	user = strings.ToLower(user)
	if strings.Contains(user, "@") {
		return user
	}
	return user + "@" + Domain
}

// Missing returns what keeps Dovecot and Postfix from running here, one reason each,
// or nothing if they can run. For Exim, which few tests need, see MissingExim.
func Missing() []string { return append(missingDovecot(), missingPostfix()...) }

// Available returns nil if Dovecot and Postfix can run here, or an error that gives every
// reason why they cannot.
func Available() error { return lacking(Missing()) }

func lacking(missing []string) error {
	if len(missing) == 0 {
		return nil
	}
	return errors.New("testserver: " + strings.Join(missing, "; ") + " (scripts/install-servers.sh installs the servers)")
}

func missingDovecot() []string {
	missing := notRoot("Dovecot")
	for _, name := range []string{"dovecot", "doveadm"} {
		if _, err := program(name); err != nil {
			missing = append(missing, err.Error())
		}
	}
	for _, name := range []string{"imap", "imap-login", "pop3", "pop3-login", "lmtp", "dovecot-lda"} {
		if _, err := dovecotPart(name); err != nil {
			missing = append(missing, err.Error())
		}
	}
	if len(missing) == 0 {
		if v := dovecotVersion(); !strings.HasPrefix(v, "2.3.") {
			missing = append(missing, fmt.Sprintf("Dovecot is version %q, and only the configuration of 2.3 is known here", v))
		}
	}
	return missing
}

func missingPostfix() []string {
	missing := notRoot("Postfix")
	if _, err := program("postconf"); err != nil {
		return append(missing, err.Error())
	}
	for _, name := range []string{"master", "smtpd", "lmtp"} {
		if _, err := postfixPart(name); err != nil {
			missing = append(missing, err.Error())
		}
	}
	return missing
}

func notRoot(server string) []string {
	if os.Geteuid() == 0 {
		return nil
	}
	return []string{server + " needs root, and this process is not"}
}

// program finds a program, also where only root's path leads.
func program(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	return inside(name, "/usr/sbin", "/usr/local/sbin", "/sbin")
}

// dovecotPart finds one of the programs that Dovecot itself runs.
func dovecotPart(name string) (string, error) {
	return inside(name, "/usr/lib/dovecot", "/usr/libexec/dovecot", "/usr/local/libexec/dovecot")
}

// postfixPart finds one of the programs that Postfix itself runs.
func postfixPart(name string) (string, error) {
	return inside(name, postfixDaemons())
}

// inside finds a program in one of the folders.
func inside(name string, folders ...string) (string, error) {
	for _, folder := range folders {
		path := folder + "/" + name
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed", name)
}

// dovecotVersion returns what the installed Dovecot calls itself, "" if nothing.
var dovecotVersion = sync.OnceValue(func() string { return answer("dovecot", "--version") })

// postfixDaemons returns the folder of Postfix's own programs, "" if unknown.
var postfixDaemons = sync.OnceValue(func() string { return answer("postconf", "-d", "-h", "daemon_directory") })

// answer returns what a program prints, "" if it cannot be run.
func answer(name string, args ...string) string {
	path, err := program(name)
	if err != nil {
		return ""
	}
	out, err := exec.Command(path, args...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
