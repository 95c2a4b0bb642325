package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/s2s/certificate"
	"github.com/go-serversync/serversync/s2s/s2stest"
	"github.com/go-serversync/serversync/secret"
)

const tenant = s2stest.Contoso

// program runs the program with flags, and returns what it printed.
func program(t *testing.T, args ...string) (string, error) {
	t.Helper()
	o, err := parse(args, io.Discard)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	err = run(t.Context(), &out, o)
	return out.String(), err
}

func holds(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("it has no %q:\n%s", w, text)
		}
	}
}

func lacks(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if strings.Contains(text, w) {
			t.Errorf("it has %q:\n%s", w, text)
		}
	}
}

// One run fails, and the next goes on with the step that failed, and with the same certificate.
func TestAnotherRunResumes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "setup")
	first, err := program(t, "-dir", dir)
	if err == nil || !strings.Contains(err.Error(), "stopped at step 4 of 7") {
		t.Fatal(err)
	}
	holds(t, first, " 1. have a certificate", "AADSTS700027", "goes on with step 4")
	made, err := os.ReadFile(filepath.Join(dir, keyFile))
	if err != nil {
		t.Fatal(err)
	}
	c, err := certificate.Load(made, secret.Text{})
	if err != nil {
		t.Fatal(err)
	}
	for _, print := range c.Thumbprints() { // which are to be compared with what stands there
		_, print, _ = strings.Cut(print, " ")
		holds(t, first, print)
	}
	second, err := program(t, "-dir", dir)
	if err != nil {
		t.Fatal(err)
	}
	holds(t, second, " 1. to 3. are done\n 4. register", "1 came in")
	lacks(t, second, "have a certificate", "failed")
	third, err := program(t, "-dir", dir)
	if err != nil {
		t.Fatal(err)
	}
	holds(t, third, " 1. to 7. are done")
	if kept, _ := os.ReadFile(filepath.Join(dir, keyFile)); !bytes.Equal(kept, made) {
		t.Error("another certificate was made")
	}
	if err := os.Remove(filepath.Join(dir, keyFile)); err != nil {
		t.Fatal(err)
	}
	again, err := program(t, "-dir", dir)
	if err == nil {
		t.Error("a new certificate is registered with nobody")
	}
	holds(t, again, " 1. have a certificate", "AADSTS700027")
}

// Nobody else may read the key, and what is registered holds none.
func TestKeyIsKept(t *testing.T) {
	dir := t.TempDir()
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("correct horse\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := program(t, "-dir", dir, "-password-file", password); err == nil {
		t.Fatal("nothing is registered")
	}
	for name, mode := range map[string]os.FileMode{keyFile: 0o600, stepsFile: 0o600, cerFile: 0o644} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS != "windows" && info.Mode().Perm() != mode {
			t.Errorf("%s has mode %v, want %v", name, info.Mode().Perm(), mode)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 {
		t.Errorf("it left %v, %v", entries, err)
	}
	text, err := os.ReadFile(filepath.Join(dir, keyFile))
	if err != nil {
		t.Fatal(err)
	}
	holds(t, string(text), "ENCRYPTED PRIVATE KEY")
	if _, err := certificate.Load(text, secret.New("correct horse")); err != nil {
		t.Error(err)
	}
	for _, name := range []string{cerFile, stepsFile} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		lacks(t, string(text), "PRIVATE", "correct horse")
		if name == stepsFile { // three letters may be in a certificate's base64 by chance
			lacks(t, string(text), "eyJ")
		}
	}
}

// A listener hears what proves the host to the issuer, and the tokens that it gives.
type listener struct {
	http.RoundTripper
	heard *[]string
}

func (l listener) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if form, err := url.ParseQuery(string(body)); err == nil && form.Has("client_assertion") {
			*l.heard = append(*l.heard, form.Get("client_assertion"))
		}
	}
	res, err := l.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(res.Body)
	res.Body = io.NopCloser(bytes.NewReader(body))
	var answer struct {
		Token string `json:"access_token"`
	}
	if json.Unmarshal(body, &answer) == nil && answer.Token != "" {
		*l.heard = append(*l.heard, answer.Token)
	}
	return res, err
}

