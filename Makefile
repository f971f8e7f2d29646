# SPDX-License-Identifier: MIT
.DEFAULT_GOAL := help
.PHONY: help demo quick test test-timescale test-apache test-containers test-alerts test-compose check bench chaos chaos-proof soak fuzz year upgrade edge-package test-package test-image cloud-package test-package-cloud docs sandbox sentences pictures site clean setup lock test-docs

VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
WORKERS ?= 2
# Tests write into memory (tests/support/memory.py), but what is measured waits for a disk.
ON_DISK := TMPDIR=$(or $(TMPDIR),/tmp)

help: ## Say what each target does
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

setup: ## Make the virtual environment from the lock file
	@sh deploy/demo/bootstrap.sh $(VENV)

demo: setup ## Run a society's month end to end (KEEP=1 leaves it running, DSN=… uses your database)
	@$(BIN)/python -m deploy.demo $(if $(KEEP),--keep) $(if $(DSN),--dsn "$(DSN)")

quick: setup ## Lint, import contracts and the unit tests without a slow one: about two minutes
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-cache
	$(PYTEST) tests/unit -m "not slow" -q -n $(WORKERS)

test: check ## Check, then run every test against servers that the tests start
	$(PYTEST) -n $(WORKERS) --dist loadfile --no-loadscope-reorder

test-timescale: setup ## Run the storage tests against TimescaleDB Community: make test-timescale DSN=…
	@test -n "$(DSN)" || { echo 'make test-timescale needs DSN=postgresql://… of a TimescaleDB Community server' >&2; exit 2; }
	@IOT_UTILITY_TEST_DSN="$(DSN)" $(PYTEST) -p tests.support.timescale_run -m timescale --timescale-run docs/reference/timescale-run.json

test-apache: setup ## Run the storage tests against TimescaleDB's Apache edition: make test-apache DSN=…
	@test -n "$(DSN)" || { echo "make test-apache needs DSN=postgresql://… of a server with timescaledb.license = 'apache'" >&2; exit 2; }
	@IOT_UTILITY_TEST_APACHE_DSN="$(DSN)" $(PYTEST) -m apache

test-alerts: setup ## Fetch Debian's Prometheus, check the rules, and let every alert fire on a real worker
	IOT_UTILITY_ALERTS=1 $(PYTEST) tests/integration/deploy/test_alert_rules.py tests/integration/deploy/alerts_fire.py -q -s -p no:xdist

test-containers: setup ## Run the tests of both editions of TimescaleDB and of the broker in containers (needs Docker)
	IOT_UTILITY_CONTAINERS=1 $(PYTEST) -m containers

test-compose: setup ## Have docker-compose read deploy/compose (fetches Debian's package into a folder)
	IOT_UTILITY_TEST_COMPOSE=1 $(PYTEST) tests/integration/deploy/test_installed.py -q -p no:xdist

check: setup ## Lint, types, import contracts, and whether the recorded TimescaleDB run is current
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m tests.support.timescale_run

bench: setup ## Print the measured rates beside their limits
	$(ON_DISK) $(PYTEST) tests/bench/bench_*.py tests/web/bench_*.py -q -s -p no:xdist

upgrade: setup ## Let a former version serve beside this one while its store is upgraded: FORMER=v0.1
	@test -n "$(FORMER)" || { echo 'make upgrade needs FORMER=COMMIT of a former version' >&2; exit 2; }
	@former=$$(mktemp -d) && trap 'rm -rf "$$former"' EXIT && git archive "$(FORMER)" | tar -x -C "$$former" && \
	IOT_UTILITY_TEST_FORMER="$$former" $(PYTEST) tests/integration/cloud_ingest/lane_upgrade.py -q -p no:xdist

chaos: setup ## Strike everything at random under a steady load, and compare every reading: MINUTES=10 SEED=1
	$(BIN)/python -m tests.chaos --minutes $(or $(MINUTES),10) --seed $(or $(SEED),1)

