//go:build !race

package sqlite

// race says that the race detector is off.
const race = false
