package serversync_test

import (
	"bytes"
	"context"
	"database/sql/driver"
	"encoding/asn1"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"expvar"
	"fmt"
	htmltemplate "html/template"
	"io"
	"log"
	"log/slog"
	"os"
	"os/exec"
	"reflect"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"text/template"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/provider/providertest"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/store/memory"
)

// printings are the usual ways in which a value gets out of a program. A way that
// fails or panics tells with what.
var printings = map[string]func(w io.Writer, v any) error{
	"fmt": func(w io.Writer, v any) error {
		for verb := 'A'; verb <= 'z'; verb++ {
			for _, flag := range []string{"", "+", "#", " -90"} {
				fmt.Fprintf(w, "%"+flag+string(verb)+"\n", v)
			}
		}
		fmt.Fprint(w, v, v)
		return errors.Join(fmt.Errorf("%v", v), fmt.Errorf("%#v", v), fmt.Errorf("%d %w", v, io.EOF))
	},
	"log": func(w io.Writer, v any) error {
		l := log.New(w, "", log.LstdFlags)
		l.Print(v)
		l.Printf("%+v", v)
		return nil
	},
	"slog": func(w io.Writer, v any) error {
		o := &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}
		for _, h := range []slog.Handler{slog.NewTextHandler(w, o), slog.NewJSONHandler(w, o)} {
			l := slog.New(h)
			l.Info("m", "v", v)
			l.With("v", v).WithGroup("g").Debug("m", slog.Group("h", slog.Any("v", v)), "list", []any{v}, "map", map[string]any{"v": v})
			l.Error("m", "error", fmt.Errorf("%+v", v))
		}
		return nil
	},
	"json":  func(w io.Writer, v any) error { return json.NewEncoder(w).Encode(v) },
	"xml":   func(w io.Writer, v any) error { return xml.NewEncoder(w).Encode(v) },
	"gob":   func(w io.Writer, v any) error { return gob.NewEncoder(w).Encode(v) },
	"asn.1": func(w io.Writer, v any) error { doc, err := asn1.Marshal(v); w.Write(doc); return err },
	"template": func(w io.Writer, v any) error {
		return template.Must(template.New("").Parse(`{{.}} {{printf "%v %+v %#v %s %q %x" . . . . . .}} {{js .}} {{html .}} {{urlquery .}} {{print .}}`)).Execute(w, v)
	},
	"html template": func(w io.Writer, v any) error {
		return htmltemplate.Must(htmltemplate.New("").Parse(`<p title="{{.}}" style="width: {{.}}" onclick="f({{.}})">{{.}}</p><a href="/?q={{.}}">x</a><script>let x = {{.}}</script>`)).Execute(w, v)
	},
	"expvar": func(w io.Writer, v any) error {
		_, err := io.WriteString(w, expvar.Func(func() any { return v }).String())
		return err
	},
	"sql": func(w io.Writer, v any) error {
		value, err := driver.DefaultParameterConverter.ConvertValue(v)
		fmt.Fprint(w, value)
		return err
	},
	"testify": func(w io.Writer, v any) error {
		other := reflect.New(reflect.TypeOf(v)).Elem().Interface()
		assert.Equal(told{w}, other, v) // a diff of deep dumps
		assert.Equal(told{w}, v, v)     // functions are never equal
		assert.Empty(told{w}, v)
		assert.Len(told{w}, v, 77)
		return nil
	},
	"panic": func(w io.Writer, v any) (err error) {
		defer func() { err = fmt.Errorf("%v %s", recover(), debug.Stack()) }()
		panic(v)
	},
	"deep dump": func(w io.Writer, v any) error { dump(w, reflect.ValueOf(v), map[uintptr]bool{}, 0); return nil },
}

// told is a test whose failures are written down.
type told struct{ io.Writer }

func (t told) Errorf(format string, args ...any) { fmt.Fprintf(t, format, args...) }

// dump writes whatever reflection reaches, fields that are not exported among it.
func dump(w io.Writer, v reflect.Value, seen map[uintptr]bool, depth int) {
	if !v.IsValid() || depth > 60 {
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Chan, reflect.UnsafePointer:
		if v.IsNil() || seen[v.Pointer()] {
			return
		}
		seen[v.Pointer()] = true
	}
	fmt.Fprintf(w, "%s(", v.Type())
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fmt.Fprint(w, v.Type().Field(i).Name, ":")
			dump(w, v.Field(i), seen, depth+1)
		}
	case reflect.Pointer, reflect.Interface:
		dump(w, v.Elem(), seen, depth+1)
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			b := make([]byte, v.Len())
			for i := range b {
				b[i] = byte(v.Index(i).Uint())
			}
			fmt.Fprintf(w, "%q", b)
			break
		}
		for i := range v.Len() {
			dump(w, v.Index(i), seen, depth+1)
		}
	case reflect.Map:
		for i := v.MapRange(); i.Next(); {
			dump(w, i.Key(), seen, depth+1)
			dump(w, i.Value(), seen, depth+1)
		}
	case reflect.String:
		fmt.Fprintf(w, "%q", v.String())
	default:
		fmt.Fprint(w, v)
	}
	fmt.Fprintln(w, ")")
}

