module github.com/go-serversync/serversync/examples

go 1.25.0

require (
	github.com/go-serversync/serversync v0.0.0
	github.com/go-serversync/serversync/store/sqlite v0.0.0
)

replace (
	github.com/go-serversync/serversync => ../
	github.com/go-serversync/serversync/store/sqlite => ../store/sqlite
)
