package ewstest

// answerAttrs returns what the element that answers an operation has as attributes: those that
// are a ResponseMessage themselves say that they are a success, for what is none is a fault.
func answerAttrs(op string) []string {
	if op == "GetDelegate" {
		return []string{"ResponseClass", "Success"}
	}
	return nil
}

// operations returns what the server can do, by the local names of the elements that ask for it.
func operations() map[string]operation {
	return map[string]operation{
		"GetFolder":           getFolder,
		"FindFolder":          findFolder,
		"CreateFolder":        createFolder,
		"UpdateFolder":        updateFolder,
		"DeleteFolder":        deleteFolder,
		"EmptyFolder":         emptyFolder,
		"MoveFolder":          moveFolder,
		"SyncFolderHierarchy": syncFolderHierarchy,
		"MarkAllItemsAsRead":  markAllItemsAsRead,

		"GetItem":         getItem,
		"FindItem":        findItem,
		"SyncFolderItems": syncFolderItems,
		"CreateItem":      createItem,
		"UpdateItem":      updateItem,
		"SendItem":        sendItem,
		"MoveItem":        moveItem,
		"CopyItem":        copyItem,
		"DeleteItem":      deleteItem,

		"GetAttachment":    getAttachment,
		"CreateAttachment": createAttachment,
		"DeleteAttachment": deleteAttachment,

		"Subscribe":   subscribe,
		"Unsubscribe": unsubscribe,
		"GetEvents":   getEvents,

		"ResolveNames":               resolveNames,
		"ConvertId":                  convertID,
		"GetServerTimeZones":         getServerTimeZones,
		"GetUserConfiguration":       getUserConfiguration,
		"GetUserAvailabilityRequest": getUserAvailability,
		"GetUserOofSettingsRequest":  getUserOofSettings,
		"GetDelegate":                getDelegate,
	}
}
