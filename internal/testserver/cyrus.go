package testserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// MissingCyrus returns what keeps Postfix from using Cyrus SASL's NTLM, one reason each.
func MissingCyrus() []string {
	missing := missingPostfix()
	if _, err := program("saslpasswd2"); err != nil {
		missing = append(missing, err.Error())
	}
	for _, part := range []string{"libntlm.so", "libsasldb.so"} {
		if found, _ := filepath.Glob("/usr/lib/*/sasl2/" + part); len(found) == 0 { // the pattern is well formed
			missing = append(missing, "Cyrus SASL's "+part+" is not installed")
		}
	}
	return missing
}

// AvailableCyrus returns nil if Postfix can use Cyrus SASL's NTLM here, or an error that
// gives every reason why it cannot.
func AvailableCyrus() error { return lacking(MissingCyrus()) }

// cyrusConf is what Postfix needs in its configuration to ask Cyrus SASL.
const cyrusConf = `
smtpd_sasl_type = cyrus
smtpd_sasl_path = smtpd
smtpd_sasl_local_domain = ` + Domain + `
smtpd_sasl_security_options = noanonymous
`

// makeCyrus makes Cyrus SASL's configuration and database. Debian's Postfix looks for them
// beside its own configuration.
func (p *Postfix) makeCyrus(ctx context.Context) error {
	if p.opt.NTLM == nil {
		return nil
	}
	dir := filepath.Join(p.dir, "sasl")
	db := filepath.Join(dir, "sasldb2")
	const conf = "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: NTLM\nsasldb_path: %s\n"
	if err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(filepath.Join(dir, "smtpd.conf"), fmt.Appendf(nil, conf, db), 0o644)); err != nil {
		return err
	}
	path, err := program("saslpasswd2")
	if err != nil {
		return err
	}
	for user, password := range p.opt.NTLM {
		cmd := exec.CommandContext(ctx, path, "-p", "-c", "-f", db, "-u", Domain, user)
		cmd.Stdin = strings.NewReader(password)
		if _, err := output(cmd); err != nil {
			return err
		}
	}
	uid, gid, err := lookUp("postfix")
	if err != nil {
		return err
	}
	return os.Chown(db, uid, gid)
}
