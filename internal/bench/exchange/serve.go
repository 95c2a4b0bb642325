package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"encoding/pem"
	"os"
	"sync"

	"github.com/go-serversync/serversync/ews/ewstest"
	"github.com/go-serversync/serversync/internal/loopback"
	"github.com/go-serversync/serversync/internal/mailgen"
)

// server runs an Exchange until standard input ends, and says what it counted for each line
// that comes.
func server(messages int, mean int64) error {
	config, _ := loopback.Certificate{Issuer: "bench"}.Config()
	certificate := config.Certificates[0]
	s := ewstest.NewServer(ewstest.Options{
		Users: map[string]string{anna.Address: anna.Password.Reveal()}, Certificate: &certificate,
		Schemes: []string{"Basic"},
	})
	defer s.Close()
	// Made beforehand, so that the server's time is that of serving.
	raw := make([][]byte, 0, messages)
	for _, m := range mailgen.NewCorpus(1, messages, int64(messages)*mean).All() {
		raw = append(raw, m)
	}
	s.AddLazy(anna.Address, "inbox", messages, func(i int) []byte { return raw[i] })

	var watch watcher
	s.Requests(watch.note)
	say := json.NewEncoder(os.Stdout)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]})
	if err := say.Encode(place{s.URL(), ca}); err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if err := say.Encode(watch.counts()); err != nil {
			return err
		}
	}
	return lines.Err()
}

// A watcher counts requests.
type watcher struct {
	mu   sync.Mutex
	sum  counts
	last int // ids in the GetItem before, which may be the last one
}

func (w *watcher) note(op string, body []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sum.All++
	switch op {
	case "SyncFolderItems":
		w.sum.Lists++
	case "GetItem":
		w.sum.Gets++
		if w.last > 0 && (w.sum.Smallest == 0 || w.last < w.sum.Smallest) {
			w.sum.Smallest = w.last
		}
		w.last = bytes.Count(body, []byte("<t:ItemId "))
	}
}

func (w *watcher) counts() counts {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sum
}
