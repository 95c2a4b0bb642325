//go:build race

package sqlite

// race says that the race detector is on, which takes memory of its own.
const race = true
