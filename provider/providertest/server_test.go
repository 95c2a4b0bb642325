package providertest

import (
	"context"
	"testing"

	"github.com/go-serversync/serversync/provider"
)

func BenchmarkEmptyPoll(b *testing.B) {
	s := NewServer(IMAPLike)
	p, _ := s.Open(context.Background(), ann)
	src, _ := provider.As[provider.Source](p)
	s.Add(ann.Mailbox.Key, "INBOX", []byte("Subject: x\r\n\r\n"))
	page, err := src.Changes(context.Background(), provider.Request{Folder: "INBOX", Lane: provider.Live})
	if err != nil {
		b.Fatal(err)
	}
	r := provider.Request{Folder: "INBOX", Lane: provider.Live, Cursor: provider.Cursor([]byte(page.Next))}
	b.ReportAllocs()
	for b.Loop() {
		page, err = src.Changes(context.Background(), r)
		if err != nil || len(page.Changes) > 0 {
			b.Fatal(page, err)
		}
	}
}
