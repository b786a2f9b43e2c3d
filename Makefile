# make demo: the whole stack on this machine.   make test: everything that must hold.
# Both set up all they need; nothing is asked of the machine but Python 3.11 and the network.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
UV := .bootstrap/bin/uv
# Files of environments are links into the cache of uv, which copies where it cannot: a gigabyte less for each.
export UV_LINK_MODE ?= hardlink
export UV_PYTHON_DOWNLOADS := never
unexport PYTHONDONTWRITEBYTECODE VIRTUAL_ENV

.PHONY: demo pictures test test-long test-images alone lint unit bench mutants coverage audit drills fuzz soak packages clean
.DEFAULT_GOAL := test

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version)'
	$(PYTHON) -m venv .bootstrap
	.bootstrap/bin/pip install --quiet 'uv>=0.8'

# Byte code is compiled now: crossbar.io starts in a third of the time. Of the packages that are left out little is
# ever imported, and nobody imports tests.
SELDOM := astropy|fontTools|mypy|mypyc|scipy|setuptools|sqlalchemy|xarray
.venv/.synced: $(UV) uv.lock pyproject.toml $(wildcard libs/*/pyproject.toml services/*/pyproject.toml ci/pyproject.toml)
	$(UV) sync --quiet --locked --all-packages --all-extras --python $(PYTHON)
	.venv/bin/python -m compileall -qq -j 0 -x '/tests?/|/($(SELDOM))/' .venv/lib || true
	@touch $@

demo: .venv/.synced
	@exec .venv/bin/python compose/demo

# Takes the pictures of README and docs: of the demo, in chromium.
pictures: .venv/.synced
	@ci/system-packages chromium fonts-dejavu-core
	.venv/bin/python compose/pictures

packages:
	@ci/system-packages

test: .venv/.synced packages lint unit
	@echo "tests of images on a real engine: make test-images"

# Long forms of what `make test` has in short.
test-long: .venv/.synced packages
	SISOCK_LONG=1 .venv/bin/pytest services/http/tests/influxql/test_differential.py services/http/tests/test_keeping.py \
		services/http/tests/test_openapi.py services/http/tests/test_overview.py
	SISOCK_SERIES_SECONDS=600 .venv/bin/pytest -s compose/tests/test_one_series.py

# Needs a Docker engine and a registry (SISOCK_REGISTRY, or one at 127.0.0.1:5555).
test-images: .venv/.synced
	.venv/bin/pytest -m engine ci/tests compose/tests

# Each service's tests in a copy of its folder, with what it declares from an index.
alone: .venv/.synced packages
	.venv/bin/sisock-ci alone --all

lint: .venv/.synced
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/sisock-ci make --check
	.venv/bin/lint-imports
	$(UV) lock --check --quiet
	@# what docs/decisions/0002-one-lock.md overrides is all that may be amiss
	! $(UV) pip check 2>&1 | grep ' requires ' | grep -vE '`crossbar` requires `idna|`(autobahn|sisock-hub)` requires `bjdata'

# Two fifths of a run's time are waiting for peers, so four share two cores; a file's tests stay together, and
# the files that take long come first: conftest.py.
WORKERS ?= 4
SIDE_BY_SIDE := -n $(WORKERS) --dist loadfile --no-loadscope-reorder
unit: .venv/.synced
	.venv/bin/pytest $(SIDE_BY_SIDE)

bench: .venv/.synced
	@ci/system-packages wrk
	cd ci && ../.venv/bin/python -m bench

# Plants mistakes in PACKAGE (or, with CHANGED=1, in the lines that differ from main), one at a time, and
# prints those that its tests do not notice: docs/proof.md. COUNT and SECONDS bound it; QUICK=1 asks fewer tests.
mutants: .venv/.synced
	cd ci && ../.venv/bin/python -m mutants $(PACKAGE) $(if $(CHANGED),--changed) $(if $(QUICK),--quick) \
		$(if $(COUNT),--count $(COUNT)) $(if $(SEED),--seed $(SEED)) $(if $(SECONDS),--seconds $(SECONDS))

# Asks OSV (https://osv.dev: PyPA's and GitHub's advisories) of everything in the lock that an image or a wheel has.
audit: $(UV)
	mkdir -p build
	$(UV) export --frozen --quiet --all-packages --no-dev --no-emit-workspace --format requirements-txt -o build/locked.txt
	$(UV) tool run pip-audit==2.9.0 --strict --disable-pip --require-hashes --vulnerability-service osv -r build/locked.txt

# What may happen at an observatory, done to the real stack (docs/reliability.md); ROOT is needed for some.
drills: .venv/.synced packages
	@ci/system-packages libfaketime || true
	cd ci && ../.venv/bin/python -m drills $(if $(SECONDS),--seconds $(SECONDS)) $(WORDS)

# Nonsense for everything that reads what others wrote: COUNT inputs a target, 100000 by default.
fuzz: .venv/.synced
	cd ci && ../.venv/bin/python -m fuzz $(if $(COUNT),--count $(COUNT)) $(if $(SEED),--seed $(SEED)) $(WORDS)

# MINUTES (60) at 10 times the usual load, with nodes that come and go: what is used of the machine.
soak: .venv/.synced packages
	cd ci && ../.venv/bin/python -m drills.soak $(if $(MINUTES),--minutes $(MINUTES))

# The same tests, and as information what share of each package ran in their own processes, which a service's often is not.
coverage: .venv/.synced
	.venv/bin/pytest $(SIDE_BY_SIDE) --cov --cov-report=json:build/coverage.json
	.venv/bin/sisock-ci covered build/coverage.json

clean:
	rm -rf .bootstrap .venv .venvs .demo
