// Command testreport reads the output of go test -json and tells people what they
// need to know: each package's result, whatever failed in full, and at the end
// what was skipped and why. It exits with status 1 if anything failed.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// event is a line of go test -json (go doc test2json).
type event struct {
	Action, Package, Test, Output, ImportPath string
	Elapsed                                   float64
}

func main() {
	if !report(os.Stdin, os.Stdout) {
		os.Exit(1)
	}
}

// report reads events until the end, and reports whether all is well.
func report(in io.Reader, out io.Writer) bool {
	output := make(map[string]*strings.Builder)
	count := make(map[string]int)
	var skipped []string
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil || e.Action == "" {
			fmt.Fprintln(out, lines.Text()) // not from a test
			continue
		}
		key := e.Package + e.ImportPath + " " + e.Test
		if output[key] == nil {
			output[key] = new(strings.Builder)
		}
		switch e.Action {
		case "output", "build-output":
			output[key].WriteString(e.Output)
		case "fail", "build-fail":
			fmt.Fprintf(out, "FAIL %s (%.1fs)\n%s", key, e.Elapsed, output[key])
			count["failed"]++
		case "pass":
			if e.Test == "" {
				fmt.Fprintf(out, "ok   %s(%.1fs)\n", key, e.Elapsed)
			} else {
				count["passed"]++
			}
		case "skip":
			if e.Test != "" {
				count["skipped"]++
				skipped = append(skipped, "  "+key+": "+reason(output[key].String()))
			}
		}
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(out, "testreport:", err)
		count["failed"]++
	}
	if len(skipped) > 0 {
		slices.Sort(skipped)
		fmt.Fprintf(out, "\nSkipped, and why:\n%s\n\n", strings.Join(skipped, "\n"))
	}
	fmt.Fprintf(out, "%d passed, %d failed, %d skipped\n", count["passed"], count["failed"], count["skipped"])
	return count["failed"] == 0 && count["passed"] > 0
}

// reason finds the words of t.Skip in a test's output.
func reason(output string) string {
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if _, why, ok := strings.Cut(line, ".go:"); ok {
			if _, words, ok := strings.Cut(why, ": "); ok {
				return words
			}
		}
	}
	return "no reason given"
}
