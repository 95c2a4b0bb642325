package soap_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"math/rand"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/ews/internal/soap"
)

// getItem returns a GetItem response that carries a message of so many bytes of base64.
func getItem(size int) []byte {
	raw := make([]byte, size/4*3)
	rand.New(rand.NewSource(1)).Read(raw)
	return fmt.Appendf(nil, `<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>`+
		`<m:GetItemResponse xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><m:ResponseMessages>`+
		`<m:GetItemResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:Items><t:Message><t:MimeContent CharacterSet="UTF-8">%s</t:MimeContent>`+
		`<t:ItemId Id="AAMk" ChangeKey="CQAA"/><t:Subject>x &amp; y</t:Subject></t:Message></m:Items></m:GetItemResponseMessage></m:ResponseMessages></m:GetItemResponse></s:Body></s:Envelope>`,
		base64.StdEncoding.EncodeToString(raw))
}

// fields are what both ways of reading find.
type fields struct {
	Code, ID, ChangeKey, Subject string
	Size                         int // of the message, as far as it was decoded
}

// readStream reads a response in the stream, and the message into to.
func readStream(doc io.Reader, to io.Writer) (f fields, err error) {
	r := soap.NewReader(doc, soap.Limits{})
	var walk func(soap.Element)
	walk = func(of soap.Element) {
		for e := range r.Children(of) {
			switch e.Name.Local {
			case "ResponseCode":
				f.Code = r.Text(e, 100)
			case "ItemId":
				f.ID, f.ChangeKey = e.Attr("Id"), e.Attr("ChangeKey")
			case "Subject":
				f.Subject = r.Text(e, 1000)
			case "MimeContent":
				n, err := io.Copy(to, r.Base64(e))
				if f.Size = int(n); err != nil {
					r.Fail(err)
				}
			default:
				walk(e)
			}
		}
	}
	root, _ := r.Root()
	walk(root)
	return f, r.Err()
}

// readUnmarshal reads a response with encoding/xml, which leaves the message as base64.
func readUnmarshal(doc []byte) (f fields, mime string, err error) {
	var v struct {
		Message struct {
			Code string `xml:"ResponseCode"`
			Item struct {
				Mime string `xml:"MimeContent"`
				ID   struct {
					ID        string `xml:"Id,attr"`
					ChangeKey string `xml:",attr"`
				} `xml:"ItemId"`
				Subject string
			} `xml:"Items>Message"`
		} `xml:"Body>GetItemResponse>ResponseMessages>GetItemResponseMessage"`
	}
	err = xml.Unmarshal(doc, &v)
	item := v.Message.Item
	return fields{v.Message.Code, item.ID.ID, item.ID.ChangeKey, item.Subject, base64.StdEncoding.DecodedLen(len(item.Mime))}, item.Mime, err
}

// What is read in the stream is what encoding/xml reads, in memory that does not grow with
// the message (contract P8).
func TestP8StreamIsUnmarshal(t *testing.T) {
	for _, size := range []int{1 << 10, 10 << 20, 40 << 20} {
		doc := getItem(size)
		want, mime, err := readUnmarshal(doc)
		require.NoError(t, err)
		hash := sha256.New()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, err := readStream(bytes.NewReader(doc), hash)
		runtime.ReadMemStats(&after)
		require.NoError(t, err)
		require.Equal(t, want, got)
		raw, err := base64.StdEncoding.DecodeString(mime)
		require.NoError(t, err)
		digest := sha256.Sum256(raw)
		require.Equal(t, digest[:], hash.Sum(nil))
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
	}
}

// BenchmarkGetItem compares reading a message of 10 MiB in the stream, base64 and all, with
// encoding/xml's Unmarshal, which leaves it encoded.
func BenchmarkGetItem(b *testing.B) {
	doc := getItem(10 << 20)
	b.Run("stream", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(doc)))
		for b.Loop() {
			readStream(bytes.NewReader(doc), io.Discard)
		}
	})
	b.Run("unmarshal", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(doc)))
		for b.Loop() {
			readUnmarshal(doc)
		}
	})
}
