package sqlite

import (
	"database/sql"
	"encoding/json"
	"math"
	"slices"
	"time"
)

// Times are kept as nanoseconds since 1970, the zero Time as NULL. What lies
// before 1678 or after 2262 is kept as the nearest that fits.

var (
	earliest = time.Unix(0, -1<<63)
	latest   = time.Unix(0, 1<<63-1)
)

func nanos(t time.Time) any {
	switch {
	case t.IsZero():
		return nil
	case t.Before(earliest):
		t = earliest
	case t.After(latest):
		t = latest
	}
	return t.UnixNano()
}

// moment is a column that nanos wrote.
type moment struct{ sql.NullInt64 }

func (m moment) time() time.Time {
	if !m.Valid {
		return time.Time{}
	}
	return time.Unix(0, m.Int64).UTC()
}

// ordered returns t for a column that is compared with other times: the zero Time is
// before all others.
func ordered(t time.Time) int64 {
	if n, ok := nanos(t).(int64); ok {
		return n
	}
	return math.MinInt64
}

// fromOrdered reads what ordered wrote.
func fromOrdered(n int64) time.Time {
	if n == math.MinInt64 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

// flagList returns flags as a sorted JSON array, nil as NULL.
func flagList(flags []string) any {
	if flags == nil {
		return nil
	}
	sorted := slices.Sorted(slices.Values(flags))
	if sorted == nil {
		sorted = []string{}
	}
	b, _ := json.Marshal(sorted)
	return string(b)
}

// flagsOf reads what flagList wrote.
func flagsOf(column sql.NullString) ([]string, error) {
	if !column.Valid || column.String == "[]" {
		return nil, nil
	}
	var flags []string
	err := json.Unmarshal([]byte(column.String), &flags)
	return flags, err
}
