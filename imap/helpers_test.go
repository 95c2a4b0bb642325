package imap_test

import (
	"crypto/tls"

	"github.com/go-serversync/serversync/imap/imaptest"
)

func clientTLS(s *imaptest.Server) *tls.Config { return &tls.Config{RootCAs: s.CertPool()} }
