package provider_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

func TestAccountSignIn(t *testing.T) {
	all := []provider.Method{provider.WithNothing, provider.WithPassword, provider.WithWindows, provider.WithToken, provider.WithCertificate}
	for _, tt := range []struct {
		credentials    profile.Credentials
		authentication profile.Authentication
		want           provider.Method // "" for none that there is
	}{
		{profile.FromMailbox, profile.AutoDetect, provider.WithPassword},
		{profile.FromMailbox, profile.Basic, provider.WithPassword},
		{profile.FromProfile, profile.AutoDetect, provider.WithPassword},
		{profile.FromMailbox, profile.SCRAM, provider.WithPassword},
		{profile.FromProfile, profile.CRAMMD5, provider.WithPassword},
		{profile.ClientCertificate, profile.AutoDetect, provider.WithCertificate},
		{profile.FromMailbox, profile.Negotiate, provider.WithWindows},
		{profile.FromProfile, profile.NTLM, provider.WithWindows},
		{profile.FromMailbox, profile.Bearer, provider.WithToken},
		{profile.FromMailbox, "magic", ""},
		{profile.ServerToServer, profile.AutoDetect, provider.WithToken},
		{profile.IntegratedWindows, profile.AutoDetect, provider.WithWindows},
		{profile.OAuth, profile.Bearer, provider.WithToken},
		{profile.Anonymous, profile.Basic, provider.WithNothing},
		{"magic", profile.AutoDetect, ""},
	} {
		a := provider.Account{Endpoint: profile.Endpoint{Credentials: tt.credentials, Authentication: tt.authentication}}
		for _, known := range all {
			got, err := a.SignIn("test: AUTH", known)
			if known == tt.want {
				if got != tt.want || err != nil {
					t.Errorf("SignIn of %+v = %q, %v, want %q", a.Endpoint, got, err, tt.want)
				}
				continue
			}
			var e *provider.Error
			if !errors.As(err, &e) || e.Kind != provider.ErrUnsupported || e.Remedy == "" || e.Op != "test: AUTH" || got != "" {
				t.Errorf("SignIn of %+v with %q known = %q, %v, want it unsupported, with a remedy", a.Endpoint, known, got, err)
			}
		}
		if got, err := a.SignIn("test: AUTH", all...); got != tt.want || (err == nil) != slices.Contains(all, tt.want) {
			t.Errorf("SignIn of %+v with all known = %q, %v", a.Endpoint, got, err)
		}
	}
}

// X4: a password goes in clear only where profile and policy both say so in so
// many words.
func TestX4PasswordsWithoutTLS(t *testing.T) {
	whole := profile.Policy{Deployment: profile.SelfHosted, AllowPlaintext: true, AllowBasicWithoutTLS: true}
	cloud, tls, silent := whole, whole, whole
	cloud.Deployment, tls.AllowPlaintext, silent.AllowBasicWithoutTLS = profile.Cloud, false, false
	for name, tt := range map[string]struct {
		policy profile.Policy
		e      profile.Endpoint
		want   bool
	}{
		"all say so":                   {whole, profile.Endpoint{TLS: profile.Plaintext}, true},
		"a cloud host cannot":          {cloud, profile.Endpoint{TLS: profile.Plaintext}, false},
		"no plaintext":                 {tls, profile.Endpoint{TLS: profile.Plaintext}, false},
		"plaintext, but no passwords":  {silent, profile.Endpoint{TLS: profile.Plaintext}, false},
		"a relay needs no password":    {silent, profile.Endpoint{TLS: profile.Plaintext, Credentials: profile.Anonymous}, true},
		"SCRAM shows no password":      {silent, profile.Endpoint{TLS: profile.Plaintext, Authentication: profile.SCRAM}, true},
		"nor does CRAM-MD5":            {silent, profile.Endpoint{TLS: profile.Plaintext, Authentication: profile.CRAMMD5}, true},
		"SCRAM, but no plaintext":      {tls, profile.Endpoint{TLS: profile.Plaintext, Authentication: profile.SCRAM}, false},
		"NTLM, but no plaintext":       {tls, profile.Endpoint{TLS: profile.Plaintext, Authentication: profile.NTLM}, false},
		"NTLM":                         {silent, profile.Endpoint{TLS: profile.Plaintext, Authentication: profile.NTLM}, true},
		"a token never":                {whole, profile.Endpoint{TLS: profile.Plaintext, Credentials: profile.OAuth}, false},
		"an application's neither":     {whole, profile.Endpoint{TLS: profile.Plaintext, Credentials: profile.ServerToServer}, false},
		"nor a certificate":            {whole, profile.Endpoint{TLS: profile.Plaintext, Credentials: profile.ClientCertificate}, false},
		"TLS needs no leave":           {profile.Policy{}, profile.Endpoint{}, true},
		"nor does TLS that comes late": {profile.Policy{}, profile.Endpoint{TLS: profile.StartTLS}, true},
	} {
		a := provider.Account{Endpoint: tt.e, Policy: tt.policy}
		_, err := a.SignIn("test: AUTH", provider.WithPassword, provider.WithNothing, provider.WithWindows, provider.WithToken, provider.WithCertificate)
		if tt.want != (err == nil) || !tt.want && provider.KindOf(err) != provider.ErrUnsafe {
			t.Errorf("%s: SignIn = %v", name, err)
		}
	}
}
