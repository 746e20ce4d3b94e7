# The commands of daily work. Everything they need is set up by `setup`, which each of them runs first.
.DEFAULT_GOAL := help
.PHONY: help setup setup-trino setup-tests configure build demo demo-trino test soak bench lint format

BUILD := build/release
SOURCES = $(shell git ls-files --cached --others --exclude-standard -- '*.h' '*.cc')
export PATH := $(PATH):$(HOME)/.cargo/bin

help: ## Show this list.
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

setup: ## Install what the build needs (tools/bootstrap.sh); a moment when nothing is missing.
	@tools/bootstrap.sh

setup-trino: ## The same, and Trino with its clients (821 MB more to download, once).
	@tools/bootstrap.sh trino

setup-tests: ## The same, and an S3 server (150 MB more to download, two minutes to build, once).
	@tools/bootstrap.sh tests

configure: setup
	@test -f $(BUILD)/build.ninja || cmake --preset release

build: configure ## Build build/release/weir and build/release/weir-clickhouse.
	cmake --build --preset release --target weir weir-clickhouse

demo: build ## Everything embedded on real flight data: NATS, the lake and ClickHouse.
	$(BUILD)/weir demo

demo-trino: setup-trino build ## The same, and its tables through a real Trino.
	$(BUILD)/weir demo --trino

test: setup-tests configure ## Build everything and run every test, those against real servers included.
	cmake --build --preset release
	python3 tools/run_tests.py $(BUILD)

soak: setup-tests configure ## More of what `make test` does briefly: 26 mishaps of a cluster at random.
	cmake --build --preset release
	WEIR_TEST_MISHAPS=20 python3 tools/run_tests.py $(BUILD) -R '^cluster_ingest$$'

bench: setup-trino configure ## Measure; prints one table (targets and method: docs/benchmarks.md).
	cmake --build --preset release --target bench

lint: configure ## clang-tidy, formatting and the project's own rules.
	cmake --build --preset release
	python3 tools/tidy.py
	clang-format --dry-run -Werror $(SOURCES)
	run-clang-tidy -quiet -p $(BUILD) '^$(CURDIR)/(src|apps|tests|bench)/'

format: setup ## Format all C++ sources in place.
	clang-format -i $(SOURCES)
