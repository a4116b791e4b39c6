# mynah's commands. `make run` and `make test` need nothing done before: they
# fetch what is missing (Debian's packages by name, ONNX Runtime by pinned
# checksum) and then do their job.

SHELL := /bin/bash
.DEFAULT_GOAL := help
export CGO_ENABLED := 1
# gopus bundles an old libopus whose C is noisy but harmless to compile.
export CGO_CFLAGS := -O2 -w

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -X main.version=$(VERSION)
PKG ?= ./...
FUZZTIME ?= 20s
BENCH_OUT ?= build/bench.txt
TRAIN_WORK ?= build/train

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: build ## Build, then serve the playground on http://127.0.0.1:8080
	bin/mynah serve

.PHONY: build
build: setup runtime ## Leave the program in bin/mynah
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/mynah ./cmd/mynah

.PHONY: setup
setup: ## Install a C compiler and ffmpeg where they are missing
	@tools/setup.sh build

.PHONY: runtime
runtime: ## Fetch ONNX Runtime into build/onnxruntime (DEVICE=cuda for NVIDIA GPUs)
	@tools/runtime.sh $(or $(DEVICE),cpu)

.PHONY: test
test: test-setup ## Run all tests, with the race detector
	MYNAH_TEST_LLM=$(CURDIR)/build/llm go test -race -timeout 20m $(PKG)

.PHONY: test-setup
test-setup: runtime
	@tools/setup.sh test
	@tools/llm.sh

.PHONY: llm-server
llm-server: ## Install a real OpenAI-compatible server with a small model, for the tests
	@tools/llm.sh

.PHONY: lint
lint: build/golangci-lint ## Check style and the import rule
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	build/golangci-lint run ./...

build/golangci-lint: tools/go.mod tools/go.sum
	cd tools && go build -o ../$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

.PHONY: fuzz
fuzz: setup ## Run every fuzz target for FUZZTIME (20s)
	@set -e; for p in $$(go list ./...); do \
	  for f in $$(go test -list '^Fuzz' $$p 2>/dev/null | grep '^Fuzz' || true); do \
	    echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p; done; done

.PHONY: bench
bench: setup runtime ## Measure speed and memory (docs/benchmarks.md)
	@mkdir -p build
	go test -run '^$$' -bench . -benchmem -timeout 30m ./scorer/... ./store/... ./cmd/mynah | tee $(BENCH_OUT)

.PHONY: clean
clean: ## Remove what was built and fetched
	rm -rf bin build
