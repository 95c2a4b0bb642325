// Package providertest holds what tests of providers and of their callers need: a
// conformance suite and a scripted fake.
//
// [Run] checks any driver against the rules of package provider, each under its
// number. A driver's test is a [Harness], the server's side, and a call of Run.
// The rules named Trace hold what package provider says of [provider.Trace].
// Rule P9, which needs a server that lies in the driver's own protocol, is left to
// the driver's tests.
//
// [Server] is a mail system without a network: it serves any number of mailboxes
// to any number of sessions, keeps the rules, and plays one of five temperaments.
// Its methods are the other side: mail that arrives, is read, moved and deleted by
// somebody else. Its Fault hook sees every call of every session, by number, and
// may let it fail before or after its effect, hang, lose the connection or panic.
package providertest
