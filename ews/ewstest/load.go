package ewstest

import "sync"

// A load is how many requests are under way, by mailbox.
type load struct {
	mu                  sync.Mutex
	all, syncs, streams map[string]int
}

// enter counts a request of a mailbox, unless it is one too many. leave counts it as done.
func (l *load) enter(q *request, o Options) (leave func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		l.all, l.syncs, l.streams = make(map[string]int), make(map[string]int), make(map[string]int)
	}
	m := q.acting
	if q.op == "GetStreamingEvents" {
		if l.streams[m] >= o.Streams {
			return nil, tooMany("ErrorExceededConnectionCount", exceeded, "HangingConnectionLimit", "0")
		}
		l.streams[m]++
		return l.leave(l.streams, m), nil
	}
	if o.Concurrency > 0 && l.all[m] >= o.Concurrency {
		return nil, tooMany("ErrorExceededConnectionCount", exceeded, "EWSMaxConcurrency", "0")
	}
	if q.op == "SyncFolderItems" && o.Syncs > 0 {
		if l.syncs[m] >= o.Syncs {
			return nil, tooMany("ErrorServerBusy", Busy("").Text, "ConcurrentSyncCalls", "5000")
		}
		l.syncs[m]++
		l.all[m]++
		return func() { l.leave(l.syncs, m)(); l.leave(l.all, m)() }, nil
	}
	l.all[m]++
	return l.leave(l.all, m), nil
}

func (l *load) leave(of map[string]int, mailbox string) func() {
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		of[mailbox]--
	}
}

func tooMany(code, text, policy, backOff string) error {
	return &failure{code: code, text: text, values: map[string]string{"BackOffMilliseconds": backOff, "Policy": policy}, fault: true}
}
