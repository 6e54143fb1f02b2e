# make demo   trains and evaluates a FIN on synthetic data, in minutes
# make live   records three movements from a simulated board, makes a decoder of them, and opens the live page with it;
#             BOARD=brainflow:cyton?serial_port=/dev/ttyUSB0 is another --source
# make study  runs a small study on synthetic data, with a report, in minutes
# make test   runs the fast tests, in minutes; make test-all runs the slow ones after them
# make test-avx2   runs the fast tests of numbers again, as compiled for a CPU without AVX-512; ISA=SSE4_2: without AVX;
#                  NUMERICS=numerics: the slow ones too
# make bench  times finjax against PyTorch, and what people wait for, in a quarter of an hour; ISA=AVX2: as on a CPU
#             without AVX-512
# make soak   kills a training fifty times, damages 2,000 files, watches the memory of a training for half an hour, and
#             decodes with the live page open for ten minutes
# make lint   checks the style and the types
# make docs   builds the documentation site, in minutes; make linkcheck asks the addresses that it names
# make bounds runs the tests with the lowest and the newest versions that the bounds allow, each in a fresh environment
# make lock   writes requirements-dev.lock: every package of the development environment, by version and hash
# Each makes .venv and installs what it needs into it, with $(PYTHON), Python 3.11 or newer.

PYTHON ?= python3
ISA ?= AVX2
BOARD ?= brainflow:synthetic
NUMERICS ?= numerics and not slow
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo live study test test-all test-avx2 bench soak lint docs linkcheck bounds lock clean

demo: $(VENV)/installed
	$(BIN)/python main.py --config=configs/fin_ssi.py

live: $(VENV)/installed-web
	rm -rf runs/board runs/board_fit
	$(BIN)/finjax record '--source=$(BOARD)' --movements=rest,fist,open --repetitions=3 --hold=3 --rest=1 --check=0 runs/board
	$(BIN)/finjax fit runs/board --workdir=runs/board_fit
	$(BIN)/finjax live runs/board_fit/subject_1 '--source=$(BOARD)' --web

study: $(VENV)/installed
	$(BIN)/python main.py --config=configs/study.py

test: $(VENV)/installed-dev
	$(BIN)/python -m pytest -m "not slow" -n auto --maxprocesses=4 --dist=loadfile

test-all: test
	$(BIN)/python -m pytest -m slow -n auto --maxprocesses=4 --dist=loadfile

# Other vectors add in another order: a tolerance that one CPU's rounding was measured for fails here.
test-avx2: $(VENV)/installed-dev
	XLA_FLAGS="$(XLA_FLAGS) --xla_cpu_max_isa=$(ISA)" $(BIN)/python -m pytest -m "$(NUMERICS)" -n auto --maxprocesses=4 --dist=loadfile

# ISA has a value in this file; only one that is given with the command limits the benchmarks, and PyTorch alike.
bench: LIMITS := $(if $(filter file,$(origin ISA)),,XLA_FLAGS="$(XLA_FLAGS) --xla_cpu_max_isa=$(ISA)" \
	ATEN_CPU_CAPABILITY=$(shell echo $(ISA) | tr A-Z a-z) ONEDNN_MAX_CPU_ISA=$(ISA))
bench: $(VENV)/installed-bench
	$(LIMITS) $(BIN)/python -m benchmarks

soak: $(VENV)/installed-dev
	$(BIN)/python -m soak

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

docs: $(VENV)/installed-docs
	$(BIN)/python -m sphinx -b html -E -W --keep-going docs docs/_build/html

linkcheck: $(VENV)/installed-docs
	$(BIN)/python -m sphinx -b linkcheck docs docs/_build/linkcheck

bounds: $(VENV)/installed-maintain
	$(BIN)/python -m tools.bounds

lock: $(VENV)/installed-maintain
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --upgrade \
		--quiet --custom-compile-command 'make lock' --output-file requirements-dev.lock

clean:
	rm -rf $(VENV) runs docs/_build

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("finjax needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: requirements.txt pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet -e .
	touch $@

$(VENV)/installed-dev: pyproject.toml $(VENV)/installed
	$(BIN)/python -m pip install --quiet -e '.[dev]'
	touch $@

$(VENV)/installed-web: pyproject.toml $(VENV)/installed
	$(BIN)/python -m pip install --quiet -e '.[web,brainflow,bids]'
	touch $@

$(VENV)/installed-docs: pyproject.toml $(VENV)/installed
	$(BIN)/python -m pip install --quiet -e '.[docs]'
	touch $@

$(VENV)/installed-maintain: pyproject.toml $(VENV)/installed
	$(BIN)/python -m pip install --quiet -e '.[maintain]'
	touch $@

$(VENV)/installed-bench: pyproject.toml $(VENV)/installed
	$(BIN)/python -m pip install --quiet -e '.[bench]'
	touch $@
