package ewstest

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-serversync/serversync/ews/internal/soap"
)

// pause waits, unless the client goes or the server is closed before.
func (s *Server) pause(r *http.Request, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.Context().Done():
		panic(http.ErrAbortHandler)
	case <-s.shut:
		panic(http.ErrAbortHandler)
	}
}

// isPlain reports whether f needs nothing of the answer that would be right.
func (f *Fault) isPlain() bool {
	return f.Hang || f.Lose || f.Status != 0 || f.Code != "" && f.Item == 0 || f.Write != nil
}

// misbehave answers q as f says.
func (s *Server) misbehave(a *answer, q *request, f *Fault) {
	s.pause(a.r, f.Delay)
	if f.isPlain() {
		if f.After {
			s.perform(q) // whatever comes of it
		}
		s.answerPlainly(a, f)
		return
	}
	var body string
	var err error
	if f.Item > 0 {
		body, err = s.failItems(q, f)
	} else {
		var w *soap.Writer
		if w, err = s.perform(q); err == nil {
			body = textOf(w)
		}
	}
	status := http.StatusOK
	if err != nil {
		var w soap.Writer
		writeFault(&w, err)
		body, status = textOf(&w), http.StatusInternalServerError
	}
	if f.Messages != 0 {
		body = miscount(body, f.Messages)
	}
	a.spoil(status, body, f)
}

// answerPlainly answers as f says, whatever was asked.
func (s *Server) answerPlainly(a *answer, f *Fault) {
	switch {
	case f.Hang:
		s.hang(a.r)
	case f.Lose:
		panic(http.ErrAbortHandler)
	case f.Status == http.StatusUnauthorized:
		for name, values := range f.Header {
			a.w.Header()[name] = values
		}
		s.demand(a.w, a.r, "")
	case f.Status != 0:
		for name, values := range f.Header {
			a.w.Header()[name] = values
		}
		if f.Body != "" && f.Cut == 0 {
			a.w.Header().Set("Content-Length", fmt.Sprint(len(f.Body)))
		}
		a.w.WriteHeader(f.Status)
		a.cut(f.Body, f.Cut)
	case f.Write != nil:
		f.Write(a.w)
	default:
		var w soap.Writer
		writeFault(&w, &failure{code: f.Code, text: f.Text, values: f.Values, fault: true})
		a.spoil(http.StatusInternalServerError, textOf(&w), f)
	}
}

// spoil sends an answer that is no longer right.
func (a *answer) spoil(status int, body string, f *Fault) {
	if a.s.options.Style != Usual {
		if root, err := parse(body, blind{}); err == nil {
			body = a.s.restyle(root)
		}
	}
	for element, text := range f.Insert {
		body = insert(body, element, text)
	}
	for name, values := range f.Header {
		a.w.Header()[name] = values
	}
	body = xmlDeclaration + f.Prolog + body
	a.w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	if f.Cut == 0 {
		a.w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	}
	a.w.WriteHeader(status)
	a.cut(body, f.Cut)
}

// cut sends so many bytes of a body and then closes the connection; all of it if at is 0.
func (a *answer) cut(body string, at int) {
	if at == 0 {
		io.WriteString(a.w, body)
		return
	}
	io.WriteString(a.w, body[:min(at, len(body))])
	http.NewResponseController(a.w).Flush()
	panic(http.ErrAbortHandler)
}

func textOf(w *soap.Writer) string {
	var b strings.Builder
	b.Grow(int(w.Size()))
	io.Copy(&b, w.Open())
	return b.String()
}

// insert puts text at the beginning of each element with this local name.
func insert(body, element, text string) string {
	tag := regexp.MustCompile(`<((?:[\w.-]+:)?` + regexp.QuoteMeta(element) + `)((?:\s[^<>]*?)?)(/?)>`)
	return tag.ReplaceAllStringFunc(body, func(found string) string {
		m := tag.FindStringSubmatch(found)
		if m[3] == "/" {
			return "<" + m[1] + m[2] + ">" + text + "</" + m[1] + ">"
		}
		return found + text
	})
}

// lists are what requests have a ResponseMessage for each child of.
var lists = []string{"ItemIds", "ItemChanges", "Items", "AttachmentIds", "Attachments", "FolderIds", "FolderChanges", "Folders", "ParentFolderIds", "SourceIds"}

