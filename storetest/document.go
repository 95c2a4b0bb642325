package storetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/go-serversync/serversync/mailbox"
)

// stateLine writes a state so that equal ones are equal, whatever fields it has: as
// its JSON document, with times to the microsecond.
func stateLine(s mailbox.State) string {
	text, err := json.Marshal(s)
	if err != nil {
		return err.Error()
	}
	var document any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&document); err != nil {
		return err.Error()
	}
	text, err = json.Marshal(plainTimes(document))
	return fmt.Sprint(string(text), err)
}

// plainTimes writes the times in a document as instant does.
func plainTimes(v any) any {
	switch v := v.(type) {
	case string:
		if t, err := time.Parse(time.RFC3339Nano, v); err == nil {
			return instant(t)
		}
	case []any:
		for i := range v {
			v[i] = plainTimes(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = plainTimes(v[name])
		}
	}
	return v
}

// fill sets what is zero in v, so that a field that is added to a state is checked
// without a word here.
func fill(v reflect.Value) {
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		if v.IsZero() {
			v.Set(reflect.ValueOf(clock))
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i))
			}
		}
	case v.Kind() == reflect.Slice:
		if v.Len() == 0 {
			v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		}
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case v.Kind() == reflect.Map:
		if v.Len() == 0 {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(key)
			fill(value)
			v.Set(reflect.MakeMap(v.Type()))
			v.SetMapIndex(key, value)
		}
	case v.Kind() == reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		fill(v.Elem())
	case !v.IsZero():
	case v.Kind() == reflect.String:
		v.SetString("“it” \\ O'Hara \U0001F4E7")
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.CanInt():
		v.SetInt(7)
	case v.CanUint():
		v.SetUint(7)
	}
}