// tell returns what a way of printing writes, and its error or panic.
func tell(how func(io.Writer, any) error, v any) (text string) {
	var out bytes.Buffer
	defer func() {
		if r := recover(); r != nil {
			text = out.String() + fmt.Sprintf("%v %+v", r, r)
		}
	}()
	err := how(&out, v)
	return out.String() + allOf(err)
}

// allOf returns everything that an error and what it wraps say.
func allOf(err error) string {
	if err == nil {
		return ""
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%v\n%+v\n%#v\n%q\n%x\n", err, err, err, err, err)
	doc, _ := json.Marshal(err)
	out.Write(doc)
	dump(&out, reflect.ValueOf(err), map[uintptr]bool{}, 0)
	switch err := err.(type) {
	case interface{ Unwrap() error }:
		out.WriteString(allOf(err.Unwrap()))
	case interface{ Unwrap() []error }:
		for _, e := range err.Unwrap() {
			out.WriteString(allOf(e))
		}
	}
	return out.String()
}

// wrapped returns v in what a program may have it in.
func wrapped(v any) map[string]any {
	pointer := reflect.New(reflect.TypeOf(v))
	pointer.Elem().Set(reflect.ValueOf(v))
	pipe := make(chan any, 1)
	pipe <- v
	return map[string]any{
		"itself": v, "a pointer": pointer.Interface(), "a hidden field": struct{ hidden any }{v}, "a hidden pointer": struct{ hidden *any }{&v},
		"a field": struct{ Field any }{v}, "a slice": []any{v}, "an array": [1]any{v}, "a map": map[string]any{"k": v}, "a channel": pipe,
		"a closure": func() any { return v }, "a context": context.WithValue(context.Background(), told{}, v),
	}
}

// P6: no type that can hold a secret shows it, however it is printed, wherever it is.
func TestP6NothingPrintsACanary(t *testing.T) {
	values, f := filledRoots()
	box := mailbox.Mailbox{Key: ann, Password: secret.New(f.canaries[0].word)}
	p := profile.Profile{ID: "p", Kind: profile.IMAPSMTP, Incoming: profile.Endpoint{Password: box.Password}, Outgoing: profile.Endpoint{Password: box.Password}}
	cfg := newConfig(providertest.NewServer(providertest.IMAPLike), memory.New())
	cfg.Mailboxes = Static(p, box)
	values = append(values, cfg, newSyncer(t, cfg), cfg.Mailboxes, box.Password)
	for _, v := range values {
		for in, w := range wrapped(v) {
			for name, how := range printings {
				none(t, fmt.Sprintf("%s of %T in %s", name, v, in), tell(how, w), f.canaries...)
			}
		}
	}
}

// The ways of printing do print: each shows a string that is not guarded, but those
// that take no such value.
func TestCanaryIsPrinted(t *testing.T) {
	c := newCanary("planted")
	for name, how := range printings {
		text := tell(how, c.word)
		require.NotEmpty(t, c.find(text), "%s: %q", name, text)
	}
	type account struct{ inner struct{ password string } }
	a := account{}
	a.inner.password = c.word
	for _, name := range []string{"fmt", "log", "slog", "testify", "panic", "deep dump", "template"} {
		require.NotEmpty(t, c.find(tell(printings[name], a)), name)
	}
	require.NotEmpty(t, c.find(tell(printings["deep dump"], []any{&a})))
	leak := &provider.Error{Op: "x", Kind: provider.ErrAuth, Err: errors.Join(io.EOF, fmt.Errorf("y: %w", errors.New(c.word)))}
	require.NotEmpty(t, c.find(allOf(leak)))
}

// What the runtime writes of a panic that nobody recovers shows no secret.
func TestP6PanicShowsNoCanary(t *testing.T) {
	values, f := filledRoots()
	const which = "SERVERSYNC_PANIC"
	if n, err := strconv.Atoi(os.Getenv(which)); err == nil {
		panic(append(values, secret.New(f.canaries[0].word), &values[0])[n])
	}
	for n := range len(values) + 2 {
		child := exec.Command(os.Args[0], "-test.run=^TestP6PanicShowsNoCanary$")
		child.Env = append(os.Environ(), fmt.Sprintf("%s=%d", which, n), "GOTRACEBACK=system")
		out, err := child.CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), "panic: ")
		none(t, "a panic", string(out), f.canaries...)
	}
}
