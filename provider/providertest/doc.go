// Package providertest holds what tests of providers and of their callers need: a
// conformance suite and a scripted fake.
//
// [Run] checks any driver against the rules of package provider, each under its
// number. A driver's test is a [Harness], the server's side, and a call of Run.
// The rules named Trace hold what package provider says of [provider.Trace].
// Rule P9, which needs a server that lies in the driver's own protocol, is left to
// the driver's tests, and so are [provider.Notifier] and [provider.Gatherer]: what
// belongs on one connection is known to the driver alone.
//
// The rules named Settle are for a [provider.Settler], and need a Harness with
// LoseAnswer; with Arrive they see as well that what is said not to be sent cannot be
// any more. A Settler goes by what it has left on the server, never by its memory: it is
// asked by another session, and perhaps by another process. It tells the tries of a
// submission apart by [provider.Submission.Attempt], which grows with each, and
// answers about the one that it is given; what else it knows a submission by, such as
// its EnvelopeID, the sum of its bytes and those recipients that became Uncertain, is
// the same in every try. Where the evidence cannot fail when a single answer is
// lost, Decides has the rules insist on it.
//
// [Server] is a mail system without a network: it serves any number of mailboxes
// to any number of sessions, keeps the rules, and plays one of five temperaments.
// Its methods are the other side: mail that arrives, is read, moved and deleted by
// somebody else. Its Fault hook sees every call of every session, by number, and
// may let it fail before or after its effect, hang, lose the connection or panic.
// EWSLike is a Settler, and Arrive brings a request to it that was long on its way.
package providertest
