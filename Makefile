# Every target is one line over `python3 -m lab` (the embedded lab) or `python3 -m underlay` (the product).
LAB := python3 -m lab
STACK ?= production
CHECKED ?= --set cilium-underlay:chart=$$UNDERLAY_CACHE/chart/cilium-1.20.2
.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*/\1/p' Makefile) policy policy-cost

up: ## set up everything and run the main job on the embedded lab
	@$(LAB) up && $(LAB) exec -- python -m underlay recover && $(LAB) apply && $(LAB) exec -- python -m underlay verify --stack dev --report build/evidence

verify: ## verify the running lab again
	@$(LAB) pulumi version >/dev/null && $(LAB) exec -- python -m underlay verify --stack dev --report build/evidence

drift: ## compare the running lab's nodes with their declaration; changes nothing
	@$(LAB) pulumi version >/dev/null && $(LAB) exec -- python -m underlay drift --stack dev

why: ## follow POD=NAMESPACE/NAME or an address of the running lab from declaration to packets
	@$(LAB) pulumi version >/dev/null && $(LAB) exec -- python -m underlay why --stack dev "$(POD)"

review: ## show what a preview of the running lab's stack would change: build/review, for a comment and for a browser
	@$(LAB) pulumi version >/dev/null && $(LAB) exec -- python -m underlay review --stack dev --policy-pack policy

down: ## end the lab and leave nothing behind
	@$(LAB) down

clean: ## as down, and drop the cache of binaries too
	@$(LAB) down --cache

policy: ## judge Pulumi.$(STACK).yaml by the policy pack: no cluster, no secrets; results in build/policy
	@$(LAB) exec -- sh -c 'env -u PULUMI_IGNORE_AMBIENT_PLUGINS python -m underlay policy --stack $(STACK) --report build/policy $(CHECKED)'

test: ## all tests
	@tests/stages

check: ## format, lint, types, unit tests, lines per directory; no root, no engine
	@tests/check

bigger: ## a campaign: four racks with twelve workers, up and verified, on a state folder of its own
	@$(LAB) exec -- python -m tests.lab.bigger

chart-keys: ## make the key tree of a chart's minor version: make chart-keys CHART=DIRECTORY MINOR=1.20
	@$(LAB) exec -- python -m underlay.chart.facts $(CHART) > underlay/plan/chart/facts-$(MINOR).json

fuzz: ## a campaign: 20,000 declarations, most of them wrong, some hostile; prints the figures
	@$(LAB) exec -- python -m tests.campaigns.fuzz 20000

oracle: ## a campaign: real chart and agent asked about every rule of Cilium and a cover of the settings; as root
	@$(LAB) exec -- python -m tests.oracle

scale: ## a campaign: plans of 100 to 10,000 nodes, time and memory of each stage, drawn into docs/results
	@$(LAB) exec -- python -m tests.campaigns.scale

docs: ## make the pages that follow from the code
	@$(LAB) exec -- python -m underlay findings > docs/findings.md
	@$(LAB) exec -- python -m policy.pages > docs/policy-rules.md
	@$(LAB) exec -- python -m underlay.report.document
	@$(LAB) exec -- python -m underlay schema site > docs/site.schema.json
	@$(LAB) exec -- python -m underlay schema stack > docs/stack.schema.json
	@$(LAB) exec -- python -m underlay schema page > docs/site.md
	@$(LAB) exec -- python -m underlay pictures --site Pulumi.dev.yaml --report docs/pictures

walk: ## a campaign: docs/first-preview.md from a fresh clone, then every command about stacks that pages show; docs/results/walks.json
	@export UNDERLAY_STATE=$(CURDIR)/build/walk; $(LAB) exec -- python -m tests.docs.newcomer && UNDERLAY_WALKS=1 $(LAB) exec -- python -m pytest -q -s tests/program/test_docs_walks.py

lab-walk: ## a campaign: every command that pages show about the running lab; docs/results/walks.json
	@UNDERLAY_WALKS=1 $(LAB) exec -- python -m pytest -q -s tests/lab/test_docs_walk.py

