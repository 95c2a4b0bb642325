package testserver

import (
	"fmt"
	"path/filepath"
	"strings"
)

// krb5Conf is the configuration of clients and services. Nothing asks the DNS, and
// with a limit of 1 everything goes over TCP.
const krb5Conf = `
[libdefaults]
default_realm = @REALM@
dns_lookup_kdc = false
dns_lookup_realm = false
dns_canonicalize_hostname = false
rdns = false
udp_preference_limit = 1

[realms]
@REALM@ = {
  kdc = @ADDR@
}

[domain_realm]
localhost = @REALM@
.example.test = @REALM@
`

// kdcConf is the KDC's own configuration. Users have to show that they know their
// password before they get anything (pre-authentication), as in Active Directory.
const kdcConf = `
[kdcdefaults]
kdc_listen = @ADDR@
kdc_tcp_listen = @ADDR@

[realms]
@REALM@ = {
  database_name = @DIR@/principal
  key_stash_file = @DIR@/stash
  acl_file = @DIR@/kadm5.acl
  supported_enctypes = @ENCTYPES@
  max_life = @LIFE@
  default_principal_flags = +preauth
}

[logging]
kdc = FILE:@DIR@/log
admin_server = FILE:@DIR@/log
default = FILE:@DIR@/log
`

func (k *KDC) clientConf() string {
	return strings.NewReplacer("@REALM@", Realm, "@ADDR@", k.Addr).Replace(krb5Conf)
}

func (k *KDC) serverConf() string {
	enctypes, life := k.opt.Enctypes, k.opt.MaxLife
	if enctypes == "" {
		enctypes = "aes256-cts-hmac-sha1-96:normal aes128-cts-hmac-sha1-96:normal aes256-cts-hmac-sha384-192:normal aes128-cts-hmac-sha256-128:normal"
	}
	if life == "" {
		life = "1d"
	}
	return strings.NewReplacer("@REALM@", Realm, "@ADDR@", k.Addr, "@DIR@", k.dir, "@ENCTYPES@", enctypes, "@LIFE@", life).Replace(kdcConf)
}

// Conf returns the path of the krb5.conf with which clients and services find the KDC.
func (k *KDC) Conf() string { return filepath.Join(k.dir, "krb5.conf") }

// Environ returns the environment in which Kerberos' programs use this KDC, and leave
// nothing outside its folder.
func (k *KDC) Environ() []string {
	return []string{
		"KRB5_CONFIG=" + k.Conf(),
		"KRB5_KDC_PROFILE=" + filepath.Join(k.dir, "kdc.conf"),
		"KRB5RCACHENAME=file2:" + filepath.Join(k.dir, "rcache"),
	}
}

// Dovecot returns what a Dovecot needs in its configuration (DovecotOptions.Extra) to
// accept GSSAPI with the keys in keytab, as the host whose name is in its principals.
func (k *KDC) Dovecot(keytab, host string) string {
	return fmt.Sprintf("auth_krb5_keytab = %s\nauth_gssapi_hostname = %s\nimport_environment = $import_environment %s\n",
		keytab, host, strings.Join(k.Environ(), " "))
}
