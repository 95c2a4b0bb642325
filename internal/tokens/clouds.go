package tokens

// A Cloud is one of Microsoft's clouds.
type Cloud struct {
	Login    string   // the host that people and applications sign in at
	Resource string   // what scopes of Exchange Online begin with for people
	Hosts    []string // its mail servers
}

// WorldWide is the cloud of nearly everybody.
func WorldWide() Cloud {
	return Cloud{"login.microsoftonline.com", "https://outlook.office.com",
		[]string{"outlook.office365.com", "smtp.office365.com", "outlook.office.com", "imap-mail.outlook.com", "pop-mail.outlook.com", "smtp-mail.outlook.com"}}
}

// USGovernment is the cloud of the United States' government (GCC High).
func USGovernment() Cloud {
	return Cloud{"login.microsoftonline.us", "https://outlook.office365.us",
		[]string{"outlook.office365.us", "smtp.office365.us"}}
}

// USDefense is the cloud of the United States' Department of Defense.
func USDefense() Cloud {
	return Cloud{"login.microsoftonline.us", "https://webmail.apps.mil",
		[]string{"outlook-dod.office365.us", "outlook-dod-smtp.office365.us", "webmail.apps.mil"}}
}

// China is the cloud that 21Vianet runs.
func China() Cloud {
	return Cloud{"login.partner.microsoftonline.cn", "https://partner.outlook.cn",
		[]string{"partner.outlook.cn", "smtp.partner.outlook.cn"}}
}
