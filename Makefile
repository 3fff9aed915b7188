# The commands of this project. `make help` lists them.

SHELL := /bin/sh
, := ,
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PY := .venv/bin/python
PYTEST := $(PY) -m pytest -n auto --maxprocesses 4 --dist worksteal
# Set-up is done again when a requirement changes, and only then. Who only looks gets no linters,
# no browser's driver and, without an export, nothing that reads one.
sum = $(shell cat requirements.txt requirements-local.txt $(1) | cksum | tr ' ' '-')
READY_TO_RUN := .venv/ready-to-run-$(call sum,)
READY_TO_IMPORT := .venv/ready-to-import-$(call sum,requirements-import.txt)
READY_TO_SIMULATE := .venv/ready-to-simulate-$(call sum,requirements-simulation.txt)
READY := .venv/ready-$(call sum,requirements-import.txt requirements-simulation.txt requirements-dev.txt)
# Where all is there, nothing less is installed beside it.
TO_RUN := $(or $(wildcard $(READY)),$(READY_TO_RUN))
TO_IMPORT := $(or $(wildcard $(READY)),$(READY_TO_IMPORT))
TO_SIMULATE := $(or $(wildcard $(READY)),$(READY_TO_SIMULATE))
POSTGREST := .autonomy/tools/ready-12.0.2-2

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
unexport PYTHONDONTWRITEBYTECODE # every process would compile everything again

# The first Python that is new enough and can make virtual environments. PYTHON=... goes first.
define FIND_PYTHON
found=; old=; bare=; \
for candidate in "$(PYTHON)" python3 python3.14 python3.13 python3.12 python3.11 python; do \
	[ -n "$$candidate" ] && "$$candidate" -c '' >/dev/null 2>&1 || continue; \
	if ! "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then old=$$candidate; \
	elif ! "$$candidate" -c 'import ensurepip, venv' >/dev/null 2>&1; then bare=$$candidate; \
	else found=$$candidate; break; fi; \
done; \
if [ -z "$$found" ] && [ -n "$$bare" ]; then \
	echo "$$bare has no venv or ensurepip. Install them (Debian and Ubuntu: apt install python3-venv)" >&2; \
	echo "or name another Python: make PYTHON=/path/to/python" >&2; exit 1; \
elif [ -z "$$found" ]; then \
	echo "Python 3.11 or later is needed$${old:+ ($$old is older)}." >&2; \
	echo "Install it, or name it: make PYTHON=/path/to/python" >&2; exit 1; \
fi
endef

.PHONY: help setup run serve test test-long check format calibration impact breakers simulate forecast drills bench sql clean distclean

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' Makefile | while IFS='|' read -r name text; do \
		printf '  make %-12s %s\n' "$$name" "$$text"; done

setup: $(TO_RUN) $(POSTGREST) $(READY) ## install everything into .venv and .autonomy (done by the others when needed)

# $(1): what for; $(2): requirements; $(3): how much that is
define INSTALL
@$(FIND_PYTHON); \
$(PY) -c '' 2>/dev/null || { echo "Setting up .venv with $$($$found --version)"; "$$found" -m venv --clear .venv; }
@echo "Installing what is needed $(1): $(3)"
@$(PY) -m pip install -qq --no-compile $(foreach file,$(2),-r $(file))
@touch $@
endef

$(READY_TO_RUN):
	$(call INSTALL,for a run,requirements-local.txt,about 180 MB$(,) half a minute)

$(READY_TO_IMPORT): | $(READY_TO_RUN)
	$(call INSTALL,to read an export,requirements-import.txt,about 190 MB$(,) a quarter of a minute)

$(READY_TO_SIMULATE): | $(READY_TO_RUN)
	$(call INSTALL,for the market behind a made-up platform,requirements-simulation.txt,about 70 MB)

$(READY):
	@rm -f .venv/ready-*
	$(call INSTALL,for the tests,requirements-dev.txt,about 650 MB$(,) a minute)

$(POSTGREST): | $(TO_RUN)
	@$(PY) -m autonomy.local.install
	@mkdir -p $(@D)
	@touch $@

run: $(TO_RUN) $(POSTGREST) $(if $(DATA),$(TO_IMPORT)) $(if $(PLATFORM),$(TO_SIMULATE)) ## a whole run on sample data, on your export with DATA=file (MAP=file of its columns), or PLATFORM=meta
	@$(PY) -m autonomy demo $(if $(DATA),--data "$(DATA)") $(if $(MAP),--map "$(MAP)") \
		$(if $(PLATFORM),--platform "$(PLATFORM)") $(ARGS)

serve: $(TO_RUN) $(POSTGREST) $(TO_IMPORT) ## the same, staying up: prints its address, its token and a curl line
	@$(PY) -m autonomy serve $(ARGS)

test: setup ## all tests but the long ones (ARGS='-k name' for some)
	@$(PYTEST) -m 'not long' $(ARGS)

test-long: setup ## more random draws, all drills, every PostgreSQL
	@$(PYTEST) -m long $(ARGS)

check: setup ## lint, types and the layers
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@.venv/bin/lint-imports --no-cache
	@$(PY) -m pytest -q tests/unit/test_layers.py

format: setup ## lay out the code
	@$(PY) -m ruff check --fix-only --quiet .
	@$(PY) -m ruff format .

calibration: setup ## is 80 right 80 times in 100?
	@$(PY) -m tests.benchmarks.calibration $(ARGS)

impact: setup ## is what is measured of an action what it brought?
	@$(PY) -m tests.benchmarks.impact $(ARGS)

breakers: setup ## how often do breakers trip over nothing, how soon do they find an outage?
	@$(PY) -m tests.benchmarks.breakers $(ARGS)

simulate: setup ## the rules in a simulated market
	@$(PY) -m tests.simulation.market $(ARGS)

forecast: setup ## is the forecast of the month near, and its range right 8 times in 10?
	@$(PY) -m tests.benchmarks.forecast $(ARGS)

drills: setup ## break things on purpose and watch
	@$(PY) -m tests.drills.run $(ARGS)

bench: setup ## how fast, at which size
	@$(PY) -m tests.benchmarks.suite $(ARGS)

sql: setup ## write the two scripts to paste (sql/create_*.sql) from the migrations
	@$(PY) -m autonomy sql

clean: ## remove the local database and all caches
	@for python in $(PY) python3 python; do \
		if "$$python" -c '' >/dev/null 2>&1; then "$$python" -m autonomy.local.clean || exit 1; break; fi; \
	done
	@rm -rf .autonomy .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +

distclean: clean ## and the installed packages
	@rm -rf .venv
