// Package pop3 is the driver for POP3 (RFC 1939). It brings mail in and deletes it;
// the protocol knows no folders, no flags and no search.
//
// Each session shows the mailbox as it was when it was opened, so every look needs a
// session of its own ([provider.Traits.Snapshot]), and what is to be deleted is deleted
// as the session ends well ([provider.Confirmer]). docs/pop3.md tells what goes over the
// wire, how messages are named, and what each class of server can.
package pop3
