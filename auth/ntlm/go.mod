module github.com/go-serversync/serversync/auth/ntlm

go 1.25.0

require github.com/go-serversync/serversync v0.0.0

require (
	github.com/emersion/go-imap/v2 v2.0.0-beta.8 // indirect
	github.com/emersion/go-sasl v0.0.0-20241020182733-b788ff22d5a6 // indirect
	github.com/emersion/go-smtp v0.25.1 // indirect
)

require (
	github.com/Azure/go-ntlmssp v0.1.1
	github.com/emersion/go-message v0.18.2 // indirect
	golang.org/x/text v0.41.0 // indirect
)

replace github.com/go-serversync/serversync => ../..
