// Package secret keeps values that must not be seen: [Text] holds one in memory
// so that no print verb, logger or encoder shows it, and [Keyring] seals one for
// storage so that a stolen database does not give it up.
package secret
