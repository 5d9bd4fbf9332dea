# Everything that a person or the build server runs. `make setup` is all that a fresh machine needs first; the other
# targets call it by themselves.

PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3,$(shell command -v $(name) 2>/dev/null)))
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
