// Package ewstest is an Exchange that fits in a test: a server of Exchange Web Services on
// loopback with mailboxes, folders and items of every kind, for tests and examples. A test is the
// other side: it delivers, reads and removes mail directly, and makes the server fail.
package ewstest
