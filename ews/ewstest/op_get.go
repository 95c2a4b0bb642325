package ewstest

import "github.com/go-serversync/serversync/ews/internal/soap"

func getItem(q *request, w *soap.Writer) error {
	ids := list(q.body.child("ItemIds"))
	shape, err := readShape(q.body.child("ItemShape"), false)
	if err != nil {
		return q.all(w, ids, err)
	}
	return q.each(w, ids, func(n *node) (result, error) {
		it, err := q.item(n)
		if err != nil {
			return nil, err
		}
		if err := shape.check(it); err != nil {
			return nil, err
		}
		return func(w *soap.Writer) {
			w.Start("m:Items")
			shape.write(q, w, it)
			w.End()
		}, nil
	})
}