soak: setup ## Play a gateway and the cloud's worker for weeks of simulated time: is what they take flat? DAYS=30 METERS=30
	$(ON_DISK) $(BIN)/python -m tests.soak --days $(or $(DAYS),30) --meters $(or $(METERS),30)

chaos-proof: setup ## Break five promises on purpose: the chaos run has to tell each
	$(PYTEST) tests/chaos/proof.py -q -s -p no:xdist

fuzz: setup ## Spoil meters' answers, payloads and files, and read them: COUNT=1000000 SEED=1
	$(BIN)/python -m tests.fuzz --count $(or $(COUNT),1000000) --seed $(or $(SEED),1) --processes $(WORKERS)
	$(BIN)/python -m tests.fuzz.lane payloads --count $(or $(COUNT),1000000) --seed $(or $(SEED),1) --processes $(WORKERS)
	$(BIN)/python -m tests.fuzz.lane files --count $(or $(FILES),20000) --seed $(or $(SEED),1) --processes $(WORKERS)
	FUZZ_MESSAGES=$(or $(MESSAGES),100000) $(PYTEST) tests/integration/cloud_ingest/test_spoiled_messages.py -q -s -p no:xdist

year: setup ## Play a year of a society of 1,000 units with every fault, and hold each number against the truth
	$(ON_DISK) $(PYTEST) tests/bench/society_year.py -q -s -p no:xdist

test-image: setup ## Give a card's files to Debian's cloud-init and netplan, and run its first boot on a disk (as root)
	IOT_UTILITY_IMAGE=1 $(PYTEST) tests/image -q -p no:xdist -rs

test-package-cloud: setup ## Install the package of the cloud into a folder (needs the package index)
	IOT_UTILITY_TEST_PACKAGE=1 $(PYTEST) tests/integration/deploy/test_cloud_package.py -q -p no:xdist

cloud-package: setup ## Pack the cloud service for a server with systemd, into dist/
	$(BIN)/python -m deploy.cloud_package

edge-package: setup ## Make the gateway's Debian package, dist/edge-agent_*.deb: ARCH=arm64 or amd64
	@$(BIN)/python -m deploy.edge --architecture $(or $(ARCH),arm64) $(if $(VERSION),--version "$(VERSION)")

test-docs: setup ## Follow every page of the documentation, and the newcomer's hour; say what is not run, and why
	$(PYTEST) tests/docs tests/docs/hour.py -q -n $(WORKERS) --dist loadfile
	@$(BIN)/python -m tests.docs

sandbox: setup ## Run a database and a broker of this machine alone, to try the programs on: DIRECTORY=sandbox
	@$(BIN)/python -m deploy.demo.sandbox $(or $(DIRECTORY),sandbox)

test-package: setup ## Install the gateway's package in a clean Debian and run it there: as root, RELEASE=bookworm
	$(ON_DISK) $(PYTEST) tests/package/lane_package.py -q -rs -p no:xdist

docs: setup ## Generate the reference of messages, commands, settings and views, and the page that checks a proof
	$(BIN)/python -m shared_schema.schemas docs/reference
	$(BIN)/python -m shared_schema.proof.page shared_schema/verify.html
	$(BIN)/python -m edge_agent.cli.reference docs/reference
	$(BIN)/python -m cloud_ingest.cli.reference docs/reference
	$(BIN)/python -m cloud_ingest.api.reference docs/reference
	$(BIN)/python -m tests.support.report_page docs/reference
	$(BIN)/python -m cloud_ingest.cli.metrics_reference docs/reference

sentences: setup ## Bring the catalogues of the pages' languages in line with the pages
	$(BIN)/python -m tests.support.sentences

pictures: setup ## Draw the pages for the documentation anew, in Debian's Chromium
	$(PYTEST) tests/web/pictures.py -q -p no:xdist

site: setup ## Build the documentation site into build/site: it opens without a web server
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "open build/site/index.html"

lock: ## Renew requirements.lock: versions and hashes, no addresses (needs uv)
	uv pip compile pyproject.toml --extra dev --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header -o requirements.lock

clean: ## Remove what these targets made
	rm -rf $(VENV) build dist .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis
