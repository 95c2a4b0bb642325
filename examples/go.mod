module github.com/go-serversync/serversync/examples

go 1.25.0

require (
	github.com/go-serversync/serversync v0.0.0
	github.com/go-serversync/serversync/auth/ntlm v0.0.0
	github.com/go-serversync/serversync/store/sqlite v0.0.0
	modernc.org/sqlite v1.59.0
)

require (
	github.com/Azure/go-ntlmssp v0.1.1 // indirect
	github.com/dustin/go-humanize v1.0.1 // indirect
	github.com/emersion/go-imap/v2 v2.0.0-beta.8 // indirect
	github.com/emersion/go-message v0.18.2 // indirect
	github.com/emersion/go-sasl v0.0.0-20241020182733-b788ff22d5a6 // indirect
	github.com/emersion/go-smtp v0.25.1 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/mattn/go-isatty v0.0.24 // indirect
	github.com/ncruces/go-strftime v1.0.0 // indirect
	github.com/remyoudompheng/bigfft v0.0.0-20230129092748-24d4a6f8daec // indirect
	golang.org/x/oauth2 v0.36.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
	golang.org/x/text v0.41.0 // indirect
	modernc.org/libc v1.75.7 // indirect
	modernc.org/mathutil v1.7.1 // indirect
	modernc.org/memory v1.12.1 // indirect
)

replace (
	github.com/go-serversync/serversync => ../
	github.com/go-serversync/serversync/auth/ntlm => ../auth/ntlm
	github.com/go-serversync/serversync/store/sqlite => ../store/sqlite
)
