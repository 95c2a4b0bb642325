package mailbox

// RuleTables are the tables of docs/mailboxes.md, by name.
func RuleTables() map[string][][]string {
	tables := make(map[string][][]string)
	for name, rules := range ruleTables() {
		for _, r := range rules {
			level := string(r.level)
			if r.matrix != "" {
				level += ", " + r.matrix
			}
			tables[name] = append(tables[name], []string{"`" + r.code + "`", r.original, level, r.field, r.message, r.remedy})
		}
	}
	return tables
}

// RuleCodes are the codes of one of the tables.
func RuleCodes(table string) (codes []string) {
	for _, r := range ruleTables()[table] {
		codes = append(codes, r.code)
	}
	return codes
}

func ruleTables() map[string][]rule {
	return map[string][]rule{"record": recordRules[:], "profile": profileRules[:], "ready": readyRules[:]}
}
