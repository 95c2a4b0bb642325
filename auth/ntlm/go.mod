module github.com/go-serversync/serversync/auth/ntlm

go 1.25.0

require github.com/go-serversync/serversync v0.0.0

require (
	github.com/Azure/go-ntlmssp v0.1.1
	github.com/emersion/go-message v0.18.2 // indirect
	golang.org/x/text v0.41.0 // indirect
)

replace github.com/go-serversync/serversync => ../..
