# The one command that tests everything: make test. It installs the real mail
# servers where apt is there and we are root; elsewhere the tests that need them
# are skipped, and the run ends by naming them.

.PHONY: test servers race check fips

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

# The core under Go's strictest FIPS 140-3 mode, in which what is not approved fails.
# Of the root's tests those are left out that run in a bubble of testing/synctest:
# time stands still there, and the module's source of entropy measures time. So are
# oauth's crowds, for the same reason, and what counts round trips by the clock.
fips_packages = ./secret ./profile ./mailbox ./item ./notice ./track ./provider ./discover ./internal/... ./imap/... ./pop3/... ./smtp/... ./ews/... ./oauth/... ./s2s/... ./store/...
fips:
	@GODEBUG=fips140=only go test -short -timeout 10m -skip 'TestTurns|TestTOK2Crowd' $(fips_packages)
	@GODEBUG=fips140=only go test -short -timeout 10m -run 'TestP6Sync|TestP6Panic|TestDryRunOverIMAP' .
