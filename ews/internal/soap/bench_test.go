package soap_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"math/rand"
	"testing"

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
	Digest                       [sha256.Size]byte
}

func readStream(doc io.Reader) (f fields, err error) {
	hash := sha256.New()
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
				if _, err := io.Copy(hash, r.Base64(e)); err != nil {
					r.Fail(err)
				}
			default:
				walk(e)
			}
		}
	}
	root, _ := r.Root()
	walk(root)
	hash.Sum(f.Digest[:0])
	return f, r.Err()
}

func readUnmarshal(doc []byte) (f fields, err error) {
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
	if err := xml.Unmarshal(doc, &v); err != nil {
		return f, err
	}
	raw, err := base64.StdEncoding.DecodeString(v.Message.Item.Mime)
	item := v.Message.Item
	return fields{v.Message.Code, item.ID.ID, item.ID.ChangeKey, item.Subject, sha256.Sum256(raw)}, err
}

// BenchmarkGetItem compares reading a message in the stream with encoding/xml's
// Unmarshal: fields and digest are the same.
func BenchmarkGetItem(b *testing.B) {
	doc := getItem(10 << 20)
	want, err := readUnmarshal(doc)
	if got, err2 := readStream(bytes.NewReader(doc)); got != want || err != nil || err2 != nil {
		b.Fatal("they read different things", err, err2)
	}
	b.Run("stream", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(doc)))
		for b.Loop() {
			readStream(bytes.NewReader(doc))
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
