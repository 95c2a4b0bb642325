package testserver

import (
	"fmt"
	"path/filepath"
	"strings"
)

// davmailConf is DavMail's configuration. Words in capitals between @ are replaced.
// Without a size the log is one file that is never put aside.
const davmailConf = `
davmail.server=true
davmail.mode=EWS
davmail.url=@URL@
davmail.imapPort=@IMAP@
davmail.smtpPort=@SMTP@
davmail.popPort=
davmail.caldavPort=
davmail.ldapPort=
davmail.bindAddress=127.0.0.1
davmail.allowRemote=false
davmail.enableProxy=false
davmail.useSystemProxies=false
davmail.disableUpdateCheck=true
davmail.enableKerberos=false
davmail.logFilePath=@DIR@/davmail.log
davmail.logFileSize=0
log4j.rootLogger=WARN
log4j.logger.davmail=DEBUG
log4j.logger.httpclient=WARN
log4j.logger.httpclient.wire=@WIRE@
`

// properties returns the configuration.
func (d *DavMail) properties() string {
	wire := "WARN"
	if d.opt.Wire {
		wire = "DEBUG"
	}
	conf := strings.NewReplacer("@DIR@", d.dir, "@URL@", d.opt.URL, "@WIRE@", wire,
		"@IMAP@", fmt.Sprint(d.ports.numbers[0]), "@SMTP@", fmt.Sprint(d.ports.numbers[1])).Replace(davmailConf)
	return conf + d.opt.Extra + "\n"
}

// trustedPassword protects a file that holds nothing secret, which Java insists on.
const trustedPassword = "of nobody's concern"

func (d *DavMail) trusted() string { return filepath.Join(d.dir, "trusted.p12") }

// java returns what Java is told wherever it runs here: to need little memory, to
// write nowhere but in the server's folder, to ask for no screen, and to speak English,
// since the log is read.
func (d *DavMail) java() []string {
	args := []string{
		"-Xmx64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData",
		"-Duser.home=" + d.dir, "-Djava.io.tmpdir=" + d.dir, "-Djna.tmpdir=" + d.dir,
		"-Djava.awt.headless=true", "-Djava.net.preferIPv4Stack=true",
		"-Duser.language=en", "-Duser.country=US", "-Duser.timezone=UTC",
	}
	if d.opt.Roots != nil {
		args = append(args, "-Djavax.net.ssl.trustStore="+d.trusted(), "-Djavax.net.ssl.trustStoreType=PKCS12",
			"-Djavax.net.ssl.trustStorePassword="+trustedPassword)
	}
	return args
}
