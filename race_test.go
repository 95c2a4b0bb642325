//go:build race

package serversync_test

const raceEnabled = true
