# Everything a contributor does, by name. `make help` lists it; every target sets up what it needs first.

PYTHON ?= python3
ONLY ?=
# Processes that share the tests among themselves; one per core is the most that pays.
WORKERS ?= 2

BIN := .venv/bin
STAMPS := build/stamps
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
CARGO := $(and $(wildcard native/Cargo.toml),$(shell command -v cargo 2>/dev/null))
THIRD_PARTY := atp_grpc/pb/buf/validate/validate_pb2.py
# Folders of Python that the linters judge.
CODE := $(wildcard atp_grpc demo tests tools)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help setup demo serve test check lint rust bench faults tools proxies gateways wheel audit protos clients lock format clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMPS)/package ## Make .venv, install the pinned packages, build the Rust engine (only what is missing or changed)
	@$(BIN)/python tools/native.py

demo: setup ## Start a real server, route real prompts through it, print what it learned and saved
	@$(BIN)/python -m demo

serve: setup ## Run the server on its defaults (gRPC on 7443, metrics and health on 7444, loopback only)
	@$(BIN)/atp serve

test: setup tools proxies lint rust ## Everything: format, lint, types, Rust tests, then all Python tests with the branch coverage floor
	@echo "==> Python tests"
	@mkdir -p build/coverage
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not slow and not alone" --cov --cov-report= --cov-fail-under=0
	@$(BIN)/python -m pytest -q -m "alone and not slow" --cov --cov-append --cov-report=term
	@echo "make test: everything passed$(if $(CARGO),, (Rust tests left out: there is no cargo))"

check: setup lint ## The fast part: format, lint, types, contract and unit tests (under two minutes)
	@$(BIN)/python -m pytest -q tests/contract tests/unit
	@echo "make check: everything passed"

lint: $(STAMPS)/package
	@echo "==> format, lint, types"
	@$(BIN)/ruff format --check $(CODE) || { echo "Files need formatting; run: make format" >&2; exit 1; }
	@$(BIN)/ruff check --quiet $(CODE)
	@$(BIN)/mypy --no-error-summary $(CODE)

rust: ## Format check, lints and tests of the Rust engine (nothing where there is no cargo)
ifdef CARGO
	@echo "==> Rust engine"
	@cd native && if cargo fmt --version >/dev/null 2>&1; then cargo fmt --check; else echo "    rustfmt is not here: format not judged"; fi
	@cd native && if cargo clippy --version >/dev/null 2>&1; then cargo clippy --locked --quiet --all-targets --all-features -- -D warnings; \
		else echo "    clippy is not here: lints not judged"; fi
	@cd native && cargo test --locked --quiet
endif

bench: setup ## Measure; ONLY=prefix narrows it (make bench ONLY=route.unary)
	@$(BIN)/python -m tests.bench $(ONLY)

faults: setup tools proxies ## The slow batteries: kills, full disks, floods of broken input
	@$(BIN)/python -m pytest -m slow --timeout=900 tests

tools: $(STAMPS)/package ## Build grpcurl, ghz, grpc_health_probe and our Go programs into build/tools (nothing where there is no Go)
	@$(BIN)/python -m tools.peers

proxies: $(STAMPS)/package ## Fetch HAProxy and nginx into build/debian for the drain tests (only what is not installed)
	@$(BIN)/python -m tools.debian

gateways: $(STAMPS)/package ## Install the gateways that the Ask benches measure beside ATP into build/gateways (needs npm; some minutes)
	@$(BIN)/python -m tools.gateways

wheel: setup ## Build sdist and wheels into dist/ (make test installs them into a clean environment and runs them there)
	@$(BIN)/python -m tools.wheel

audit: $(STAMPS)/package ## Ask the databases of known vulnerabilities about every dependency; fails also when one cannot be asked
	@$(BIN)/python -m tools.audit

protos: $(STAMPS)/package ## Regenerate atp_grpc/pb from protos/
	@$(BIN)/buf format -w --path protos/atp
	@$(BIN)/python tools/protos.py generate

clients: $(STAMPS)/package ## Regenerate the Go stubs in clients/ from protos/ (needs Go)
	@$(BIN)/python -m tools.clients

lock: $(STAMPS)/package ## Rewrite requirements/*.lock from pyproject.toml and requirements/*.in
	@$(BIN)/python tools/lock.py

format: $(STAMPS)/package ## Format Python, protos and Rust, and mend what the linter can mend
	@$(BIN)/ruff check --quiet --fix-only $(CODE)
	@$(BIN)/ruff format $(CODE)
	@$(BIN)/buf format -w --path protos/atp
	@$(if $(CARGO),cd native && cargo fmt,true)

clean: ## Remove what was built (not .venv and not .atp, which holds your data)
	@rm -rf build dist native/target protos/third_party atp_grpc/pb/buf
	@rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find atp_grpc demo tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

# --- set-up, step by step; a step runs again only when what it stands on has changed ---

.venv/pyvenv.cfg:
	@tools/venv.sh $(PYTHON) .venv

$(STAMPS)/requirements: requirements/dev.lock .venv/pyvenv.cfg
	@echo "Installing the pinned Python packages (about a minute the first time) ..."
	@$(PIP) install --require-hashes --requirement requirements/dev.lock
	@# xds-protos carries an older copy of the messages of opentelemetry-proto, and whichever comes last stays.
	@mkdir -p build && sed -n '/^opentelemetry-proto==/,/^[a-z]/{/^opentelemetry-proto==/p;/^ /p;}' requirements/dev.lock > build/opentelemetry-proto.lock
	@$(PIP) install --require-hashes --no-deps --force-reinstall --requirement build/opentelemetry-proto.lock
	@mkdir -p $(STAMPS) && touch $@

$(THIRD_PARTY): requirements/protos.lock $(STAMPS)/requirements
	@$(BIN)/python tools/protos.py third-party
	@touch $@

$(STAMPS)/package: pyproject.toml $(THIRD_PARTY)
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@
