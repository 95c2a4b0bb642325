// Package oauthtest is an OAuth 2.0 issuer that fits in a test: authorization code with
// PKCE, device code, refresh with rotation and detection of reuse, revocation, and
// introspection as Dovecot asks for it. It takes faults and counts its calls.
package oauthtest
