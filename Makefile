# Chattrail: what a developer types. `make` alone lists it.
# Needs Python 3.11 or newer, make and git; everything else is installed into .venv from requirements.lock.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.ready
PYTEST := $(BIN)/python -m pytest
# Most of a test's time is waiting for processes, so three files run side by side on two cores; whole files, which share their
# servers. In their order: xdist would take files with many tests first and leave the few long ones to one core at the end.
WORKERS ?= 3
ABREAST := -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup demo up run env test test-fast faults faults-pictures sweep-batches public-bots library-versions soak embedded-sweep embedded-lists lint format bench
.PHONY: collector clients assets docs screenshots lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-16s %s\n", $$1, $$2}'

setup: $(STAMP) assets ## make .venv, install what requirements.lock names, build the dashboard's assets

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 …"; exit 1; }
	@echo "Installing what requirements.lock names into .venv: 1.7 GB, some minutes the first time …"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock
	@$(BIN)/uv pip sync --quiet --allow-empty-requirements --require-hashes --python $(BIN)/python requirements.lock requirements-uv.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

assets: $(STAMP)
	@$(BIN)/python -m web.build

demo: setup ## the main job: embedded ClickHouse, simulated Telegram, history, live traffic; CLOUDFLARE=fake: pictures in a simulated Cloudflare
	@$(if $(CLOUDFLARE),CLOUDFLARE="$(CLOUDFLARE)" )$(BIN)/python -m stack demo

up: setup ## everything but the persona bot, for a bot of your own; BOT_TOKEN=… archives its pictures, too
	@$(BIN)/python -m stack up

run: setup ## the demo with the real Telegram and without invented people: BOT_TOKEN=… make run
	@$(BIN)/python -m stack run

env: ## write .env for docker compose, with fresh secrets
	@$(PYTHON) -I stack/env_file.py

test: setup tools programs ## all tests
	@$(PYTEST) $(ABREAST)

test-fast: $(STAMP) ## unit and contract tests
	@$(PYTEST) $(ABREAST) tests/unit tests/contract

faults: setup collector ## every fault at full size, five seeds (two hours; ROWS=16,19 for some again); writes docs/reliability.md
	@FAULT_ROWS="$(ROWS)" $(PYTEST) tests/faults --ignore tests/faults/test_soak.py -m "slow or not slow" --timeout 3600

faults-pictures: setup ## the rows on pictures, five seeds (half an hour; ROWS=27 for some again); writes their section of docs/reliability.md
	@FAULT_ROWS="$(ROWS)" $(PYTEST) tests/faults/test_images.py -m "slow or not slow" --timeout 3600

sweep-batches: setup ## requests of every shape and size at default limits (half an hour); writes its table in docs/operations.md
	@$(PYTEST) tests/integration/sidecar/receiver/test_batch_sweep.py tests/integration/sidecar/receiver/test_request_memory.py -m slow --timeout 7200 -s

public-bots: setup ## the public bots, and figures after 40 random sequences with two bots and six people (SEQUENCES=10 for fewer)
	@PUBLIC_BOTS_SEQUENCES="$(SEQUENCES)" $(PYTEST) tests/integration/public_bots -m "slow or not slow" --timeout 3600 -s -q

library-versions: setup ## the library's tests with each OpenTelemetry minor that it claims (five minutes)
	@$(PYTEST) tests/integration/chattrail/test_environments.py -m slow --timeout 900

soak: setup collector ## an hour of slow ClickHouse and of random faults; SOAK_MINUTES=4 for less; writes docs/reliability.md
	@$(PYTEST) tests/faults/test_soak.py -m slow -s

embedded-sweep: setup ## every call of the sweep over embedded ClickHouse (some minutes); writes its table into docs/embedded.md
	@$(BIN)/python -m tests.support.sweep.run

embedded-lists: $(STAMP) ## write the functions that embedded ClickHouse may call, after a new engine: look at the difference
	@$(BIN)/python -m sidecar.embedded.guard

lint: $(STAMP) ## ruff, codespell, mypy (tests, too), import rules, gofmt and go vet, documents in step with the code
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	git ls-files -z | xargs -0 $(BIN)/codespell
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m collector.go_lint
	$(BIN)/python docs/generate.py --check

format: $(STAMP) ## let ruff rewrite the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup ## run the benchmarks, which write benchmarks/RESULTS.md
	@for file in benchmarks/bench_*.py; do $(BIN)/python -m benchmarks.$$(basename $$file .py) || exit 1; done

collector: $(STAMP) ## build the OpenTelemetry Collector (Go; cached by manifest)
	@$(BIN)/python -m collector build

clients: $(STAMP) ## build what the tests run in Go and Java: clients of ClickHouse, a second collector (cached by source)
	@$(BIN)/python -m tests.support.clients.builds

docs: $(STAMP) ## write the generated tables of docs/
	$(BIN)/python docs/generate.py

screenshots: setup tools ## make docs/images from a real run
	@$(BIN)/python docs/screenshots.py

# What tests run in Go, Java and JavaScript. Without Go or a network those tests are skipped by name, and in CI they fail.
.PHONY: programs
programs: $(STAMP)
	@$(BIN)/python -m collector build || true
	@$(BIN)/python -m tests.support.clients.builds || true

# Tests also run Chromium, a Redis, curl and Java; Debian's are installed where that can be done without asking.
.PHONY: tools
tools:
	@command -v chromium >/dev/null && command -v redis-server >/dev/null && command -v curl >/dev/null && \
	  command -v javac >/dev/null && command -v mvn >/dev/null || \
	{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
	  apt-get install -y -qq chromium redis-server curl default-jdk-headless maven >/dev/null; } || \
	echo "Some of chromium, redis-server, curl, a JDK and Maven are missing: their tests will be skipped by name."

lock: ## resolve requirements.lock anew from pyproject.toml, and the tests' environments
	$(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --all-extras --no-header \
		--group bot --group sidecar --group web --group embedded --group stack --group dev \
		--no-emit-index-url --no-annotate pyproject.toml -o requirements.lock
	for file in tests/support/environments/*.in; do \
		$(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-header \
		--no-emit-index-url --no-annotate $$file -o $${file%.in}.lock || exit 1; done
	$(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-header \
		--group go --no-emit-index-url --no-annotate -o requirements-go.lock
	echo uv | $(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-header \
		--no-emit-index-url --no-annotate - -o requirements-uv.lock

clean: ## remove what was built here (data/ stays)
	rm -rf .venv web/static .mypy_cache .ruff_cache .pytest_cache .hypothesis
