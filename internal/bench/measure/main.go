// Measure takes the figures of BENCHMARKS.md against a private Dovecot: contenders
// in turn in one run, several runs, median and spread. It prints Markdown.
//
//	go run ./internal/bench/measure            # everything
//	go run ./internal/bench/measure -only poll
//
// It builds what it measures itself. mbsync, fetchmail and getmail join in where they
// are installed.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A bench is where the measures find their tools.
type bench struct {
	dir  string // for programs, databases and mail; removed at the end
	runs int
}

var measures = []struct {
	name string
	take func(context.Context, *bench) error
}{
	{"pull", pull},
	{"far", far},
	{"poll", poll},
	{"big", big},
	{"pop3pull", popPull},
	{"pop3far", popFar},
	{"pop3poll", popPoll},
}

func main() {
	only := flag.String("only", "", "comma-separated `measures`: pull, far, poll, big, pop3pull, pop3far, pop3poll. Default: all")
	runs := flag.Int("runs", 5, "how often each is run")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *only, *runs); err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, only string, runs int) error {
	dir, err := os.MkdirTemp("", "measure")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{dir: dir, runs: runs}
	for program, pkg := range map[string]string{"sync": "./examples/sync", "bare": "./internal/bench/bare"} {
		out, err := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(dir, program), pkg).CombinedOutput()
		if err != nil {
			return fmt.Errorf("build %s (run this from the root of the checkout): %w\n%s", pkg, err, out)
		}
	}
	for _, m := range measures {
		if only != "" && !slices.Contains(strings.Split(only, ","), m.name) {
			continue
		}
		if err := m.take(ctx, b); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}

// A sample is one run of a program.
type sample struct {
	wall, cpu float64 // seconds
	peak      float64 // MiB resident
}

// program runs a program to its end.
func (b *bench) program(ctx context.Context, name string, args ...string) (sample, error) {
	if !strings.Contains(name, "/") {
		if built := filepath.Join(b.dir, name); fileExists(built) {
			name = built
		}
	}
	cmd := exec.CommandContext(ctx, name, args...)
	var output strings.Builder
	cmd.Stdout, cmd.Stderr = &output, &output
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return sample{}, err
	}
	watched := make(chan float64)
	go func() { watched <- peak(cmd.Process.Pid) }()
	err := cmd.Wait()
	s := sample{wall: time.Since(began).Seconds(), peak: <-watched}
	if err != nil {
		said := output.String()
		return s, fmt.Errorf("%s: %w\n%s", name, err, said[max(0, len(said)-1000):])
	}
	s.cpu = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	return s, nil
}

// peak watches a process to its end and returns the most memory it had resident,
// in MiB. What the kernel tells at the end (ru_maxrss) is of no use: it counts the
// memory of the parent from before the program was loaded.
func peak(pid int) (most float64) {
	for {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		_, rest, found := strings.Cut(string(status), "VmHWM:")
		if err != nil || !found {
			return most
		}
		var kib float64
		fmt.Sscan(rest, &kib)
		most = max(most, kib/1024)
		time.Sleep(5 * time.Millisecond)
	}
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// spread writes the median of some figures, and between which they lie.
func spread(figures []float64) string {
	if len(figures) == 0 {
		return "–"
	}
	sorted := slices.Sorted(slices.Values(figures))
	return fmt.Sprintf("%.2f (%.2f to %.2f)", median(figures), sorted[0], sorted[len(sorted)-1])
}

func median(figures []float64) float64 {
	sorted := slices.Sorted(slices.Values(figures))
	return sorted[len(sorted)/2]
}

func each(samples []sample, of func(sample) float64) (figures []float64) {
	for _, s := range samples {
		figures = append(figures, of(s))
	}
	return figures
}
