package ewstest

// The failures that several operations have.

func fail(code, text string) *failure { return &failure{code: code, text: text} }

func noItem() error {
	return fail("ErrorItemNotFound", "The specified object was not found in the store.")
}

func noFolder() error {
	return fail("ErrorFolderNotFound", "The specified folder could not be found in the store.")
}

func badID() error { return fail("ErrorInvalidIdMalformed", "Id is malformed.") }

func denied() error {
	return fail("ErrorAccessDenied", "Access is denied. Check credentials and try again.")
}

func badRequest(text string) error { return fail("ErrorInvalidRequest", text) }

func badOperation(text string) error { return fail("ErrorInvalidOperation", text) }

func stale() error {
	return fail("ErrorIrresolvableConflict", "The send or update operation could not be performed because the change key passed in the request does not match the current change key for the item.")
}

func noChangeKey() error {
	return fail("ErrorChangeKeyRequired", "A change key is required for this operation.")
}

// wrongField is a failure about a property.
func wrongField(code, text, uri string) error {
	f := fail(code, text)
	f.values = map[string]string{"FieldURI": uri}
	return f
}
