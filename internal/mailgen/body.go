package mailgen

import "encoding/base64"

// attachmentsFrom is the size from which most messages have an attachment, as
// few people write that much text.
const attachmentsFrom = 40_000

// body writes the fields of the body and the body, one kind or another.
func (m *message) body() {
	kind := m.below(8)
	if m.size >= attachmentsFrom && m.below(10) > 0 {
		kind = 6 + m.below(2)
	}
	switch kind {
	case 0:
		m.plain("us-ascii", "7bit", &pools().ascii)
	case 1:
		m.plain("utf-8", "8bit", &pools().utf8)
	case 2:
		m.plain("UTF-8; format=flowed", "quoted-printable", &pools().quoted)
	case 3:
		m.answer()
	case 4:
		m.alternative(m.left())
	case 5:
		m.invitation()
	case 6:
		m.attached(m.left(), 1)
	default:
		m.attached(m.left(), 2+m.below(3))
	}
}

func (m *message) plain(charset, encoding string, p *pool) {
	m.text("Content-Type: text/plain; charset=", charset, "\r\nContent-Transfer-Encoding: ", encoding, "\r\n\r\n")
	m.opening()
	m.fill(p, m.left())
}

// answer writes a text above the text that it answers.
func (m *message) answer() {
	m.text("Content-Type: text/plain; charset=us-ascii\r\n\r\n")
	m.opening()
	m.fill(&pools().ascii, m.left()/4)
	m.text("\r\nOn Monday, Anna Berger wrote:\r\n")
	m.fill(&pools().reply, m.left())
}

// multipart writes the fields of a multipart body and returns its boundary.
func (m *message) multipart(kind string) string {
	from := len(m.buf)
	m.text("----=_Part_")
	m.token(20)
	boundary := string(m.buf[from:])
	m.buf = m.buf[:from]
	m.text("Content-Type: multipart/", kind, ";\r\n\tboundary=\"", boundary, "\"\r\n\r\n")
	return boundary
}

// alternative writes text and HTML that say the same, n bytes together.
func (m *message) alternative(n int) {
	from := len(m.buf)
	boundary := m.multipart("alternative")
	m.text("--", boundary, "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
	m.opening()
	m.fill(&pools().quoted, n/4)
	m.text("\r\n--", boundary, "\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
		"<html><body>\r\n<p>")
	m.opening()
	m.text("</p>\r\n")
	m.fill(&pools().html, n-(len(m.buf)-from)-100)
	m.text("</body></html>\r\n\r\n--", boundary, "--\r\n")
}

// invitation writes a meeting request beside its text.
func (m *message) invitation() {
	const stamp = "20060102T150405Z"
	boundary := m.multipart("alternative")
	m.text("--", boundary, "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n")
	m.opening()
	m.fill(&pools().utf8, m.left()-700)
	m.text("\r\n--", boundary, "\r\nContent-Type: text/calendar; charset=utf-8; method=REQUEST\r\nContent-Transfer-Encoding: 7bit\r\n\r\n",
		"BEGIN:VCALENDAR\r\nPRODID:-//mailgen//EN\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:")
	m.num(m.i)
	m.text("@", Domain, "\r\nDTSTAMP:", Date(m.i).Format(stamp), "\r\nDTSTART:", Date(m.i+50).Format(stamp), "\r\nDTEND:", Date(m.i+52).Format(stamp),
		"\r\nSUMMARY:Contract review\r\nORGANIZER:mailto:anna.berger@example.com\r\nATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:bob.smith@example.net\r\n",
		"SEQUENCE:0\r\nSTATUS:CONFIRMED\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n\r\n--", boundary, "--\r\n")
}

// attached writes a text with so many attachments, n bytes together.
func (m *message) attached(n, attachments int) {
	boundary := m.multipart("mixed")
	m.text("--", boundary, "\r\n")
	m.alternative(min(n/4, 3000+m.below(3000)))
	for ; attachments > 0; attachments-- {
		f := pick(&m.rng, files)
		m.text("\r\n--", boundary, "\r\nContent-Type: ", f.mediaType, "\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment;\r\n\t", f.name, "\r\n\r\n")
		m.fill(&pools().base64, m.left()/attachments-100)
		// The last line is padded, and no two attachments are the same.
		last := [8]byte{byte(m.i >> 24), byte(m.i >> 16), byte(m.i >> 8), byte(m.i), byte(m.seed), byte(attachments)}
		m.buf = base64.StdEncoding.AppendEncode(m.buf, last[:])
		m.text("\r\n")
	}
	m.text("\r\n--", boundary, "--\r\n")
}
