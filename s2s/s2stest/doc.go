// Package s2stest has the other side of server-to-server authentication, for tests and examples: an
// [Issuer] that is as strict about an application's credentials as Microsoft Entra ID is, on loopback,
// with its refusals word by word. It takes faults and counts what it is asked for.
//
// It says by number (AADSTS…) only what Entra is known to say in that case. Where that is not known the
// refusal has no number, and the code says so.
package s2stest
