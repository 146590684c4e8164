# `make run` and `make test` do all the set-up they need; `make help` lists the rest.
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SETUP := constraints/setup_venv.sh constraints/debian_13_python.sh \
	constraints/tfx-1.16.txt constraints/tfx-1.21.txt pyproject.toml setup.py
ARGS ?=
IMAGE ?= lifelong:$(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
export LIFELONG_PYTHON LIFELONG_PLATFORM

# A worker process a core; files are not divided, for what their tests share is made once a process.
WORKERS ?= 2
export WORKERS
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# What must hold on each platform: imports, data, layers, models and serving, and a pipeline twice.
ON_EACH := -m "(not slow and not nightly) or each_platform" tests/test_imports.py tests/data \
	tests/models tests/serving tests/end_to_end

.PHONY: run test test-fast test-current test-older test-other nightly lint types format docs bench bench-platforms serve image help clean

run: $(READY)  ## train, gate, push and serve on The Complete Journey, then rank for one household
	$(BIN)/lifelong run $(ARGS)
	$(BIN)/lifelong rank --user 1 --top 10

test: $(READY)  ## all tests, the slow end-to-end ones included
	$(PYTEST) -m "not nightly" $(ARGS)

test-fast: $(READY)  ## the tests without the end-to-end ones
	$(PYTEST) -m "not slow and not nightly" $(ARGS)

test-current test-older test-other: $(READY)
	constraints/test_platform.sh $(@:test-%=%) $(ON_EACH) $(ARGS)
test-current:  ## what must hold on each platform, tested on the current one
test-older:  ## the same on the older one
test-other:  ## the same on the one that .venv is not of

nightly: $(READY)  ## the long forms of tests that have short ones in `make test`; all tests on the other platform
	$(PYTEST) -m nightly $(ARGS)
	constraints/test_platform.sh other -m "not nightly" $(ARGS)

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

docs: $(READY)  ## the pages, into build/docs; a warning is an error
	$(BIN)/sphinx-build -W --keep-going -q -b html docs build/docs $(ARGS)
	@echo "build/docs/index.html"

bench: $(READY) workdir/metadata.sqlite  ## the measurements of docs/figures.md, on the data and model of a run
	$(BIN)/python -m benchmarks $(ARGS)

bench-platforms: $(READY)  ## a run and the main measurements on both platforms in turn
	other=$$(constraints/platform_venv.sh other) \
		&& LIFELONG_OTHER_PYTHON=$(CURDIR)/$$other/bin/python $(BIN)/python -m benchmarks platforms

workdir/metadata.sqlite: | $(READY)
	$(BIN)/lifelong run

serve: $(READY)  ## serve the last pushed model over gRPC
	$(BIN)/lifelong serve $(ARGS)

image:  ## the container image of tasks, commands and Beam's workers, called IMAGE
	@command -v docker > /dev/null || { echo "make image: docker is not on the PATH; install it, or build the Dockerfile with what you have" >&2; exit 1; }
	docker build --tag $(IMAGE) $(ARGS) .

# An environment of another platform than the one asked for is made anew.
ifneq ($(filter-out $(shell cat $(VENV)/.platform 2>/dev/null),$(LIFELONG_PLATFORM)),)
.PHONY: $(READY)
endif

$(READY): $(SETUP)
	constraints/setup_venv.sh $(VENV)
	@touch $@

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

clean:  ## remove the environment and everything a run has made
	rm -rf $(VENV) $(VENV)-current $(VENV)-older build dist workdir *.egg-info
