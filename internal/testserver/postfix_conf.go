package testserver

import (
	"fmt"
	"strings"
)

// mainConf is Postfix's configuration. Words in capitals between @ are replaced.
// Nothing here asks the DNS, no client is slowed down or counted, and mail that
// could not be delivered is tried again each second.
const mainConf = `
compatibility_level = 3.6
queue_directory = @DIR@/queue
data_directory = @DIR@/data
daemon_directory = @DAEMONS@
maillog_file = @DIR@/log
maillog_file_prefixes = @DIR@
mail_owner = postfix

myhostname = mail.example.test
mydestination =
mynetworks =
inet_protocols = ipv4
alias_maps =
local_recipient_maps =
local_transport = error:no local users here
notify_classes =
disable_dns_lookups = yes
smtpd_peername_lookup = no
smtpd_banner = $myhostname ESMTP @BANNER@

virtual_mailbox_domains = @DOMAIN@
virtual_mailbox_maps = texthash:@DIR@/mailboxes
virtual_transport = lmtp:inet:@LMTP@
default_transport = discard
message_size_limit = @SIZE@
virtual_mailbox_limit = 0
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_recipient_restrictions = check_recipient_access texthash:@DIR@/answers

smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:@SASL@
smtpd_sasl_auth_enable = yes
smtpd_tls_cert_file = @DIR@/cert.pem
smtpd_tls_key_file = @DIR@/key.pem
smtpd_tls_mandatory_protocols = >=TLSv1.2

default_process_limit = 500
smtpd_client_connection_count_limit = 0
smtpd_error_sleep_time = 0
in_flow_delay = 0
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 2s
`

// masterConf is the list of Postfix's services.
const masterConf = `
@PLAIN@ inet n - n - - smtpd
  -o smtpd_tls_security_level=none
@SUBMISSION@ inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt
@SMTPS@ inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
  -o smtpd_tls_security_level=encrypt
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
lmtp unix - - n - - lmtp
smtp unix - - n - - smtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`

func (p *Postfix) mainConf() string {
	size := p.opt.MessageSizeLimit
	if size == 0 {
		size = 10_240_000
	}
	return strings.NewReplacer(
		"@DIR@", p.dir, "@DAEMONS@", postfixDaemons(), "@BANNER@", p.banner, "@DOMAIN@", Domain,
		"@LMTP@", p.opt.Dovecot.LMTPAddr, "@SASL@", p.opt.Dovecot.SASLAddr, "@SIZE@", fmt.Sprint(size),
	).Replace(withoutSettings(mainConf, p.opt.Extra)) + p.opt.Extra + "\n"
}

// withoutSettings returns conf without the settings that extra has. To set them twice
// works, but each process then warns about it through the one that writes the log; that
// one warns itself as well, and waits for ever for its own queue if it is full.
func withoutSettings(conf, extra string) string {
	set := make(map[string]bool)
	for line := range strings.Lines(extra) {
		if name, _, ok := strings.Cut(line, "="); ok {
			set[strings.TrimSpace(name)] = true
		}
	}
	var b strings.Builder
	for line := range strings.Lines(conf) {
		if name, _, _ := strings.Cut(line, "="); !set[strings.TrimSpace(name)] {
			b.WriteString(line)
		}
	}
	return b.String()
}

func (p *Postfix) masterConf() string {
	return strings.NewReplacer("@PLAIN@", p.PlainAddr, "@SUBMISSION@", p.SubmissionAddr, "@SMTPS@", p.SMTPSAddr).Replace(masterConf)
}
