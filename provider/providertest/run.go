package providertest

import "testing"

// Run checks the provider that open's harness opens. It calls open once for each
// rule, and each must start with empty folders; open frees what it made with
// t.Cleanup.
//
// A driver is not asked for what it is not: rules about a Source are skipped for a
// Sender, and the other way round. Run looks for goroutines and files that were
// left, so nothing else may run in the test's process meanwhile.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	for _, r := range rules() {
		t.Run(r.name, func(t *testing.T) { r.run(t, open(t)) })
	}
}

// tb is what a rule needs of *testing.T, so that the suite can itself be tested.
type tb interface {
	Helper()
	Name() string
	Failed() bool
	Cleanup(func())
	Logf(format string, args ...any)
	Skipf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// A rule is a sentence of the contract with the check for it.
type rule struct {
	name  string
	check func(*probe)
}

func (r rule) run(t tb, h Harness) {
	if h.Open == nil {
		t.Fatalf("the harness has no Open")
	}
	h.Open = opener(&h)
	p := newProbe(t, h)
	r.check(p)
}

func rules() []rule {
	return []rule{
		{"P1/live begins now", liveBeginsNow},
		{"P1/backfill is everything, newest first", backfillNewestFirst},
		{"P1/asked twice gives the same or more", askedTwice},
		{"P1/nothing is skipped between lanes", betweenLanes},
		{"P1/a full round lists everything", fullRound},
		{"P1/a bound in the past hides nothing", sinceInThePast},
		{"P1/a follower ends with the server's view", followerEndsRight},
		{"P2/foreign cursor", foreignCursor},
		{"P2/damaged cursor", damagedCursor},
		{"P2/old cursor", expiredCursor},
		{"P2/other epoch", otherEpoch},
		{"P2/other epoch gives no content", fetchInOtherEpoch},
		{"P3/an ended context ends each call", endedContext},
		{"P3/a stalled server does not hold a call", stalledServer},
		{"P4/a second Close does nothing", closeTwice},
		{"P4/a lost session closes", closeAfterBreak},
		{"P5/no goroutine is left", noGoroutine},
		{"P5/no file is left", noFile},
		{"P6/no error or log line holds the secret", noSecret},
		{"P6/no evidence of a stage holds the secret", noSecretInEvidence},
		{"P7/what is given is whole", givenWhole},
		{"P7/a bad item is its own failure", badItem},
		{"P7/a cut item is not taken for a whole one", cutItem},
		{"P8/a page keeps to MaxItems", keepsMaxItems},
		{"P8/a page keeps to MaxBytes", keepsMaxBytes},
		{"P8/a large body does not lie in memory", largeBody},
		{"P10/a missing folder is not found", missingFolder},
		{"P10/a lost connection is unavailable", lostConnection},
		{"P10/a refused sign-in is said", refusedSignIn},
		{"Trace/stages are told in order, each once", stagesInOrder},
		{"Trace/the stage that fails has Open's error", stageFails},
		{"Act/mark and unmark", actMark},
		{"Act/move", actMove},
		{"Act/move makes the folder", actMoveToNew},
		{"Act/delete", actDelete},
		{"Act/nothing is done before it is confirmed", actUnconfirmed},
		{"Act/a wrong epoch is not found and touches nothing", actWrongEpoch},
		{"Act/a missing item is not found", actMissing},
		{"Find/by Message-ID alone", findMessage},
		{"File/what was filed is found", fileThenFind},
		{"Send/every recipient is accepted", sendAccepted},
		{"Send/each recipient has its own result", sendMixed},
		{"Send/Submitting comes once, before the effect", sendSubmitting},
		{"Send/an error of Submitting sends nothing", sendSubmittingFails},
		{"Send/an ended context sends nothing", sendEndedContext},
		{"Send/a lost answer is uncertain", sendLostAnswer},
		{"Settle/what was sent is settled as sent", settleSent},
		{"Settle/what was not sent is settled as not sent, and is not any more", settleNotSent},
		{"Settle/asked again it says the same", settleTwice},
		{"Settle/Submitting is not called", settleSubmitting},
		{"Settle/an ended context settles nothing", settleEndedContext},
	}
}
