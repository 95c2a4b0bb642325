package track_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/notice"
	. "github.com/go-serversync/serversync/track"
)

// constants are the values of a type's constants in a file of the package, and
// whether they stand under a comment with a word in it.
func constants(t *testing.T, file, of, word string) (values []string, under map[string]bool) {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	require.NoError(t, err)
	under = make(map[string]bool)
	for _, d := range f.Decls {
		d, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range d.Specs {
			spec, ok := spec.(*ast.ValueSpec)
			if !ok || spec.Type == nil || spec.Type.(*ast.Ident).Name != of {
				continue
			}
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			values = append(values, value)
			under[value] = strings.Contains(d.Doc.Text(), word)
		}
	}
	return values, under
}

// Every rule has words, stands once in the list, and tracks or not as its place in
// the code says.
func TestEveryRuleHasWords(t *testing.T) {
	values, tracks := constants(t, "rule.go", "Rule", "that track a message")
	require.Greater(t, len(values), 15)
	texts := RuleTexts()
	require.Len(t, texts, len(values))
	for _, value := range values {
		text, ok := Rule(value).Text()
		require.True(t, ok, value)
		require.Equal(t, tracks[value], text.Tracks, value)
		require.NotEmpty(t, text.Because, value)
		require.NotEmpty(t, text.Otherwise, value)
	}
	_, ok := Rule("no such rule").Text()
	require.False(t, ok)
}

// So has every method.
func TestEveryMethodHasWords(t *testing.T) {
	values, _ := constants(t, "verdict.go", "Method", "")
	var told []string
	for _, m := range MethodTexts() {
		told = append(told, string(m.Method))
		require.NotEmpty(t, m.Goes+m.Proof+m.Switch)
	}
	require.Equal(t, values[1:], told, "all but NoMatch, in the order in which they are tried")
	require.Empty(t, values[0])
}

// Each verdict explains itself in one sentence.
func TestExplain(t *testing.T) {
	for _, text := range RuleTexts() {
		v := Verdict{Tracked: text.Tracks, Rule: text.Rule, Evidence: "some evidence", NeedsBody: text.Rule == NeedsWhole}
		got := v.Explain()
		require.Contains(t, got, text.Because+" (some evidence)", text.Rule)
		require.True(t, strings.HasSuffix(got, "."), got)
		require.Equal(t, 1, strings.Count(got, ". ")+1, "one sentence: %s", got)
		switch {
		case v.NeedsBody:
			require.True(t, strings.HasPrefix(got, "Not decided: "), got)
		case v.Tracked:
			require.True(t, strings.HasPrefix(got, "Tracked: "), got)
		default:
			require.True(t, strings.HasPrefix(got, "Not tracked: "), got)
			require.Contains(t, got, "to have it tracked, "+text.Otherwise)
		}
	}
	for _, m := range MethodTexts() {
		v := Verdict{Tracked: true, Rule: AcceptedReply, Match: Match{Method: m.Method, Email: email1}}
		require.Contains(t, v.Explain(), "it answers email 1, by "+string(m.Method))
		v.Match.Suggested = true
		require.Contains(t, v.Explain(), "it may answer email 1, by "+string(m.Method))
	}
	for want, v := range map[string]Verdict{
		"Tracked: it answers an email that is tracked, and a recipient accepts replies (user anna accepts replies); it answers email 1, by in-reply-to; it belongs to case 5; user bob owns it.": {
			Tracked: true, Rule: AcceptedReply, Evidence: "user anna accepts replies", Match: Match{Method: ByInReplyTo, Email: email1}, Regarding: case5, Owner: bob},
		"Tracked: it tells what became of an email that was sent from here; a program wrote it or passed it on (delivery); 2 recipients did not get it; 1 recipient is still tried.": {
			Tracked: true, Rule: Bounce, Notice: notice.Notice{Kind: notice.Delivery}, Outcomes: []Outcome{{Action: notice.Failed}, {Action: notice.Delayed}, {Action: notice.Failed}}},
		"Tracked: a recipient accepts every email; it came as an attachment to a forward mailbox; it was tracked before; queue support, queue sales got a queue item; nobody knows its sender, of whom a lead is made; 1 part was left out.": {
			Tracked: true, Rule: AcceptedAll, Forwarded: true, Known: true, Queues: []Ref{support, sales}, Create: Lead, LeftOut: []LeftOut{{}}},
		"Not tracked: it lies among the sent mail, which is not tracked; to have it tracked, switch Sent on.": {Rule: SentUntracked},
		"Not tracked: rule \"of a newer version\" says so.":                                                   {Rule: "of a newer version"},
		"Not decided: it could not be read, and is tried again.":                                              {Err: errors.New("secret disk")},
	} {
		require.Equal(t, want, v.Explain())
	}
}

// No explanation holds an address or anything of what the message says.
func TestExplainHoldsNoContent(t *testing.T) {
	w := contoso()
	for _, mail := range []string{
		"Subject: canary\nFrom: canary <canary@canary.example>\n" + toAnna,
		"Subject: canary\nFrom: canary <canary@canary.example>\nIn-Reply-To: <1@contoso.example>\n" + toAnna,
		"Subject: canary\nFrom: canary@canary.example\nTo: canary@canary.example\n",
	} {
		got := w.one(t, header(mail)).Explain()
		require.NotContains(t, got, "canary")
		require.NotContains(t, got, "@")
	}
}

// Stores keep verdicts as JSON: every field but those that are for the Syncer comes
// back.
func TestVerdictsAreJSON(t *testing.T) {
	var v Verdict
	fill(reflect.ValueOf(&v).Elem())
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	var back Verdict
	require.NoError(t, json.Unmarshal(raw, &back))
	require.Equal(t, v, back)

	raw, err = json.Marshal(Verdict{Rule: NoReply, Direction: Incoming})
	require.NoError(t, err)
	require.JSONEq(t, `{"tracked":false,"rule":"no-reply","direction":"incoming"}`, string(raw))
}

// fill sets every field that is kept to something.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int64:
		v.SetInt(7)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Tag.Get("json") != "-" {
				fill(v.Field(i))
			}
		}
	}
}
