package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/go-serversync/serversync"
	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"
)

// explain returns err as a caller can act upon it: the context's own error if it
// has ended, and words for what a person can put right.
func explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ended := ctx.Err(); ended != nil {
		return ended
	}
	switch code(err) {
	case codes.SQLITE_BUSY, codes.SQLITE_LOCKED:
		return fmt.Errorf("sqlite: another process holds the lock on the database: %w", err)
	case codes.SQLITE_FULL:
		return fmt.Errorf("sqlite: the disk is full: %w", err)
	case codes.SQLITE_READONLY, codes.SQLITE_PERM, codes.SQLITE_CANTOPEN:
		return fmt.Errorf("sqlite: the file or its folder may not be written: %w", err)
	case codes.SQLITE_NOTADB, codes.SQLITE_CORRUPT:
		return fmt.Errorf("sqlite: the file is damaged or no SQLite database: %w", err)
	}
	return err
}

// explainCommit does the same for the error of a COMMIT. What has certainly been
// rolled back keeps its error; after anything else, such as an fsync that failed,
// the transaction may be found in the log later on.
func explainCommit(ctx context.Context, err error) error {
	ended := ctx.Err()
	switch {
	case err == nil:
		return nil
	case ended != nil && (errors.Is(err, sql.ErrTxDone) || errors.Is(err, ended)):
		return ended // the end of ctx came first and rolled back
	}
	switch code(err) {
	case codes.SQLITE_BUSY, codes.SQLITE_LOCKED, codes.SQLITE_FULL, codes.SQLITE_CONSTRAINT:
		return explain(context.WithoutCancel(ctx), err)
	}
	return fmt.Errorf("%w: %w", serversync.ErrUnknown, err)
}

// code returns SQLite's primary result code, 0 if err is not from SQLite.
func code(err error) int {
	var e *driver.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.Code() & 0xff
}
