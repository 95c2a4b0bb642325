package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/go-serversync/serversync/item"
)

// exportNew writes each stored message that was not exported yet into a file of its
// own, byte for byte.
func (j *job) exportNew(ctx context.Context) error {
	if j.export == "" {
		return nil
	}
	if err := os.MkdirAll(j.export, 0o700); err != nil {
		return err
	}
	for {
		list, err := j.store.Messages(ctx, j.key().Organization, j.exported, 100)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, m := range list {
			raw, err := j.store.Raw(ctx, m.ID)
			if err == nil {
				err = errors.Join(save(j.export, m.ID, raw), raw.Release())
			}
			if err != nil {
				return fmt.Errorf("exporting message %d: %w", m.ID, err)
			}
			j.exported = m.ID
		}
	}
}

// save writes a message, unless its file is there. The name has the content's digest
// in it, so a file that is there is the same; it appears only when it is whole.
func save(dir string, id int64, raw *item.Blob) error {
	sum := raw.Sum()
	name := filepath.Join(dir, fmt.Sprintf("%08d-%x.eml", id, sum[:6]))
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.CreateTemp(dir, ".part-*")
	if err != nil {
		return err
	}
	_, err = io.Copy(f, raw.Open())
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
