# make run     build everything into .venv and boot the machine
# make test    the whole test suite, compiled and interpreted (make -j2 -O test: beside each other)
# make check   linters, types and the doors between the packages
# make bench   the benchmarks (ratios against the kernel's own TCP and the TAP's limit; wants root)
# make fuzz    coverage-guided fuzzing: make fuzz SECONDS=600, of one target TARGET=receive_path
# make interop Linux's driver and iPXE's on our card, our driver on QEMU's: fetches QEMU and a guest from Debian (no root)
# make build   compile what changed, in place

PYTHON ?= python3
TARGET ?= all
SECONDS ?= 60
BIN := .venv/bin
SOURCES := $(shell find hwemu kernel driver userland lab -name '*.py' -o -name '*.pyx' -o -name '*.pxd')
BUILD_TOOLS := setuptools wheel "Cython>=3.1,<4"
PIP := $(BIN)/pip --quiet --disable-pip-version-check

.PHONY: run test test-compiled test-interpreted check bench fuzz interop build docs clean

run: .venv/built
	@$(BIN)/hwemu boot

build: .venv/built

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "hwemu needs Python 3.11 or newer: make PYTHON=python3.x run" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "cannot make a virtual environment: on Debian install python3-venv" >&2; exit 1; }
	@$(PIP) install $(BUILD_TOOLS)

# The editable install takes no extension modules: tools/build.py compiles them, and only what changed.
.venv/installed: .venv/bin/python setup.cfg
	@HWEMU_BUILD_ONLY='["-"]' $(PIP) install --no-build-isolation --editable .
	@touch $@

.venv/built: .venv/installed setup.py pyproject.toml hwemu_importer.py $(SOURCES)
	@echo "building hwemu (the first time takes a few minutes) ..." >&2
	@$(BIN)/python tools/build.py >build.log 2>&1 || { tail -n 30 build.log >&2; exit 1; }
	@rm -f build.log
	@touch $@

.venv/test-tools: .venv/installed
	@HWEMU_BUILD_ONLY='["-"]' $(PIP) install --no-build-isolation --editable '.[test]'
	@touch $@

.venv/check-tools: .venv/installed
	@HWEMU_BUILD_ONLY='["-"]' $(PIP) install --no-build-isolation --editable '.[test,check]'
	@touch $@

test: test-compiled test-interpreted

test-compiled: .venv/built .venv/test-tools
	$(BIN)/python -m pytest tests

test-interpreted: .venv/built .venv/test-tools
	HWEMU_INTERPRETED=1 $(BIN)/python -m pytest tests

check: .venv/built .venv/check-tools
	$(BIN)/ruff check .
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/cython-lint hwemu kernel driver userland lab
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/architecture

bench: .venv/built .venv/test-tools
	$(BIN)/python -m benchmarks

.venv/fuzz-tools: .venv/built
	@HWEMU_BUILD_ONLY='["-"]' $(PIP) install --no-build-isolation --editable '.[test,fuzz]'
	@touch $@

fuzz: .venv/built .venv/fuzz-tools
	$(BIN)/python -m tests.fuzz $(TARGET) --seconds $(SECONDS)

interop: .venv/built .venv/test-tools
	tests/interop/qemu/fetch.sh build/interop >build/interop.log 2>&1 || { tail -n 5 build/interop.log >&2; exit 1; }
	HWEMU_INTEROP=$(CURDIR)/build/interop HWEMU_QEMU=$(CURDIR)/build/interop/qemu-system-x86_64 \
		$(BIN)/python -m pytest -v -rP --platform=qemu -m qemu tests/interop/qemu tests/platform

clean:
	rm -rf .venv build dist *.egg-info
	find hwemu kernel driver userland lab -name '*.so' -delete -o -name _build_manifest.json -delete

docs: .venv/built
	$(BIN)/python tools/rooms.py
	$(BIN)/python -m hwemu.nic.e1000.registers > docs/registers.md
