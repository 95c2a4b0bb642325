package mime

import "encoding/binary"

// A base64Decoder decodes what senders call base64 (RFC 2045, section 6.8).
// Padding ends a group, not the data, as some send several encodings one after the
// other. Characters that are not base64 are left out. After padding or a blank
// line, a line with such a character is no longer data but what a mailing list has
// put below it, and everything from there on is left out.
type base64Decoder struct {
	group   uint32 // bits of an unfinished group
	n       int    // characters in it
	begun   bool   // there was data
	inLine  bool   // the line has something other than white space
	doubt   bool   // the data may have ended: look at whole lines first
	padded  bool   // there was padding: data behind it is another encoding
	over    bool   // it has ended
	bad     bool
	pending []byte // the line looked at while in doubt
}

// doubtful is how much of a line is looked at to tell whether it is base64.
const doubtful = 1 << 10

// Values of base64Value that are no six bits.
const (
	b64Junk = 0xFF
	b64Skip = 0xFE
	b64Pad  = 0xFD
	b64Line = 0xFC
)

var base64Value = func() (t [256]byte) {
	for i := range t {
		t[i] = b64Junk
	}
	for i := range byte(26) {
		t['A'+i], t['a'+i] = i, i+26
	}
	for i := range byte(10) {
		t['0'+i] = i + 52
	}
	t['+'], t['/'], t['='], t['\n'] = 62, 63, b64Pad, b64Line
	t[' '], t['\t'], t['\r'] = b64Skip, b64Skip, b64Skip
	return t
}()

// base64Group holds for each place in a group of four a character's bits there;
// b64Bad if it is no base64.
var base64Group = func() (t [4][256]uint32) {
	for c, v := range base64Value {
		for place := range t {
			t[place][c] = b64Bad
			if v < 64 {
				t[place][c] = uint32(v) << (26 - 6*place)
			}
		}
	}
	return t
}()

const b64Bad = 1 // below the 24 bits of a group, which are the upper ones

func (d *base64Decoder) decode(dst, src []byte) []byte {
	for len(src) > 0 && !d.over {
		if d.doubt {
			dst, src = d.weigh(dst, src)
			continue
		}
		if d.n == 0 {
			dst, src = d.groups(dst, src)
			if len(src) == 0 {
				break
			}
		}
		dst = d.step(dst, src[0])
		src = src[1:]
	}
	return dst
}

// groups decodes whole groups until something else comes.
func (d *base64Decoder) groups(dst, src []byte) (_, rest []byte) {
	have := len(dst)
	need := have + len(src)/4*3 + 4
	if cap(dst) < need {
		dst = append(make([]byte, 0, need), dst...)
	}
	out := dst[:cap(dst)]
	t0, t1, t2, t3 := &base64Group[0], &base64Group[1], &base64Group[2], &base64Group[3]
	was := have
	for len(src) >= 8 && len(out)-have >= 8 {
		a := t0[src[0]] | t1[src[1]] | t2[src[2]] | t3[src[3]]
		b := t0[src[4]] | t1[src[5]] | t2[src[6]] | t3[src[7]]
		if (a|b)&b64Bad != 0 {
			break
		}
		binary.BigEndian.PutUint64(out[have:], uint64(a)<<32|uint64(b)<<8)
		src, have = src[8:], have+6
	}
	for len(src) >= 4 && len(out)-have >= 4 {
		v := t0[src[0]] | t1[src[1]] | t2[src[2]] | t3[src[3]]
		if v&b64Bad != 0 {
			break
		}
		binary.BigEndian.PutUint32(out[have:], v)
		src, have = src[4:], have+3
	}
	if have > was {
		d.begun, d.inLine = true, true
	}
	return out[:have], src
}

// step takes one character.
func (d *base64Decoder) step(dst []byte, c byte) []byte {
	v := base64Value[c]
	switch v {
	case b64Skip:
	case b64Line:
		d.doubt = d.begun && !d.inLine && d.n == 0
		d.inLine = false
	case b64Pad:
		dst = d.endGroup(dst)
		d.doubt, d.padded, d.inLine = true, true, true
	case b64Junk:
		d.bad, d.inLine = true, true
	default:
		d.group = d.group<<6 | uint32(v)
		d.begun, d.inLine = true, true
		if d.n++; d.n == 4 {
			dst = append(dst, byte(d.group>>16), byte(d.group>>8), byte(d.group))
			d.n, d.group = 0, 0
		}
	}
	return dst
}

// endGroup writes the bytes of an unfinished group.
func (d *base64Decoder) endGroup(dst []byte) []byte {
	switch d.n {
	case 1:
		d.bad = true
	case 2:
		dst = append(dst, byte(d.group>>4))
	case 3:
		dst = append(dst, byte(d.group>>10), byte(d.group>>2))
	}
	d.n, d.group = 0, 0
	return dst
}

// weigh gathers a line, and decodes it if it is base64.
func (d *base64Decoder) weigh(dst, src []byte) (_, rest []byte) {
	for i, c := range src {
		switch {
		case base64Value[c] == b64Line:
			d.inLine = false
			return d.judge(dst), src[i+1:]
		case len(d.pending) == doubtful:
			return d.judge(dst), src[i:]
		}
		d.pending = append(d.pending, c)
	}
	return dst, nil
}

// judge decides about the line gathered.
func (d *base64Decoder) judge(dst []byte) []byte {
	line := trimSpace(d.pending)
	d.pending = d.pending[:0]
	for _, c := range line {
		if v := base64Value[c]; v >= 64 && v != b64Pad {
			d.over, d.bad = true, true
			return dst
		}
	}
	open := false // data came after the last padding
	for _, c := range line {
		open = base64Value[c] != b64Pad
		d.bad = d.bad || open && d.padded
		dst = d.step(dst, c)
	}
	d.doubt = !open
	return dst
}

func (d *base64Decoder) close(dst []byte) []byte {
	if d.doubt && !d.over {
		dst = d.judge(dst)
	}
	if d.n != 0 {
		d.bad = true
	}
	return d.endGroup(dst)
}
