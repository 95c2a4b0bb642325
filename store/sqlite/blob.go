package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"io"
	"sync"

	"github.com/go-serversync/serversync/item"
)

const (
	chunkSize  = 64 << 10
	blobChunks = 1 << 20 // chunk n of a blob has the id blob * blobChunks + n
)

// nextBlob returns the id that saveBlob gives next.
func (w *writing) nextBlob() (int64, error) {
	if w.lastBlob == 0 {
		if err := w.get(selectBlobID, nil, &w.lastBlob); err != nil {
			return 0, err
		}
	}
	return w.lastBlob + 1, nil
}

// saveBlob saves b's bytes, of which it holds one chunk at a time, and returns the
// new blob's id.
func (w *writing) saveBlob(b *item.Blob) (int64, error) {
	id, err := w.nextBlob()
	if err != nil {
		return 0, err
	}
	sum := b.Sum()
	if _, err := w.exec(insertBlob, id, b.Size(), sum[:]); err != nil {
		return 0, err
	}
	w.lastBlob = id

	if all, ok := b.Bytes(); ok {
		for n := 0; n*chunkSize < len(all); n++ {
			if err := w.saveChunk(id, n, all[n*chunkSize:min(len(all), (n+1)*chunkSize)]); err != nil {
				return 0, err
			}
		}
		return id, nil
	}
	r := b.Open()
	buf := make([]byte, min(chunkSize, b.Size()))
	for n := 0; int64(n)*chunkSize < b.Size(); n++ {
		chunk := buf[:min(chunkSize, b.Size()-int64(n)*chunkSize)]
		if _, err := io.ReadFull(r, chunk); err != nil {
			return 0, refusal{fmt.Errorf("sqlite: reading a message that is to be saved: %w", err)}
		}
		if err := w.saveChunk(id, n, chunk); err != nil {
			return 0, err
		}
	}
	return id, nil
}

func (w *writing) saveChunk(blob int64, n int, chunk []byte) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	_, err := w.exec(insertChunk, blob*blobChunks+int64(n), chunk)
	return err
}

func (w *writing) deleteBlob(id int64) error {
	if _, err := w.exec(`DELETE FROM sync_chunks WHERE id >= ? AND id < ?`, id*blobChunks, (id+1)*blobChunks); err != nil {
		return err
	}
	_, err := w.exec(`DELETE FROM sync_blobs WHERE id = ?`, id)
	return err
}

// openBlob returns a Blob over what saveBlob saved. It reads when it is read.
func openBlob(db *sql.DB, id, size int64, sum []byte) (*item.Blob, error) {
	if len(sum) != 32 {
		return nil, fmt.Errorf("sqlite: blob %d has a damaged digest", id)
	}
	return item.OpenBlob(&chunks{db: db, blob: id, size: size, held: -1}, size, [32]byte(sum), nil), nil
}

// chunks reads a blob. It holds the last chunk that was read, since readers ask
// for less than one at a time.
type chunks struct {
	db   *sql.DB
	blob int64
	size int64

	mu   sync.Mutex
	held int64
	data []byte
}

func (c *chunks) ReadAt(p []byte, at int64) (n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for n < len(p) {
		if at >= c.size {
			return n, io.EOF
		}
		if err := c.load(at / chunkSize); err != nil {
			return n, err
		}
		k := copy(p[n:], c.data[at%chunkSize:])
		n, at = n+k, at+int64(k)
	}
	return n, nil
}

func (c *chunks) load(n int64) error {
	if n == c.held {
		return nil
	}
	c.held = -1
	rows, err := c.db.QueryContext(context.Background(), `SELECT data FROM sync_chunks WHERE id = ?`, c.blob*blobChunks+n)
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		return cmp.Or(rows.Err(), fmt.Errorf("sqlite: blob %d is not there any more: %w", c.blob, io.ErrUnexpectedEOF))
	}
	var data sql.RawBytes // not a copy: a large message would leave it to the collector chunk by chunk
	if err := rows.Scan(&data); err != nil {
		return err
	}
	if int64(len(data)) != min(chunkSize, c.size-n*chunkSize) {
		return fmt.Errorf("sqlite: chunk %d of blob %d has %d bytes: %w", n, c.blob, len(data), io.ErrUnexpectedEOF)
	}
	c.data, c.held = append(c.data[:0], data...), n
	return nil
}
