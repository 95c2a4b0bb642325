package mime

// A Transfer undoes a Content-Transfer-Encoding, a run of bytes at a time. How the
// input is cut into runs does not change the output. It never fails.
type Transfer struct {
	encoding string
	b64      base64Decoder
	qp       quotedDecoder
}

// Reset readies t for a body in encoding, as in [Part.Encoding].
func (t *Transfer) Reset(encoding string) {
	t.encoding = encoding
	switch encoding {
	case "base64":
		t.b64 = base64Decoder{pending: t.b64.pending[:0]}
	case "quoted-printable":
		t.qp = quotedDecoder{blanks: t.qp.blanks[:0]}
	}
}

// Decode appends to dst what src decodes to. Without an encoding, and with dst
// empty, it returns src itself.
func (t *Transfer) Decode(dst, src []byte) []byte {
	switch t.encoding {
	case "base64":
		return t.b64.decode(dst, src)
	case "quoted-printable":
		return t.qp.decode(dst, src)
	}
	if len(dst) == 0 {
		return src
	}
	return append(dst, src...)
}

// Close appends what the end of the input brings to light.
func (t *Transfer) Close(dst []byte) []byte {
	switch t.encoding {
	case "base64":
		return t.b64.close(dst)
	case "quoted-printable":
		return t.qp.close(dst)
	}
	return dst
}

// Faults says what was wrong with the input.
func (t *Transfer) Faults() Flags {
	switch {
	case t.encoding == "base64" && t.b64.bad:
		return BadBase64
	case t.encoding == "quoted-printable" && t.qp.bad:
		return BadQuoted
	}
	return 0
}
