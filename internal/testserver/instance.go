package testserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// instance is what the servers have in common: a folder, and a process that can
// be ended and started again.
type instance struct {
	name   string
	dir    string
	banner string // a word of the greeting that no other server uses
	addr   string // where the greeting is heard
	ports  ports
	start  func() (*process, error)
	ready  func(context.Context, *process) error // nil: the greeting tells

	mu     sync.Mutex
	proc   *process // nil when nothing runs
	closed bool
}

// newFolder makes a folder that the servers' users can enter, with a path short
// enough for the sockets in it.
func newFolder(name string) (string, error) {
	const longest = 60 // of the 107 bytes that the path of a socket may have
	parent := os.TempDir()
	if len(parent) > longest {
		parent = "/tmp"
	}
	dir, err := os.MkdirTemp(parent, "test-"+name+"-")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755)
}

// run starts the process and waits until it serves.
func (s *instance) run(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("testserver: %s is closed", s.name)
	}
	if s.proc != nil {
		s.proc.stop()
		s.proc = nil
	}
	p, err := s.start()
	if err != nil {
		return err
	}
	ready := s.ready
	if ready == nil {
		ready = func(ctx context.Context, p *process) error { return greeted(ctx, p, s.addr, s.banner) }
	}
	if err := ready(ctx, p); err != nil {
		p.kill()
		return fmt.Errorf("%w; %s says:\n%s", err, s.name, s.tail())
	}
	s.proc = p
	return nil
}

// PIDs returns the ids of the server's processes that run now.
func (s *instance) PIDs() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc == nil {
		return nil
	}
	return s.proc.pids()
}

// Dir returns the folder with all that the server has: configuration, log, mail.
func (s *instance) Dir() string { return s.dir }

// Log returns what the server has logged so far.
func (s *instance) Log() string {
	var all strings.Builder
	for _, name := range []string{"out", "log"} {
		// A server that has not written anything yet has no file.
		text, _ := os.ReadFile(filepath.Join(s.dir, name))
		all.Write(text)
	}
	return all.String()
}

// tail returns the end of the log, for an error.
func (s *instance) tail() string {
	const most = 3000
	log := s.Log()
	return log[max(0, len(log)-most):]
}

// Kill kills all the server's processes at once, as a power failure would, and
// returns when they are gone. What they had stored stays; see Restart.
func (s *instance) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc != nil {
		s.proc.kill()
		s.proc = nil
	}
}

// Restart starts the server again on the same ports and with the same mail,
// whether it was killed or still runs, in which case it ends in good order first.
func (s *instance) Restart(ctx context.Context) error { return s.run(ctx) }

// Close ends the server and removes its folder. Closing again does nothing.
func (s *instance) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if s.proc != nil {
		s.proc.kill() // what a good end would save is removed next
		s.proc = nil
	}
	return errors.Join(s.ports.Close(), os.RemoveAll(s.dir))
}

// portTaken tells whether a server did not start because someone else took a port
// of its between our look and its own.
func (s *instance) portTaken() bool { return strings.Contains(s.Log(), "Address already in use") }

// writeFiles writes files into the folder: name to content.
func (s *instance) writeFiles(mode os.FileMode, files map[string]string) error {
	var errs []error
	for name, content := range files {
		errs = append(errs, os.WriteFile(filepath.Join(s.dir, name), []byte(content), mode))
	}
	return errors.Join(errs...)
}