browser: ## every page in a headless browser, light and dark, at two widths; pictures in build/browser
	@$(LAB) exec -- python -m tests.browser

paths-campaign: ## a campaign: sampled sites in namespaces; forecast against the kernel after each loss, then FRR and BIRD
	@$(LAB) exec -- python -m tests.lab.forwarding 30 && $(LAB) exec -- python -m tests.lab.routing 6 2

bgp-campaign: ## a campaign: FRR and BIRD against GoBGP in namespaces: faults at either end, five sampled sites, losses, changes
	@$(LAB).toolchain --only gobgp && $(LAB) exec -- python -m tests.lab.bgp.faults && $(LAB) exec -- python -m tests.lab.bgp.sites 5 2 && $(LAB) exec -- python -m tests.lab.bgp.losses && $(LAB) exec -- python -m tests.lab.bgp.changes

cost: ## what the verifier costs a node: seconds, memory, nanoseconds per event, by both backends
	@$(LAB) exec -- python -m tests.lab.cost

intrusion-cost: ## what a mirror and an engine cost a stream, as pairs with their spread
	@$(LAB) exec -- python -m tests.lab.ids_cost

faults: ## a campaign: the fault table on the running lab; ARGS="--profile bpf", "--only ID...", "--sample N --seed S", "--pairs N"
	@$(LAB) exec -- python -m tests.lab.faults $(ARGS)

silent: ## a campaign: what Cilium accepts and does wrongly, applied past our rules to the running lab; ARGS="--only GROUP..."
	@$(LAB) exec -- python -m tests.lab.silent $(ARGS)

settings: ## a campaign: random choice with direct return and with translated sources, DNS names, the nodes' firewall, on the running lab
	@UNDERLAY_SETTINGS=1 $(LAB) exec -- python -m pytest -q -s tests/lab/test_other_settings.py

node-life: ## a campaign: nodes without a lab: prepared, restarted, 20 ordinary runs without a change or a finding, given back
	@UNDERLAY_RUNS=20 $(LAB) exec -- python -m pytest -q tests/lab/test_node_life.py

crash: ## a campaign: the engine killed in the middle of the first update, at each of its moments; a lab of its own each time
	@UNDERLAY_CRASH=1 $(LAB) exec -- python -m pytest -q -s tests/lab/test_crash.py

destroyed: ## a campaign: a lab of its own, applied and destroyed; every node and router compared byte for byte
	@UNDERLAY_DESTROY=1 $(LAB) exec -- python -m pytest -q tests/lab/test_destroy.py

crash-update: ## a campaign: the engine killed while the running lab's release changes, at each moment; what is declared then has to come
	@UNDERLAY_CRASH=1 $(LAB) exec -- python -m pytest -q -s tests/lab/test_crash_update.py

owned: ## a campaign: a lab of its own whose installer brings Cilium: waited for, proven, told where it is not as declared
	@UNDERLAY_OWNED=1 $(LAB) exec -- python -m pytest -q -s tests/lab/test_installers_cilium.py

upgrade: ## a campaign: what changes cost running streams: ARGS=values on the running lab; ARGS=releases, Cilium 1.19 to 1.20 and back on one of its own
	@$(LAB) exec -- python -m tests.lab.upgrade $(ARGS)

RUNS := 100
healthy: ## a campaign: as many verdicts on the healthy lab, idle, under load and while pods restart; none may say a word
	@$(LAB) exec -- python -m tests.lab.faults.healthy --runs $(RUNS)

ROUNDS := 6
overlay: ## a campaign: native routing beside VXLAN on the running lab's nodes, as pairs with their spread; docs/results
	@$(LAB) exec -- python -m tests.lab.overlay --rounds $(ROUNDS)

policy-cost: ## a campaign: the pack's cost on a preview of a thousand resources; a minute or two
	@$(LAB) exec -- python -m tests.policy.cost
