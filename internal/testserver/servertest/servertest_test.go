package servertest

import (
	"errors"
	"testing"
)

// recorder stands for a test that is to be skipped or to fail.
type recorder struct {
	testing.TB
	did string
}

func (r *recorder) Helper()           {}
func (r *recorder) Skip(args ...any)  { r.did = "skip" }
func (r *recorder) Fatal(args ...any) { r.did = "fatal" }

func TestNeed(t *testing.T) {
	for _, tt := range []struct {
		err  error
		ci   string
		want string
	}{
		{nil, "", ""},
		{nil, "true", ""},
		{errors.New("no server"), "", "skip"},
		{errors.New("no server"), "true", "fatal"},
	} {
		r := &recorder{TB: t}
		if need(r, tt.err, tt.ci); r.did != tt.want {
			t.Errorf("need(%v, CI=%q) did %q, want %q", tt.err, tt.ci, r.did, tt.want)
		}
	}
}
