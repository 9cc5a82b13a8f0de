# Everything runs in ./.venv, which each target makes for itself.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# What is installed is pinned: constraints.txt holds one tested version of every package. Python
# compiles a module when it is first imported: most of what the extras bring never is.
PIP    := $(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt
# Containers often forbid it to write what it compiled: each of the hundreds of processes of the
# tests would then compile everything anew.
unexport PYTHONDONTWRITEBYTECODE
# `make test EXTRAS=` installs and tests the base package alone, without PyTorch.
EXTRAS ?= api,client,clip,excel,heif,lancedb,milvus,otel,pgvector,pinecone,train,ui
ROOMS ?=
PRODUCTS ?=

.PHONY: setup demo ui check test coverage test-transformers4 lint format benchmark soak evaluation \
  segmenter overlays images clean

# One stamp file for each set of extras: installed again when versions or extras change.
comma := ,
BASE  := $(VENV)/.installed
TESTS := $(VENV)/.installed-dev$(if $(EXTRAS),-$(subst $(comma),-,$(EXTRAS)))

$(BIN)/python:
	@# Without the Debian package python3-venv half an environment is left, which must not stay.
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(BASE): $(BIN)/python pyproject.toml constraints.txt
	$(PIP) --editable .
	@touch $@

$(TESTS): $(BIN)/python pyproject.toml constraints.txt
	$(PIP) --editable '.[dev$(if $(EXTRAS),$(comma)$(EXTRAS))]'
	@# With the extras comes the base package.
	@touch $(BASE) $@

# What lint and tests need.
setup: $(TESTS)

demo: $(BASE)
	$(BIN)/floorlens demo --out demo $(if $(ROOMS),--rooms '$(ROOMS)') $(if $(PRODUCTS),--products '$(PRODUCTS)')

# The page, with the sample catalogue or, with API_URL=http://…, what is served there.
API_URL ?=
UI := $(VENV)/.installed-ui
$(UI): $(BASE)
	$(PIP) --editable '.[api,ui]'
	@touch $@

ui: $(UI)
	$(BIN)/floorlens ui $(if $(API_URL),--api-url '$(API_URL)')

# The pictures of the page and of the report in docs/images, from both as they are.
images: $(TESTS)
	PYTHONPATH=benchmarks $(BIN)/python docs/images/make.py $(PARTS)

# While you work: all but the tests marked slow. Less than a minute once it is set up.
check: lint
	EXTRAS='$(EXTRAS)' $(BIN)/python -m pytest --quiet -m 'not slow'

# One process of tests keeps one core busy: threads of PyTorch and numpy would only wait for each
# other in busy loops, and take the core from the other process. The tests of a file share what it
# has set up, so that they stay together; tests/conftest.py says which files come first.
JOBS ?= 2
PYTEST := OMP_NUM_THREADS=1 EXTRAS='$(EXTRAS)' $(BIN)/python -m pytest --numprocesses $(JOBS) \
  --dist loadfile --no-loadscope-reorder
test: $(TESTS)
	$(PYTEST)

# Which lines no test runs. Watching every line doubles the time, so it is not part of `make test`.
coverage: $(TESTS)
	$(PYTEST) --cov=floorlens --cov-report=term:skip-covered

# The presets on the hub's models with transformers 4, in an environment of its own: what the
# constraints pin for transformers 5 does not fit there.
VENV4 := .venv-transformers4
TRANSFORMERS4 := transformers huggingface_hub tokenizers
TRANSFORMERS4_TESTS := $(addprefix tests/,models/test_hub.py models/test_torch.py \
  models/test_verify.py test_clip_presets.py test_reference_design.py cli/test_models.py \
  segmentation/backends/test_clipseg.py normalisation/backends/test_clip.py \
  embedding/backends/test_clip.py embedding/test_clip_signature.py \
  reranking/backends/test_clip_pairwise.py)

$(VENV4)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV4) || { rm -rf $(VENV4); exit 1; }
	grep -v -i $(foreach name,$(TRANSFORMERS4),-e '^$(name)==') constraints.txt > $(VENV4)/constraints.txt
	$(VENV4)/bin/python -m pip install --quiet --constraint $(VENV4)/constraints.txt \
	  --editable '.[clip]' 'transformers>=4.57,<5' hypothesis pytest
	@touch $@

test-transformers4: $(VENV4)/.installed
	$(VENV4)/bin/python -m pytest $(TRANSFORMERS4_TESTS)

lint: $(TESTS)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(TESTS)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

benchmark: $(TESTS)
	$(BIN)/python benchmarks/reference_speed.py
	$(BIN)/python benchmarks/segmentation_speed.py

# What takes longer than CI may: run by hand, the printed results go to benchmarks/results/.
soak: $(TESTS)
	$(BIN)/python benchmarks/accuracy.py
	$(BIN)/python benchmarks/start_up.py
	$(BIN)/python benchmarks/adaptation_speed.py
	$(BIN)/python benchmarks/reference_speed.py
	$(BIN)/python benchmarks/segmentation_speed.py
	$(BIN)/python benchmarks/mutated_pictures.py
	$(BIN)/python benchmarks/milvus_server.py
	$(BIN)/python benchmarks/service_load.py
	KILLS=20 $(BIN)/python -m pytest -s tests/test_kills.py
	SCHEMATHESIS_EXAMPLES=30 $(BIN)/python -m pytest -s tests/api/test_schemathesis.py
	$(BIN)/python benchmarks/micro_batches.py

# The results in docs/evaluation.md: an hour on two cores; stopped and started again, it goes on.
# ANEW=--anew measures anew what reports/evaluation holds.
PAIRS ?= ../shared/data/real_pairs
RANKING ?= ../shared/data/seed
ANEW ?=
evaluation: $(TESTS)
	$(BIN)/floorlens eval report $(PAIRS) --ranking $(RANKING) --out docs/evaluation.md $(ANEW)

# Makes the floor segmenter anew: hours on two cores; started again, it goes on where it was.
CACHE ?= .cache
segmenter: $(TESTS)
	$(PIP) bpy==4.4.0
	$(BIN)/python -m training.synthesis.floors --out $(CACHE)/floors --count 400 --size 512 --seed 0
	$(BIN)/python -m training.segmentation.rooms --out $(CACHE)/rooms --count 400
	$(BIN)/python -m training.segmentation.train --out $(CACHE)/segmenter --textures $(CACHE)/floors --rooms $(CACHE)/rooms
	$(BIN)/python -m training.segmentation.calibrate --run $(CACHE)/segmenter --rooms $(CACHE)/rooms
	$(BIN)/python -m training.segmentation.curve --run $(CACHE)/segmenter --out training/segmentation/curve.png
	$(BIN)/python -m training.segmentation.export_model --run $(CACHE)/segmenter
	$(PIP) OpenEXR==3.5.3
	$(BIN)/python -m training.segmentation.photographs --out $(CACHE)/photographs
	$(BIN)/python -m training.segmentation.train_scene --photographs $(CACHE)/photographs --out $(CACHE)/scene
	$(BIN)/python benchmarks/accuracy.py

# Makes the network that finds badges and writing on product pictures anew: about an hour.
overlays: $(TESTS)
	$(BIN)/python -m training.products.make_pictures --out $(CACHE)/overlay-pictures --count 12000
	$(BIN)/python -m training.products.train --pictures $(CACHE)/overlay-pictures --out $(CACHE)/overlays
	$(BIN)/python -m training.products.export_overlays --run $(CACHE)/overlays

clean:
	rm -rf $(VENV) $(VENV4) demo build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
