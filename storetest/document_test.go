package storetest

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/go-serversync/serversync/mailbox"
)

// TestDocument checks that a state with something in every field has it still when
// it comes out of a document, so that no field of it goes unchecked.
func TestDocument(t *testing.T) {
	full := states()[0]
	text, err := json.Marshal(full)
	if err != nil {
		t.Fatal(err)
	}
	var back mailbox.State
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	for _, name := range empty("state", reflect.ValueOf(full)) {
		t.Errorf("%s is empty, so nothing checks that a Store keeps it", name)
	}
	for _, name := range empty("state", reflect.ValueOf(back)) {
		t.Errorf("%s is lost in JSON", name)
	}
}

// empty returns the names of the fields in v that are zero.
func empty(name string, v reflect.Value) (names []string) {
	switch {
	case v.IsZero() && v.Kind() != reflect.Struct, v.Type() == reflect.TypeFor[time.Time]() && v.IsZero():
		return []string{name}
	case v.Type() == reflect.TypeFor[time.Time]():
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			names = append(names, empty(name+"."+v.Type().Field(i).Name, v.Field(i))...)
		}
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			names = append(names, empty(name+"[]", v.Index(i))...)
		}
	}
	return names
}
