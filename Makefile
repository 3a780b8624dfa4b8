# `make` lists the recipes. Each installs what it needs (scripts/install.sh says what and why).

CARGO ?= cargo

help:
	@echo 'make demo    a backup of a pretend cloud, from the key to a file that plays, told as a story'
	@echo 'make test    everything a change must pass: format, lints, tests, real servers, documentation'
	@echo 'make bench   rcbs beside s5cmd, rclone, curl, openssl and sha256sum on the same files; writes docs/benchmarks.md;'
	@echo '             SCALE=0.1 is a quick one, WORKLOADS="voice screen" some of it'
	@echo 'make torture kills, power cuts and damage by the ten thousand, for more than an hour; writes docs/torture.md'
	@echo 'make fuzz    searches for bytes that break a parser, FUZZ_SECONDS=60 for each'
	@echo 'make lint    format and lints alone'

test: install-test lint
	$(CARGO) build --locked --workspace --all-targets
	if $(CARGO) nextest --version >/dev/null 2>&1; \
	then $(CARGO) nextest run --locked --workspace; \
	else $(CARGO) test --locked --workspace --lib --bins --tests --examples; fi
	$(CARGO) test --locked --workspace --doc
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --workspace --no-deps

# Core is also checked alone: in the workspace another crate may turn on a feature that core forgot to ask for.
# The programs that search for bytes are looked at without being linked: that would take a C++ compiler.
lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(CARGO) check --locked -p rcbs-core
	$(CARGO) clippy --locked -p rcbs-fuzz --features programs --bins -- -D warnings

demo: install-demo
	$(CARGO) build --locked -p rcbs -p rcbs-sim
	scripts/demo.sh

bench: install-bench
	$(CARGO) build --locked --release -p rcbs
	python3 bench $(WORKLOADS)

torture: install-test
	scripts/torture.sh

fuzz: install-fuzz
	fuzz/run.sh

install-%:
	@scripts/install.sh $*

.PHONY: help test lint demo bench torture fuzz
