package item

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"github.com/go-serversync/serversync/internal/mime"
)

// digestVersion names the recipe below. Whoever changes what it hashes, raises it:
// digests of two versions never agree.
const digestVersion = "1"

// A putter adds a labelled list of values to a digest.
type putter func(label string, values ...string)

// digestOf hashes what fill puts.
func digestOf(fill func(putter)) Digest {
	h := sha256.New()
	var line []byte
	fill(func(label string, values ...string) {
		line = strconv.AppendInt(append(append(line[:0], label...), ' '), int64(len(values)), 10)
		for _, v := range values {
			line = strconv.AppendInt(append(line, ' '), int64(len(v)), 10)
			line = append(append(line, ':'), v...)
		}
		h.Write(append(line, '\n'))
	})
	return Digest(digestVersion + ":" + base64.RawURLEncoding.EncodeToString(h.Sum(nil)))
}

// digest returns the digest of the message collected.
func (c *collector) digest() Digest {
	c.words.Close()
	c.markup.Close()
	slices.SortFunc(c.files, func(a, b [sha256.Size]byte) int { return bytes.Compare(a[:], b[:]) })
	m := c.message
	return digestOf(func(put putter) {
		put("from", addrs(m.From)...)
		put("to", addrs(m.To)...)
		put("cc", addrs(m.Cc)...)
		date := ""
		if !m.Date.IsZero() {
			date = strconv.FormatInt(m.Date.Unix(), 10)
		}
		put("date", date)
		put("subject", strings.Join(strings.Fields(m.Subject), " "))
		var sum [sha256.Size]byte
		put("text", string(c.sums[0].Sum(sum[:0])))
		put("html", string(c.sums[2].Sum(sum[:0])))
		put("links", string(c.sums[3].Sum(sum[:0])))
		files := make([]string, len(c.files))
		for i := range c.files {
			files[i] = string(c.files[i][:])
		}
		put("attachments", files...)
	})
}

// addrs returns the addresses in lower case, sorted, each once. Only ASCII is
// lowered: what Unicode calls lower case changes with its version.
func addrs(list []Address) []string {
	var out []string
	for _, a := range list {
		if a.Addr != "" {
			out = append(out, mime.LowerASCII(a.Addr))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// missingID is the Message-ID of a message whose sender gave none.
func missingID(d Digest) string {
	version, sum, _ := strings.Cut(string(d), ":")
	return sum + "." + version + "@missing.invalid"
}
