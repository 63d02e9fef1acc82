# The targets that people and CI use. `make help` lists them.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python -m meshproof
# The choices of a run are what stands on make's command line (see README); an unknown one is refused by name, and a
# variable that merely is in the environment, such as NAME on some systems, is not taken for one.
CHOICES = $(filter-out PYTHON=% ARGS=%,$(MAKEOVERRIDES))

.DEFAULT_GOAL := help
.PHONY: help test lint e2e matrix published runbook faults survey diagnose coverage lab images bench doctor clusters delete down clean lock

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "%-10s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

e2e: $(VENV)/ready ## prove the page on a real kind cluster (first run assembles or pulls the images)
	@$(RUN) e2e $(CHOICES)

matrix: $(VENV)/ready ## prove every supported combination, each on a cluster of its own: PARALLEL= clusters at once
	@$(RUN) matrix $(CHOICES)

published: $(VENV)/ready ## IMAGES=published rehearsed: what is assembled here, served on loopback as released, and pulled; ARGS=slow, ARGS=faults
	@$(VENV)/bin/python -m rehearsal $(ARGS) $(CHOICES)

runbook: $(VENV)/ready ## execute the notebooks on a real kind cluster, or on an existing one; FROM=route goes on from that section
	@$(RUN) runbook $(CHOICES)

faults: $(VENV)/ready ## seed every fault on a live cluster, see it refuted and named, mend it; FAULT=name seeds one and leaves it
	@$(RUN) faults $(CHOICES)

survey: $(VENV)/ready ## what an existing cluster has and what a run would do to it; changes nothing: KUBECONFIG= CONTEXT=
	@$(RUN) survey $(CHOICES)

diagnose: $(VENV)/ready ## why requests for a host have no client certificate, or fail; changes nothing: HOST= NAME= or KUBECONFIG= CONTEXT=
	@$(RUN) diagnose $(CHOICES)

coverage: $(VENV)/ready ## what can be said of each block of a page without a cluster: PAGE= REUSE= BASELINE=
	@$(RUN) coverage $(CHOICES)

lab: $(VENV)/ready ## open the notebooks in JupyterLab
	@$(RUN) lab $(CHOICES)

test: lint ## unit tests of the library, without a cluster; ruff and pyright first
	@$(VENV)/bin/python -m pytest -q tests $(ARGS)

lint: $(VENV)/ready ## ruff, pyright, and which module may know which
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/pyright
	@$(VENV)/bin/lint-imports --no-cache --no-logo

images: $(VENV)/ready ## have all images, charts and tools at hand, without a cluster
	@$(RUN) images $(CHOICES)

bench: $(VENV)/ready ## time the whole page against typing it by hand, side by side
	@$(VENV)/bin/python -m meshproof.bench $(ARGS)

doctor: $(VENV)/ready ## what this machine has and lacks; changes nothing
	@$(RUN) doctor $(CHOICES)

clusters: $(VENV)/ready ## list the clusters that meshproof made: their state, and whether they are kept
	@$(RUN) clusters $(CHOICES)

delete: $(VENV)/ready ## delete one of them and all that belongs to it: NAME=
	@$(RUN) delete $(CHOICES)

down: $(VENV)/ready ## stop the engine that meshproof started, and the clusters in it
	@$(RUN) down $(CHOICES)

clean: ## remove the virtual environment and the artifacts of runs
	rm -rf $(VENV) artifacts

lock: $(VENV)/ready ## write requirements.lock anew from pyproject.toml
	$(VENV)/bin/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-annotate --no-header --quiet --upgrade --output-file requirements.lock

# The Python environment: exactly what requirements.lock names, every file checked by its hash.
$(VENV)/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "meshproof: $(PYTHON) is $$($(PYTHON) --version 2>&1); Python 3.11 or newer is needed (PYTHON=...)" >&2; exit 3; }
	@echo "setting up the Python environment in $(VENV)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
