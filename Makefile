# kfmesh. `make help` lists the targets; each sets up what it needs.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help

# No C compiler is needed, except by the race detector. One setting everywhere
# else lets all targets share what the compiler has cached.
export CGO_ENABLED := 0

# NVML, the library of NVIDIA's driver, is C: kfmesh and kfmesh-gpuagent are linked to ask it
# where there are that driver and a C compiler. NVML=1 and NVML=0 decide otherwise.
NVML ?= $(if $(and $(wildcard /dev/nvidiactl /proc/driver/nvidia),$(shell command -v $${CC:-cc})),1,0)

GO       ?= go
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS  := -s -w -X main.version=$(VERSION)
VENV     := .venv
PY       := $(VENV)/bin/python
BUF      := $(GO) tool -modfile=tools/buf/go.mod buf
LINT     := $(GO) tool -modfile=tools/lint/go.mod golangci-lint
PKG      ?= ./...
ARGS     ?=

# cmd/kfmesh, cmd/kfmesh-supervisor, cmd/kfmesh-rsh and cmd/kfmesh-probe keep their names; cmd/<service> becomes
# bin/kfmesh-<service>.
SERVICES := $(filter-out kfmesh%,$(patsubst cmd/%/main.go,%,$(wildcard cmd/*/main.go)))
BINARIES := bin/kfmesh bin/kfmesh-supervisor bin/kfmesh-rsh bin/kfmesh-probe $(SERVICES:%=bin/kfmesh-%)

say = @printf '\033[1m==> %s\033[0m\n' "$(1)"

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: $(BINARIES) ## Build bin/kfmesh, its supervisor and one binary a service

# Go itself knows what is stale, so these always ask it.
.PHONY: FORCE
ifneq ($(NVML),0)
bin/kfmesh bin/kfmesh-gpuagent: export CGO_ENABLED := 1
bin/kfmesh bin/kfmesh-gpuagent: with := , with NVML (NVML=0 builds without)
endif

bin/kfmesh bin/kfmesh-supervisor bin/kfmesh-rsh bin/kfmesh-probe: bin/%: FORCE
	$(call say,go build ./cmd/$*$(with))
	@$(GO) build -ldflags '$(LDFLAGS)' -o $@ ./cmd/$*
bin/kfmesh-%: FORCE
	$(call say,go build ./cmd/$*$(with))
	@$(GO) build -ldflags '$(LDFLAGS)' -o $@ ./cmd/$*

.PHONY: gen
gen: third_party ## Generate Go and OpenAPI from proto/
	$(call say,buf generate)
	@$(BUF) generate

third_party: tools/protodeps/main.go tools/protodeps/go.mod
	@rm -rf $@ && $(GO) -C tools/protodeps run . $(CURDIR)/third_party && touch $@

.PHONY: clean
clean: ## Remove what the other targets made
	@rm -rf bin third_party $(VENV) .venv-mlflow-* .venv-framework-* .venv-sdk .kfmesh .pytest_cache .ruff_cache

.PHONY: test
test: ## Run every test: Go with -race, then end to end with the kfp SDK, kubectl, the Kubeflow SDKs and MLflow clients
	@$(MAKE) test-go && $(MAKE) test-e2e && $(MAKE) test-kubectl && $(MAKE) test-sdk && $(MAKE) test-mlflow

.PHONY: test-go
test-go: build $(VENV)/ready ## Run the Go tests (PKG=./services/... for some)
	$(call say,go test -race $(PKG))
	@CGO_ENABLED=1 KFMESH_TEST_PYTHON=$(CURDIR)/$(PY) $(GO) test -race $(PKG) $(ARGS)

# How long each fuzz test runs.
FUZZTIME ?= 10s

.PHONY: fuzz
fuzz: ## Run every fuzz test for a while (FUZZTIME=10s each; PKG=./services/... for some)
	@tools/fuzz/fuzz $(FUZZTIME) '$(PKG)'

.PHONY: test-cgroup2
test-cgroup2: ## Run the tests of control groups in a virtual machine that has those of version 2 alone
	$(call say,tests of control groups of version 2)
	@test/cgroup2/run bin/test/vm

# External servers, for the shape of one process a service.
bin/test/etcd: go.mod
	@$(GO) build -o $@ go.etcd.io/etcd/server/v3
bin/test/nats-server: go.mod
	@$(GO) build -o $@ github.com/nats-io/nats-server/v2

# An unmodified kubectl, of the version that its module pins.
KUBECTL_VERSION := $(shell awk '$$1 == "k8s.io/kubectl" { sub("v0", "v1", $$2); print $$2 }' tools/kubectl/go.mod)
bin/test/kubectl: tools/kubectl/main.go tools/kubectl/go.mod
	@$(GO) -C tools/kubectl build -ldflags '-s -w -X k8s.io/component-base/version.gitVersion=$(KUBECTL_VERSION)' -o $(CURDIR)/$@ .

# Sends what the benchmark of tracking measures.
bin/test/track-load: FORCE
	@$(GO) build -o $@ ./test/bench/load

# Fill the archive and the lineage that benchmarks read.
bin/test/fill-archive bin/test/fill-lineage: bin/test/fill-%: FORCE
	@$(GO) build -o $@ ./test/bench/$*

# Simulates the cluster in which a benchmark has jobs placed.
bin/test/placement.test: FORCE
	@$(GO) test -c -o $@ ./services/gpuagent/internal/scheduler

.PHONY: test-e2e
test-e2e: build bin/test/etcd bin/test/nats-server $(VENV)/ready ## Run the end-to-end tests (ARGS='-k cache' for some)
	$(call say,pytest test/e2e)
	@$(PY) -m pytest test/e2e $(ARGS)

.PHONY: test-kubectl
test-kubectl: build bin/test/kubectl $(VENV)/ready ## Drive it with unmodified kubectls: the one it builds, and yours (KUBECTL=FILE)
	$(call say,pytest test/kubectl)
	@KUBECTL='$(KUBECTL)' $(PY) -m pytest test/kubectl $(ARGS)

.PHONY: test-sdk
test-sdk: build .venv-sdk/ready ## Run unmodified Kubeflow SDKs, for jobs and TrainJobs, against it
	$(call say,pytest test/sdk)
	@.venv-sdk/bin/python -m pytest test/sdk $(ARGS)

.PHONY: test-mlflow
test-mlflow: build .venv-mlflow-3/ready .venv-mlflow-2/ready ## Run unmodified MLflow 3 and 2 clients against it (ARGS='-k search' for some)
	$(call say,pytest test/tracking)
	@.venv-mlflow-3/bin/python -m pytest test/tracking $(ARGS)
	@.venv-mlflow-2/bin/python -m pytest test/tracking $(ARGS)

# The frameworks that training jobs are tried with, each in an environment of its own.
FRAMEWORKS := torch xgboost openmpi mpich jax tensorflow paddle

.PHONY: test-frameworks
test-frameworks: build $(VENV)/ready $(FRAMEWORKS:%=.venv-framework-%/ready) ## Train with the real frameworks, some 9 GB (ARGS='-k torch' for some)
	$(call say,pytest test/frameworks)
	@$(PY) -m pytest test/frameworks $(ARGS)

.PHONY: conformance-mlflow
conformance-mlflow: build ## Run MLflow's own REST tests (SUITE=DIR, a checkout; SUITE_PYTHON, a Python that can run them)
	@test -n '$(SUITE)' || { echo 'Name a checkout of MLflow: make conformance-mlflow SUITE=DIR' >&2; exit 1; }
	@cd '$(SUITE)' && PYTHONPATH=$(CURDIR)/test:$(CURDIR)/test/mlflow_suite MLFLOW_HTTP_REQUEST_MAX_RETRIES=1 \
		$(SUITE_PYTHON) -m pytest -p on_kfmesh -p no:cacheprovider $(if $(ARGS),$(ARGS),$(SUITE_TESTS))

SUITE_PYTHON ?= python3
SUITE_TESTS  := $(addprefix tests/tracking/,test_rest_tracking.py test_model_registry.py test_mlflow_artifacts.py)

SQL_TESTS := $(addprefix test/e2e/,test_lineage.py test_one_world.py test_model_registry.py)

.PHONY: test-postgres
test-postgres: build bin/test/etcd bin/test/nats-server $(VENV)/ready .venv-mlflow-3/ready ## Run what touches SQL against a PostgreSQL of its own (KFMESH_INSTALL_POSTGRES=1 lets apt-get install one)
	@test/postgres/with-postgres env CGO_ENABLED=1 $(GO) test -race -count=1 ./services/metadata/...
	@test/postgres/with-postgres $(PY) -m pytest test/e2e/test_shapes.py
	@test/postgres/with-postgres $(PY) -m pytest $(SQL_TESTS)
	@test/postgres/with-postgres .venv-mlflow-3/bin/python -m pytest test/tracking

.PHONY: test-containers
test-containers: build $(VENV)/ready ## Run what needs a container engine (KFMESH_INSTALL_ENGINE=1 lets apt-get install one)
	@test/containers/with-engine bash -ec '\
		CGO_ENABLED=1 $(GO) test -race -count=1 ./services/gpuagent/internal/runtime/container; \
		CGO_ENABLED=1 $(GO) test -race -count=1 -run Container ./services/gpuagent; \
		$(PY) -m pytest test/e2e/test_containers.py test/e2e/test_containers_nodes.py'

.PHONY: lint
lint: third_party $(VENV)/ready ## Check the style of Go, protos and Python
	$(call say,golangci-lint)
	@$(LINT) run
	$(call say,buf lint)
	@$(BUF) lint
	$(call say,ruff)
	@$(PY) -m ruff check . && $(PY) -m ruff format --check .

.PHONY: fmt
fmt: $(VENV)/ready ## Format Go, protos and Python
	@$(LINT) fmt && $(BUF) format --write proto && $(PY) -m ruff format . && $(PY) -m ruff check --fix .

.PHONY: conformance
conformance: build $(VENV)/ready ## Run a corpus of compiled pipelines (KFMESH_CORPUS=DIR)
	@PYTHONPATH=test $(PY) test/conformance $(ARGS)

.PHONY: conformance-training
conformance-training: build $(VENV)/ready ## Apply a corpus of training manifests and look what replicas find (KFMESH_CORPUS=DIR)
	@PYTHONPATH=test $(PY) test/conformance_training $(ARGS)

.PHONY: conformance-validation
conformance-validation: build $(VENV)/ready ## Ask Kubeflow's operators and kfmesh what is wrong with thousands of manifests (KFMESH_CORPUS=DIR for more of them)
	@PYTHONPATH=test $(PY) test/conformance_validation $(ARGS)

.PHONY: chaos
chaos: build bin/test/etcd bin/test/nats-server $(VENV)/ready ## kill -9 again and again amid hundreds of runs (ARGS='--seed 7')
	@PYTHONPATH=test $(PY) -W ignore -m chaos $(ARGS)

.PHONY: bench
bench: build bin/test/fill-archive bin/test/fill-lineage bin/test/track-load bin/test/placement.test $(VENV)/ready ## Measure it beside its floors and peers (ARGS='--only loop fleet' for some)
	@PYTHONPATH=test $(PY) test/bench $(ARGS)

.PHONY: demo
demo: build $(VENV)/ready ## Run a real pipeline on a kfmesh of its own (ONCE=1 to stop after it)
	@$(PY) examples/demo $(if $(ONCE),--once) $(ARGS)

# The environment of the demo and the tests. ready is the stamp: a change of
# requirements.txt brings the environment up to date.
$(VENV)/ready: requirements.txt
	@tools/python/venv $(VENV) requirements.txt
	@touch $@

# The environments of the MLflow clients.
.venv-mlflow-%/ready: test/tracking/requirements-%.txt $(VENV)/ready
	@echo "installing $$(grep -c '==' $<) pinned packages into $(@D)"
	@$(VENV)/bin/uv venv --quiet --clear --python $(CURDIR)/$(PY) $(@D)
	@$(VENV)/bin/uv pip install --quiet --python $(@D)/bin/python -r $<
	@touch $@

.venv-framework-%/ready: test/frameworks/requirements-%.txt $(VENV)/ready
	@echo "installing $$(grep -c '==' $<) pinned packages into $(@D)"
	@$(VENV)/bin/uv venv --quiet --clear --python $(CURDIR)/$(PY) $(@D)
	@$(VENV)/bin/uv pip install --quiet --compile-bytecode --python $(@D)/bin/python -r $<
	@touch $@

.PHONY: lock-frameworks
lock-frameworks: $(VENV)/ready ## Pin the frameworks of test/frameworks again
	@for framework in $(FRAMEWORKS); do $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --upgrade \
		--no-annotate --custom-compile-command 'make lock-frameworks' \
		test/frameworks/requirements-$$framework.in -o test/frameworks/requirements-$$framework.txt; done

# The environment of the Kubeflow SDKs.
.venv-sdk/ready: test/sdk/requirements.txt $(VENV)/ready
	@echo "installing $$(grep -c '==' $<) pinned packages into $(@D)"
	@$(VENV)/bin/uv venv --quiet --clear --python $(CURDIR)/$(PY) $(@D)
	@$(VENV)/bin/uv pip install --quiet --python $(@D)/bin/python -r $<
	@touch $@

.PHONY: lock-sdk
lock-sdk: $(VENV)/ready ## Pin the Kubeflow SDKs of test/sdk again
	@$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.10 --upgrade \
		--no-annotate --custom-compile-command 'make lock-sdk' test/sdk/requirements.in -o test/sdk/requirements.txt

.PHONY: lock-mlflow
lock-mlflow: $(VENV)/ready ## Pin the MLflow clients of test/tracking again
	@for version in 2 3; do $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.10 --upgrade \
		--no-annotate --custom-compile-command 'make lock-mlflow' \
		test/tracking/requirements-$$version.in -o test/tracking/requirements-$$version.txt; done

.PHONY: lock
lock: $(VENV)/ready ## Pin requirements.in again as requirements.txt
	@$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.10 --upgrade \
		--no-annotate --custom-compile-command 'make lock' requirements.in -o requirements.txt
