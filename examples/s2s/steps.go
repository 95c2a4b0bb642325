package main

import (
	"context"
	"fmt"
)

// A step is something that is done once.
type step struct {
	name   string                                // by which it is remembered
	title  string                                // what it is, for people
	byHand func() []string                       // what a person does, in tools that are none of ours; nil if nothing
	of     func() string                         // what it is done for: once that is another, it is done again
	do     func(context.Context) (string, error) // does it, or finds out whether it was done, and tells what there is
}

// A record is a step that is done.
type record struct {
	Name string `json:"name"`
	Of   string `json:"of"`
	Said string `json:"said"`
}

// A notebook keeps which steps are done.
type notebook interface {
	load() ([]record, error)
	save([]record) error
}

// A stopped is a step that failed, and those behind it that were not tried.
type stopped struct {
	step
	number, of int
	said       string // what it found all the same
	err        error
}

func (s *stopped) Error() string {
	return fmt.Sprintf("step %d of %d, %s: %v", s.number, s.of, s.title, s.err)
}
func (s *stopped) Unwrap() error { return s.err }

// walk does steps in their order, from the first that is not done, up to the first that fails, which is
// the error, a *stopped. Whoever walks again, in this process or another, goes on with that.
func walk(ctx context.Context, steps []step, m notebook, tell func(number int, s step, said string, before bool)) error {
	done, err := m.load()
	if err != nil {
		return err
	}
	for i, s := range steps {
		if i < len(done) && done[i].Name == s.name && done[i].Of == s.of() {
			tell(i+1, s, done[i].Said, true)
			continue
		}
		done = done[:min(i, len(done))] // what was built upon something else is done again
		said, err := s.do(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return &stopped{s, i + 1, len(steps), said, err}
		}
		done = append(done, record{s.name, s.of(), said})
		if err := m.save(done); err != nil {
			return err
		}
		tell(i+1, s, said, false)
	}
	return nil
}

// A forgetful notebook is this process's.
type forgetful struct{ done []record }

func (f *forgetful) load() ([]record, error)  { return f.done, nil }
func (f *forgetful) save(done []record) error { f.done = done; return nil }
