module github.com/go-serversync/serversync/auth/ntlm

go 1.25.0

require github.com/go-serversync/serversync v0.0.0

replace github.com/go-serversync/serversync => ../..
