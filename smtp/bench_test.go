package smtp_test

import (
	"strings"
	"testing"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/smtp/smtptest"
)

// BenchmarkSend sends messages of 30 KB over one connection on the loopback.
func BenchmarkSend(b *testing.B) {
	message := mail + strings.Repeat(strings.Repeat("x", 76)+"\r\n", 30<<10/78)
	for _, mode := range []profile.TLS{profile.Plaintext, profile.ImplicitTLS} {
		b.Run("tls="+string(mode), func(b *testing.B) {
			server := newServer(b, smtptest.Options{TLS: mode, Users: users})
			if mode == profile.Plaintext {
				server = newServer(b, smtptest.Options{TLS: mode})
			}
			s := mustOpen(b, server, mode)
			b.SetBytes(int64(len(message)))
			b.ReportAllocs()
			for b.Loop() {
				if out := send(b, s, message, bob); out.err != nil {
					b.Fatal(out.err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sends/s")
		})
	}
}
