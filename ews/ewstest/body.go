package ewstest

import (
	"html"
	"io"
	"strings"

	"github.com/go-serversync/serversync/internal/mime"
)

// body returns the item's body, as "HTML" or "Text": as wanted, or, for "Best", as it is.
func (it *stored) body(want string) (kind, text string) {
	var plain, rich string
	if n, ok := it.set["Body"]; ok {
		if n.attr("BodyType") == "HTML" {
			rich = n.value()
		} else {
			plain = n.value()
		}
	} else if m := it.mail(); m != noMail {
		plain, rich = m.Text, m.HTML
	}
	switch {
	case want == "Text" && (plain != "" || rich == ""):
		return "Text", plain
	case want == "Text":
		return "Text", visible(rich)
	case rich != "":
		return "HTML", rich
	case want == "HTML":
		return "HTML", "<html><head></head><body><div>" + strings.ReplaceAll(html.EscapeString(plain), "\n", "<br>\n") + "</div></body></html>"
	}
	return "Text", plain
}

// visible returns the visible words of an HTML document.
func visible(document string) string {
	var out strings.Builder
	var w mime.HTMLWriter
	w.Reset(&out, io.Discard)
	w.Text([]byte(strings.ToValidUTF8(document, "\uFFFD")))
	w.Close()
	return strings.TrimSpace(out.String())
}

// bodyElement returns a property that is a body, such as Body or TextBody.
func (it *stored) bodyElement(name, want string, most int) *node {
	kind, text := it.body(want)
	n := elem(name, text).with("BodyType", kind)
	if most > 0 && len(text) > most {
		n.text = strings.ToValidUTF8(text[:most], "")
		return n.with("IsTruncated", "true")
	}
	return n
}
