package s2s_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/ews/ewstest"
	"github.com/go-serversync/serversync/mailbox"
)

// M1: what an administrator has to permit the application, and what takes Exchange hours to know of then, stops no
// mailbox: it is tried again, and goes on by itself as TestM1ApplicationsHeal of the root package has it.
func TestM1GrantIsWaitedFor(t *testing.T) {
	for name, row := range map[string]struct {
		fault ewstest.Fault
		code  string
	}{
		"not in the scope": {ewstest.Fault{Code: "ErrorImpersonateUserDenied"}, "mailbox_permission"},
		"access denied":    {ewstest.Fault{Code: "ErrorAccessDenied"}, "mailbox_permission"},
		"EWS is blocked":   {ewstest.Fault{Status: 403}, "ews_blocked"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			ways["online"](s)
			s.options.Faults = []ewstest.Fault{row.fault}
			s.start()
			report, _ := s.sync()
			require.Equal(t, row.code, report.Incoming.Fault.Code)
			require.Equal(t, mailbox.Retrying, report.Incoming.Phase, "it waits for nobody")
		})
	}
}
