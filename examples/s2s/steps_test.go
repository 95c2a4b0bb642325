package main

import (
	"context"
	"errors"
	"reflect"
	"testing"
)

// A ledger notes which steps were done, and how each was told.
type ledger struct {
	did, told []string
	wrong     map[string]error
	of        map[string]string
}

func (l *ledger) steps(names ...string) (all []step) {
	for _, name := range names {
		all = append(all, step{name: name, title: name, of: func() string { return l.of[name] }, do: func(context.Context) (string, error) {
			l.did = append(l.did, name)
			return "said " + name, l.wrong[name]
		}})
	}
	return all
}

func (l *ledger) tell(_ int, s step, said string, before bool) {
	if before {
		l.told = append(l.told, "before "+said)
		return
	}
	l.told = append(l.told, said)
}

// walked walks anew and returns what was done and told in this walk.
func (l *ledger) walked(m notebook, names ...string) (did, told []string, err error) {
	l.did, l.told = nil, nil
	err = walk(context.Background(), l.steps(names...), m, l.tell)
	return l.did, l.told, err
}

func expect(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// A walk stops at the first step that fails, and the next one goes on with it.
func TestWalkGoesOnWhereItStopped(t *testing.T) {
	bad := errors.New("not yet")
	for _, m := range []notebook{new(forgetful), folder(t.TempDir())} {
		l := &ledger{wrong: map[string]error{"b": bad}, of: map[string]string{}}
		did, told, err := l.walked(m, "a", "b", "c")
		expect(t, "did", did, []string{"a", "b"})
		expect(t, "told", told, []string{"said a"})
		var stop *stopped
		if !errors.As(err, &stop) || !errors.Is(err, bad) || stop.number != 2 || stop.of != 3 || stop.said != "said b" {
			t.Fatalf("%#v", err)
		}
		l.wrong = nil
		did, told, err = l.walked(m, "a", "b", "c")
		expect(t, "did", did, []string{"b", "c"})
		expect(t, "told", told, []string{"before said a", "said b", "said c"})
		expect(t, "error", err, nil)
		did, _, err = l.walked(m, "a", "b", "c")
		expect(t, "did again", did, []string(nil))
		expect(t, "error", err, nil)
	}
}

// A step that was done for something else is done again, and all that was built upon it.
func TestWalkDoesAgainWhatWasForSomethingElse(t *testing.T) {
	m, l := new(forgetful), &ledger{of: map[string]string{"b": "Contoso"}}
	if _, _, err := l.walked(m, "a", "b", "c"); err != nil {
		t.Fatal(err)
	}
	l.of["b"] = "Fabrikam"
	l.wrong = map[string]error{"c": errors.New("no")}
	did, _, _ := l.walked(m, "a", "b", "c")
	expect(t, "did", did, []string{"b", "c"})
	l.wrong = nil
	did, _, _ = l.walked(m, "a", "b", "c")
	expect(t, "did", did, []string{"c"})
	did, _, _ = l.walked(m, "a", "new", "c")
	expect(t, "did with another plan", did, []string{"new", "c"})
}

// A walk that is ended notes nothing of the step that it was at.
func TestWalkIsEnded(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	m := new(forgetful)
	steps := []step{{name: "a", of: func() string { return "" }, do: func(context.Context) (string, error) { end(); return "", errors.New("cut off") }}}
	if err := walk(ctx, steps, m, (&ledger{}).tell); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if len(m.done) != 0 {
		t.Error(m.done)
	}
}
