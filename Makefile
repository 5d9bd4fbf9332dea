# Everything that a person or the build server runs. `make setup` is all that a fresh machine needs first; the other
# targets call it by themselves.

PYTHON ?= $(shell PATH="$(subst $(CURDIR)/.venv/bin:,,$(PATH))"; \
  for name in python3.11 python3.12 python3; do command -v $$name && break; done)
STAMP := .venv/setup.stamp

export PATH := $(CURDIR)/.venv/bin:$(PATH)
export FOUNDRY_SOLC := $(CURDIR)/.solc/solc-v0.8.37
export SOLCX_BINARY_PATH := $(CURDIR)/.solc
export FOUNDRY_DISABLE_NIGHTLY_WARNING := 1

.DEFAULT_GOAL := help
.PHONY: help setup

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: $(STAMP) ## install everything that the project needs, below this folder

$(STAMP): pyproject.toml uv.lock package.json package-lock.json .npmrc tooling/setup.py tooling/solc_from_npm.js
	@test -n "$(PYTHON)" || { echo "setup: Python 3.11 is needed: install it or set PYTHON="; exit 1; }
	@$(PYTHON) tooling/setup.py
	@touch $@

JOBS ?= 2
TRACE ?=
OUT ?= out
PYTEST := python -m pytest -q

.PHONY: compile artifacts demo operator-demo prometheus devnet test test-slow lint format slither prove bench gas gas-update coverage shell clean

compile: setup ## compile contracts and Solidity tests
	@forge build contracts
	@forge build

artifacts: setup ## bring the compiled contracts in pyutils/artifacts up to date
	@python -m pyutils.compile

demo: setup artifacts ## live through a trace on a chain of its own: TRACE=file OUT=folder
	@gpurwa demo $(if $(TRACE),--trace "$(TRACE)") --out "$(OUT)"

prometheus: setup ## put Prometheus below this folder, unless the machine has it
	@python tooling/prometheus.py

operator-demo: setup artifacts prometheus ## attest a trace by real daemons, which are killed on the way: TRACE=file OUT=folder
	@gpurwa operator-demo $(if $(TRACE),--trace "$(TRACE)") --out "$(OUT)"

devnet: setup artifacts ## leave a chain running that holds the demo's end state
	@gpurwa devnet $(if $(TRACE),--trace "$(TRACE)")

test: compile gas ## all quick tests: Solidity, then Python
	forge test
	$(PYTEST) -n $(JOBS) -m "not slow"
	@if ls tests/ape/test_*.py >/dev/null 2>&1; then \
	  echo "$(PYTEST) tests/ape"; ape compile -v WARNING && $(PYTEST) -n $(JOBS) tests/ape; fi

test-slow: compile prometheus ## tests that take long, or need a browser, a database or a network
	$(PYTEST) -m slow

lint: setup slither ## style, types and static analysis
	ruff check .
	ruff format --check .
	mypy
	forge fmt --check
	uv lock --check --quiet

format: setup ## write Python and Solidity in house style
	ruff check --fix-only --quiet .
	ruff format .
	forge fmt

slither: compile ## static analysis of the contracts; each finding is answered in slither-answers.toml
	@python tooling/slither_check.py

prove: setup ## prove the pure math for every argument; each query that is not answered fails
	@python tooling/prove.py

bench: setup prometheus ## measure speeds, a table for each job
	@for file in $(sort $(filter-out benchmarks/stopwatch.py,$(wildcard benchmarks/*.py))); do echo "== $$file"; python "$$file" || exit 1; done

gas: setup ## compare gas of whole transactions with the committed snapshots; any difference fails
	FORGE_SNAPSHOT_CHECK=true FORGE_SNAPSHOT_EMIT=true forge test --match-contract Gas
	@changed=$$(git status --porcelain -- snapshots); test -z "$$changed" || { \
	  echo "gas: snapshots are not what is committed, \`git diff snapshots\` says what moved:"; echo "$$changed"; exit 1; }

gas-update: setup artifacts ## write the gas snapshots anew; the diff says what rose
	FORGE_SNAPSHOT_EMIT=true forge test --match-contract Gas
	python -m tooling.deployment_gas
	@git --no-pager diff --stat -- snapshots

coverage: setup ## lines and branches of the contracts that Solidity tests reach
	FOUNDRY_DENY=never forge coverage --report summary --no-match-coverage '(tests|mocks|node_modules)/' --no-match-path 'tests/solidity/gas/*'

shell: setup ## a shell with all tools on its PATH
	@$${SHELL:-/bin/sh} -i

clean: ## remove what building and testing left; `make clean setup` starts afresh
	rm -rf .venv .solc .tools node_modules out .forge-out .forge-cache .build contracts/.cache .mypy_cache .ruff_cache .pytest_cache \
	  .hypothesis dist
