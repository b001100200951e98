# make demo   the default run, from nothing to scores, a map and a report
# make test   the whole test suite
.PHONY: setup demo test lint bench clean
PYTHON ?= python3
BIN := .venv/bin
PIP = $(BIN)/python -m pip install --disable-pip-version-check --progress-bar on
# what Python compiles is kept: a run's dozens of jobs do not compile it again
export PYTHONDONTWRITEBYTECODE =
TORCH_CPU ?= https://download.pytorch.org/whl/cpu

# Snakemake starts scripts by a shell that splits the path of Python at blanks.
ifneq ($(words x$(CURDIR)x),1)
$(error the path of this folder holds a blank, with which Snakemake cannot start Python: $(CURDIR); move the clone to a folder without one)
endif

setup: .venv/ready

.venv/ready: requirements.txt requirements-dev.txt constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("loam needs Python 3.11 or newer; set PYTHON=/path/to/python3" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	@if [ -e /dev/nvidia0 ] || [ "$$(uname -s)" != Linux ]; then \
		echo "loam: installing into .venv; with CUDA some 6 GB and 5 to 10 minutes, without some 2.5 GB and 3 to 4 minutes"; \
	else \
		echo "loam: no GPU here, so torch without CUDA; some 2.5 GB in .venv and 3 to 4 minutes"; \
		$(PIP) torch==2.13.0 --no-deps --index-url $(TORCH_CPU) --retries 0 --timeout 15 2> /dev/null \
		|| echo "loam: $(TORCH_CPU) is not reached; torch comes from the usual index"; \
	fi
	$(PIP) -r requirements.txt -r requirements-dev.txt -c constraints.txt
	touch .venv/ready

demo: setup
	PATH="$(CURDIR)/$(BIN):$$PATH" snakemake --cores all --quiet rules --configfile config/demo.yaml
	@cat results/demo/report/summary.txt

test: setup
	PATH="$(CURDIR)/$(BIN):$$PATH" python -m pytest -n 2 --dist loadfile --no-loadscope-reorder \
		tests/unit/sandbox tests/unit/sentinel1 tests/workflow tests/docs tests/faults tests/unit

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow/rules
	PATH="$(CURDIR)/$(BIN):$$PATH" snakemake --lint

bench: setup
	$(BIN)/python benchmarks/run_all.py

clean:
	rm -rf results .snakemake
