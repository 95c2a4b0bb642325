package main

import (
	"cmp"
	"slices"

	"github.com/go-serversync/serversync/s2s/certificate"
)

// printAll prints what an administrator does by hand, with what was given put in, and does nothing.
func (o *options) printAll(show *printer) error {
	s := &o.setup
	if err := s.profile().Validate(s.policy()).Err(); err != nil {
		return err // what is put into commands is to be what it says it is
	}
	s.mailbox.Address = cmp.Or(s.mailbox.Address, "<address of a mailbox>")
	if s.resume(); len(s.certificates) == 0 {
		c, err := certificate.SelfSigned(certificate.SelfSignedOptions{}) // the steps are the same for every one
		if err != nil {
			return err
		}
		s.certificates = []*certificate.Certificate{c}
	} else {
		show.say("\nThe certificate: %s\n", s.certificates[0].Registration(s.client).Certificate)
	}
	for i, st := range s.steps() {
		if st.byHand == nil {
			continue
		}
		show.title(st.title)
		lines := st.byHand()
		if st.name == "register" {
			lines = s.allWays()
		}
		show.commands(lines)
		if i+3 == len(s.steps()) && s.kind.IsExchangeOnline() { // before it is tested
			show.title("the same for profiles with IMAP, POP3 and SMTP")
			show.commands(s.mailProtocols())
			show.title("for mailboxes of another tenant")
			show.commands(append([]string{
				"# The application is registered for accounts of any organization:",
				"az ad app update --id " + s.client + " --sign-in-audience AzureADMultipleOrgs",
			}, s.consentingIn("THEIR-TENANT-ID")...))
		}
	}
	return show.err
}

// allWays are those to register the certificate. One is enough.
func (s *setup) allWays() (lines []string) {
	r := s.certificates[0].Registration(s.client)
	for _, way := range r.Steps {
		lines = slices.Concat(lines, []string{"# " + way.With}, way.Do, []string{""})
	}
	for _, note := range r.Notes {
		lines = append(lines, "# "+note)
	}
	return lines
}
