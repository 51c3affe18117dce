# make studio   the studio on the examples
# make test     everything that a change must pass
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TARGET ?=

.DEFAULT_GOAL := help
.PHONY: help studio serve test check format tests coverage bench proof programs clean

help:
	@echo "make studio    open the studio on the examples (TARGET=file.py for your own)"
	@echo "make serve     the same in the browser"
	@echo "make test      checks and tests"
	@echo "make check     ruff, mypy and the import contracts"
	@echo "make format    write what ruff can mend by itself"
	@echo "make coverage  tests with branch coverage"
	@echo "make proof     kill runs and hold what is promised of them against it (QUICK=1 for the short one)"
	@echo "make bench     measure a run beside other libraries (QUICK=1 for the short one)"

# The stamp is newer than all that the environment is made from: then there is nothing to do.
$(READY): pyproject.toml constraints.txt scripts/setup.sh
	@sh scripts/setup.sh $(VENV)
	@touch $@

studio: $(READY)
	@$(BIN)/hypergraph studio $(TARGET)

serve: $(READY)
	@$(BIN)/hypergraph serve $(TARGET)

test: $(READY) programs check tests

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

tests: $(READY) programs
	$(BIN)/python -m pytest -n auto

coverage: $(READY)
	$(BIN)/python -m pytest -n auto --cov --cov-report=term

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)
	$(BIN)/python -m benchmarks $(if $(QUICK),--quick)

proof: $(READY)
	$(BIN)/python -m benchmarks.durability $(if $(QUICK),--quick)

programs:
	@sh scripts/programs.sh

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
