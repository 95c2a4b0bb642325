package ewstest

import (
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-serversync/serversync/ews/internal/soap"
)

// Busy is a server that has had enough: ErrorServerBusy, with a BackOffMilliseconds of any
// text, "" for none.
func Busy(backOff string) Fault {
	f := Fault{Code: "ErrorServerBusy", Text: "The server cannot service this request right now. Try again later."}
	if backOff != "" {
		f.Values = map[string]string{"BackOffMilliseconds": backOff}
	}
	return f
}

// BusyItem is Busy for one ResponseMessage in an answer with status 200.
func BusyItem(item int, backOff string) Fault {
	f := Busy(backOff)
	f.Item = item
	return f
}

// TooManyConnections is a mailbox that has more requests under way than it may.
func TooManyConnections() Fault {
	return Fault{Code: "ErrorExceededConnectionCount", Text: exceeded, Values: map[string]string{"BackOffMilliseconds": "0"}}
}

const exceeded = "You have exceeded the available concurrent connections for your account.  Try again once your other requests have completed."

// Unauthorized is a refusal of somebody who was welcome before, with the reason in
// x-ms-diagnostics, "" for none.
func Unauthorized(diagnostics string) Fault {
	return Fault{Status: http.StatusUnauthorized, Header: diagnosed(diagnostics)}
}

// Forbidden is a refusal of a service that is closed to the mailbox or to the application, with
// the reason in x-ms-diagnostics, "" for none.
func Forbidden(diagnostics string) Fault {
	return Fault{Status: http.StatusForbidden, Header: diagnosed(diagnostics)}
}

func diagnosed(why string) http.Header {
	if why == "" {
		return nil
	}
	return http.Header{"X-Ms-Diagnostics": {why}}
}

// Status is an answer with nothing but a status, such as 404, 449 or 456.
func Status(status int) Fault { return Fault{Status: status} }

// RetryAfter is an answer with a status, such as 429 or 503, and Retry-After, which may be any
// text.
func RetryAfter(status int, after string) Fault {
	return Fault{Status: status, Header: http.Header{"Retry-After": {after}}}
}

// Redirect leads elsewhere.
func Redirect(to string) Fault {
	return Fault{Status: http.StatusFound, Header: http.Header{"Location": {to}}}
}

// ErrorPage is how a front end says that it could not do something.
func ErrorPage() Fault { return Redirect("/ews/genericerrorpage.htm") }

// Crashed is a page of ASP.NET's with status 500.
func Crashed() Fault {
	return Fault{Status: http.StatusInternalServerError, Header: aPage(), Body: "<!DOCTYPE html><html><head><title>Runtime Error</title></head><body><h1>Server Error in '/EWS' Application.</h1></body></html>"}
}

// LoginPage is what stands between, and answers 200 with a page to sign in at.
func LoginPage() Fault {
	return Fault{Status: http.StatusOK, Header: aPage(), Body: "<!DOCTYPE html><html><body><form action=\"/login\" method=\"post\">Please sign in to the network.<input name=\"password\"></form></body></html>"}
}

func aPage() http.Header { return http.Header{"Content-Type": {"text/html; charset=utf-8"}} }

// StaleKey makes an item's change key one of yesterday.
func StaleKey(item int) Fault {
	return Fault{Item: item, Code: "ErrorIrresolvableConflict", Text: "The send or update operation could not be performed because the change key passed in the request does not match the current change key for the item."}
}

// GoneItem makes an item one that has just been deleted.
func GoneItem(item int) Fault {
	return Fault{Item: item, Code: "ErrorItemNotFound", Text: "The specified object was not found in the store."}
}

// LostState makes a SyncState one that the server does not know.
func LostState() Fault {
	return Fault{Op: "SyncFolderItems", Item: 1, Code: "ErrorInvalidSyncStateData", Text: "Synchronization state data is corrupt or otherwise invalid."}
}

// Stopped is a batch that was given up before an item: the ResponseMessages from it on are warnings.
func Stopped(item int) Fault {
	return Fault{Item: item, Rest: true, Code: "ErrorBatchProcessingStopped", Text: "The batch processing has been stopped before this item was processed."}
}

// TimedOut is a request that took the server too long.
func TimedOut() Fault { return Fault{Code: "ErrorTimeoutExpired", Text: "The request timed out."} }

// Doctype puts a declaration before the answer that makes a large text of a small one.
func Doctype() Fault {
	return Fault{Prolog: `<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>`}
}

// Include has an element of the answer, such as MimeContent, be elsewhere (XOP).
func Include(element, href string) Fault {
	return Fault{Insert: map[string]string{element: `<xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="` + href + `"/>`}}
}

// Illegal puts a text that XML does not have, such as "&#x1A;" or "\x00", into elements of the
// answer.
func Illegal(element, text string) Fault {
	return Fault{Insert: map[string]string{element: text}}
}

const bombHead = `<s:Envelope xmlns:s="` + soap.Envelope + `"><s:Body><m:GetItemResponse xmlns:m="` + soap.Messages + `"><m:ResponseMessages>`

// Deep is an answer of so many elements, one in the other, that never end.
func Deep(elements int) Fault {
	return Fault{Write: func(w http.ResponseWriter) { repeat(w, "<m:Deep>", elements) }}
}

// Wide is an answer with so many elements beside each other.
func Wide(elements int) Fault {
	return Fault{Write: func(w http.ResponseWriter) {
		repeat(w, `<m:GetItemResponseMessage ResponseClass="Success"/>`, elements)
		io.WriteString(w, bombTail)
	}}
}

// Attributes is an answer one of whose elements has so many attributes.
func Attributes(attributes int) Fault {
	return Fault{Write: func(w http.ResponseWriter) {
		repeat(w, `<m:Many `, 1)
		for i := range attributes {
			io.WriteString(w, "a"+strconv.Itoa(i)+`="b" `)
		}
		io.WriteString(w, "/>"+bombTail)
	}}
}

const bombTail = `</m:ResponseMessages></m:GetItemResponse></s:Body></s:Envelope>`

func repeat(w http.ResponseWriter, what string, times int) {
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	io.WriteString(w, xmlDeclaration+bombHead)
	many := strings.Repeat(what, min(times, 1000))
	for left := times; left > 0; left -= 1000 {
		if _, err := io.WriteString(w, many[:len(what)*min(left, 1000)]); err != nil {
			return
		}
	}
}

// Bomb is an answer of a few bytes that become so many.
func Bomb(bytes int64) Fault {
	return Fault{Write: func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "text/xml; charset=utf-8")
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		io.WriteString(z, xmlDeclaration+bombHead+"<m:Large>")
		block := []byte(strings.Repeat("x", 64<<10))
		for left := bytes; left > 0; left -= int64(len(block)) { // for the next request is bombed too
			if _, err := z.Write(block[:min(left, int64(len(block)))]); err != nil {
				return
			}
		}
		io.WriteString(z, "</m:Large>"+bombTail)
		z.Close()
	}}
}
