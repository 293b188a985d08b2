# Each target runs alone and needs no network once modules are in the cache.
# TARGETS: build check race sim conformance chaos bench fuzz generate, and lint where installed.

GO       ?= go
PACKAGES  = $(shell $(GO) list ./... | grep -Ev '/chaos/(clitest|cluster|conformance|crash|hostile|pgtest|powercut|sim|sqltest|uitest)(/|$$)')
SEEDS    ?= 1000
FUZZTIME ?= 20s
ROUNDS   ?= 100

.PHONY: build check format vet lint race sim conformance chaos bench fuzz generate

build:
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/perdure ./cmd/perdure

# Everything that is quick: under two minutes on a warm cache.
check: format vet
	$(GO) test ./internal/lint
	$(GO) test -short $(PACKAGES)

format:
	@found=$$(git ls-files -z '*.go' | xargs -0 gofmt -l); \
	if [ -n "$$found" ]; then echo "gofmt -w these files:"; echo "$$found"; exit 1; fi

vet:
	$(GO) vet ./...

lint:
	golangci-lint run

race:
	$(GO) test -race -timeout 20m $(PACKAGES)

sim:
	$(GO) test -timeout 30m ./chaos/sim -seeds $(SEEDS)
	$(GO) run ./chaos/sim -plants

conformance:
	$(GO) test -count=1 -timeout 30m ./chaos/conformance/... ./chaos/clitest/... ./chaos/sqltest/... \
	  ./chaos/pgtest/... ./chaos/uitest/...

# Kills a real server again and again while clients work, sends one what nobody should, and breaks a
# cluster in every way under every workload (half an hour).
chaos:
	$(GO) run ./chaos/crash -rounds $(ROUNDS)
	@if [ "$$(id -u)" = 0 ]; then $(GO) run ./chaos/powercut -cuts $(ROUNDS); \
	else echo "no power is cut: chaos/powercut needs root"; fi
	$(GO) test -count=1 -timeout 20m ./chaos/hostile
	$(GO) run ./chaos/cluster -matrix

# Microbenchmarks; "bin/perdure bench" measures a running system.
bench:
	$(GO) test -run '^$$' -bench . -benchmem $(PACKAGES)

# Every fuzz target in turn, FUZZTIME each.
fuzz:
	@set -e; for p in $(PACKAGES); do \
	  for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
	    echo "== $$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$p; \
	  done; \
	done

# Generated code is committed; this leaves no diff.
generate:
	$(GO) generate ./...
