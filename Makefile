# Two commands on a fresh machine: `make demo` and `make test`. Both make their own .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup demo test test-all lint format bench bench-all trust clean

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

# From one real scan to a trained generator: every step is a command to use on your own data.
DEMO := demo_data

demo: $(STAMP)
	@echo "1/7 sample scans: variations of the one textured scan that ships with menpo3d"
	$(BIN)/python dataset_tool.py create_sample_scans $(DEMO)/scans --count 64 --overwrite
	@echo "2/7 UV maps: texture, shape and normals"
	$(BIN)/python dataset_tool.py create_uv_maps $(DEMO)/uv_maps $(DEMO)/scans --resolution 64 --overwrite
	@echo "3/7 records"
	$(BIN)/python dataset_tool.py create_from_pkl_img_norm $(DEMO)/faces $(DEMO)/uv_maps/texture \
		$(DEMO)/uv_maps/shape $(DEMO)/uv_maps/normals --labels $(DEMO)/uv_maps/labels.csv --overwrite
	$(BIN)/python dataset_tool.py display $(DEMO)/faces --out $(DEMO)/sheet.png --count 24 > /dev/null
	@echo "4/7 training"
	$(BIN)/python train.py --preset demo --dataset $(DEMO)/faces
	@echo "5/7 interpolation video"
	$(BIN)/python train.py --utility generate_interpolation_video --run_id latest \
		--set duration_sec=8 --set "grid_size=[3, 2]" --set image_zoom=2
	@echo "6/7 textured meshes"
	$(BIN)/python train.py --utility generate_textured_meshes --run_id latest --set smoothing=12
	@echo "7/7 samples beside the training examples most like them"
	$(BIN)/python train.py --utility find_nearest_reals --run_id latest
	@echo
	@echo "Training data:   $(DEMO)/sheet.png"
	@echo "Run folder:      $$(ls -d results/???-pgan-faces-preset-demo | tail -n 1) (reals.png, fakes*.png)"
	@echo "Video:           $$(ls results/*-interpolation-video-*/*.mp4 | tail -n 1)"
	@echo "3D faces:        $$(ls -d results/*-textured-meshes-* | tail -n 1) (previews.png, *.obj)"
	@echo "Learned by heart? $$(ls results/*-nearest-reals-*/nearest.png | tail -n 1)"
	@echo "TensorBoard:     $(BIN)/tensorboard --logdir results"

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

# One table, on an idle machine: every figure compares two things measured in the same run.
bench: $(STAMP)
	$(BIN)/python benchmarks/overview.py

# The questions one by one, in more detail.
bench-all: bench
	$(BIN)/python benchmarks/write_records.py
	$(BIN)/python benchmarks/create_from_images.py
	$(BIN)/python benchmarks/tbgan_step.py
	$(BIN)/python benchmarks/native_resolution.py
	$(BIN)/python benchmarks/levels.py
	$(BIN)/python benchmarks/ganimation_step.py
	$(BIN)/python benchmarks/tdgan_step.py
	$(BIN)/python benchmarks/convolutions.py

# What docs/reliability.md says, measured anew (hours). Shorter: make trust KILLS=5 STEPS=200 FUZZ=50
# A part that fails does not keep the others from being measured. Sheets come after whole steps, so that a
# few more than STEPS / 25 are asked for.
KILLS ?= 20
STEPS ?= 5000
SNAPSHOTS ?= $(shell expr $(STEPS) / 23)
FUZZ ?= 500

trust: $(STAMP)
	@failed=0; began=$$(date +%s); \
	TF_FACEGAN_FUZZ=$(FUZZ) $(BIN)/python -m pytest tests/hostile -q || failed=1; \
	$(BIN)/python -m pytest tests/engine/test_disk.py tests/engine/test_checkpoints.py \
		tests/records/test_corrupt.py tests/test_numerics.py tests/tbgan/test_mixed_precision.py \
		tests/engine/test_determinism.py tests/engine/test_eager.py -q || failed=1; \
	TF_FACEGAN_KILLS=$(KILLS) TF_FACEGAN_STEPS=$(STEPS) TF_FACEGAN_SNAPSHOTS=$(SNAPSHOTS) \
		$(BIN)/python -m pytest tests/faults -q -s || failed=1; \
	echo "make trust: $$(( ($$(date +%s) - began) / 60 )) minutes, commit $$(git rev-parse --short HEAD)"; \
	exit $$failed

clean:
	rm -rf $(VENV) *.egg-info .pytest_cache .ruff_cache demo_data
