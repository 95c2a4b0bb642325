package serversync_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A source is one Go file of the repository, by its path from the root.
type source struct {
	path    string
	folder  string // "" for the root
	test    bool
	file    *ast.File
	imports []string
}

const modulePath = "github.com/go-serversync/serversync"

// sources parses every Go file. It opens them itself: a test that ran the go command
// would be served from the test cache when only an import has changed.
func sources(t *testing.T) (all []source, fset *token.FileSet) {
	fset = token.NewFileSet()
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // somebody is at work there
		}
		if d.IsDir() && p != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(p, ".go") {
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return nil
		}
		f, err := parser.ParseFile(fset, p, text, parser.ParseComments)
		if err != nil {
			return err
		}
		s := source{path: filepath.ToSlash(p), file: f, test: strings.HasSuffix(p, "_test.go")}
		if s.folder = path.Dir(s.path); s.folder == "." {
			s.folder = ""
		}
		for _, i := range f.Imports {
			name, _ := strconv.Unquote(i.Path.Value)
			s.imports = append(s.imports, name)
		}
		all = append(all, s)
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, len(all), 100)
	return all, fset
}

// room is the first folder of a path, which the rules speak of.
func room(folder string) string {
	first, _, _ := strings.Cut(folder, "/")
	return first
}

func isTestPackage(folder string) bool { return strings.HasSuffix(path.Base(folder), "test") }

// Who may import what of ours, by room. A room that is not named is held to a
// driver's rule.
var mayImport = map[string]string{
	"":          "secret profile mailbox item notice provider track",
	"secret":    "",
	"profile":   "secret",
	"mailbox":   "secret profile",
	"item":      "internal",
	"provider":  "secret profile mailbox item",
	"store":     "root secret profile mailbox item provider track",
	"storetest": "root secret profile mailbox item notice provider track",
	"s2s":       "secret profile provider internal",
	"oauth":     "root secret profile mailbox provider internal",
	"auth":      "secret profile mailbox provider internal",
	"discover":  "secret profile mailbox provider internal",
	"notice":    "item",
	"track":     "secret item mailbox notice",
	"internal":  "internal secret profile mailbox item provider",
}

const driverMayImport = "secret profile mailbox item provider internal"

// Which room links which third party, and which test package one more.
var thirdParty = map[string]string{
	"imap":     "github.com/emersion/",
	"smtp":     "github.com/emersion/",
	"pop3":     "",
	"item":     "github.com/emersion/",
	"internal": "github.com/emersion/ golang.org/x/",
	"store":    "modernc.org/",
	"s2s":      "github.com/Azure/ golang.org/x/ software.sslmate.com/",
	"oauth":    "golang.org/x/",
	"auth":     "github.com/ golang.org/x/",

	"s2s/s2stest": "github.com/golang-jwt/",
}

// The rules of direction (DESIGN.md, section 2).
func TestImportsPointLeft(t *testing.T) {
	all, _ := sources(t)
	for _, s := range all {
		if s.test || room(s.folder) == "examples" || strings.HasPrefix(s.folder, "internal/bench") {
			continue
		}
		allowed, named := mayImport[room(s.folder)]
		if !named {
			allowed = driverMayImport
		}
		for _, name := range s.imports {
			of, ours := strings.CutPrefix(name, modulePath)
			of = strings.TrimPrefix(of, "/")
			switch {
			case !strings.Contains(strings.Split(name, "/")[0], "."):
				if name == "testing" && !isTestPackage(s.folder) {
					t.Errorf("%s imports testing", s.path)
				}
			case !ours:
				if !anyPrefix(name, thirdParty[room(s.folder)]+" "+thirdParty[s.folder]) {
					t.Errorf("%s imports %s", s.path, name)
				}
			case isTestPackage(of) && !isTestPackage(s.folder):
				t.Errorf("%s imports the test package %s", s.path, of)
			case room(of) == room(s.folder):
			case of == "" && isTestPackage(s.folder):
			default:
				if r := room(of); !strings.Contains(" "+allowed+" ", " "+orRoot(r)+" ") {
					t.Errorf("%s imports %s; %q may import %s", s.path, name, room(s.folder), allowed)
				}
			}
		}
	}
}

func orRoot(r string) string {
	if r == "" {
		return "root"
	}
	return r
}

func anyPrefix(name, list string) bool {
	for _, prefix := range strings.Fields(list) {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// Nothing happens before main: there are no init functions.
func TestNoInit(t *testing.T) {
	all, fset := sources(t)
	for _, s := range all {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: an init function", fset.Position(f.Pos()))
			}
		}
	}
}

// Time and chance come from one file, so that one seed replays one history.
func TestTimeAndChanceComeFromOneFile(t *testing.T) {
	banned := map[string]bool{"Now": true, "Sleep": true, "After": true, "AfterFunc": true, "NewTimer": true, "NewTicker": true, "Tick": true, "Since": true, "Until": true}
	all, fset := sources(t)
	for _, s := range all {
		if s.test || s.path == "clock.go" || s.folder != "" && s.folder != "mailbox" {
			continue
		}
		for _, name := range s.imports {
			if strings.HasPrefix(name, "math/rand") || name == "crypto/rand" {
				t.Errorf("%s imports %s", s.path, name)
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" && x.Obj == nil && banned[sel.Sel.Name] {
				t.Errorf("%s: time.%s", fset.Position(n.Pos()), sel.Sel.Name)
			}
			return true
		})
	}
}

// Every package has a comment, and so has everything that it exports.
func TestEverythingExportedIsDocumented(t *testing.T) {
	all, fset := sources(t)
	packages := make(map[string]bool)
	for _, s := range all {
		if s.test {
			continue
		}
		packages[s.folder] = packages[s.folder] || s.file.Doc != nil
		if s.file.Name.Name == "main" {
			continue
		}
		for _, d := range s.file.Decls {
			for _, name := range undocumented(d) {
				t.Errorf("%s: %s has no comment", fset.Position(d.Pos()), name)
			}
		}
	}
	for folder, has := range packages {
		if !has {
			t.Errorf("package %q has no comment", folder)
		}
	}
}

// undocumented returns the exported names of a declaration that lack a comment. A
// comment on a group, or at the end of the line, counts.
func undocumented(d ast.Decl) (names []string) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && exportedReceiver(d) {
			names = append(names, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				if d.Doc == nil && spec.Doc == nil && spec.Comment == nil && spec.Name.IsExported() {
					names = append(names, spec.Name.Name)
				}
			case *ast.ValueSpec:
				for _, name := range spec.Names {
					if d.Doc == nil && spec.Doc == nil && spec.Comment == nil && name.IsExported() {
						names = append(names, name.Name)
					}
				}
			}
		}
	}
	return names
}

// exportedReceiver reports whether d is a function, or a method of an exported type
// that no interface of the standard library explains.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	receiver := d.Recv.List[0].Type
	if star, ok := receiver.(*ast.StarExpr); ok {
		receiver = star.X
	}
	if generic, ok := receiver.(*ast.IndexExpr); ok {
		receiver = generic.X
	}
	id, ok := receiver.(*ast.Ident)
	return ok && id.IsExported()
}
