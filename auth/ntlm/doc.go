// Package ntlm signs in with NTLMv2 (MS-NLMP): to mail servers by SASL's mechanism NTLM
// (MS-OXIMAP, MS-OXPOP3, MS-XLOGIN), and to web services by HTTP (MS-NTHT). It is what
// integrated Windows authentication falls back to where Kerberos cannot be used, and
// needs a user name and a password: the process has no identity in it.
//
// [Mechanism] is the provider.Mechanism, [Transport] the http.RoundTripper.
//
// # What it rests on
//
// github.com/Azure/go-ntlmssp makes the messages. What a server sends is checked here
// before the library reads it, and a panic in it is an error. Its HTTP half is not used:
// it hides what went wrong, and lets requests of several users share connections, which
// belong to whoever signed in on them first.
//
// # Limits
//
// NTLM is weak: it rests on MD4, MD5 and RC4, it does not have the server prove itself,
// and who stands between can use a sign-in for another server. Under FIPS 140 it is
// refused. Signing, sealing, message integrity (MIC) and channel binding are not
// there. A server that requires channel binding (Extended Protection, "Require") refuses
// every sign-in as if the password were wrong: IMAP with NO, HTTP with another 401; one
// that only accepts it, as Exchange does by default for EWS, lets us in.
package ntlm
