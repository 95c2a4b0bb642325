#!/bin/sh
# Checks what can be checked without running a test: format, vet on three systems,
# staticcheck, and that the core alone builds with the modules it is known to need.
set -eu
cd "$(dirname "$0")/.."

staticcheck=honnef.co/go/tools/cmd/staticcheck@v0.8.2

say() { echo "check: $*"; }

say gofmt
unformatted=$(git ls-files -z '*.go' | xargs -0 gofmt -l)
if [ -n "$unformatted" ]; then
	echo "not formatted:"
	echo "$unformatted"
	exit 1
fi

for system in linux darwin windows; do
	say "vet for $system"
	GOOS=$system CGO_ENABLED=0 go vet work
done

say staticcheck
go run "$staticcheck" work

say "the core alone"
GOWORK=off go build ./...
GOWORK=off go list -m all | awk '{print $1}' | sort | diff -u scripts/core-modules.txt - || {
	echo "The core's modules have changed. If that is meant, write the list anew:"
	echo "GOWORK=off go list -m all | awk '{print \$1}' | sort > scripts/core-modules.txt"
	exit 1
}
GOWORK=off go mod tidy -diff
