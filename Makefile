# `make run` and `make test` do all the set-up they need; `make help` lists the rest.
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SETUP := constraints/setup_venv.sh constraints/tfx-1.16.txt pyproject.toml setup.py
ARGS ?=
IMAGE ?= lifelong:$(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
export LIFELONG_PYTHON

# A worker process a core; files are not divided, for what their tests share is made once a process.
WORKERS ?= 2
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.PHONY: run test test-fast nightly lint types format bench serve image help clean

run: $(READY)  ## train, gate, push and serve on The Complete Journey, then rank for one household
	$(BIN)/lifelong run $(ARGS)
	$(BIN)/lifelong rank --user 1 --top 10

test: $(READY)  ## all tests, the slow end-to-end ones included
	$(PYTEST) -m "not nightly" $(ARGS)

test-fast: $(READY)  ## the tests without the end-to-end ones
	$(PYTEST) -m "not slow and not nightly" $(ARGS)

nightly: $(READY)  ## the long forms of tests whose short ones are part of `make test`
	$(PYTEST) -m nightly $(ARGS)

lint: $(READY)  ## ruff: rules and format; hadolint: rules for the image
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/hadolint Dockerfile

format: $(READY)  ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(READY)  ## mypy on what is installed elsewhere: it cannot follow the editable mapping of folders
	rm -rf build/types && $(BIN)/python setup.py -q build --build-lib build/types
	cd build/types && MYPYPATH=. $(CURDIR)/$(BIN)/mypy --config-file $(CURDIR)/pyproject.toml

bench: $(READY) workdir/metadata.sqlite  ## the measurements of the README, on the data and model of a run
	$(BIN)/python -m benchmarks $(ARGS)

workdir/metadata.sqlite: | $(READY)
	$(BIN)/lifelong run

serve: $(READY)  ## serve the last pushed model over gRPC
	$(BIN)/lifelong serve $(ARGS)

image:  ## the container image of tasks, commands and Beam's workers, called IMAGE
	@command -v docker > /dev/null || { echo "make image: docker is not on the PATH; install it, or build the Dockerfile with what you have" >&2; exit 1; }
	docker build --tag $(IMAGE) .

$(READY): $(SETUP)
	constraints/setup_venv.sh $(VENV)
	@touch $@

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

clean:  ## remove the environment and everything a run has made
	rm -rf $(VENV) build dist workdir *.egg-info