// list returns what q has a ResponseMessage for each child of, nil if it has one alone.
func (q *request) list() *node {
	for _, c := range q.body.children {
		if slices.Contains(lists, c.name.Local) {
			return c
		}
	}
	return nil
}

// failItems does what q asks for, but for the items that f is about.
func (s *Server) failItems(q *request, f *Fault) (string, error) {
	hits := func(i int) bool { return i+1 == f.Item || f.Rest && i+1 > f.Item }
	total, list := 1, q.list()
	if list != nil {
		total = len(list.children)
		if !f.After {
			i := -1
			without := *list
			without.children = slices.DeleteFunc(slices.Clone(list.children), func(*node) bool { i++; return hits(i) })
			q = q.with(&without)
			list = &without
		}
	}
	var root *node
	if f.After || list != nil && len(list.children) > 0 {
		w, err := s.perform(q)
		if err != nil {
			return "", err
		}
		if root, err = parse(textOf(w), blind{}); err != nil {
			return "", err
		}
	} else {
		var w soap.Writer
		s.openAnswer(&w, q.op)
		w.Empty("m:ResponseMessages")
		closeAnswer(&w)
		root, _ = parse(textOf(&w), blind{})
	}
	messages := root.child("Body").children[0].child("ResponseMessages")
	if messages == nil {
		return "", fmt.Errorf("%s has no ResponseMessages", q.op)
	}
	for i := range total {
		switch {
		case hits(i) && f.After && i < len(messages.children):
			messages.children[i] = errorMessage(q.op, f)
		case hits(i) && !f.After:
			messages.children = slices.Insert(messages.children, min(i, len(messages.children)), errorMessage(q.op, f))
		}
	}
	return usual(root), nil
}

// with returns q with another list in place of its own.
func (q *request) with(list *node) *request {
	changed, body := *q, *q.body
	body.children = slices.Clone(q.body.children)
	for i, c := range body.children {
		if c.name == list.name {
			body.children[i] = list
		}
	}
	changed.body = &body
	return &changed
}

// usual writes a tree in the Usual style.
func usual(root *node) string {
	r := &restyler{}
	r.write(root, map[string]string{"xml": xmlSpace})
	return r.out.String()
}

// errorMessage is a ResponseMessage that says what f says.
func errorMessage(op string, f *Fault) *node {
	m := func(local, text string, children ...*node) *node {
		return &node{name: soap.Name{Space: soap.Messages, Local: local}, text: text, children: children}
	}
	class := "Error"
	if f.Code == "ErrorBatchProcessingStopped" {
		class = "Warning"
	}
	n := m(op+"ResponseMessage", "", m("MessageText", f.Text), m("ResponseCode", f.Code), m("DescriptiveLinkKey", "0"))
	n.attrs = []soap.Attr{{Name: soap.Name{Local: "ResponseClass"}, Value: class}}
	if len(f.Values) > 0 {
		values := m("MessageXml", "")
		for name, value := range f.Values {
			values.children = append(values.children, &node{name: soap.Name{Space: soap.Types, Local: "Value"}, attrs: []soap.Attr{{Name: soap.Name{Local: "Name"}, Value: name}}, text: value})
		}
		n.children = append(n.children, values)
	}
	switch op { // whose type wants them
	case "GetItem", "CreateItem", "UpdateItem", "MoveItem", "CopyItem":
		n.children = append(n.children, m("Items", ""))
	case "GetFolder", "CreateFolder", "UpdateFolder", "MoveFolder", "CopyFolder":
		n.children = append(n.children, m("Folders", ""))
	case "GetAttachment", "CreateAttachment":
		n.children = append(n.children, m("Attachments", ""))
	}
	return n
}

// miscount adds ResponseMessages, or takes some away.
func miscount(body string, by int) string {
	root, err := parse(body, blind{})
	if err != nil {
		return body
	}
	root.walk(func(n *node) {
		if n.name.Local != "ResponseMessages" || len(n.children) == 0 {
			return
		}
		for ; by > 0; by-- {
			n.children = append(n.children, n.children[len(n.children)-1])
		}
		n.children = n.children[:max(0, len(n.children)+by)]
	})
	return usual(root)
}
