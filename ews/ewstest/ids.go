package ewstest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
)

// Ids look like Exchange's: base64, as long as an item's id really is, and opaque. Two that were
// made one after the other differ in the case of one letter only, so that nobody may compare
// them without regard to case.
const (
	itemPrefix   = "AAMkAD"
	folderPrefix = "AQMkAD"
	idEnd        = "AAA="
	caseAt       = 100 // where the letter stands
)

// hash returns the beginning of a digest of s, as a number.
func hash(s string) uint64 {
	sum := sha256.Sum256([]byte(s))
	return binary.BigEndian.Uint64(sum[:])
}

// newID returns an id that was never given before.
func (b *mailbox) newID(prefix string, length int) string {
	b.model.ids++
	n := b.model.ids
	var box, own [16]byte
	binary.BigEndian.PutUint64(box[:], b.number)
	binary.BigEndian.PutUint64(own[:], n/2)
	boxSum := sha256.Sum256(append(box[:], prefix...))
	ownSum := sha256.Sum256(append(own[:], box[:]...))
	id := make([]byte, 0, length)
	id = append(id, prefix...)
	id = base64.StdEncoding.AppendEncode(id, boxSum[:30])
	id = append(id, "BGAAAAAA"...)
	id = base64.StdEncoding.AppendEncode(id, ownSum[:30])
	for len(id) < length-len(idEnd) {
		id = append(id, 'A')
	}
	id = append(id[:length-len(idEnd)], idEnd...)
	id[caseAt] = 'q'
	if n%2 == 1 {
		id[caseAt] = 'Q'
	}
	return string(id)
}

// newItemID and newFolderID return ids of the lengths that those of Exchange have.
func (b *mailbox) newItemID() string   { return b.newID(itemPrefix, 152) }
func (b *mailbox) newFolderID() string { return b.newID(folderPrefix, 120) }

// changeKey returns the ChangeKey for the change of that number.
func changeKey(kind string, change uint64) string {
	var raw [24]byte
	copy(raw[:], "\x09\x00\x00\x00\x16\x00\x00\x00")
	if kind == "folder" {
		raw[0] = 1
	}
	binary.BigEndian.PutUint64(raw[8:], hash("change keys"))
	binary.BigEndian.PutUint64(raw[16:], change)
	return base64.StdEncoding.EncodeToString(raw[:])
}

// isID reports whether s could be an id at all.
func isID(s string) bool {
	if len(s) < 8 || len(s) > 1024 || !strings.HasPrefix(s, "A") {
		return false
	}
	_, err := base64.StdEncoding.DecodeString(s)
	return err == nil
}
