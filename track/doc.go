// Package track decides which email is the host's, what it belongs to, and why.
//
// It is pure. A [Page] of messages says what it has to know ([Page.Addresses], for
// the host's [AddressBook], and [Page.Query], for its [Emails]), and then gives a
// [Verdict] on each; two questions a page, however many messages it has. Verdicts go
// by [Rules], which are an organization's switches ([mailbox.Tracking]) made ready.
//
// A message that comes in is tracked if a person has put it into a tracked folder or
// given it the category, if it tells what became of an email of ours, or if the
// setting of a user or queue among its recipients accepts it ([mailbox.Accept]). The
// first of these that holds is the verdict's [Rule], in the order of [RuleTexts], and
// [Verdict.Explain] says it in words. A header is enough for all of it but reports
// of delivery, receipts and the mail of a forward mailbox: see [Verdict.NeedsBody].
//
// What a header says is a claim of whoever sent it. A message is attached to a record
// only where its sender had a part in the email that it answers or a signed reference
// proves that they were written to; a report counts only for an email that was sent
// and a recipient of it; and a sender whom a header names ambiguously is nobody.
//
// docs/tracking.md tells the whole story with examples.
package track
