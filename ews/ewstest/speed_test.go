package ewstest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// large returns a message of about so many bytes.
func large(i, size int) []byte {
	var b bytes.Buffer
	b.Write(mail(fmt.Sprint("message ", i)))
	line := strings.Repeat("0123456789", 7) + "\r\n"
	for b.Len() < size {
		b.WriteString(line)
	}
	return b.Bytes()
}

// BenchmarkGetItem asks for 50 messages of 30 KB over HTTP, by their MIME and by properties.
func BenchmarkGetItem(b *testing.B) {
	s := NewServer(Options{Plain: true, NoGzip: true})
	defer s.Close()
	s.AddLazy("user@example.com", "inbox", 50, func(i int) []byte { return large(i, 30<<10) })
	const properties = `<t:AdditionalProperties><t:FieldURI FieldURI="item:Subject"/><t:FieldURI FieldURI="item:DateTimeReceived"/><t:FieldURI FieldURI="item:Size"/><t:FieldURI FieldURI="message:From"/><t:FieldURI FieldURI="message:IsRead"/><t:FieldURI FieldURI="message:InternetMessageId"/><t:FieldURI FieldURI="message:References"/><t:ExtendedFieldURI PropertyTag="0x7d" PropertyType="String"/></t:AdditionalProperties>`
	for name, shape := range map[string]string{
		"MIME": idOnly + `<t:IncludeMimeContent>true</t:IncludeMimeContent>`, "properties": idOnly + properties,
		"both": idOnly + `<t:IncludeMimeContent>true</t:IncludeMimeContent>` + properties,
	} {
		b.Run(name, func(b *testing.B) {
			body := soapOf(asked, getItemBody(shape, s.IDs("user@example.com", "inbox")...))
			start := time.Now()
			for b.Loop() {
				r, _ := http.NewRequest(http.MethodPost, s.URL(), strings.NewReader(body))
				r.Header.Set("Content-Type", "text/xml; charset=utf-8")
				r.SetBasicAuth("user@example.com", "secret")
				a, err := http.DefaultClient.Do(r)
				require.NoError(b, err)
				answer, _ := io.ReadAll(a.Body)
				a.Body.Close()
				require.Equal(b, 50, bytes.Count(answer, []byte("NoError")))
			}
			b.ReportMetric(float64(50*b.N)/time.Since(start).Seconds(), "messages/s")
		})
	}
}

// BenchmarkSync goes through a folder of 100,000 messages.
func BenchmarkSync(b *testing.B) {
	s := &Server{model: newModel(Behavior{})}
	s.AddMailbox(anna, "")
	s.AddLazy(anna, "inbox", 100_000, func(i int) []byte { return large(i, 1<<10) })
	m := &bench{t: b, s: s, q: anna}
	for b.Loop() {
		state, n := "", 0
		for {
			if state != "" {
				state = "<m:SyncState>" + state + "</m:SyncState>"
			}
			w := m.write(`<m:SyncFolderItems><m:ItemShape>` + idOnly + `</m:ItemShape><m:SyncFolderId><t:DistinguishedFolderId Id="inbox"/></m:SyncFolderId>` + state + `<m:MaxChangesReturned>512</m:MaxChangesReturned></m:SyncFolderItems>`)
			n += strings.Count(w.text, "<t:Create>")
			_, rest, _ := strings.Cut(w.text, "<m:SyncState>")
			state, _, _ = strings.Cut(rest, "</m:SyncState>")
			if strings.Contains(w.text, "<m:IncludesLastItemInRange>true") {
				break
			}
		}
		require.Equal(b, 100_000, n)
	}
}
