package sqlite

import (
	"fmt"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/provider"
)

// BenchmarkCommit commits 50 messages of 30 KB at a time; 400 times are 20,000
// messages. What precedes Commit, the fetching and parsing, is not measured.
// cpu-ms/op is the time of both kinds that the process took.
func BenchmarkCommit(b *testing.B) {
	const perCommit, size = 50, 30_000
	s := open(b, Options{})
	var from provider.Cursor
	var total int64
	var cpu time.Duration
	n := 0
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		b.StopTimer()
		records := make([]serversync.Record, perCommit)
		for i := range records {
			n++
			m := message(n, size)
			total += m.Raw.Size()
			records[i] = tracked(provider.ID(strconv.Itoa(1_000_000-n)), m)
		}
		next := provider.Cursor(fmt.Sprint("imap/1/33/uid/more\n", n))
		batch := batch(fmt.Sprint("batch", n), from, next, records...)
		from = next
		before := cpuTime()
		b.StartTimer()
		commit(b, s, batch)
		cpu += cpuTime() - before
	}
	b.StopTimer()
	b.SetBytes(total / int64(b.N))
	b.ReportMetric(float64(cpu.Microseconds())/1000/float64(b.N), "cpu-ms/op")
}

// BenchmarkKnown asks for 1,000 ids among 100,000.
func BenchmarkKnown(b *testing.B) {
	s := open(b, Options{})
	id := func(i int) provider.ID { return provider.ID(fmt.Sprintf("%08d", i)) }
	records := make([]serversync.Record, 100_000)
	ids := make([]provider.ID, 1000)
	for i := range records {
		records[i] = serversync.Record{Kind: serversync.Ignored, Folder: "inbox", Epoch: "1", ID: id(i), Reason: "not ours"}
		ids[i/100] = id(i)
	}
	commit(b, s, batch("b1", "", "c1", records...))
	for b.Loop() {
		if _, err := s.Known(b.Context(), ann, "inbox", "1", ids); err != nil {
			b.Fatal(err)
		}
	}
}

func cpuTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		panic(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
