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
	@local_stack/setup.sh laptop

.PHONY: test-env
test-env:  ## add what the tests and checks need to it
	@local_stack/setup.sh test --archive-classes

.PHONY: demo
demo: env  ## run the whole pipeline on a generated week, end with a verdict (SEED=n, FRESH=1)
	@$(PY) -m local_stack demo --seed $(SEED) $(if $(FRESH),--fresh)

CAPTURED := $(CURDIR)/.cache/captured

.PHONY: test
test: test-env  ## run the tests, two files at a time, and name the slowest (JOBS=n, ARGS=…)
	@rm -rf $(CAPTURED) && mkdir -p $(CAPTURED)
	@CAPTURED_SQL=$(CAPTURED) $(PY) -m pytest -q -n $(JOBS) --dist loadfile --no-loadscope-reorder --durations=20 $(ARGS)

.PHONY: lint-captured
lint-captured:  ## parse with sqlfluff what procedures and dbt sent while the last `make test` ran
	@$(PY) -m tests.lint_captured $(CAPTURED)

.PHONY: check
check: test-env  ## lint, types and the tests that start neither Spark, endpoint, ClickHouse nor set-up: an answer within a minute
	@$(PY) -m ruff check . && $(PY) -m ruff format --check .
	@$(PY) -m mypy .
	@$(PY) -m pytest -q -n $(JOBS) --dist loadfile --no-loadscope-reorder -m "not spark and not integration and not clickhouse and not environment" $(ARGS)

.PHONY: up
up: env  ## start the local Snowflake endpoint and say how to reach it; RIGHTS=off: it enforces no privileges
	@$(PY) -m local_stack up $(if $(RIGHTS),--rights $(RIGHTS))

.PHONY: down
down:  ## stop the local Snowflake endpoint; its data stays
	@if $(PY) -c 'import rich' 2>/dev/null; then $(PY) -m local_stack down; fi

.PHONY: run
run: env  ## take what is in the lake through every stage
	@$(PY) -m local_stack run

.PHONY: snow
snow: env  ## install the Snowflake CLI, in an environment of its own (.venv-snow)
	@$(PY) -m local_stack.install snow --environment .venv-snow
	@echo "The Snowflake CLI is at .venv-snow/bin/snow"

NESSIE := org.projectnessie.nessie:nessie-quarkus:0.99.0:jar:runner

.PHONY: nessie
nessie: env  ## install a REST catalog's server for its tests, 245 MB (needs Maven)
	@if [ "$$(cat .cache/nessie/server 2>/dev/null)" != "$(NESSIE)" ]; then \
	  rm -rf .cache/nessie && mvn -q org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy -Dartifact=$(NESSIE) -DoutputDirectory="$(CURDIR)/.cache/nessie" && \
	  echo "$(NESSIE)" > .cache/nessie/server; fi
	@$(PY) -m local_stack.install nessie --modules .cache/nessie/java
	@echo "The REST catalog's server is in .cache/nessie; make test uses it from now on"

MONITORING := $(CURDIR)/.cache/monitoring
TEMPLATES := /usr/share/prometheus/alertmanager

.PHONY: monitoring
monitoring:  ## install Prometheus, Alertmanager and pushgateway for their tests, 33 MB (Debian's packages, unpacked into .cache)
	@[ -x $(MONITORING)/usr/bin/prometheus-pushgateway ] || \
	  local_stack/unpack_debian.sh $(MONITORING) prometheus prometheus-alertmanager prometheus-pushgateway
	@if [ -d $(MONITORING)/usr/share/prometheus/alertmanager ] && [ ! -e $(TEMPLATES)/default.tmpl ]; then \
	  { mkdir -p $(TEMPLATES) && cp $(MONITORING)$(TEMPLATES)/*.tmpl $(TEMPLATES); } 2>/dev/null || \
	  echo "Debian's Alertmanager reads its templates in $(TEMPLATES): copy $(MONITORING)$(TEMPLATES) there as root"; fi
	@if [ -x $(MONITORING)/usr/bin/prometheus-pushgateway ]; then echo "Prometheus is in .cache/monitoring; make test uses it from now on"; fi

SANDBOX := $(CURDIR)/.cache/bubblewrap

.PHONY: sandbox
sandbox:  ## install bubblewrap, in which the tests run what the image holds (Debian's package, unpacked into .cache)
	@[ -x $(SANDBOX)/usr/bin/bwrap ] || local_stack/unpack_debian.sh $(SANDBOX) bubblewrap
	@if [ -x $(SANDBOX)/usr/bin/bwrap ]; then echo "bubblewrap is in .cache/bubblewrap; make test uses it from now on"; fi

.PHONY: lint
lint: test-env  ## ruff, mypy --strict, sqlfluff
	@$(PY) -m ruff check . && $(PY) -m ruff format --check .
	@$(PY) -m mypy . & types=$$!; $(PY) -m tests.lint_sql; sql=$$?; wait $$types && exit $$sql

.PHONY: deploy-check
deploy-check: test-env  ## render, lint, dry run, deploy and drift, against a local endpoint made for it
	@$(PY) -m local_stack.deploy_check

.PHONY: bench
bench: test-env  ## measure what people wait for; half an hour (ONLY="demo dbt": a part)
	@$(PY) -m benchmarks.laptop $(ONLY)

.PHONY: peers
peers: env  ## install what benchmarks/reconcile is compared with, in an environment of its own (.venv-peers)
	@$(PY) -m local_stack.install peers --environment .venv-peers

.PHONY: format
format: test-env  ## format the Python code
	@$(PY) -m ruff format . && $(PY) -m ruff check --fix .

.PHONY: docs
docs: env  ## dbt's documentation of the marts, into dbt_project/target
	@$(PY) -m local_stack dbt docs generate

COMPILE := pip compile --quiet --universal --python-version 3.11 --generate-hashes --annotation-style line \
  --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

.PHONY: lock
lock: test-env  ## make the lock files again from pyproject.toml; one version of a package for all sets
	@uv=$$(command -v uv || echo .venv/bin/uv) && $$uv $(COMPILE) pyproject.toml --extra test -o locks/test.lock && \
	  $$uv $(COMPILE) pyproject.toml --extra local -c locks/test.lock -o locks/laptop.lock && \
	  $$uv $(COMPILE) pyproject.toml --extra warehouse -c locks/test.lock -o locks/image.lock && \
	  for group in installer snow nessie peers; do $$uv $(COMPILE) --group pyproject.toml:$$group -o locks/$$group.lock || exit 1; done

.PHONY: clean
clean: down  ## remove local state (.local), keep the environment
	@rm -rf .local dbt_project/target dbt_project/logs
