# Two commands are enough to begin with: `make demo` and `make test`.
# Needed: Rust 1.95, Go 1.26 (an older or newer Go fetches it), git and make. Nothing else; what is built for the
# tests outside of this checkout (the control plane, cargo-deny) lies in ~/.cache/msapp.

# Where `make demo` runs: `simulated` (a control plane of its own, without containers), `current` (the cluster of your
# kubeconfig) or `real` (a node of its own); NODE=real is the same as CLUSTER=real.
CLUSTER ?= $(or $(NODE),simulated)

# Most tests wait for a control plane, so more of them run side by side than there are cores.
TEST_THREADS ?= 4

BUILT := $(or $(CARGO_TARGET_DIR),target)/debug

.DEFAULT_GOAL := help
# How long the fuzzer runs on each of its targets.
SECONDS ?= 60

.PHONY: help demo test e2e-node lint generate golden prove oracle fuzz bench build cluster images load clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build ## watch a shop of twelve services come up; NODE=real runs its containers (Linux, root), CLUSTER=current uses your cluster
	@cargo run --quiet --bin demo -- --cluster=$(CLUSTER)

# The tests need more features of some dependencies than the programs do. With all targets built at once, and the
# programs run from there, no dependency is compiled in two ways.
test: ## run everything: checks, then every test
	cargo build --workspace --all-targets
	@$(BUILT)/cluster build
	$(BUILT)/xtask lint
	RUST_TEST_THREADS=$(TEST_THREADS) cargo test --workspace

# One test at a time would be half an hour of waiting; more would starve each other on two cores.
e2e-node: ## prove with real containers and real traffic what is promised; Linux and root, about half an hour; writes docs/proof.md
	cargo build --workspace --all-targets
	MSAPP_PROOF=$(CURDIR)/docs/proof.md cargo test --test node -- --include-ignored --test-threads=2

lint: ## formatting, clippy, and whether generated files are up to date
	cargo xtask lint

generate: ## write the CRD, the chart's copy of it, the reference and the completions anew
	cargo xtask generate

golden: ## write the expected outputs of the core's golden tests anew
	cargo xtask golden --update

prove: ## the policies of ten thousand random graphs open exactly what is declared: a minute or two
	cargo test -p msapp-core --test properties -- --ignored ten_thousand

# SEED and CASES choose the policy sets; the same seed makes the same ones.
oracle: ## compare the evaluator of network policies with an independent one; built once, a minute or two
	cargo run --quiet --bin oracle -- --seed=$(or $(SEED),1) --cases=$(or $(CASES),2000)

fuzz: ## give the commands bytes that nobody would write, SECONDS for each target; TARGET chooses one
	cargo xtask fuzz --seconds=$(SECONDS) $(if $(TARGET),--target=$(TARGET))

bench: ## measure the core on a system of a hundred services; docs/performance.md has figures
	cargo bench -p msapp-core --bench figures

build: ## compile everything of Rust
	cargo build --workspace --bins

cluster: build ## build the test control plane: minutes the first time, then it is there
	@cargo run --quiet --bin cluster -- build

images: ## make the images of the operator, the samples and their databases, without a container engine
	@cargo run --quiet --bin images -- build

load: ## load these images into your cluster: KIND=name or K3D=name
	@cargo run --quiet --bin images -- load $(if $(KIND),--kind=$(KIND)) $(if $(K3D),--k3d=$(K3D))

clean: ## remove what was compiled in this checkout; the control plane stays in the cache
	cargo clean
