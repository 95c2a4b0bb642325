// Package sqlite is a serversync.Store in one SQLite file, for a host that has no
// database of its own or likes to keep its rows in the same file.
//
// The file is in WAL mode and synchronous=FULL: what Commit has returned nil for
// survives a loss of power. There is one writer; readers do not wait for it. The
// driver is pure Go.
//
// A host's own tables may live in the same file, under any name that does not
// begin with sync_. Its rows join the library's in one transaction: see
// [Options.InCommit] for incoming mail, and [Store.Write] with [Store.EnqueueTx]
// for outgoing mail, and [Store.SetRegardingTx]. The host may read the library's tables, whose columns stay
// as they are but for additions. PRAGMA user_version belongs to this package.
package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/track"
	_ "modernc.org/sqlite" // the driver named "sqlite"
)

// Options says how a Store works. The zero value is fine.
type Options struct {
	// InCommit, if not nil, runs inside the transaction of each Commit, after the
	// batch's own rows are written, and lets the host write its rows in tx. added
	// lists the messages of the batch that are new to the organization or were
	// given another place. An error rolls everything back and is what Commit
	// returns; a *serversync.RecordError refuses one message and lets the Syncer
	// commit the others. It must not call methods of the Store that write, which would wait
	// for this very transaction; EnqueueTx with tx is fine.
	InCommit func(ctx context.Context, tx *sql.Tx, b *serversync.Batch, added []AddedMessage) error

	// Text is how many bytes of a message's text are kept in the column text, for
	// lists and searches. The whole message is kept in any case. Default: 4 KiB;
	// -1 keeps none.
	Text int

	// Readers is how many queries may read at once. Default: 4.
	Readers int
}

// AddedMessage is a Tracked message that a Commit has saved or linked.
type AddedMessage struct {
	ID      int64 // of the row in sync_messages
	New     bool  // new to the organization; else it got another place
	Record  int   // the index in Batch.Records
	Message *item.Message

	// Email is the Ref of its email, by which [Store.FindEmails] and
	// [Store.SetRegarding] know it: of type "sync_email", with the id of the row in
	// sync_emails; or the host's own, if the message is the copy of one that was
	// enqueued with that. Zero if the message is not to be found.
	Email   track.Ref
	Verdict *track.Verdict // the record's; nil if it has none
}

// Store keeps everything in one SQLite file. It is safe for use by many goroutines.
type Store struct {
	options Options
	writer  *sql.DB // one connection; its transactions begin IMMEDIATE
	readers *sql.DB // these connections cannot write

	prepared map[string]*sql.Stmt // on writer, by text; not changed after Open
}

var _ interface {
	serversync.Store
	serversync.Outbox
	serversync.Lister
	serversync.Quarantine
	serversync.Grants
	serversync.Leases
	serversync.Walls
	serversync.Journal
	serversync.Correlator
	serversync.Verdicts
	serversync.Numbers
} = (*Store)(nil)

// Open opens the database in the file at path, which is made with permissions
// 0600 if there is none, and brings its schema up to date. The caller calls Close.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	if path == "" {
		return nil, errors.New("sqlite: the path is empty")
	}
	o.Text = cmp.Or(o.Text, 4<<10)
	o.Readers = cmp.Or(o.Readers, 4)

	// The file is not opened if it exists: closing it again would release the
	// locks that another Store in this process holds on it.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("sqlite: %w", err)
	}

	s := &Store{options: o, prepared: map[string]*sql.Stmt{}}
	if err := s.open(ctx, path); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, path string) (err error) {
	// page_size has an effect on an empty file only, and before WAL mode, which is
	// why the latter is not among the pragmas: those run first. SQLite's automatic
	// checkpoint after 1,000 pages keeps the WAL at 16 MB; a checkpoint on another
	// connection only lets it grow.
	s.writer, err = connect(path, "_txlock=immediate&_journal_mode=WAL",
		fmt.Sprint("page_size=", pageSize), "synchronous=FULL",
		"wal_autocheckpoint=1000", "journal_size_limit=67108864", "cache_size=-2048", "foreign_keys=1")
	if err != nil {
		return err
	}
	s.writer.SetMaxOpenConns(1)
	if err := migrate(ctx, s.writer, steps); err != nil {
		return explain(ctx, err)
	}
	for _, query := range everyCommit {
		if s.prepared[query], err = s.writer.PrepareContext(ctx, query); err != nil {
			return explain(ctx, err)
		}
	}
	s.readers, err = connect(path, "_txlock=deferred", "query_only=1", "cache_size=-512")
	if err != nil {
		return err
	}
	s.readers.SetMaxOpenConns(s.options.Readers)
	s.readers.SetMaxIdleConns(s.options.Readers)
	return explain(ctx, s.readers.PingContext(ctx))
}

// connect returns a pool whose connections begin with these pragmas. The busy
// timeout comes first, so that the others wait for a lock as well.
func connect(path, parameter string, pragmas ...string) (*sql.DB, error) {
	q := "?" + parameter + "&_pragma=busy_timeout=10000"
	for _, p := range pragmas {
		q += "&_pragma=" + url.QueryEscape(p)
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+q)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	return db, nil
}

// DB returns the pool of connections that read, for the host's own queries. They
// see what is committed and cannot write.
func (s *Store) DB() *sql.DB { return s.readers }

// Close waits for what is under way and closes the file. A second Close does
// nothing.
func (s *Store) Close() error {
	var errs []error
	for _, db := range []*sql.DB{s.readers, s.writer} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}
