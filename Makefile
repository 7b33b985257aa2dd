# Two commands on a fresh machine: `make demo` and `make test`. Both make their own .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export TF_CPP_MIN_LOG_LEVEL ?= 2

.PHONY: setup demo test test-all lint format bench clean

setup: $(STAMP)

# menpo3d is built from source. Its C++ rasteriser works only when numpy is there before the build and
# Cython is not (no build isolation, no cached wheel), so it is installed last and its rasteriser is tried.
$(STAMP): requirements.lock setup.py
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip<25" "setuptools<81" wheel
	$(BIN)/python -m pip install --quiet $$(grep -E '^numpy==' requirements.lock)
	grep -vE '^(menpo3d)==' requirements.lock > $(VENV)/wheels.txt
	$(BIN)/python -m pip install --quiet -r $(VENV)/wheels.txt
	! $(BIN)/python -c "import Cython" 2>/dev/null || $(BIN)/python -m pip uninstall --quiet --yes cython
	$(BIN)/python -m tf_facegan.uv.check >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet \
		--force-reinstall --no-build-isolation --no-cache-dir --no-deps \
		$$(grep -E '^menpo3d==' requirements.lock)
	$(BIN)/python -m pip install --quiet --no-build-isolation --no-deps -e .
	$(BIN)/python -m tf_facegan.uv.check
	touch $@

test: $(STAMP)
	$(BIN)/python -m pytest -m "not slow"

test-all: $(STAMP)
	$(BIN)/python -m pytest

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) *.egg-info .pytest_cache .ruff_cache demo_data
