# make demo   the default run, from nothing to scores, a map and a report
# make test   the whole test suite
.PHONY: setup demo test lint bench clean
PYTHON ?= python3
BIN := .venv/bin

setup: .venv/ready

.venv/ready: requirements.txt requirements-dev.txt constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("loam needs Python 3.11 or newer; set PYTHON=/path/to/python3" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-dev.txt -c constraints.txt
	touch .venv/ready

demo: setup
	PATH="$(CURDIR)/$(BIN):$$PATH" snakemake --cores all --quiet rules --configfile config/demo.yaml
	@cat results/sandbox/report/summary.txt

test: setup
	PATH="$(CURDIR)/$(BIN):$$PATH" python -m pytest -n 2 --dist loadfile

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow/rules
	PATH="$(CURDIR)/$(BIN):$$PATH" snakemake --lint

bench: setup
	$(BIN)/python benchmarks/run_all.py

clean:
	rm -rf results .snakemake
