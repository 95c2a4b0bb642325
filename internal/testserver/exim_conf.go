package testserver

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"time"
)

// eximConf is Exim's configuration. Words in capitals between @ are replaced. Nothing
// here asks the DNS or a client for its name, and nothing needs root: a mailbox is a
// folder that all share.
const eximConf = `
exim_path = @EXIM@
spool_directory = @DIR@/spool
log_file_path = @DIR@/logs/%s
pid_file_path = @DIR@/spool/pid
daemon_smtp_ports = @PORT@
local_interfaces = 127.0.0.1
disable_ipv6
keep_environment =
primary_hostname = exim.@DOMAIN@
qualify_domain = @DOMAIN@
smtp_banner = $primary_hostname ESMTP @BANNER@
tls_advertise_hosts =
host_lookup =
rfc1413_query_timeout = 0s
deliver_drop_privilege
never_users =
dsn_advertise_hosts = *
delay_warning = @WARNING@
delay_warning_condition = yes
message_size_limit = 50M
acl_smtp_rcpt = accept
acl_smtp_data = accept
@EXTRA@

begin routers

mailboxes:
  driver = accept
  domains = @DOMAIN@
  local_parts = @USERS@
  transport = mailbox

nobody:
  driver = redirect
  domains = @DOMAIN@
  data = :fail: nobody here has that name
  allow_fail

elsewhere:
  driver = manualroute
  domains = @ELSEWHERE@
  route_list = * 127.0.0.1
  transport = next
  self = send

begin transports

mailbox:
  driver = appendfile
  directory = @DIR@/mail
  maildir_format
  create_directory = true
  return_path_add
  envelope_to_add
  user = @USER@
  group = @USER@

next:
  driver = smtp
  hosts_try_fastopen =
  port = @NEXT@

begin retry

* * F,1h,1s
`

// config returns the configuration with this server's values.
func (e *Exim) config() (string, error) {
	path, err := eximProgram()
	if err != nil {
		return "", err
	}
	elsewhere, next := "!*", "25"
	if e.opt.Next != "" {
		host, p, err := net.SplitHostPort(e.opt.Next)
		if err != nil || host != "127.0.0.1" {
			return "", fmt.Errorf("testserver: EximOptions.Next is %q, want 127.0.0.1:port", e.opt.Next)
		}
		elsewhere, next = "*", p
	}
	warning := "0s"
	if e.opt.DelayWarning > 0 {
		// The second warning comes when nobody waits any more.
		warning = fmt.Sprintf("%ds:24h", max(1, e.opt.DelayWarning/time.Second))
	}
	users := make([]string, len(e.opt.Users))
	for i, user := range e.opt.Users {
		users[i], _, _ = strings.Cut(Address(user), "@")
	}
	return strings.NewReplacer(
		"@EXIM@", path, "@DIR@", e.dir, "@PORT@", port(e.Addr), "@DOMAIN@", Domain, "@BANNER@", filepath.Base(e.dir),
		"@WARNING@", warning, "@EXTRA@", e.opt.Extra, "@USERS@", strings.Join(users, " : "), "@ELSEWHERE@", elsewhere,
		"@NEXT@", next, "@USER@", eximUser,
	).Replace(eximConf), nil
}
