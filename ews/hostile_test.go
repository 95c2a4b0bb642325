package ews_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/ews/ewstest"
	"github.com/go-serversync/serversync/provider"
)

const (
	hostileHead = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><s:Body>`
	hostileTail = `</s:Body></s:Envelope>`
)

// answering is a server that answers one operation with what write writes.
func answering(op string, write func(io.Writer)) ewstest.Fault {
	return ewstest.Fault{Op: op, Write: func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "text/xml; charset=utf-8")
		write(w)
	}}
}

// forever writes a text until nobody reads any more.
func forever(w io.Writer, what string) {
	many := strings.Repeat(what, 1+(16<<10)/len(what))
	for {
		if _, err := io.WriteString(w, many); err != nil {
			return
		}
	}
}

// drip writes a text again and again, a byte at a time.
func drip(w io.Writer, what string) {
	for {
		for i := range len(what) {
			if _, err := io.WriteString(w, what[i:i+1]); err != nil {
				return
			}
			if http.NewResponseController(w.(http.ResponseWriter)).Flush() != nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// hostile are answers to an operation that nobody should hold, wait for or believe.
func hostile(op string) map[string]ewstest.Fault {
	open := hostileHead + `<m:` + op + `Response><m:ResponseMessages>`
	one := open + `<m:` + op + `ResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>`
	f := map[string]func(io.Writer){
		"drips":             func(w io.Writer) { io.WriteString(w, one); drip(w, "<m:X/>") },
		"drips a text":      func(w io.Writer) { io.WriteString(w, one+"<m:MessageText>"); drip(w, "word ") },
		"drips before it":   func(w io.Writer) { drip(w, " ") },
		"endless children":  func(w io.Writer) { io.WriteString(w, one); forever(w, "<m:X/>") },
		"endless messages":  func(w io.Writer) { io.WriteString(w, open); forever(w, "<m:X ResponseClass='Success'/>") },
		"endless text":      func(w io.Writer) { io.WriteString(w, one+"<m:MessageText>"); forever(w, "word ") },
		"endless state":     func(w io.Writer) { io.WriteString(w, one+"<m:SyncState>"); forever(w, "AAAA") },
		"endless name":      func(w io.Writer) { io.WriteString(w, one+"<"); forever(w, "name") },
		"endless attribute": func(w io.Writer) { io.WriteString(w, one+"<m:X a='"); forever(w, "value") },
		"endless comment":   func(w io.Writer) { io.WriteString(w, one+"<!--"); forever(w, "word ") },
		"endless space":     func(w io.Writer) { forever(w, "  \n") },
		"endless CDATA":     func(w io.Writer) { io.WriteString(w, one+"<m:MessageText><![CDATA["); forever(w, "word ") },
		"endless values": func(w io.Writer) {
			io.WriteString(w, one+"<m:MessageXml>")
			forever(w, "<t:Value Name='a'>b</t:Value>")
		},
		"endless names":  func(w io.Writer) { io.WriteString(w, one); names(w) },
		"many elements":  func(w io.Writer) { io.WriteString(w, one+strings.Repeat("<m:X/>", 1_000_000)) },
		"huge node":      func(w io.Writer) { io.WriteString(w, one+"<m:X>"); io.WriteString(w, strings.Repeat("x", 64<<20)) },
		"nested faults":  func(w io.Writer) { io.WriteString(w, hostileHead); forever(w, "<s:Fault><detail>") },
		"fault for ever": func(w io.Writer) { io.WriteString(w, hostileHead+"<s:Fault><faultstring>"); forever(w, "no ") },
		"two documents": func(w io.Writer) {
			io.WriteString(w, hostileHead+`<m:`+op+`Response/>`+hostileTail+hostileHead+`<m:`+op+`Response/>`+hostileTail)
		},
		"nothing": func(w io.Writer) {},
		"a huge id": func(w io.Writer) {
			io.WriteString(w, one+"<m:Changes><t:Create><t:Message><t:ItemId Id='")
			forever(w, "AAAA")
		},
		"endless items": func(w io.Writer) { io.WriteString(w, one+"<m:Items><t:Message><t:MimeContent>"); forever(w, "AAAA") },
		"too few bytes": func(w io.Writer) {
			w.(http.ResponseWriter).Header().Set("Content-Length", "100000")
			io.WriteString(w, one)
		},
		"too long": func(w io.Writer) {
			w.(http.ResponseWriter).Header().Set("Content-Length", fmt.Sprint(int64(1)<<40))
			io.WriteString(w, one)
			forever(w, "<m:X/>")
		},
	}
	all := make(map[string]ewstest.Fault)
	for name, write := range f {
		all[name] = answering(op, write)
	}
	all["bomb"] = ewstest.Bomb(1 << 30)
	all["deep"] = ewstest.Deep(1_000_000)
	all["wide"] = ewstest.Wide(1_000_000)
	all["attributes"] = ewstest.Attributes(200_000)
	all["hangs"] = ewstest.Fault{Hang: true}
	for name, f := range all {
		f.Op = op
		all[name] = f
	}
	return all
}

// names writes elements that each have another name.
func names(w io.Writer) {
	for n := 0; ; n++ {
		if _, err := fmt.Fprintf(w, "<m:X%d a%d='v%d'/>", n, n, n); err != nil {
			return
		}
	}
}

// peak returns how much more of the heap was in use at most while do ran. What the test's own server holds
// is in it.
func peak(do func()) uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before := m.HeapAlloc
	var most atomic.Uint64
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-done:
				return
			case <-time.After(10 * time.Millisecond):
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most.Store(max(most.Load(), m.HeapAlloc))
			}
		}
	}()
	do()
	close(done)
	<-ended
	return most.Load() - min(before, most.Load())
}

// P3, P9, HTTP-06, EWS-02: whatever a server answers, each call ends by itself, or within a second
// of its context, with an error that is one of ours, and holds no more than some megabytes.
func TestP9HostileAnswers(t *testing.T) {
	calls := map[string]func(ctx context.Context, s session) error{
		"SyncFolderItems": func(ctx context.Context, s session) error {
			_, err := s.Changes(ctx, provider.Request{Folder: "inbox", Lane: provider.Live, Want: provider.WantBodies})
			return err
		},
		"GetItem": func(ctx context.Context, s session) error {
			page, err := s.Changes(ctx, provider.Request{Folder: "inbox", Lane: provider.Live, Want: provider.WantBodies})
			for _, c := range page.Changes {
				if c.Err != nil {
					err = c.Err
				}
				c.Raw.Release()
			}
			return err
		},
		"FindFolder": func(ctx context.Context, s session) error { _, err := s.Folders(ctx); return err },
		"FindItem": func(ctx context.Context, s session) error {
			_, err := s.(provider.Finder).Find(ctx, []provider.FolderID{"inbox"}, "letter-1@example.net")
			return err
		},
	}
	for op, call := range calls {
		for name, fault := range hostile(op) {
			drips := strings.HasPrefix(name, "drips")
			if op != "SyncFolderItems" && (drips || testing.Short()) || drips && testing.Short() {
				continue // they take their time
			}
			t.Run(op+" "+name, func(t *testing.T) {
				if drips { // for as long as Limits.Floor counts
					t.Parallel()
				}
				server, d, account := start(t, ewstest.Options{})
				server.Add(user, "inbox", letter(1))
				d.Limits.Message = 8 << 20
				if name == "hangs" { // until the limit, which bounds the session's beginning too
					d.Limits.Command = 2 * time.Second
				}
				s := open(t, d, account)
				server.SetFault(fault)
				var err error
				var took time.Duration
				most := peak(func() {
					ctx, stop := context.WithTimeout(t.Context(), 5*time.Minute)
					defer stop()
					began := time.Now()
					err = call(ctx, s)
					took = time.Since(began)
				})
				require.Error(t, err)
				require.NotEmpty(t, provider.KindOf(err), "it ends by itself, and not with its context: %v", err)
				require.Less(t, len(err.Error()), 4<<10)
				require.Less(t, most, uint64(96<<20))
				if took > 2*time.Second || most > 48<<20 {
					t.Logf("%v, %d MiB: %v", took, most>>20, err)
				}
				ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
				defer stop()
				_ = call(ctx, s)
				<-ctx.Done() // it may have ended before
				began := time.Now()
				require.Error(t, call(ctx, s))
				require.Less(t, time.Since(began), time.Minute) // a second, on a machine that is not busy
			})
		}
	}
}

// EWS-06: a sync state of nearly 16 MB is kept whole and used again, a longer one is refused.
func TestEWS06HugeSyncStates(t *testing.T) {
	for size, taken := range map[int]bool{15 << 20: true, 17 << 20: false} {
		server, d, account := start(t, ewstest.Options{Behavior: ewstest.Behavior{StateSize: min(size, 16<<20)}})
		server.Add(user, "inbox", letter(1))
		s := open(t, d, account)
		if !taken {
			server.SetFault(ewstest.Illegal("SyncState", strings.Repeat("A", 1<<20)))
		}
		r := provider.Request{Folder: "inbox", Lane: provider.Live}
		page, err := s.Changes(t.Context(), r)
		if !taken {
			require.Equal(t, provider.ErrTooLarge, provider.KindOf(err), "%v", err)
			continue
		}
		require.NoError(t, err)
		require.Greater(t, len(page.Next), size)
		server.Add(user, "inbox", letter(2))
		r.Cursor = page.Next
		page, err = s.Changes(t.Context(), r)
		require.NoError(t, err)
		require.Len(t, page.Changes, 1, "what was told is not told again")
	}
}
