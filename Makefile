# The two commands of a fresh clone: `make demo` and `make test`. Each does all set-up itself.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= auto
SOAK_SECONDS ?= 600
FUZZ_SECONDS ?= 60
FUZZ_MUTANTS ?= 40

.PHONY: demo test check quick serve bench soak fixtures interop interop-multipart fuzz lock clean crash evidence faults

demo: $(VENV)/.runtime
	@$(BIN)/wssgate demo

test: check

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n $(JOBS) --cov --cov-report= $(MEASURED) $(UNMEASURED:%=--ignore=%)
	$(BIN)/coverage report --fail-under=100
	$(BIN)/pytest -n $(JOBS) $(OTHERS)
	$(BIN)/pytest -n $(JOBS) $(UNMEASURED) tests/mutation tests/consumers

# Each branch of these rooms is reached by their own tests. Measuring takes as much time again as the tests do: so the
# long ones that reach none which others do not are left out of it, and the tests of the other rooms.
MEASURED := tests/keystore tests/gateway/attachments tests/gateway/verify tests/gateway/renewal tests/gateway/report
UNMEASURED := tests/gateway/renewal/test_histories.py tests/gateway/renewal/progress/test_renewal_courses.py \
  tests/gateway/renewal/test_processes.py tests/gateway/renewal/test_gates_of_running_gateways.py \
  tests/gateway/renewal/test_uses_before_running_gateways.py tests/gateway/renewal/test_renewals_through_http.py
OTHERS := $(filter-out %__pycache__ tests/gateway tests/mutation tests/consumers $(MEASURED),$(patsubst %/,%,$(wildcard tests/*/ tests/gateway/*/)) \
  $(wildcard tests/test_*.py tests/gateway/test_*.py))

# While you work: a sample of every test file, in under a minute. Without the demo, processes, mutants and other stacks.
quick: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache >/dev/null || $(BIN)/lint-imports
	$(BIN)/pytest -q -n $(JOBS) --quick $(QUICK_LEAVES_OUT:%=--ignore=tests/%)

QUICK_LEAVES_OUT := mutation consumers bench fixtures packaging gateway/alerts gateway/demo gateway/service gateway/renewal/test_processes.py \
  gateway/renewal/test_histories.py gateway/renewal/test_gates_of_running_gateways.py \
  gateway/renewal/test_uses_before_running_gateways.py gateway/renewal/progress/test_renewal_courses.py \
  gateway/ledger/write/test_crash.py gateway/cli/test_serve.py gateway/cross_check/test_judge_loading.py \
  gateway/ledger/write/test_held_connection.py gateway/exchange/wsdl gateway/exchange/test_nginx.py \
  gateway/verify/test_properties.py gateway/verify/test_wrapping.py test_differential.py

serve: $(VENV)/.runtime
	$(BIN)/wssgate serve --config gateway.example.toml

bench: $(VENV)/.dev
	$(BIN)/python -m bench $(PARTS)

# Ten minutes at full load; `make soak SOAK_SECONDS=60` for fewer.
soak: $(VENV)/.dev
	$(BIN)/python -m bench.load.soak --seconds $(SOAK_SECONDS)

# More mutants of every rule than a test run makes, then a search that is guided by the branches that messages reach.
# Its corpus is kept in .fuzz, and what it finds in .fuzz/findings.
fuzz: $(VENV)/.fuzz
	TESTING_MUTANTS=$(FUZZ_MUTANTS) $(BIN)/pytest -q -n $(JOBS) tests/mutation
	$(BIN)/python -m tests.mutation.fuzzing --seconds $(FUZZ_SECONDS)

fixtures: $(VENV)/.dev
	$(BIN)/python fixtures/generate.py

# What other stacks sign; fixtures/README.md says what each needs. SIGNERS="wss4j zeep" names some; ANEW=--all signs again,
# ANEW=--product signs and verifies the whole product of what each can vary, and keeps nothing of it.
interop: $(VENV)/.dev
	$(BIN)/python -m fixtures.interop $(ANEW) $(SIGNERS)

# The same for multipart messages: SIGNERS="cxf wss4j" names some, ANEW=--all.
interop-multipart: $(VENV)/.dev
	$(BIN)/python -m fixtures.interop.multipart $(ANEW) $(SIGNERS)

# The locks hold every dependency with its hashes, so nothing is resolved here (--no-deps).
$(VENV)/.runtime: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"wssgate needs Python 3.11 or newer, and {sys.executable} is {v.major}.{v.minor}: run make PYTHON=python3.12, for instance")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@echo "Installing the tools for development ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-dev.lock
	@touch $@

$(VENV)/.fuzz: requirements-fuzz.lock $(VENV)/.dev
	@echo "Installing the fuzzer ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-fuzz.lock
	@touch $@

# The gateway under load, killed a hundred times: about ten minutes.
ROUNDS ?= 100
HISTORIES ?= 50000
crash: $(VENV)/.dev
	$(BIN)/python -m tests.gateway.service.workers.crashing $(ROUNDS)

# Random histories of gateways, receivers, clocks and databases against the gates, and how often "switched" comes too early.
evidence: $(VENV)/.dev
	TESTING_HISTORIES=$(HISTORIES) $(BIN)/pytest -q -n $(JOBS) tests/gateway/renewal/test_histories.py
	$(BIN)/python -m bench.switching

# The HTTP front end alone: connections by the thousand, half-sent requests, resets, a clock that is set back.
faults: $(VENV)/.dev
	$(BIN)/pytest tests/gateway/service/test_network_faults.py tests/gateway/wire/inbound/test_protocol.py tests/gateway/exchange/test_pipeline.py

# Maintainers: needs uv. Versions and hashes only, no download addresses.
lock:
	uv pip compile pyproject.toml --extra build --excludes requirements.excludes --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --quiet -o requirements.lock
	uv pip compile pyproject.toml --extra build --extra dev --extra timestamps --extra documents --extra alerts --excludes requirements.excludes --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --quiet -o requirements-dev.lock
	uv pip compile --group fuzz --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --quiet -o requirements-fuzz.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage
