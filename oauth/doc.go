// Package oauth gives drivers the access tokens that the owners of mailboxes
// consented to (OAuth 2.0, RFC 6749).
//
// A host sends an owner's browser to [Source.Begin]'s URL and hands what comes back to
// [Source.Finish]; where there is no browser, [Source.BeginDevice] and [Source.Wait] do
// the same (RFC 8628). What the issuer grants is sealed by a [secret.Keyring] and kept in
// the Store's [serversync.Grants]. From then on the [Source] is the
// [provider.TokenSource] of the mailbox: it refreshes tokens ahead of time, and never one
// grant twice at once, in this process or in another that shares the Store.
//
// Issuers ([Google], [Microsoft], [Yahoo]) are data that the operator gives. No profile
// can name another, and a token goes only to the mail servers that its issuer names.
//
// Tokens are opaque here, also where they are JWTs: only the issuer and the mail server
// know what is in them. Whose mailbox an owner has opened is therefore told by the mail
// server, which refuses a token of somebody else's, and by [Issuer.OwnerField] where an
// issuer has such a thing.
package oauth
