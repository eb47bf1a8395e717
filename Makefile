# make demo   builds igc, makes a lab, issues a card and serves
# make module builds libigc-cps.so, the PKCS#11 module of the virtual cards (needs a C compiler; nothing else does)
# make test   everything that CI checks
# make check  the part of it that reads the sources: format, vet, staticcheck, style, spelling, known vulnerabilities
# make soak   the long forms: fuzzing, 200 kills, three nodes under faults, 500 damaged databases, an hour of a card's use
# make bench  what things cost

BIN   := build/igc
MODULE := build/libigc-cps.so
TAGS  := urfave_cli_no_docs
DEMO  := build/demo
FUZZ  ?= 20m
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
VULNDB ?= https://vuln.go.dev
MISSPELL := github.com/golangci/misspell/cmd/misspell@v0.8.0
# French words, and faults on purpose in tests, that it takes for English.
NOT_MISSPELT := administrer,certificats,synonymes,demandes,enveloppe,assistante,exemple,specialites,commandes,virtuels,ressemble,lecteurs,continuent,identite,attributs,profesion,interm,activit,activite,exercices,appareil,attendent,graphie,individuel,marrage,reponse,responsable,technicien,activites

.PHONY: build module demo test check vulncheck soak fuzz bench notices clean

# Without cgo the binary is static: it runs on any Linux of its architecture. With it (make build CGO=1, and a C compiler),
# authorities' keys may be in a PKCS#11 token.
CGO ?= 0
build:
	CGO_ENABLED=$(CGO) go build -buildvcs=auto -tags $(TAGS) -trimpath -ldflags '-s -w' -o $(BIN) ./cli/igc

# Only what exports.map names is visible from outside, so that two Go libraries in one process share no symbols.
module:
	CGO_ENABLED=1 go build -buildvcs=auto -buildmode=c-shared -tags netgo,osusergo -trimpath \
	  -ldflags "-s -w -extldflags '-Wl,--version-script=$(CURDIR)/card/module/exports.map'" -o $(MODULE) ./card/module
	@rm -f $(MODULE:.so=.h)

demo: build
	@export IGC_HOME=$(DEMO); \
	ls $(DEMO)/cards/*/card.json >/dev/null 2>&1 || $(BIN) issue --fixture alain || exit $$?; \
	echo; \
	echo "The card to import in your browser, with PIN 1234:"; ls $(DEMO)/cards/*/authentication.p12; \
	echo "(or take it from the catalogue, by the link with a token that igc serve prints below)"; \
	echo "To have the server trusted (once; igc trust uninstall undoes it):"; \
	echo "  IGC_HOME=$(DEMO) $(BIN) trust install"; \
	echo "Then open https://localhost:8443/ and, to see a revocation, in another terminal:"; \
	echo "  IGC_HOME=$(DEMO) $(BIN) revoke last --reason keyCompromise"; \
	echo; \
	exec $(BIN) serve

test: check
	go test -race -timeout 60m ./...

check:
	@test -z "$$(gofmt -l .)" || { echo "gofmt would change:"; gofmt -l .; exit 1; }
	go vet ./...
	go vet -tags nopostgres ./ca/store/... ./lab ./cli/igc
	go run $(STATICCHECK) ./...
	go test ./internal/style
	go run $(MISSPELL) -error -i $(NOT_MISSPELT) $$(git ls-files '*.go' '*.md' '*.yaml' '*.tmpl' Makefile)
	@$(MAKE) --no-print-directory vulncheck

# Fails when the program calls a function with a known vulnerability. The database is on the network, or a copy of it
# (VULNDB=file:///...): where it cannot be read, nothing is checked, and a line says so. Exit code 3: something was found.
vulncheck:
	@mkdir -p build; GOBIN=$(CURDIR)/build go install $(GOVULNCHECK) || exit 1; \
	if ! build/govulncheck -db $(VULNDB) ./internal/nearest >build/govulncheck.log 2>&1 && \
	  grep -qE 'fetching vulnerabilities|creating client' build/govulncheck.log; then \
	  echo "govulncheck SKIPPED, its database cannot be read: $$(tail -n 1 build/govulncheck.log)"; exit 0; \
	fi; \
	echo "govulncheck -db $(VULNDB) ./..."; build/govulncheck -db $(VULNDB) ./...

soak: fuzz
	IGC_KILLS=200 go test ./ca/store/bolt -run TestKills -v -count=1 -timeout 60m
	IGC_KILLS=200 go test ./internal/crash -run 'TestKill|TestAtOnce' -v -count=1 -timeout 60m
	IGC_KILLS=200 go test ./internal/logins -run TestKillLogins -v -count=1 -timeout 60m
	IGC_ABANDONED=10000 go test ./internal/logins -run TestAbandonedLogins -v -count=1 -timeout 60m
	IGC_SOAK=30m go test ./internal/cluster -run TestSoak -v -count=1 -timeout 60m
	IGC_DAMAGED=500 go test ./internal/damage -run TestDamagedDatabase -v -count=1 -timeout 60m
	IGC_LARGE_LAB=1000000 go test ./console -run TestLargeLab -v -count=1 -timeout 60m
	IGC_TEST_STORE=postgres IGC_LARGE_LAB=100000 go test ./console -run TestLargeLab -v -count=1 -timeout 60m
	IGC_LARGE_LAB=1000000 go test ./cli -run TestLargeCopy -v -count=1 -timeout 60m
	IGC_SOAK=1h go test ./card/module -run TestLoad -v -count=1 -timeout 90m
	IGC_IDLE=10000 go test ./revocation -run TestFlood -v -count=1

# Every fuzz test there is, FUZZ long each.
fuzz:
	@git grep -oE '^func Fuzz\w+' -- '*_test.go' | sed 's|/[^/]*:func | |' | while read -r folder name; do \
	  go test ./$$folder -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZ) -fuzzminimizetime 5x || exit 1; \
	done

bench:
	go test ./... -run '^$$' -bench . -benchmem

# The licences' texts of everything that the binary holds, to go with a binary that is handed on.
notices: build
	@go version -m $(BIN) | awk '$$1 == "dep" || $$1 == "=>" {if ($$1 == "dep" && m) print m; m = $$2 "@" $$3} END {print m}' | while read m; do \
	  dir=$$(go mod download -json $$m | sed -n 's/.*"Dir": "\(.*\)".*/\1/p'); \
	  echo; echo "=== $$m"; cat $$dir/LICEN[SC]E* ; done > build/THIRD_PARTY.txt; echo build/THIRD_PARTY.txt

clean:
	rm -rf build
