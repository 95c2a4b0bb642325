package ewstest

import "sync"

// A Server is a running Exchange.
type Server struct {
	model *model
	mu    sync.Mutex // guards all that the mailboxes hold
}
