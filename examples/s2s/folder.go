package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// A folder is a notebook that another process goes on with. It has the certificate too. One without a name has
// nothing.
type folder string

// The files of a folder. A host would keep the key in its vault, and the steps in its database.
const (
	stepsFile = "s2s.json"
	keyFile   = "certificate.pem" // with its key
	cerFile   = "serversync.cer"  // without it
)

func (f folder) path(name string) string {
	if f == "" {
		return ""
	}
	return filepath.Join(string(f), name)
}

func (f folder) load() (done []record, err error) {
	text, err := os.ReadFile(f.path(stepsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &done); err != nil {
		return nil, fmt.Errorf("%s: %w; remove it to begin anew", f.path(stepsFile), err)
	}
	return done, nil
}

func (f folder) save(done []record) error {
	text, err := json.MarshalIndent(done, "", "  ")
	if err != nil {
		return err
	}
	return f.write(stepsFile, append(text, '\n'), 0o600)
}

// write replaces a file, so that whoever reads it finds all of it, and nobody else a key.
func (f folder) write(name string, text []byte, mode fs.FileMode) error {
	if f == "" {
		return nil
	}
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(string(f), "."+name+"-*") // which nobody else may read
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // of no effect once it has its name
	if _, err := file.Write(text); err != nil {
		return errors.Join(err, file.Close())
	}
	if err := errors.Join(file.Chmod(mode), file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), f.path(name))
}
