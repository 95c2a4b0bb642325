package ewstest

// A Behavior says in what an Exchange differs from another.
type Behavior struct{}

type model struct{ boxes []string }

func newModel(Behavior) *model { return &model{} }

func (m *model) addMailbox(address, name string, aliases ...string) *string {
	m.boxes = append(m.boxes, address)
	return &address
}

func operations() map[string]operation { return map[string]operation{} }
