package imap

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"io"
	"net/textproto"
	"strings"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/go-serversync/serversync/imap/internal/syntax"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/provider"
)

// maxPlaces is how many messages that a server finds are looked at.
const maxPlaces = 100

// Find searches each folder. Servers search for a part of the field, and some not
// at all well, so the field of what they find is read and compared. A folder that
// is not there is passed over.
func (s *session) Find(ctx context.Context, folders []provider.FolderID, messageID string) (places []provider.Place, err error) {
	for _, folder := range folders {
		err := s.do(ctx, "find", func() error {
			uids, err := s.find(folder, messageID)
			if provider.KindOf(err) == provider.ErrNotFound {
				return nil
			}
			uids.All(func(uid uint32) bool {
				places = append(places, provider.Place{Folder: folder, Epoch: epochOf(s.folder.validity), ID: idOf(uid)})
				return true
			})
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return places, nil
}

func (s *session) find(folder provider.FolderID, messageID string) (syntax.Set, error) {
	text, ok := syntax.Quote(messageID)
	if !ok || messageID == "" {
		return nil, nil // no header can hold it
	}
	var found, right syntax.Set
	search := s.searchCommand("HEADER Message-ID "+text, &found)
	if err := s.selectWith(folder, "", nil, search); err != nil {
		return nil, err
	}
	if err := s.searched(search); err != nil {
		return nil, err
	}
	found = found.Sort()
	found = found.TakeLast(maxPlaces)
	if len(found) == 0 {
		return nil, nil
	}
	err := s.get(found, idItems, func(f fetched) {
		if f.err == nil && hasMessageID(f.header, messageID) {
			right.Add(f.uid)
		}
	})
	return right.Sort(), err
}

// hasMessageID reports whether a header has this Message-ID.
func hasMessageID(header []byte, messageID string) bool {
	// A header with a line that is none is read up to it.
	fields, _ := textproto.NewReader(bufio.NewReader(bytes.NewReader(header))).ReadMIMEHeader()
	for _, value := range fields["Message-Id"] {
		if strings.Trim(strings.TrimSpace(value), "<>") == messageID {
			return true
		}
	}
	return false
}

// File appends raw to a folder, which must be there.
func (s *session) File(ctx context.Context, folder provider.FolderID, raw *item.Blob, flags []string) error {
	return s.do(ctx, "file", func() error {
		name, err := plainName(folder)
		if err != nil {
			return err
		}
		for _, f := range flags {
			if !validFlag(f) {
				return &provider.Error{Kind: provider.ErrUnsupported, Err: errBadFlag}
			}
		}
		return s.appendTo(name, raw, flags)
	})
}

func (s *session) appendTo(name string, raw *item.Blob, flags []string) error {
	options := goimap.AppendOptions{}
	for _, f := range flags {
		options.Flags = append(options.Flags, goimap.Flag(f))
	}
	_, err := s.ask(func(c *imapclient.Client) error {
		cmd := c.Append(name, raw.Size(), &options)
		from := &spoiled{r: raw.Open()}
		io.Copy(cmd, from)
		if from.err != nil {
			s.conn.Close() // before the server takes anything else for the rest of it
		}
		// A refusal is in the tagged answer; what else failed so far fails there too.
		cmd.Close()
		_, err := cmd.Wait()
		return cmp.Or(from.err, err)
	})
	return err
}

// spoiled keeps the error of a reader.
type spoiled struct {
	r   io.Reader
	err error
}

func (s *spoiled) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}
