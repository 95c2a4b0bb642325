// Package kerberos signs in with Kerberos 5 (RFC 4120): to mail servers by SASL's
// GSSAPI mechanism (RFC 4752), and to web services by HTTP's Negotiate (RFC 4559).
// With it, a profile whose credentials are integrated Windows authentication works
// wherever this process has a keytab or a credential cache, on Linux as well.
//
// [Client] is the mechanism; a host lists it with its account:
//
//	account.Mechanisms = []provider.Mechanism{&kerberos.Client{Keytab: "/etc/crm.keytab"}, &ntlm.Mechanism{}}
//
// [Transport] is the http.RoundTripper. The zero value of either takes what the
// environment has, as Kerberos' own programs do: KRB5_CONFIG, KRB5_CLIENT_KTNAME and
// KRB5CCNAME.
//
// # What it rests on
//
// github.com/jcmturner/gokrb5/v8 gives the messages of Kerberos, their encryption, and
// the readers of its files. It has had no release since 2023, so that nothing of it is
// trusted with more than that: the talk with a KDC is ours, bound to the context and in
// size; tickets are kept here, without goroutines; what a server proves is checked here;
// and whatever panics in it is an error.
//
// # Limits
//
// A KDC is asked over TCP only. There is no PKINIT, no FAST, no delegation of tickets,
// no channel binding, and no enterprise names (RFC 6806, section 5). Credential caches are
// files. RC4 is used only where krb5.conf names it, and never by SASL. Under FIPS 140
// only the encryption types of RFC 8009 are.
package kerberos
