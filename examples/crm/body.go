package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"

	"github.com/go-serversync/serversync/item"
)

const pieceSize = 256 << 10

// saveBody saves the bytes of a message piece by piece and returns their row.
func saveBody(ctx context.Context, tx *sql.Tx, b *item.Blob) (id int64, err error) {
	sum := b.Sum()
	err = tx.QueryRowContext(ctx, `INSERT INTO bodies (size, sha256) VALUES ($1, $2) RETURNING id`, b.Size(), sum[:]).Scan(&id)
	if err != nil {
		return 0, err
	}
	r, piece := b.Open(), make([]byte, min(pieceSize, b.Size()))
	for n := int64(0); n*pieceSize < b.Size(); n++ {
		piece = piece[:min(pieceSize, b.Size()-n*pieceSize)]
		if _, err := io.ReadFull(r, piece); err != nil {
			return 0, fmt.Errorf("crm: reading a message: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO pieces VALUES ($1, $2, $3)`, id, n, piece); err != nil {
			return 0, err
		}
	}
	return id, nil
}

// bodyColumns are the columns of bodies, which may be NULL.
type bodyColumns struct {
	id, size sql.NullInt64
	sum      []byte
}

// body returns the bytes as a Blob that reads them when it is read, or nil.
func (c *CRM) body(b bodyColumns) *item.Blob {
	if !b.id.Valid {
		return nil
	}
	return item.OpenBlob(pieces{c.db, b.id.Int64, b.size.Int64}, b.size.Int64, [32]byte(b.sum), nil)
}

// pieces reads a body.
type pieces struct {
	db         *sql.DB
	body, size int64
}

func (p pieces) ReadAt(to []byte, at int64) (n int, err error) {
	for n < len(to) && at < p.size {
		var part []byte
		err := p.db.QueryRow(`SELECT substr(data, $1, $2) FROM pieces WHERE body = $3 AND n = $4`,
			at%pieceSize+1, len(to)-n, p.body, at/pieceSize).Scan(&part)
		if err == nil && len(part) == 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return n, errors.Join(io.ErrUnexpectedEOF, err)
		}
		n, at = n+copy(to[n:], part), at+int64(len(part))
	}
	if n < len(to) {
		return n, io.EOF
	}
	return n, nil
}
