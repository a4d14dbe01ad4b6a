# Every verb does its whole set-up. On a fresh Debian 12:
#   apt-get install -y python3-venv python3-dev gcc make libssl-dev
#
# Nothing is done twice: the stamps in .venv record what was installed and built, and
# depend on the files that would change it.

PYTHON ?= python3
GATEWAY ?= 1
DEBUG ?= 0
JOBS ?= 2

VENV := .venv
BIN := $(VENV)/bin
DOCS_VENV := $(VENV)/docs
SUITES_VENV := $(VENV)/suites
STAMP := $(VENV)/.stamp
PIP_FLAGS := --quiet --disable-pip-version-check

C_SOURCES := $(wildcard cext/*.c cext/*.h)
CYTHON_SOURCES := $(shell find src -name '*.pyx' -o -name '*.pxd')
# A .py beside a .pxd is compiled as well.
EXTENSION_SOURCES := $(CYTHON_SOURCES) $(wildcard $(patsubst %.pxd,%.py,$(filter %.pxd,$(CYTHON_SOURCES))))
BUILD := $(STAMP)-build-gateway$(GATEWAY)-debug$(DEBUG)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lint csan bench conformance docs build rules clean FORCE

help: ## what each verb does
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  ARGS=…       what demo, test and bench pass on: make test ARGS='tests/unit -x'"
	@echo "  PYTHON=…     interpreter that .venv is made from (3.11 or newer): $(PYTHON)"
	@echo "  GATEWAY=0    leave plain Python modules interpreted;  DEBUG=1  counters and assertions"

demo: $(STAMP)-demo $(BUILD) ## an S3 store and the gateway before it, on 127.0.0.1
	$(BIN)/multistore demo $(ARGS)

test: $(STAMP)-test $(BUILD) ## the whole test suite
	$(BIN)/python -m pytest -n $(JOBS) $(ARGS)

lint: $(STAMP)-lint $(STAMP)-test $(BUILD) ## style, types, stubs, Dockerfile, marks of tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	PATH="$(abspath $(BIN)):$$PATH" cython-lint $$(git ls-files '*.pyx' '*.pxd')
	$(BIN)/mypy
	MYPYPATH=src $(BIN)/python -m $(STUBTEST) --allowlist .ci/stubtest-allowlist $(STUBBED)
	$(BIN)/hadolint Dockerfile
	$(BIN)/python tests/rules.py
	@! git grep -nIE '$(REGISTRY_HOSTS)' || { echo "These lines name a package registry."; exit 1; }

csan: ## the C library's own tests under ASan and UBSan; needs no Python
	$(MAKE) -C cext/tests

bench: $(STAMP)-test $(BUILD) ## CPU per request beside nginx; QUICK=1 only proves that it runs
	$(BIN)/python -m benchmarks $(if $(QUICK),--quick) $(ARGS)

conformance: $(STAMP)-suites $(STAMP)-test $(BUILD) ## others' S3 suites, straight and through us, into docs/conformance.md; QUICK=1: a part
	PYTHONPATH=tests $(BIN)/python -m conformance --suites $(abspath $(SUITES_VENV)) --jobs $(JOBS) $(if $(QUICK),--quick) $(ARGS)

docs: $(STAMP)-docs $(BUILD) ## the manual, into docs/_build/html
	$(DOCS_VENV)/bin/python -m sphinx -W --keep-going -q -b html docs docs/_build/html

build: $(STAMP)-base $(BUILD) ## the extension modules, in place

rules: | $(BIN)/python ## which tests hold which law, rule, defect and fault
	$(BIN)/python tests/rules.py $(ARGS)

clean: ## everything made but .venv's packages
	rm -rf build dist docs/_build cext/tests/bin benchmarks/load/bin src/*.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	find src \( -name '*.so' -o -name '*.html' -o -name __pycache__ \) -prune -exec rm -rf {} +
	find src -name '*.c' -delete
	rm -f $(STAMP)-build-*

# The rooms that hold compiled modules. Cython's classes are what PEP 800 calls disjoint bases.
STUBTEST = mypy.stubtest --concise --ignore-missing-stub --ignore-disjoint-bases
STUBBED = multistore.wire multistore.server
# The brackets keep this line from naming what it forbids.
REGISTRY_HOSTS = [p]ypi\.(org|io)|[p]ythonhosted|[r]egistry\.npmjs|[i]ndex-url|[f]ind-links

# --- set-up ---------------------------------------------------------------------------------------

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "multistore needs Python 3.11 or newer: make PYTHON=python3.12 …"; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

# What builds the extensions, taken from pyproject.toml so that it is said once.
$(STAMP)-base: pyproject.toml setup.py | $(BIN)/python
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' \
	  > $@.txt
	$(BIN)/python -m pip install $(PIP_FLAGS) -r $@.txt
	$(call install,$(BIN),.)
	touch $@

# One stamp for each extra. ONLY=- : metadata and dependencies now, the extensions below.
install = MULTISTORE_ONLY=- $(1)/python -m pip install $(PIP_FLAGS) --no-build-isolation --editable '$(2)'

$(STAMP)-demo $(STAMP)-test $(STAMP)-lint: $(STAMP)-%: $(STAMP)-base
	$(call install,$(BIN),.[$*])
	touch $@

# An environment of its own: awscli and Sphinx cannot agree on a docutils.
$(STAMP)-docs: $(STAMP)-base
	$(BIN)/python -m venv $(DOCS_VENV)
	$(DOCS_VENV)/bin/python -m pip install $(PIP_FLAGS) -r $(STAMP)-base.txt
	$(call install,$(DOCS_VENV)/bin,.[docs])
	touch $@

# An environment of their own as well: they want an older pytest. Tests of minio-py are in its
# source distribution alone.
$(STAMP)-suites: tests/conformance/requirements.txt | $(BIN)/python
	$(BIN)/python -m venv $(SUITES_VENV)
	$(SUITES_VENV)/bin/python -m pip install $(PIP_FLAGS) -r $<
	rm -rf $(SUITES_VENV)/sources
	$(SUITES_VENV)/bin/python -m pip download $(PIP_FLAGS) --no-deps --no-binary minio \
	  --dest $(SUITES_VENV)/sources "$$(grep ^minio== $<)"
	tar -xzf $(SUITES_VENV)/sources/minio-*.tar.gz -C $(SUITES_VENV)/sources
	touch $@

# A stale extension must never hide an edit. When cext/, the switches or the set of sources
# change, everything is built from nothing; the rest is what cythonize knows to be newer.
$(STAMP)-sources: FORCE | $(BIN)/python
	@echo $(sort $(C_SOURCES) $(EXTENSION_SOURCES)) | cmp -s - $@ \
	  || echo $(sort $(C_SOURCES) $(EXTENSION_SOURCES)) >$@

$(STAMP)-cext: $(STAMP)-sources $(C_SOURCES) setup.py
	rm -rf build
	touch $@

$(BUILD): $(STAMP)-cext $(EXTENSION_SOURCES) | $(STAMP)-base
	@printf '#include <openssl/sha.h>\n' | $(CC) -E - >/dev/null \
	  || { echo "The OpenSSL headers are missing: apt-get install libssl-dev"; exit 1; }
	@test $@ -nt $(STAMP)-cext || find src -name '*.so' -delete
	@rm -f $(STAMP)-build-*
	MULTISTORE_GATEWAY=$(GATEWAY) MULTISTORE_DEBUG=$(DEBUG) \
	  $(BIN)/python setup.py --quiet build_clib build_ext --inplace --parallel $(JOBS)
	touch $@
