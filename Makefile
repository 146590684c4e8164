# `make run` and `make test` do all the set-up they need; `make help` lists the rest.
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SETUP := constraints/setup_venv.sh constraints/tfx-1.16-py310.txt pyproject.toml setup.py
ARGS ?=
export LIFELONG_PYTHON

.PHONY: run test test-fast lint types format bench serve help clean

run: $(READY)  ## train, gate, push and serve on The Complete Journey, then rank for one household
	$(BIN)/lifelong run $(ARGS)
	$(BIN)/lifelong rank --user 1 --top 10

test: $(READY)  ## all tests, the slow end-to-end ones included
	$(BIN)/python -m pytest $(ARGS)

test-fast: $(READY)  ## the tests without the end-to-end ones
	$(BIN)/python -m pytest -m "not slow" $(ARGS)

lint: $(READY)  ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(READY)  ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(READY)  ## mypy on the built wheel: it cannot follow the editable mapping of folders
	rm -rf build/types && $(BIN)/python -m pip wheel -q --no-deps --no-build-isolation -w build/types .
	$(BIN)/python -m zipfile -e build/types/*.whl build/types/tree
	cd build/types/tree && MYPYPATH=. $(CURDIR)/$(BIN)/mypy --config-file $(CURDIR)/pyproject.toml

bench: $(READY) workdir/metadata.sqlite  ## the measurements of the README, on the data and model of a run
	$(BIN)/python -m benchmarks $(ARGS)

workdir/metadata.sqlite: | $(READY)
	$(BIN)/lifelong run

serve: $(READY)  ## serve the last pushed model over gRPC
	$(BIN)/lifelong serve $(ARGS)

$(READY): $(SETUP)
	constraints/setup_venv.sh $(VENV)
	@touch $@

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

clean:  ## remove the environment and everything a run has made
	rm -rf $(VENV) build dist workdir *.egg-info
