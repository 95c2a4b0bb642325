# The one command that tests everything: make test. It installs the real mail
# servers where apt is there and we are root; elsewhere the tests that need them
# are skipped, and the run ends by naming them.

.PHONY: test servers race check

test: servers
	@go vet work
	@go test -json -timeout 20m work | go run ./internal/testreport

servers:
	@sh scripts/install-servers.sh

# The race detector slows everything down, so long tests are shortened.
race: servers
	@go test -json -race -short -shuffle=on -timeout 30m work | go run ./internal/testreport

# What can be checked without running a test.
check:
	@sh scripts/check.sh
