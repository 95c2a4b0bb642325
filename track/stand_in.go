package track

import "github.com/go-serversync/serversync/item"

// Explain stands in.
func (v Verdict) Explain() string { return string(v.Rule) }

// LeftOut stands in.
func (r *Rules) LeftOut(m *item.Message) []LeftOut { return nil }

// Index stands in.
func (r *Rules) Index(m *item.Message, direction Direction) Email { return Email{} }
