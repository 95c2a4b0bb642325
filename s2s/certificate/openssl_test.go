package certificate

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/secret"
)

const whyNotOpenSSL = "what openssl writes has salts of 8 bytes, or Triple DES; the tests of our own files run"

// What openssl writes is read: PFX files old and new, with a chain.
func TestPFXOfOpenSSL(t *testing.T) {
	notUnderFIPS(t, whyNotOpenSSL)
	o := newOpenSSL(t)
	o.run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test CA", "-days", "30")
	for _, kind := range [][]string{{"rsa:2048"}, {"ec", "-pkeyopt", "ec_paramgen_curve:P-256"}} {
		o.run(append(append([]string{"req", "-newkey"}, kind...), "-nodes", "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", "/CN=serversync/O=Müller")...)
		o.run("x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "leaf.pem", "-days", "20")
		for _, how := range []string{"", "-legacy", "-legacy -descert", "-keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1", "-keypbe AES-128-CBC -certpbe AES-192-CBC -macalg sha512",
			"-macalg sha384", "-iter 100000", "-keypbe NONE -certpbe NONE", "-certpbe NONE", "-nomac", "-maciter", "-keypbe DES-EDE3-CBC -certpbe DES-EDE3-CBC", "-legacy -certpbe PBE-SHA1-RC2-128", "-name Ünïcode -CSP test"} {
			for _, password := range []secret.Text{right, {}, secret.New("пароль €"), secret.New("😀 wide")} {
				args := append([]string{"pkcs12", "-export", "-in", "leaf.pem", "-inkey", "leaf.key", "-certfile", "ca.pem", "-out", "x.pfx", "-passout", "pass:" + password.Reveal()}, strings.Fields(how)...)
				if !o.try(args...) {
					require.Contains(t, how, "-legacy", "only the legacy provider may be missing")
					continue
				}
				c, err := Load(o.read("x.pfx"), password)
				if strings.Contains(password.Reveal(), "😀") && codeOf(err) == CodeUnsupported {
					require.Regexp(t, "legacy|PBE|3DES", how)
					continue
				}
				require.NoError(t, err, "%s %q", how, password.Reveal())
				require.Len(t, c.Chain(), 2)
				require.Equal(t, "serversync", c.Leaf().Subject.CommonName)
				if !strings.Contains(how, "NONE") && how != "-nomac" {
					_, err = Load(o.read("x.pfx"), wrong)
					refused(t, CodePassword, err, how)
				}
			}
		}
		all := append(append(o.read("ca.pem"), o.read("leaf.key")...), o.read("leaf.pem")...)
		c, err := Load(all, secret.Text{})
		require.NoError(t, err)
		require.Len(t, c.Chain(), 2)
	}
	o.run("pkcs12", "-export", "-nokeys", "-in", "ca.pem", "-out", "x.pfx", "-passout", "pass:"+canary)
	_, err := Load(o.read("x.pfx"), right)
	refused(t, CodeNoKey, err)
}

// Keys in every form that openssl writes.
func TestKeysOfOpenSSL(t *testing.T) {
	notUnderFIPS(t, whyNotOpenSSL)
	o := newOpenSSL(t)
	for _, kind := range []string{"rsa:2048", "ec"} {
		o.run("req", "-x509", "-newkey", kind, "-pkeyopt", map[string]string{"ec": "ec_paramgen_curve:P-256", "rsa:2048": "rsa_keygen_bits:2048"}[kind], "-nodes", "-keyout", "k", "-out", "c", "-subj", "/CN=x")
		encrypted := []string{"-v1 PBE-SHA1-3DES", "-v1 PBE-SHA1-RC2-40", "-v1 PBE-SHA1-RC2-128"}
		for _, cipher := range []string{"aes128", "aes192", "aes256", "des3"} {
			for _, prf := range []string{"hmacWithSHA1", "hmacWithSHA224", "hmacWithSHA256", "hmacWithSHA384", "hmacWithSHA512"} {
				encrypted = append(encrypted, "-v2 "+cipher+" -v2prf "+prf)
			}
		}
		for _, how := range append(encrypted, "-v2 aes256 -iter 300000") {
			legacy := strings.Contains(how, "RC2")
			args := append([]string{"pkcs8", "-topk8", "-in", "k", "-out", "e", "-passout", "pass:" + canary}, strings.Fields(how)...)
			if legacy {
				args = append(args, "-provider", "legacy", "-provider", "default")
			}
			if !o.try(args...) {
				require.True(t, legacy, how)
				continue
			}
			o.opens("e", how)
		}
		for _, how := range []string{"-aes128", "-aes256", "-des3"} {
			if kind == "ec" {
				o.run("ec", "-in", "k", "-out", "e", "-passout", "pass:"+canary, how)
			} else {
				o.run("rsa", "-traditional", "-in", "k", "-out", "e", "-passout", "pass:"+canary, how)
			}
			require.Contains(t, string(o.read("e")), "Proc-Type: 4,ENCRYPTED")
			o.opens("e", how)
		}
	}
	o.run("pkcs8", "-topk8", "-in", "k", "-out", "e", "-passout", "pass:"+canary, "-scrypt")
	_, err := LoadPEM(right, o.read("c"), o.read("e"))
	refused(t, CodeUnsupported, err)
	_, err = LoadPEM(right, o.read("c"), []byte("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: IDEA-CBC,0011223344556677\n\neA==\n-----END RSA PRIVATE KEY-----\n"))
	refused(t, CodeUnsupported, err)
}

// opens requires that a key opens with the right password, and with no other.
func (o openssl) opens(name, how string) {
	o.t.Helper()
	_, err := LoadPEM(right, o.read(name), o.read("c"))
	require.NoError(o.t, err, how)
	for _, p := range []secret.Text{wrong, {}} {
		_, err = LoadPEM(p, o.read(name), o.read("c"))
		refused(o.t, CodePassword, err, how)
	}
}

// Keys that no issuer takes, as openssl makes them.
func TestPFX02WeakKeysOfOpenSSL(t *testing.T) {
	notUnderFIPS(t, whyNotOpenSSL)
	o := newOpenSSL(t)
	for _, kind := range [][]string{{"rsa:1024"}, {"ec", "-pkeyopt", "ec_paramgen_curve:P-224"}, {"ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"}, {"ec", "-pkeyopt", "ec_paramgen_curve:P-521"}, {"ed25519"}} {
		o.run(append(append([]string{"req", "-x509", "-newkey"}, kind...), "-nodes", "-keyout", "k", "-out", "c", "-subj", "/CN=x")...)
		_, err := LoadPEM(right, o.read("k"), inPEMOf("CERTIFICATE", maker{name: "x"}.of(rsaKeyOf()).Raw))
		refused(t, CodeWeak, err, kind)
		if kind[0] == "ec" {
			o.run("ec", "-in", "k", "-out", "sec1")
			_, err = LoadPEM(right, o.read("sec1"), inPEMOf("CERTIFICATE", maker{name: "x"}.of(rsaKeyOf()).Raw))
			refused(t, CodeWeak, err, kind)
		}
		o.run("pkcs12", "-export", "-in", "c", "-inkey", "k", "-out", "x.pfx", "-passout", "pass:"+canary)
		_, err = Load(o.read("x.pfx"), right)
		require.Contains(t, []string{CodeWeak, CodeMalformed}, codeOf(err), "%v: a certificate on a curve that Go does not know is damaged to it", kind)
	}
}

// What we write openssl reads.
func TestOpenSSLReadsWhatIsWritten(t *testing.T) {
	o := newOpenSSL(t)
	c, err := SelfSigned(SelfSignedOptions{})
	require.NoError(t, err)
	file, err := c.PEM(right)
	require.NoError(t, err)
	o.write("x.pem", file)
	o.run("pkey", "-in", "x.pem", "-passin", "pass:"+canary, "-noout", "-check")
	require.False(t, o.try("pkey", "-in", "x.pem", "-passin", "pass:falsch", "-noout"))
	o.write("x.cer", c.DER())
	o.run("x509", "-inform", "DER", "-in", "x.cer", "-noout", "-checkend", "86400")
	o.run("verify", "-CAfile", "x.pem", "x.pem")
	notUnderFIPS(t, "no PFX is written")
	file, err = c.PFX(right)
	require.NoError(t, err)
	o.write("x.pfx", file)
	o.run("pkcs12", "-in", "x.pfx", "-passin", "pass:"+canary, "-noout")
}
