package track_test

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/mailbox"
	. "github.com/go-serversync/serversync/track"
)

var update = flag.Bool("update", false, "draw the tables of docs/tracking.md anew")

// The tables of rules and methods in docs/tracking.md are those of the code.
func TestDocsShowTheRules(t *testing.T) {
	const page = "../docs/tracking.md"
	raw, err := os.ReadFile(page)
	require.NoError(t, err)
	rules := "| rule | tracked | why | to have it otherwise |\n|---|---|---|---|\n"
	for _, r := range RuleTexts() {
		tracked := map[bool]string{true: "yes", false: "no"}[r.Tracks]
		if r.Rule == NeedsWhole {
			tracked = "not decided"
		}
		rules += fmt.Sprintf("| `%s` | %s | %s | %s |\n", r.Rule, tracked, r.Because, r.Otherwise)
	}
	methods := "| method | goes by | who is attached by it | switched off by |\n|---|---|---|---|\n"
	for _, m := range MethodTexts() {
		methods += fmt.Sprintf("| %s | %s | %s | %s |\n", m.Method, m.Goes, m.Proof, m.Switch)
	}
	text := string(raw)
	for name, table := range map[string]string{"rules": rules, "methods": methods} {
		begin, end := fmt.Sprintf("<!-- %s -->\n", name), "<!-- end -->"
		before, rest, found := strings.Cut(text, begin)
		require.True(t, found, begin)
		_, after, found := strings.Cut(rest, end)
		require.True(t, found, begin)
		text = before + begin + table + end + after
	}
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(text), 0o666))
		return
	}
	require.Equal(t, text, string(raw), "draw them anew with go test ./track -run TestDocsShowTheRules -update")
}

// Every switch is told of in docs/tracking.md.
func TestDocsNameEverySwitch(t *testing.T) {
	raw, err := os.ReadFile("../docs/tracking.md")
	require.NoError(t, err)
	for _, of := range []reflect.Type{
		reflect.TypeFor[mailbox.Tracking](), reflect.TypeFor[mailbox.Correlation](), reflect.TypeFor[mailbox.Internal](),
		reflect.TypeFor[mailbox.Parties](), reflect.TypeFor[mailbox.Queues](), reflect.TypeFor[mailbox.Content](),
	} {
		for i := range of.NumField() {
			name := of.Field(i).Name
			require.True(t, strings.Contains(string(raw), "`"+name) || strings.Contains(string(raw), "."+name), "%s.%s", of.Name(), name)
		}
	}
}
