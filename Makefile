# Type `make` for the list. PYTHON=python3.12 chooses the Python that .venv is made with.
.DEFAULT_GOAL := help
.PHONY: help lab test types view grid bench wheel clean

BIN := .venv/bin
environment = @python="$$(scripts/find-python "$(PYTHON)")" && "$$python" scripts/environment.py

# .venv comes uncompiled, so Python must be free to keep what it compiles: TensorFlow's modules take eight
# seconds, and tests import them in some fifty processes. Empty is as good as not set.
export PYTHONDONTWRITEBYTECODE :=

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile

lab: ## Open JupyterLab on the quickstart; HEADLESS=1 executes it here instead
	$(environment) cpu lab
	@$(BIN)/python scripts/lab.py $(if $(HEADLESS),--headless)

test: ## Install what the tests need and run all checks and tests
	$(environment) cpu lab legacy cluster tuner test
	@$(BIN)/python scripts/chromium.py
	@echo "==> ruff" && $(BIN)/ruff check && $(BIN)/ruff format --check
	@$(MAKE) --no-print-directory -j 2 types view
	@echo "==> Tests" && $(BIN)/python -m pytest -n 2 --dist loadfile

types:
	@echo "==> mypy" && if $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))'; \
		then $(BIN)/mypy; else echo "Left out: IPython and NumPy for Python 3.10 lack types."; fi

view:
	@echo "==> The view: types, style, tests" && $(BIN)/python scripts/build_view.py test

grid: ## Run all tests, with those that make test leaves out: every recipe for each pair of its values, every wizard
	$(environment) cpu lab legacy cluster tuner test
	@$(BIN)/python scripts/chromium.py
	@GRID=pairwise $(BIN)/python -m pytest

bench: ## Measure nbkeras against its peers and print the table
	$(environment) cpu lab bench test
	@$(BIN)/python -m tests.benchmarks

wheel: ## Build the wheel and the sdist into dist/
	$(environment) cpu lab test
	@$(BIN)/python -m build

clean: ## Remove .venv and everything that was built
	rm -rf .venv build dist extension/lib extension/node_modules extension/.built-from \
		nbkeras/labextension nbkeras/widgets/static
