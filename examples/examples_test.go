// Package examples tests that the programs in it print what they are to print.
package examples

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// An example prints its file output.txt, but for the name of a folder that it makes.
// After a change that is meant, run it and save what it prints.
func TestOutput(t *testing.T) {
	files, err := filepath.Glob("*/output.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("there is no example with an output.txt", err)
	}
	for _, file := range files {
		name := filepath.Dir(file)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			temp := t.TempDir()
			program := exec.Command("go", "run", "./"+name)
			program.Env = append(os.Environ(), "TMPDIR="+temp, "TMP="+temp)
			program.Stderr = t.Output()
			got, err := program.Output()
			if err != nil {
				t.Fatalf("go run ./%s: %v", name, err)
			}
			if name == "s2s" && strings.Contains(os.Getenv("GODEBUG"), "fips140=only") {
				t.Skip("it runs, and prints other thumbprints and less: SHA-1 may not be computed, by which Exchange Server finds certificates")
			}
			folder := regexp.MustCompile(regexp.QuoteMeta(temp) + `[/\\]\w+`)
			if got = folder.ReplaceAll(got, []byte("/tmp/"+name)); string(got) != string(want) {
				t.Errorf("it printed\n%s\nwant\n%s", got, want)
			}
		})
	}
}
