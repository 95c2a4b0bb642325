package mailbox_test

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync/mailbox"
)

// The tables of rules in docs/mailboxes.md are those of the code.
func TestDocsShowTheRules(t *testing.T) {
	const page = "../docs/mailboxes.md"
	raw, err := os.ReadFile(page)
	require.NoError(t, err)
	text := string(raw)
	for name, rows := range RuleTables() {
		begin, end := fmt.Sprintf("<!-- rules of the %s -->\n", name), "<!-- end -->"
		before, rest, found := strings.Cut(text, begin)
		require.True(t, found, begin)
		_, after, found := strings.Cut(rest, end)
		require.True(t, found, begin)
		text = before + begin + drawn(rows) + end + after
	}
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(text), 0o666))
		return
	}
	require.Equal(t, text, string(raw), "draw them anew with go test ./mailbox -run TestDocsShowTheRules -update")
}

func drawn(rows [][]string) string {
	var b strings.Builder
	b.WriteString("| code | in Dynamics 365 | level, rule | field | what is wrong | what to do |\n|---|---|---|---|---|---|\n")
	for _, row := range rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
	}
	return b.String()
}

// Every field of the record and of the settings is told of in docs/mailboxes.md.
func TestDocsNameEveryField(t *testing.T) {
	raw, err := os.ReadFile("../docs/mailboxes.md")
	require.NoError(t, err)
	for _, of := range []reflect.Type{reflect.TypeFor[Mailbox](), reflect.TypeFor[Settings](), reflect.TypeFor[Approval](), reflect.TypeFor[Claim]()} {
		for i := range of.NumField() {
			require.Contains(t, string(raw), "`"+of.Field(i).Name, "%s.%s", of.Name(), of.Field(i).Name)
		}
	}
}

// Every switch of tracking has its row there.
func TestDocsNameEverySwitchOfTracking(t *testing.T) {
	raw, err := os.ReadFile("../docs/mailboxes.md")
	require.NoError(t, err)
	var named func(of reflect.Type, prefix string)
	named = func(of reflect.Type, prefix string) {
		for i := range of.NumField() {
			f := of.Field(i)
			if f.Type.Kind() == reflect.Struct {
				named(f.Type, prefix+f.Name+".")
				continue
			}
			require.Contains(t, string(raw), "\n| `"+prefix+f.Name+"` | ")
		}
	}
	named(reflect.TypeFor[Tracking](), "")
}
