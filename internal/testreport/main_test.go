package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReport(t *testing.T) {
	var out strings.Builder
	ok := report(strings.NewReader(`{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:3: no Dovecot here\n"}
{"Action":"skip","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Test":"TestB"}
{"Action":"pass","Package":"p","Elapsed":0.5}
`), &out)
	require.True(t, ok)
	require.Contains(t, out.String(), "p TestA: no Dovecot here")
	require.Contains(t, out.String(), "1 passed, 0 failed, 1 skipped")

	out.Reset()
	ok = report(strings.NewReader(`{"Action":"output","Package":"p","Test":"TestC","Output":"boom\n"}
{"Action":"fail","Package":"p","Test":"TestC"}
`), &out)
	require.False(t, ok)
	require.Contains(t, out.String(), "boom")
}

// A run in which nothing was tested is no success.
func TestReportOfNothing(t *testing.T) {
	require.False(t, report(strings.NewReader(""), new(strings.Builder)))
}
