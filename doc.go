// Package serversync keeps a CRM's records in step with its users' mailboxes.
//
// A host describes email server profiles and mailboxes, implements [Store] over
// its own database (or takes store/sqlite), and calls [Syncer.Run], or
// [Syncer.SyncMailbox] from a scheduler of its own. Mail then flows both ways:
// what arrives is committed to the Store together with the cursor, and what the
// host puts into its [Outbox] is sent, at most once.
//
// The numbered rules that a Store keeps stand on [Store]; package storetest checks
// them. The rules that a driver keeps stand in package provider; package
// provider/providertest checks those.
package serversync
