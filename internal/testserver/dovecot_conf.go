package testserver

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// dovecotConf is Dovecot's configuration, for version 2.3. Words in capitals
// between @ are replaced. What differs from a usual server's, differs for a reason:
// nothing waits for a disk, a refused password is not answered late, no limit is met
// by a test that opens many connections, and there is no index of the list of folders:
// a session that looks into several while one of them is delivered to takes its lock
// and the folder's the other way round, whereupon Dovecot 2.3.19 panics ("Resource
// deadlock avoided") and the connection is gone.
const dovecotConf = `
base_dir = @DIR@/run
state_dir = @DIR@/run
log_path = @DIR@/log
login_greeting = @BANNER@ ready.
protocols = imap pop3 lmtp
listen = 127.0.0.1

ssl = @SSL@
ssl_cert = <@DIR@/cert.pem
ssl_key = <@DIR@/key.pem
ssl_min_protocol = TLSv1.2

auth_mechanisms = @MECHANISMS@
auth_failure_delay = 0
auth_username_chars =
@PROOFS@
passdb {
  driver = passwd-file
  args = @DIR@/users
}
userdb {
  driver = passwd-file
  args = @DIR@/users
}

mail_home = @DIR@/mail/%u
mail_location = @LOCATION@
mail_uid = @UID@
mail_gid = @GID@
first_valid_uid = 1
first_valid_gid = 1
mail_fsync = never
mailbox_list_index = no
mail_max_userip_connections = 10000
namespace inbox {
  inbox = yes
  separator = /
  mailbox Drafts {
    auto = subscribe
    special_use = \Drafts
  }
  mailbox Sent {
    auto = subscribe
    special_use = \Sent
  }
  mailbox Trash {
    auto = subscribe
    special_use = \Trash
  }
  mailbox Junk {
    auto = subscribe
    special_use = \Junk
  }
  mailbox Archive {
    auto = subscribe
    special_use = \Archive
  }
}

default_process_limit = 5000
default_client_limit = 20000
default_vsz_limit = 0
service imap-login {
  service_count = 0
  process_min_avail = 2
  process_limit = 8
  inet_listener imap {
    address = @PLAIN@
    port = @IMAP@
  }
  inet_listener imaps {
    port = @IMAPS@
  }
}
service pop3-login {
  service_count = 0
  process_limit = 8
  inet_listener pop3 {
    address = @PLAIN@
    port = @POP3@
  }
  inet_listener pop3s {
    port = @POP3S@
  }
}
service imap-urlauth-login {
  process_limit = 1
}
service lmtp {
  process_limit = 100
  inet_listener lmtp {
    port = @LMTP@
  }
}
service auth {
  user = root
  inet_listener {
    address = 127.0.0.1
    port = @SASL@
  }
}
service anvil {
  # Without this socket nobody counts refused passwords and slows down their sender.
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
`

// nobody is a user whom no password signs in, for our own questions.
const nobody = "nobody"

// config returns the configuration with this server's values.
func (d *Dovecot) config() string {
	ssl, plain := "yes", "127.0.0.1"
	if d.opt.RequireTLS {
		ssl, plain = "required", "127.0.0.2"
	}
	mechanisms := d.opt.Mechanisms
	if mechanisms == "" {
		mechanisms = "plain login"
	}
	conf := strings.NewReplacer(
		"@DIR@", d.dir, "@BANNER@", d.banner, "@SSL@", ssl, "@MECHANISMS@", mechanisms,
		"@LOCATION@", locations[d.opt.Format], "@UID@", fmt.Sprint(d.uid), "@GID@", fmt.Sprint(d.gid),
		"@PLAIN@", plain, "@IMAP@", port(d.IMAPAddr), "@IMAPS@", port(d.IMAPSAddr), "@POP3@", port(d.POP3Addr), "@POP3S@", port(d.POP3SAddr),
		"@LMTP@", port(d.LMTPAddr), "@SASL@", port(d.SASLAddr), "@PROOFS@", d.proofs(),
	).Replace(dovecotConf)
	if d.opt.Compress {
		conf += "mail_plugins = $mail_plugins zlib\nprotocol imap {\n  mail_plugins = $mail_plugins imap_zlib\n}\n"
	}
	if d.capabilities != "" {
		conf += "imap_capability = " + d.capabilities + "\n"
	}
	return conf + d.opt.Extra + "\n"
}

// proofs is the configuration of what proves a user besides a password. A token is never
// compared to a password, nor a password asked about as a token.
func (d *Dovecot) proofs() (conf string) {
	if d.opt.Issuer != nil {
		conf += "passdb {\n  driver = oauth2\n  mechanisms = oauthbearer xoauth2\n  args = " + d.dir + "/oauth2\n  result_failure = return-fail\n}\n"
	}
	if d.opt.Certificates {
		conf += "ssl_ca = <" + d.dir + "/ca.pem\nssl_require_crl = no\nssl_verify_client_cert = yes\nauth_ssl_username_from_cert = yes\n" +
			"passdb {\n  driver = static\n  mechanisms = external\n  args = nopassword=y\n}\n"
	}
	return conf
}

func port(addr string) string {
	_, p, _ := net.SplitHostPort(addr) // we made it
	return p
}

// writeUsers writes the file of users and passwords. A user of Domain has two
// lines, and whichever name signs in, the mailbox is the same.
func (d *Dovecot) writeUsers() error {
	lines := []string{Address(nobody) + ":{CRYPT}!::::::\n"}
	for name, password := range d.opt.Users {
		if name == "" || strings.ContainsAny(name, ":/\\ \t\r\n") {
			return fmt.Errorf("testserver: Dovecot cannot have a user %q", name)
		}
		secret := "{PLAIN.b64}" + base64.StdEncoding.EncodeToString([]byte(password))
		if d.opt.Hashed {
			sum := sha256.Sum256([]byte(password))
			secret = "{SHA256}" + base64.StdEncoding.EncodeToString(sum[:])
		}
		full := Address(name)
		acting := ""
		if p := d.opt.Principals[name]; p != "" {
			acting = "k5principals=" + p
		}
		lines = append(lines, full+":"+secret+"::::::"+acting+"\n")
		if short, ok := strings.CutSuffix(full, "@"+Domain); ok {
			lines = append(lines, fmt.Sprintf("%s:%s::::::user=%s userdb_user=%s\n", short, secret, full, full))
		}
	}
	slices.Sort(lines)
	// Dovecot reads the file again when its time has changed, by the second.
	path := filepath.Join(d.dir, "users")
	if err := os.WriteFile(path+".new", []byte(strings.Join(lines, "")), 0o600); err != nil {
		return err
	}
	if d.changed.IsZero() {
		d.changed = time.Now().Add(-24 * time.Hour)
	}
	d.changed = d.changed.Add(2 * time.Second)
	if err := os.Chtimes(path+".new", d.changed, d.changed); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
