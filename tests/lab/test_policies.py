"""Every cell of the matrix on the lab: what is allowed passes, what is denied is dropped for Cilium's policy reason."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lab.policy_pods import PLACES, SERVED, Agents, Pods, workloads
from tests.lab.site import Site, running, until
from underlay.commands.stack_file import SITE
from underlay.model import load_site
from underlay.plan.policies import Cell, matrix, policy_objects

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

OUTSIDE = "203.0.113.10"
REASONS = {"Policy denied", "Policy denied by denylist"}
DENY = {"default_deny": {"namespaces": ["shop", "data", "ops"]}, "blocked": [OUTSIDE]}


def rule(name: str, sources: list[str], targets: list[str], *ports: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "sources": sources, "targets": targets, "ports": list(ports)}


WEB, OTHER, UDP = {"port": 8080}, {"port": 9090}, {"protocol": "UDP", "port": 5353}
STAYS = rule("api-to-db", ["api"], ["db"], OTHER)
BEFORE = [
    rule("web-to-api", ["web"], ["api"], WEB),
    STAYS,
    rule("all-to-cache", ["pods"], ["cache"], UDP),
    rule("jobs", ["jobs"], ["db", "api"], {"port": 9000, "last": 9100}),
    rule("watching", ["watch", "nodes"], ["web"], WEB, OTHER),
]
AFTER = [
    rule("web-to-api", ["web"], ["api"], OTHER),
    STAYS,
    rule("all-to-cache", ["pods"], ["cache"], WEB),
    rule("jobs", ["jobs"], ["db"], {"port": 8000, "last": 8100}, UDP),
    rule("watching", ["watch"], ["web", "jobs"], OTHER),
    rule("names", ["db"], ["resolver"], WEB),
]


IMPOSSIBLE = {
    "policy-workload-unknown": rule("ghost", ["web"], ["nobody"], WEB),
    "policy-port-range": rule("falling", ["web"], ["api"], {"port": 9100, "last": 9000}),
    "policy-name-too-wide": {**rule("names", ["web"], [], WEB), "target_names": ["*"]},
    "policy-name-inside-cluster": {**rule("inner", ["web"], [], WEB), "target_names": ["api.shop.svc.cluster.local"]},
    "policy-http-path-malformed": {**rule("paths", ["web"], ["api"], WEB), "http": [{"path": "/(("}]},
}
"""Rules that cannot work, each by the finding that has to refuse it."""
HOSTILE = rule("x\n\x1b[2Jallow", ["web"], ["api"], WEB)
UNBLOCKED = {"policy-blocked-inside-cluster": {"blocked": ["10.96.0.1"]}}
LISTED = "networkpolicies,ciliumnetworkpolicies,ciliumclusterwidenetworkpolicies"


class Run:
    """The stack file with some policies, and with other settings of Cilium where some are given, applied."""

    def __init__(self, site: Site, pods: Pods, cilium: Mapping[str, Any] | None = None) -> None:
        self.site, self.pods, self.agents, self.cilium = site, pods, Agents(site), dict(cilium or {})
        self.file = site.state / "Pulumi.dev.yaml"
        self.before = self.file.read_text(encoding="utf-8")

    def declare(self, policies: dict[str, Any] | None) -> str:
        """Apply the site with these policies by the engine and wait until agents enforce them."""
        content = yaml.safe_load(self.before)
        content["config"][SITE]["cilium"] |= self.cilium
        if policies:
            content["config"][SITE]["policies"] = policies
        self.file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        said = self.site.long("pulumi", "up", "--yes", "--skip-preview", "--non-interactive")
        names = [one["metadata"]["name"] for one in policy_objects(load_site(content["config"][SITE]))]
        assert until(lambda: self.agents.enforced(names), 60)
        return said

    def refused(self, policies: dict[str, Any]) -> str:
        """Let the engine refuse the site with these policies, and return what it says."""
        content = yaml.safe_load(self.before)
        content["config"][SITE]["policies"] = policies
        self.file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        done = self.site.run("pulumi", "up", "--yes", "--skip-preview", "--non-interactive")
        self.file.write_text(self.before, encoding="utf-8")
        assert done.returncode != 0, done.stdout
        return done.stdout + done.stderr

    def restore(self) -> None:
        """Apply the stack file as it was."""
        self.file.write_text(self.before, encoding="utf-8")
        self.site.long("pulumi", "up", "--yes", "--skip-preview", "--non-interactive")

    def wrong(self, policies: dict[str, Any]) -> tuple[list[str], int, int]:
        """Return the cells that are not as the matrix says, how many there are, and how many are denied."""
        content = yaml.safe_load(self.before)
        content["config"][SITE]["policies"] = policies
        declared = load_site(content["config"][SITE]).policies
        assert declared
        cells = list(matrix(declared))
        asked = [(cell, port) for cell in cells for port in ports(cell)]
        at = self.pods.addresses
        with self.agents.drops() as dropped:
            answers = self.pods.ask((cell.source, at[cell.target], port) for cell, port in asked)
        reasons = {(source, target, port): reason for reason, source, target, port in dropped}
        wrong = [self._wrong(cell, port, answers[cell.source, at[cell.target], port], reasons) for cell, port in asked]
        return [one for one in wrong if one], len(cells), sum(cell.verdict == "denied" for cell in cells)

    def _wrong(self, cell: Cell, port: str, answer: str, reasons: dict[tuple[str, str, str], str]) -> str:
        at = self.pods.addresses
        reason = reasons.get((at[cell.source], at[cell.target], port), "no drop seen")
        denied = cell.verdict == "denied"
        right = answer == expected(cell, port) and (not denied or reason in REASONS)
        return "" if right else f"{cell}: {port} is {answer}, expected {expected(cell, port)}; {reason}"


def ports(cell: Cell) -> list[str]:
    """Return the ports that are asked for a cell: its own, or the first and the last of its range."""
    protocol, _, ends = cell.port.partition("/")
    return [f"{protocol}/{port}" for port in ends.split("-")]


def expected(cell: Cell, port: str) -> str:
    """Return the answer that a cell promises: where nobody listens on an open port, its machine says so."""
    if cell.verdict == "denied":
        return "silent"
    return "yes" if port in SERVED[cell.target] else "refused"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    site = running()
    pods = Pods(site)
    made = None
    try:
        pods.start(tmp_path_factory.mktemp("pods"))
        made = Run(site, pods)
        yield made
    finally:
        pods.stop()
        if made:
            made.restore()


def policies(rules: list[dict[str, Any]], **baselines: Any) -> dict[str, Any]:
    return {"workloads": workloads(), "rules": rules, "baselines": baselines}


def test_every_object_is_taken_by_the_api_server(run: Run, tmp_path: Path) -> None:
    content = yaml.safe_load(run.before)["config"][SITE]
    named = {"name": "out", "sources": ["web"], "target_names": ["*.example.com"], "ports": [{"port": 443}]}
    reads = {**rule("reads", ["watch"], ["db"], WEB), "http": [{"method": "GET", "path": "/items/.*"}]}
    accepts = [{"networks": ["192.168.250.0/24"], "ports": [{"port": 22}, {"port": 6443}]}]
    wide = policies([*BEFORE, named, reads], **DENY, host_firewall={"accepts": accepts, "opens": []})
    objects = policy_objects(load_site({**content, "policies": wide}))
    file = tmp_path / "objects.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}), encoding="utf-8")
    said = run.site.good("kubectl", "apply", "--dry-run=server", "--validate=strict", "-f", str(file))
    assert said.count("server dry run") == len(objects)
    assert {one["kind"] for one in objects} == {
        "NetworkPolicy",
        "CiliumNetworkPolicy",
        "CiliumClusterwideNetworkPolicy",
    }
    print(f"{len(objects)} objects of three kinds taken by the API server's own schemas")


def test_each_cell_is_as_the_matrix_says_before_and_after_a_change(run: Run) -> None:
    counted: list[str] = []
    outside = ("resolver", OUTSIDE, "TCP/9")
    for name, rules, baselines in (("open", [], {}), ("before", BEFORE, DENY), ("after", AFTER, DENY)):
        flow = run.pods.flow("api", "db", 9090, 40) if name == "after" else None
        declared = policies(rules, **baselines)
        said = run.declare(declared if rules else None)
        if flow:
            made, failed = (int(word) for word in flow.communicate(timeout=120)[0].split())
            counted.append(f"{made} connections through the change, {failed} failed")
            assert failed == 0
            assert made > 100
            assert "web -> api TCP/8080: denied by" in said
        wrong, cells, denied = run.wrong(declared)
        assert wrong == [], "\n".join(wrong)
        assert run.pods.ask([outside])[outside] == ("refused" if name == "open" else "silent")
        assert run.pods.ready() == set(PLACES)
        counted.append(f"{name}: {cells} cells, {denied} denied and dropped by policy, 0 wrong")
    print("\n".join(counted))


def test_impossible_and_hostile_policies_are_refused_by_name_and_nothing_is_applied(run: Run) -> None:
    site = run.site
    before = site.good("kubectl", "get", LISTED, "-A", "-o", "name")
    said = run.refused(policies(list(IMPOSSIBLE.values()), **UNBLOCKED["policy-blocked-inside-cluster"]))
    assert [name for name in (*IMPOSSIBLE, *UNBLOCKED) if f"[{name}]" not in said] == [], said
    hostile = run.refused(policies([HOSTILE]))
    assert "[site-text-malformed]" in hostile
    assert "\x1b[2J" not in hostile
    assert "Traceback" not in said + hostile
    assert site.good("kubectl", "get", LISTED, "-A", "-o", "name") == before
    print(f"{len(IMPOSSIBLE) + len(UNBLOCKED) + 1} kinds of impossible or hostile policies refused by name")
