package ewstest

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
)

// A syncState is what a client keeps for the server: how much of a folder it has been told.
type syncState struct {
	what     byte   // 'i' for items, 'f' for folders
	about    uint64 // of which folder
	forgets  uint64 // how often all states had been forgotten
	listing  bool   // not all that the folder held at from was told yet
	from     uint64 // changes after this one are news
	received int64  // the last that was listed
	arrived  uint64
}

// stateVersion is written before a state, so that another server's are known.
const stateVersion = "EWST\x01"

// encode returns s as it is given out: with at least size bytes, and a digest of it all.
func (s syncState) encode(size int) string {
	var b bytes.Buffer
	b.WriteString(stateVersion)
	_ = binary.Write(&b, binary.BigEndian, s.fixed())
	for i := 0; b.Len() < size*3/4-sha256.Size; i++ {
		// What the real one keeps there is a set of what was told.
		block := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i)^s.from))
		b.Write(block[:])
	}
	sum := sha256.Sum256(b.Bytes())
	b.Write(sum[:])
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// A fixedState is a syncState with fields of fixed sizes.
type fixedState struct {
	What, Listing        byte
	About, Forgets, From uint64
	Received             int64
	Arrived              uint64
}

func (s syncState) fixed() fixedState {
	f := fixedState{What: s.what, About: s.about, Forgets: s.forgets, From: s.from, Received: s.received, Arrived: s.arrived}
	if s.listing {
		f.Listing = 1
	}
	return f
}

// readState reads a state that was given out for the same thing.
func (m *model) readState(text string, what byte, about uint64) (s syncState, err error) {
	bad := fail("ErrorInvalidSyncStateData", "The synchronization state data is corrupt or otherwise invalid.")
	raw, e := base64.StdEncoding.DecodeString(text)
	if e != nil || len(raw) < len(stateVersion)+sha256.Size || !bytes.HasPrefix(raw, []byte(stateVersion)) {
		return s, bad
	}
	end := len(raw) - sha256.Size
	if sum := sha256.Sum256(raw[:end]); !bytes.Equal(sum[:], raw[end:]) {
		return s, bad
	}
	var f fixedState
	if binary.Read(bytes.NewReader(raw[len(stateVersion):end]), binary.BigEndian, &f) != nil {
		return s, bad
	}
	if f.What != what || f.About != about || f.Forgets != m.states || f.From > m.count {
		return s, bad
	}
	return syncState{what: f.What, about: f.About, forgets: f.Forgets, listing: f.Listing == 1, from: f.From, received: f.Received, arrived: f.Arrived}, nil
}
