// Package wire is what the drivers share below their protocols: dialling under the
// host's address policy, TLS, contexts and deadlines on a socket, error words for
// people, and the spool that messages are read into.
//
// All use of the clock for connections is here. A driver says what it is doing
// ([Conn.During], [Conn.Body], [Conn.Deadline]) and never sets a time itself.
package wire
