package certificate_test

import (
	"fmt"
	"time"

	"github.com/go-serversync/serversync/s2s/certificate"
	"github.com/go-serversync/serversync/secret"
)

// A certificate for evaluation is made, kept, and loaded again. What is printed shows no key.
func Example() {
	made, err := certificate.SelfSigned(certificate.SelfSignedOptions{
		NotBefore: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), Valid: 90 * 24 * time.Hour,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	password := secret.New("correct horse battery staple")
	file, err := made.PEM(password) // or PFX
	if err != nil {
		fmt.Println(err)
		return
	}

	c, err := certificate.Load(file, password)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Leaf().Subject, "until", c.NotAfter().Format(time.DateOnly))
	fmt.Println("in November:", c.Check(time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)))
	fmt.Println("a year later:", c.Check(time.Date(2027, 11, 27, 0, 0, 0, 0, time.UTC)))
	_, err = certificate.Load(file, secret.New("another"))
	fmt.Println("another password:", err)

	// Output:
	// CN=serversync evaluation until 2027-01-30
	// in November: <nil>
	// a year later: certificate: sign-in refused: the certificate has expired: it was good until 2027-01-30
	// another password: certificate: sign-in refused: the password is wrong, or there is none where one is needed
}

// What an administrator does with the public part of a certificate.
func ExampleCertificate_Registration() {
	c, err := certificate.SelfSigned(certificate.SelfSignedOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	how := c.Registration("11111111-2222-3333-4444-555555555555")
	for _, s := range how.Steps[:2] {
		fmt.Println(s.With)
		for _, line := range s.Do {
			fmt.Println(" ", line)
		}
	}
	// Output:
	// Microsoft Entra admin center
	//   Entra ID > App registrations > All applications > 11111111-2222-3333-4444-555555555555
	//   Certificates & secrets > Certificates > Upload certificate > serversync.cer > Add
	// Azure CLI
	//   az ad app credential reset --id 11111111-2222-3333-4444-555555555555 --cert "@serversync.cer" --append
}