// Nothing that proves anybody is printed, in any of the paths: no key, assertion or token.
func TestNothingSecretIsPrinted(t *testing.T) {
	var out bytes.Buffer
	show, done := &printer{Writer: &out}, new(forgetful)
	var heard []string
	var certificates []*certificate.Certificate
	for _, p := range paths() {
		scene, err := newScene(p.setup.kind)
		if err != nil {
			t.Fatal(err)
		}
		defer scene.close()
		p.setup.network, p.setup.certificates = scene.network(), certificates
		p.setup.network.issuer = listener{scene.Issuer, &heard}
		if err := demonstrate(t.Context(), show, &p, scene, done); err != nil {
			t.Fatal(err)
		}
		certificates = p.setup.certificates
		if issued := p.setup.realm != ""; issued == (scene.impersonations.Load() > 0) {
			t.Errorf("%s: %d requests impersonated", p.title, scene.impersonations.Load())
		}
	}
	if len(heard) < 20 {
		t.Fatal("it heard", len(heard), "assertions and tokens")
	}
	printed := strings.Join(strings.Fields(out.String()), "") // lines are folded
	for _, secret := range heard {
		lacks(t, printed, secret[:40], secret[len(secret)-40:])
	}
	lacks(t, printed, "eyJ", "PRIVATEKEY") // also of tokens that the host issues, which no issuer hears of
	key, err := certificates[0].PEM(secret.Text{})
	if err != nil {
		t.Fatal(err)
	}
	text, _, _ := strings.Cut(string(key), "-----END")
	lines := strings.Fields(text)
	for _, line := range lines[len(lines)-10:] {
		lacks(t, printed, line)
	}
}

// What cannot be meant is said with the flags that there are.
func TestFlags(t *testing.T) {
	for says, args := range map[string][]string{
		"-client is no GUID":       {"-tenant", tenant, "-client", "'; Remove-Mailbox"},
		"give -tenant or -realm":   {"-client", tenant},
		"give -mailbox":            {"-client", tenant, "-tenant", tenant},
		"give -cert, or -dir":      {"-client", tenant, "-tenant", tenant, "-mailbox", "anna@contoso.example"},
		"is no flag":               {"anna@contoso.example"},
		"not defined: -passphrase": {"-passphrase", "x"},
	} {
		if _, err := program(t, args...); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", args, err)
		}
	}
}

// What is put into commands is what it says it is.
func TestPrint(t *testing.T) {
	out, err := program(t, "-tenant", tenant, "-client", client, "-mailbox", "o'neil@contoso.example", "-print")
	if err != nil {
		t.Fatal(err)
	}
	holds(t, out, "New-ServicePrincipal -AppId "+client, "full_access_as_app", "The two add up", "Application EWS.AccessAsApp", "-EwsAllowedAppIDs",
		"IMAP.AccessAsApp", "Add-MailboxPermission 'o''neil@contoso.example'", "az ad app credential reset", "adminconsent?client_id="+client)
	// Whose tenant it is that consents is not the one that the application is registered in.
	holds(t, out, "login.microsoftonline.com/THEIR-TENANT-ID/adminconsent", "az ad app update --id "+client+" --sign-in-audience AzureADMultipleOrgs")
	lacks(t, out, tenant+"/adminconsent")
	out, err = program(t, "-client", client, "-realm", "contoso.example", "-url", "https://mail.contoso.example/EWS/Exchange.asmx", "-print")
	if err != nil {
		t.Fatal(err)
	}
	holds(t, out, "New-PartnerApplication", "-AuthMetadataUrl 'https://crm.contoso.example/")
	lacks(t, out, "az ad app", "full_access_as_app")
	for _, args := range [][]string{{"-tenant", "contoso.example"}, {"-realm", "a b"}, {"-tenant", tenant, "-url", "https://anna@mail.contoso.example/"}, {"-realm", "contoso.example"}} {
		if out, err := program(t, append(args, "-client", client, "-print")...); err == nil {
			t.Errorf("%q: %s", args, out)
		}
	}
}

// A network that is not there is told in words, by the step that needs it.
func TestNoNetwork(t *testing.T) {
	o, err := parse([]string{"-tenant", tenant, "-client", client, "-mailbox", "anna@contoso.example", "-dir", t.TempDir()}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	o.network.policy.Proxy = profile.Proxy{URL: "socks5://127.0.0.1:1", Resolves: true}
	var out bytes.Buffer
	if err := run(t.Context(), &out, o); err == nil || !strings.Contains(err.Error(), "stopped at step 4") {
		t.Fatal(err)
	}
	holds(t, strings.Join(strings.Fields(out.String()), " "), "what is wrong: s2s: token: unavailable:", "no answer from the issuer", "what to do: check this machine's network")
}

// A key that is there may be registered already: it is used, or its step says why it cannot be, and another one takes
// Who has the host issue its tokens is told where its document is to be served, before Exchange is asked to read it.
func TestPublishingIsTold(t *testing.T) {
	o, err := parse([]string{"-realm", "contoso.example", "-client", client, "-mailbox", anna, "-url", "https://" + onPremises + "/EWS/Exchange.asmx", "-dir", t.TempDir()}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	o.network.policy.Proxy = profile.Proxy{URL: "socks5://127.0.0.1:1", Resolves: true}
	var out bytes.Buffer
	err = run(t.Context(), &out, o)
	if err == nil {
		t.Fatal("nobody answers")
	}
	if strings.Contains(err.Error(), "step 4") {
		t.Skip("under FIPS 140 no document is made")
	}
	holds(t, strings.Join(strings.Fields(out.String()), " "), "to be served at https://crm.contoso.example/metadata/json/1")
}
