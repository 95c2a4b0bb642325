package serversync_test

import (
	"fmt"
	"go/ast"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/discover"
	"github.com/go-serversync/serversync/ews"
	"github.com/go-serversync/serversync/ews/autodiscover"
	"github.com/go-serversync/serversync/oauth"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/track"
)

// canaryRoots are values from which every exported type that holds a secret is
// reached. TestCanaryReachesEveryType tells what is missing.
var canaryRoots = []any{
	provider.Account{},
	provider.Peer{},
	provider.Token{},
	Directory{},
	Config{},
	track.Page{},
	provider.Peer{},
	provider.Token{},
	discover.Finder{},
	&ews.Driver{},
	&autodiscover.Finder{},
	&oauth.Source{},
	discover.Result{},
}

var textType = reflect.TypeFor[secret.Text]()

// holdsText reports whether a value of type t can hold a secret where a walk over
// its type finds it.
func holdsText(t reflect.Type, seen map[reflect.Type]bool) bool {
	if t == textType {
		return true
	}
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			if holdsText(t.Field(i).Type, seen) {
				return true
			}
		}
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Chan:
		return holdsText(t.Elem(), seen)
	case reflect.Map:
		return holdsText(t.Key(), seen) || holdsText(t.Elem(), seen)
	}
	return false
}

// A filler puts a canary of its own into every secret of a value.
type filler struct {
	canaries []canary
	reached  map[string]bool // names of the types that hold one
	depth    int
}

func (f *filler) fill(v reflect.Value) {
	t := v.Type()
	if f.depth > 20 || !holdsText(t, map[reflect.Type]bool{}) {
		return
	}
	f.depth++
	defer func() { f.depth-- }()
	if t.Name() != "" {
		f.reached[strings.TrimPrefix(t.PkgPath(), modulePath)+"."+t.Name()] = true
	}
	if !v.CanSet() { // a field that is not exported
		v = reflect.NewAt(t, unsafe.Pointer(v.UnsafeAddr())).Elem()
	}
	switch {
	case t == textType:
		c := newCanary(fmt.Sprint("filled ", len(f.canaries)))
		f.canaries = append(f.canaries, c)
		v.Set(reflect.ValueOf(secret.New(c.word)))
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			f.fill(v.Field(i))
		}
	case t.Kind() == reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		f.fill(v.Elem())
	case t.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(t, 1, 1))
		f.fill(v.Index(0))
	case t.Kind() == reflect.Array && t.Len() > 0:
		f.fill(v.Index(0))
	case t.Kind() == reflect.Map:
		elem := reflect.New(t.Elem()).Elem()
		f.fill(elem)
		v.Set(reflect.MakeMap(t))
		v.SetMapIndex(reflect.Zero(t.Key()), elem)
	}
}

// filledRoots returns the roots with canaries in them.
func filledRoots() (values []any, f filler) {
	f.reached = make(map[string]bool)
	for _, root := range canaryRoots {
		v := reflect.New(reflect.TypeOf(root)).Elem()
		v.Set(reflect.ValueOf(root))
		f.fill(v)
		values = append(values, v.Interface())
	}
	return values, f
}

// A type that holds a secret, itself or in what it is made of, is tried by the
// canary tests.
func TestCanaryReachesEveryType(t *testing.T) {
	all, _ := sources(t)
	parts := make(map[string][]string) // of each type
	for _, s := range all {
		// The modules of auth, and s2s, are not the core's to import. They print what they hold in
		// tests of their own.
		if s.test || room(s.folder) == "internal" || room(s.folder) == "examples" || room(s.folder) == "auth" || room(s.folder) == "s2s" || s.file.Name.Name == "main" {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok {
				name := typeName(s.folder, spec.Name.Name)
				parts[name] = append(parts[name], madeOf(s, spec.Type)...)
			}
			return true
		})
	}
	const text = "/secret.Text"
	require.Contains(t, parts, text)
	holds := map[string]bool{text: true}
	for more := true; more; {
		more = false
		for name, of := range parts {
			if !holds[name] && slices.ContainsFunc(of, func(part string) bool { return holds[part] }) {
				holds[name], more = true, true
			}
		}
	}
	for _, name := range []string{"/mailbox.Mailbox", "/profile.Profile", "/provider.Account"} {
		require.True(t, holds[name], "the search must find %s", name)
	}
	_, f := filledRoots()
	f.reached[".Syncer"] = true // which only New makes: printed by TestP6NothingPrintsACanary and, at work, TestP6SyncShowsNoCanary
	for name := range holds {
		if ast.IsExported(strings.TrimPrefix(path.Ext(name), ".")) && !f.reached[name] {
			t.Errorf("%s holds a secret.Text: add a value from which it is reached to canaryRoots", name)
		}
	}
	require.GreaterOrEqual(t, len(f.canaries), 5)
}

// typeName is a type's name with its package's folder in front.
func typeName(folder, name string) string {
	if folder != "" {
		folder = "/" + folder
	}
	return folder + "." + name
}

// madeOf returns the named types of ours that a type is made of. What a function
// takes or gives is no part of it.
func madeOf(s source, expr ast.Expr) (names []string) {
	ast.Inspect(expr, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncType, *ast.InterfaceType:
			return false
		case *ast.Field: // its type, not its name
			names = append(names, madeOf(s, n.Type)...)
			return false
		case *ast.SelectorExpr:
			if of, ok := n.X.(*ast.Ident); ok {
				for _, i := range s.imports {
					if folder, ours := strings.CutPrefix(i, modulePath); ours && path.Base(i) == of.Name {
						names = append(names, folder+"."+n.Sel.Name)
					}
				}
			}
			return false
		case *ast.Ident:
			names = append(names, typeName(s.folder, n.Name))
		}
		return true
	})
	return names
}
