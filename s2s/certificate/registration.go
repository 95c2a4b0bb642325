package certificate

import (
	"fmt"
	"strings"
	"time"
)

// A Step is one way to register a certificate with an application.
type Step struct {
	With string   // the tool
	Do   []string // what to do in it, line by line: commands, or where to click
}

// Registration is how an administrator makes a certificate known to Microsoft Entra ID.
type Registration struct {
	Certificate string   // what it is, with both thumbprints and its end, to compare with what the tools show
	File        string   // the name of the file with the certificate, without its key, that the steps take
	Steps       []Step   // one of them is enough
	Notes       []string // what is good to know
}

// Registration says how the public part of the certificate is registered with an application. application is
// its application (client) id, put into the commands; a placeholder stands there if it is empty. The file that
// is spoken of has what [Certificate.CertificatePEM] returns, and no key.
func (c *Certificate) Registration(application string) Registration {
	const file = "serversync.cer"
	if application == "" || strings.ContainsFunc(application, notInID) {
		application = "<application (client) id>"
	}
	return Registration{
		Certificate: fmt.Sprintf("%s, %s, good from %s until %s", c.subject(), strings.Join(c.Thumbprints(), ", "),
			c.chain[0].NotBefore.UTC().Format(time.DateOnly), c.NotAfter().UTC().Format(time.DateOnly)),
		File: file,
		Steps: []Step{
			{"Microsoft Entra admin center", []string{
				"Entra ID > App registrations > All applications > " + application,
				"Certificates & secrets > Certificates > Upload certificate > " + file + " > Add",
			}},
			{"Azure CLI", []string{
				"az ad app credential reset --id " + quoted(application) + " --cert \"@" + file + "\" --append", // in quotation marks, for PowerShell has a meaning of its own for @
			}},
			{"Microsoft Graph PowerShell", []string{
				"Connect-MgGraph -Scopes Application.ReadWrite.All",
				"$app = Get-MgApplication -Filter \"appId eq '" + application + "'\"",
				"$old = (Get-MgApplication -ApplicationId $app.Id -Property keyCredentials).KeyCredentials",
				"$cer = [Security.Cryptography.X509Certificates.X509Certificate2]::new((Resolve-Path " + file + ").Path)",
				"Update-MgApplication -ApplicationId $app.Id -KeyCredentials (@($old | Where-Object { $_ }) + @{Type = 'AsymmetricX509Cert'; Usage = 'Verify'; Key = $cer.RawData})",
			}},
		},
		Notes: []string{
			"The file has the certificate and no key. The key stays with this host.",
			"Certificates that are registered already stay (--append, and $old above): while one takes over from the other both are needed.",
			"It takes some minutes until Microsoft Entra ID knows the certificate everywhere.",
		},
	}
}

// notInID says of a character that it stands in no id of an application: what is put into a command is not to end it.
func notInID(r rune) bool {
	return !(r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'f' || r >= 'A' && r <= 'F')
}

// quoted returns an argument as shells take it.
func quoted(s string) string {
	if strings.ContainsAny(s, " <>()") {
		return "\"" + s + "\""
	}
	return s
}

// String returns it as a text.
func (r Registration) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Register this certificate with the application, in one of %d ways: %s\n", len(r.Steps), r.Certificate)
	for _, s := range r.Steps {
		fmt.Fprintf(&b, "\n%s:\n", s.With)
		for _, line := range s.Do {
			fmt.Fprintf(&b, "  %s\n", line)
		}
	}
	b.WriteString("\n")
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "%s\n", n)
	}
	return b.String()
}
