# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

# The tools are run from .venv, by plain name: Molecule and ansible-test look up others on PATH.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# A caller's own settings must not decide what is tested.
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
unexport ANSIBLE_COLLECTIONS_PATH PYTHONPATH

REMEDIATION := build/collections/ansible_collections/container_linux/remediation
READY := .venv/ready
PYTEST := python -m pytest

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint types sanity unit docs integration molecule bench pictures build changelog format pins clean distclean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## install all that is needed: Debian packages, .venv, a Docker engine
	@tests/tools/docker-engine

$(READY): tests/requirements.txt tests/constraints.txt $(wildcard tests/*/packages.txt) tests/tools/setup | $(REMEDIATION)
	@tests/tools/setup

# The path under which Ansible, mypy and pytest find this checkout as a collection.
$(REMEDIATION):
	@mkdir -p $(@D)
	@ln -sfn ../../../.. $@

demo: setup ## the story: a broken machine is built, cured by fix-docker.yml, and proved cured
	@tests/tools/demo

test: setup ## run every check and test
	@MAKE="$(MAKE)" tests/tools/run-all lint types sanity unit docs integration molecule

lint: $(READY) ## ruff, ansible-lint and shellcheck
	ruff check
	ruff format --check
	python tests/tools/shell_check.py
	ansible-lint --nocolor

types: $(READY) ## mypy --strict on plugins and tests
	mypy $(addprefix $(REMEDIATION)/,plugins tests tests/bench/run tests/tools/examples extensions/molecule)

sanity: $(READY) ## ansible-test sanity
	@tests/tools/sanity

unit: $(READY) ## unit tests of the pure logic
	$(PYTEST) --numprocesses=2 tests/unit

docs: $(READY) ## check the documentation and changelog; build the reference in build/docs
	@tests/tools/docs

integration: setup ## the modules and roles against real machines
	$(PYTEST) --numprocesses=2 --dist=loadfile tests/integration

molecule: setup ## the scenarios in extensions/molecule; SCENARIO=name runs one
	@tests/tools/molecule $(SCENARIO)

bench: setup ## measure the playbook and the facts against raw tasks and builtin modules
	@tests/bench/run

pictures: setup ## draw the pictures in docs/ anew, from a machine in the state that they show
	@tests/tools/pictures

build: $(READY) ## build the collection's archive in build/
	ansible-galaxy collection build --force --output-path build

changelog: $(READY) ## write CHANGELOG.md for the version in galaxy.yml
	antsibull-changelog release --refresh-plugins --update-existing

format: $(READY) ## format the Python code and sort its imports
	ruff check --fix
	ruff format

pins: $(READY) ## renew tests/constraints.txt with today's newest versions
	@tests/tools/pins

clean: ## throw away the test machines and all build output
	@if [ -x tests/machine/machine ] && [ -e $(READY) ]; then tests/machine/machine down --all; fi
	rm -rf build .ansible tests/output

distclean: clean ## also throw away images, .venv and the cache of downloaded and built parts
	@if [ -e $(READY) ]; then tests/machine/machine prune; fi
	rm -rf .venv "$${XDG_CACHE_HOME:-$$HOME/.cache}/container-linux-remediation"
