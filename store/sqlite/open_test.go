package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-serversync/serversync"
)

func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a #?%20 b.db")
	s, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	commit(t, s, batch("b1", "", "c1", tracked("1", message(1, 3000))))
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("the file %q has permissions %o, want 600", suffix, info.Mode().Perm())
		}
	}
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "page_size": "16384", "foreign_keys": "1", "cache_size": "-2048",
	} {
		var got string
		if err := s.writer.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("PRAGMA %s = %q, %v, want %q", pragma, got, err, want)
		}
	}
	if _, err := s.DB().Exec(`DELETE FROM sync_messages`); err == nil {
		t.Error("the pool for reading can write")
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path + "-wal"); !os.IsNotExist(err) {
		t.Errorf("the WAL is left after Close: %v", err)
	}
	if _, err := s.Load(t.Context(), ann); err == nil {
		t.Error("Load after Close succeeds")
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		name string
		ctx  context.Context
		path string
		want string
	}{
		{"no path", t.Context(), "", "path is empty"},
		{"no folder", t.Context(), filepath.Join(dir, "none", "mail.db"), "no such file"},
		{"no database", t.Context(), text, "no SQLite database"},
		{"an ended context", ended, filepath.Join(dir, "new.db"), context.Canceled.Error()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if s, err := Open(tt.ctx, tt.path, Options{}); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Open = %v, %v, want an error with %q", s, err, tt.want)
			}
		})
	}
}

func TestMigrate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail.db")
	db, err := connect(path, "_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	v1 := []string{`CREATE TABLE a (x); INSERT INTO a VALUES (1)`}
	v3 := append(v1, `ALTER TABLE a ADD y; UPDATE a SET y = x + 1`, `CREATE TABLE b (z)`)
	bad := append(v3, `INSERT INTO b VALUES (7); INSERT INTO nowhere VALUES (8)`)

	for _, steps := range [][]string{v1, v1, v3, v3} {
		if err := migrate(t.Context(), db, steps); err != nil {
			t.Fatalf("migrate to version %d: %v", len(steps), err)
		}
	}
	var y, version, rows int
	if err := db.QueryRow(`SELECT y FROM a`).Scan(&y); err != nil || y != 2 {
		t.Errorf("the row of version 1 has y = %d, %v, want 2", y, err)
	}
	if err := migrate(t.Context(), db, bad); err == nil {
		t.Error("a step that fails gives no error")
	}
	err = db.QueryRow(`SELECT (SELECT count(*) FROM b), user_version FROM pragma_user_version`).Scan(&rows, &version)
	if err != nil || rows != 0 || version != 3 {
		t.Errorf("after a failed step: %d rows, version %d, %v, want none and 3", rows, version, err)
	}
	if err := migrate(t.Context(), db, v1); err == nil || !strings.Contains(err.Error(), "schema version 3") {
		t.Errorf("a newer schema: %v, want it refused by its version", err)
	}
}

// A second process is played by a connection of its own.
func TestAnotherProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail.db")
	s, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	other, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	tx, err := other.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := s.writer.Exec(`PRAGMA busy_timeout = 50`); err != nil {
		t.Fatal(err)
	}
	_, err = s.Commit(t.Context(), batch("b1", "", "c1"))
	if err == nil || errors.Is(err, serversync.ErrUnknown) || !strings.Contains(err.Error(), "another process") {
		t.Errorf("Commit while another process writes: %v, want a definite error that says so", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	commit(t, s, batch("b1", "", "c1"))
}

// The disk is full when max_page_count is reached.
func TestDiskFull(t *testing.T) {
	s := open(t, Options{})
	commit(t, s, batch("b1", "", "c1", tracked("1", message(1, 3000))))
	if _, err := s.writer.Exec(`PRAGMA max_page_count = 60`); err != nil {
		t.Fatal(err)
	}
	big := batch("b2", "c1", "c2", tracked("2", message(2, 2_000_000)))
	_, err := s.Commit(t.Context(), big)
	if err == nil || errors.Is(err, serversync.ErrUnknown) || !strings.Contains(err.Error(), "disk is full") {
		t.Errorf("Commit on a full disk: %v, want a definite error that says so", err)
	}
	if snap, err := s.Load(t.Context(), ann); err != nil || snap.LastBatch != "b1" {
		t.Errorf("Load = %+v, %v, want batch b1 as the last", snap, err)
	}
	if _, err := s.writer.Exec(`PRAGMA max_page_count = 4294967294`); err != nil {
		t.Fatal(err)
	}
	commit(t, s, big)
}
