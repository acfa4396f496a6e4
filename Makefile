# Two commands matter on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

# Pinned: a Slack Web API emulator, and an OpenID Connect provider.
NODE_PEERS := emulate@0.12.2 oidc-provider@9.13.3

.PHONY: setup demo test lint format up bench bench-network bench-people peers lock clean docs
setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Firebreak needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --editable .
	@$(BIN)/python -m compileall -q firebreak workflows activities integrations
	@touch $@

demo: $(STAMP)
	@$(BIN)/firebreak demo

up: $(STAMP)
	@$(BIN)/firebreak up --range

test: $(STAMP)
	$(BIN)/python -m pytest --numprocesses auto --dist loadgroup

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/firebreak playbook lint

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP)
	$(BIN)/python -m bench.respond

bench-network: $(STAMP)
	$(BIN)/python -m bench.network

bench-people: $(STAMP)
	$(BIN)/python -m bench.people

docs: $(STAMP)
	$(BIN)/python -m docs.generate

# The real peers of the tests: Debian packages (as root), and Node.js programs into .peers.
peers: $(STAMP)
	apt-get update -q
	DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
	  openvswitch-switch openssh-server postgresql iproute2 iputils-ping ethtool \
	  hostapd wpasupplicant freeradius freeradius-utils snmpd snmp mosquitto mosquitto-clients \
	  request-tracker5 rt5-db-sqlite rt5-standalone
	$(BIN)/python -m tests.peers.node $(NODE_PEERS)

lock: $(STAMP)
	$(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-trusted-host \
	  --no-emit-find-links --no-annotate --no-header --extra embedded --extra opcua --extra postgresql --extra dev \
	  --output-file requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) .peers .mypy_cache .ruff_cache .pytest_cache .hypothesis bench/out/*.json
