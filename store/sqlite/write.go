package sqlite

import (
	"context"
	"database/sql"
)

// Write runs fn in a transaction of the one writer, in which the host may write
// its own tables and call [Store.EnqueueTx]. If fn returns an error everything is
// rolled back and Write returns that error. fn must not call methods of the Store
// that write, which would wait for this very transaction.
func (s *Store) Write(ctx context.Context, fn func(tx *sql.Tx) error) error {
	return s.write(ctx, func(w *writing) error { return fn(w.tx) })
}

// writing is one transaction of the writer.
type writing struct {
	ctx   context.Context // of the caller; its end rolls back
	calm  context.Context // the same without an end: each statement under ctx would cost a goroutine
	tx    *sql.Tx
	store *Store
	stmts map[string]*sql.Stmt

	lastBlob int64 // the highest id of a blob; 0 if not asked for yet
}

func (s *Store) writing(ctx context.Context, tx *sql.Tx) *writing {
	return &writing{ctx: ctx, calm: context.WithoutCancel(ctx), tx: tx, store: s, stmts: map[string]*sql.Stmt{}}
}

func (s *Store) write(ctx context.Context, fn func(w *writing) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return explain(ctx, err)
	}
	if err := fn(s.writing(ctx, tx)); err != nil {
		tx.Rollback()
		return explain(ctx, err)
	}
	return explainCommit(ctx, tx.Commit())
}

// stmt returns the statement within w's transaction. Those that every commit
// needs were prepared by Open.
func (w *writing) stmt(query string) (st *sql.Stmt, err error) {
	if st := w.stmts[query]; st != nil {
		return st, nil
	}
	if err := w.ctx.Err(); err != nil {
		return nil, err
	}
	if prepared := w.store.prepared[query]; prepared != nil {
		st = w.tx.StmtContext(w.calm, prepared)
	} else if st, err = w.tx.PrepareContext(w.calm, query); err != nil {
		return nil, err
	}
	w.stmts[query] = st
	return st, nil
}

func (w *writing) exec(query string, args ...any) (sql.Result, error) {
	st, err := w.stmt(query)
	if err != nil {
		return nil, err
	}
	return st.ExecContext(w.calm, args...)
}

// changes runs a statement and returns how many rows it changed.
func (w *writing) changes(query string, args ...any) (int64, error) {
	r, err := w.exec(query, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// get reads the one row of a query into dest, or returns sql.ErrNoRows.
func (w *writing) get(query string, args []any, dest ...any) error {
	st, err := w.stmt(query)
	if err != nil {
		return err
	}
	return st.QueryRowContext(w.calm, args...).Scan(dest...)
}
