//go:build !race

package serversync_test

const raceEnabled = false
