# Type `make` for the list. PYTHON=python3.12 chooses the Python that .venv is made with.
.DEFAULT_GOAL := help
.PHONY: help lab test grid bench wheel clean

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
	@echo "==> mypy" && if $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))'; \
		then $(BIN)/mypy; else echo "Left out: IPython and NumPy for Python 3.10 lack types."; fi
	@echo "==> The view: types, style, tests" && $(BIN)/python scripts/build_view.py test
	@echo "==> Tests" && $(BIN)/python -m pytest -n 2 --dist loadfile

grid: ## Run every recipe for each pair of its values on both Keras lines, and every wizard
	$(environment) cpu lab legacy cluster tuner test
	@GRID=pairwise $(BIN)/python -m pytest tests/recipes/test_code.py tests/browser/test_every_wizard.py tests/browser/test_wizard_looks.py \
		tests/browser/test_monitor.py tests/kernel/test_backup.py tests/training/test_threads_and_strategies.py \
		tests/training/test_distributing.py tests/training/test_tuning.py tests/training/custom_step tests/training/test_resuming*.py \
		tests/training/rate_finder tests/training/batch_sizes tests/browser/test_finders.py \
		tests/training/fine_tuning tests/magics/test_finetune.py tests/magics/test_finders.py tests/kernel/test_finders.py \
		tests/kernel/test_reproducible.py tests/cluster tests/devices tests/models tests/benchmarks

bench: ## Measure nbkeras against its peers and print the table
	$(environment) cpu lab bench test
	@$(BIN)/python -m tests.benchmarks

wheel: ## Build the wheel and the sdist into dist/
	$(environment) cpu lab test
	@$(BIN)/python -m build

clean: ## Remove .venv and everything that was built
	rm -rf .venv build dist extension/lib extension/node_modules extension/.built-from \
		nbkeras/labextension nbkeras/widgets/static
