package ewstest

import (
	"compress/gzip"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-serversync/serversync/ews/internal/soap"
)

// An answer is on its way to a client.
type answer struct {
	s *Server
	w http.ResponseWriter
	r *http.Request
}

const xmlDeclaration = `<?xml version="1.0" encoding="utf-8"?>`

// openAnswer begins an envelope, as Exchange does it, up to the content of the element that
// answers op.
func (s *Server) openAnswer(w *soap.Writer, op string) {
	v := s.version
	w.Start("s:Envelope", "xmlns:s", soap.Envelope)
	w.Start("s:Header")
	w.Empty("h:ServerVersionInfo", "MajorVersion", strconv.Itoa(v.major), "MinorVersion", strconv.Itoa(v.minor),
		"MajorBuildNumber", strconv.Itoa(v.build), "MinorBuildNumber", strconv.Itoa(v.revision), "Version", v.newest(),
		"xmlns:h", soap.Types, "xmlns", soap.Types)
	w.End()
	w.Start("s:Body")
	attrs := []string{"xmlns:m", soap.Messages, "xmlns:t", soap.Types, "xmlns:xsi", soap.Instance}
	w.Start("m:"+strings.TrimSuffix(op, "Request")+"Response", append(attrs, answerAttrs(op)...)...)
}

func closeAnswer(w *soap.Writer) {
	for range 3 {
		w.End()
	}
}

// refuse answers with a fault.
func (a *answer) refuse(err error) {
	var status *plainly
	if errors.As(err, &status) {
		status.write(a.w)
		return
	}
	var w soap.Writer
	writeFault(&w, err)
	a.send(http.StatusInternalServerError, &w)
}

// writeFault writes the fault that err is.
func writeFault(w *soap.Writer, err error) {
	code, text, long := "ErrorInternalServerError", "An internal server error occurred. The operation failed.", ""
	var f *failure
	var bad *badXML
	switch {
	case errors.As(err, &f):
		code, text = f.code, f.text
	case errors.As(err, &bad):
		code, text = "ErrorSchemaValidation", "The request failed schema validation."
		long = "The request failed schema validation: " + bad.Error()
	}
	if long == "" {
		long = text
	}
	w.Start("s:Envelope", "xmlns:s", soap.Envelope)
	w.Start("s:Body")
	w.Start("s:Fault")
	w.Elem("faultcode", "a:"+code, "xmlns:a", soap.Types)
	w.Elem("faultstring", long, "xml:lang", "en-US")
	w.Start("detail")
	w.Elem("e:ResponseCode", code, "xmlns:e", soap.Errors)
	w.Elem("e:Message", text, "xmlns:e", soap.Errors)
	switch {
	case bad != nil:
		w.Start("t:MessageXml", "xmlns:t", soap.Types)
		w.Elem("t:LineNumber", strconv.Itoa(bad.line))
		w.Elem("t:LinePosition", strconv.Itoa(bad.column))
		w.Elem("t:Violation", bad.Error())
		w.End()
	case f != nil && len(f.values) > 0:
		w.Start("t:MessageXml", "xmlns:t", soap.Types)
		writeValues(w, f.values)
		w.End()
	}
	for range 4 {
		w.End()
	}
}

// writeValues writes what MessageXml says.
func writeValues(w *soap.Writer, values map[string]string) {
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		w.Elem("t:Value", values[name], "Name", name)
	}
}

// send sends a message.
func (a *answer) send(status int, w *soap.Writer) {
	body := io.Reader(w.Open())
	if a.s.options.Style != Usual {
		if root, err := parse(textOf(w), blind{}); err == nil {
			body = strings.NewReader(a.s.restyle(root))
		}
	}
	body = io.MultiReader(strings.NewReader(xmlDeclaration), body)
	a.w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	if a.zipped() {
		a.w.Header().Set("Content-Encoding", "gzip")
		a.w.Header().Set("Vary", "Accept-Encoding")
		a.w.WriteHeader(status)
		z, ok := a.s.zips.Get().(*gzip.Writer) // one is as large as hundreds of answers
		if !ok {
			z = gzip.NewWriter(nil)
		}
		z.Reset(a.w)
		io.Copy(z, body)
		z.Close()
		a.s.zips.Put(z)
		return
	}
	a.w.WriteHeader(status)
	io.Copy(a.w, body)
}

func (a *answer) zipped() bool {
	return !a.s.options.NoGzip && strings.Contains(strings.ToLower(a.r.Header.Get("Accept-Encoding")), "gzip")
}

// A plainly is an answer in plain text.
type plainly struct {
	status int
	text   string
	header http.Header
}

func (p *plainly) Error() string { return p.text }

func (p *plainly) write(w http.ResponseWriter) {
	for name, values := range p.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(p.status)
	io.WriteString(w, p.text)
}

// newID returns a GUID.
func newID() string {
	var b [16]byte
	rand.Read(b[:])
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
