// Package s2s gives drivers the access tokens of this host itself, as an application: no owner of a
// mailbox consents, an administrator of the mailboxes' organization does, once for all of them.
//
// A [Source] is the [provider.TokenSource] of profiles whose credentials are [profile.ServerToServer]. What
// proves the host to Entra ID is one of its Certificates, by an assertion that is signed anew for each
// request (RFC 7523, section 2.2), or a [Proof], such as a managed identity. Where a profile has an
// application and a secret of its own, that proves it. A profile of Exchange Server gets
// its tokens from Entra ID too (hybrid modern authentication), or, where it names
// a realm, from the host itself, as the server takes them that trusts the host's certificate (MS-XOAUTH).
//
// All mailboxes of a tenant share one token, in memory. It is asked for once, however many want it at
// once, and refreshed ahead of its end while it still serves. Nothing is stored: another process, and this
// one after a restart, asks anew. Nothing runs in the background but a refresh that somebody's call began.
//
// The host's certificate opens the mailboxes of every tenant that has consented to the host's application. So
// an organization must not be able to enter somebody else's tenant in its profile: [Source.Admit]
// is asked whether it may, and where there is none only the host's own tenant is admitted, or any on a self-hosted deployment.
//
// The certificate has an end. Two may stand in Certificates while one takes over from the other: the first that
// is good is used, and where the issuer does not know it yet the next; [Source.SetCertificates] replaces them while the host runs. A host
// makes a gauge of [Source.Expiries], and of [Source.Stats] its counters.
//
// A Source tells a test of a profile what its tokens rest upon and permit, as a [provider.TokenInspector]: which
// certificate, the tenant, the audience and the roles of a token, and whether the clock of this machine is
// wrong. No certificate's key, no secret, assertion or token stands in an error, an evidence or a log.
package s2s
