// Package autodiscover finds where a mailbox's Exchange Web Services are, by its address
// alone: Microsoft's "Autodiscover for Exchange" ([MS-OXDISCO] for where to ask,
// [MS-OXWSADISC] for SOAP, [MS-OXDSCLI] for plain XML, called POX).
//
// A [Finder] asks, one after another: the address's own domain, autodiscover in front of
// it, where the latter points to over http, the domain's SRV records, and for profiles of
// Exchange Online Microsoft's own fixed address, first of all. What is not done: service
// connection points in Active Directory, which only members of a Windows domain can read.
//
// Autodiscover once gave away hundreds of thousands of passwords, by clients that asked
// whoever answered. So here:
//
//   - A domain is taken as it is and never shortened.
//   - A server sees the address, or what proves us, only over https with a certificate for
//     its name, and only if it lies in the mailbox's own domain, or is allowed, or was
//     confirmed. What lies elsewhere is reported and not followed.
//   - A server is asked without a credential first, and is shown one only if it asks for
//     the kind that the profile has.
//   - Tokens of Exchange Online go to Exchange Online and to no server of the domain.
//   - After two refused sign-ins nobody is asked any more.
//
// docs/autodiscover.md tells the rules with an example.
package autodiscover
