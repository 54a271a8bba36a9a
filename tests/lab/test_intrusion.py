"""Intrusion detection on the lab: the DaemonSet as declared, beside the real Cilium, which goes on as ever."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import yaml

from lab.paths import cache
from lab.toolchain import engine, ensure
from tests.lab.host import ROOT
from tests.lab.policy_pods import IMAGE
from tests.lab.site import Judged, Site, running, until
from underlay.collect.package import program
from underlay.plan.intrusion.pods import LOGS

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

KEY = "cilium-underlay:site"
NODES = ("worker-1", "worker-2")
SEND = """
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind((sys.argv[3] if sys.argv[3:] else "", 0))
sock.sendto(sys.argv[2].encode(), (sys.argv[1], 9))
"""
CLIENT, POD = "203.0.113.10", "ids-test"
NAMES = ("between-nodes", "from-outside", "within-a-node", "benign")
RULES = [
    f'alert udp any any -> $HOME_NET 9 (msg:"{name}"; content:"crafted {name}"; sid:{1000001 + number}; rev:1;)'
    for number, name in enumerate(NAMES)
]


class Seen(NamedTuple):
    """An alert as the verdict tells it: node, message, and the last one's ends without ports."""

    node: str
    message: str
    source: str
    target: str


class Run:
    """The stack with an engine on two nodes, applied by the engine of infrastructure."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.file = site.state / "Pulumi.dev.yaml"
        self.before = self.file.read_text(encoding="utf-8")
        self.pods = {**site.pods(), POD: ""}
        self.keys: dict[str, Any] | None = {}

    def declare(self, **keys: Any) -> None:
        """Apply the site with an engine, where it is not so already; without keys the site has none."""
        if keys == self.keys:
            return
        self.keys = None  # an update that fails may have done anything
        self.file.write_text(self._text(keys) if keys else self.before, encoding="utf-8")
        self.site.long("pulumi", "up", "--yes", "--skip-preview", "--non-interactive")
        self.keys = keys

    def _text(self, keys: dict[str, Any]) -> str:
        content = yaml.safe_load(self.before)
        base = {"engine": "suricata", "image": engine.NAME, "rules": RULES, "nodes": list(NODES)}
        content["config"][KEY]["intrusion_detection"] = {**base, **keys}
        return yaml.safe_dump(content, sort_keys=False)

    def start_pod(self) -> None:
        """Start a pod on the first node, beside that node's responder."""
        overrides = {"spec": {"nodeName": NODES[0], "terminationGracePeriodSeconds": 0}}
        words = ("run", POD, f"--image={IMAGE}", "--image-pull-policy=IfNotPresent", "--restart=Never")
        self.site.good("kubectl", *words, f"--overrides={json.dumps(overrides)}", "--", "sleep", "infinity")
        self.site.good("kubectl", "wait", "--for=condition=Ready", "--timeout=60s", f"pod/{POD}")
        self.pods[POD] = self.site.good("kubectl", "get", "pod", POD, "-o", "jsonpath={.status.podIP}").strip()

    def flows(self) -> None:
        """Send one datagram of each kind."""
        near, far = (self.pods[node] for node in NODES)
        inside = ("kubectl", "exec", POD, "--", "python3", "-c", SEND)
        self.site.good(*inside, far, "crafted between-nodes")
        self.site.good(*inside, near, "crafted within-a-node")
        self.site.good(*inside, far, "benign and crafted otherwise")
        self.site.inside("client", "python3", "-c", SEND, near, "crafted from-outside", CLIENT)

    def alerts(self) -> dict[Seen, int]:
        """Return the alerts of a verdict of now, which has to be green, with their numbers."""
        found = {}
        for row in self.green().document["alerts"]:
            ends = (row[end].rpartition(":")[0] for end in ("source", "target"))
            found[Seen(row["node"], row["message"], *ends)] = row["count"]
        return found

    def grown(self, before: dict[Seen, int]) -> dict[Seen, int]:
        """Return the alerts that have come since then; a rule's number stays its own whatever the ends are."""
        former = {(seen.node, seen.message): count for seen, count in before.items()}
        more = {seen: count - former.get((seen.node, seen.message), 0) for seen, count in self.alerts().items()}
        return {seen: count for seen, count in more.items() if count}

    def green(self) -> Judged:
        """Verify; every check has to pass."""
        judged = self.site.verify()
        assert (judged.code, judged.not_passed(), judged.causes) == (0, [], {}), judged.text
        return judged

    def told(self, rule: str) -> dict[str, str]:
        """Return by node what a check of a green verdict has found."""
        checks = self.green().document["checks"]
        return {check["where"]: check["found"] for check in checks if check["rule"] == rule}


def give_image(site: Site) -> None:
    """Put the engine's image on the nodes that are to run it, as a registry would."""
    ensure(["engine"])
    words = [sys.executable, "-m", "lab", "shell"]
    for node in NODES:
        with (cache() / engine.IMAGE).open("rb") as archive:
            command = [*words, node, "ctr", "-n", "k8s.io", "images", "import", "-"]
            subprocess.run(command, cwd=ROOT, env=site.environment, stdin=archive, check=True, capture_output=True)


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    site = running()
    give_image(site)
    forget(site)  # what a run that was killed has left would be counted
    made = Run(site)
    try:
        made.start_pod()
        yield made
    finally:
        site.run("kubectl", "delete", "pod", POD, "--now", "--ignore-not-found")
        made.declare()
        forget(site)


def forget(site: Site) -> None:
    """Remove what engines have written on the nodes."""
    for node in NODES:
        site.inside(node, "rm", "-rf", LOGS)


def expected(run: Run, *messages: str) -> set[Seen]:
    """Return the alerts that the flows have to make, each on every node that the flow passes."""
    near, far, own = run.pods[NODES[0]], run.pods[NODES[1]], run.pods[POD]
    every = {
        "between-nodes": [Seen(node, "between-nodes", own, far) for node in NODES],
        "from-outside": [Seen(NODES[0], "from-outside", CLIENT, near)],
        "within-a-node": [Seen(NODES[0], "within-a-node", own, near)],
    }
    return {seen for message in messages for seen in every[message]}


def each_once(run: Run, before: dict[Seen, int], *messages: str) -> None:
    """Wait until every one of these alerts has come once since then, and no other; a copy too many comes with them."""
    once = dict.fromkeys(expected(run, *messages), 1)
    assert until(lambda: run.grown(before) == once, 40), run.grown(before)
    assert run.grown(before) == once, "one alert for each flow"


def test_the_uplink_shows_pods_own_addresses_and_nothing_within_a_node(run: Run) -> None:
    run.green()
    run.declare(capture="uplink")
    before = run.alerts()
    run.flows()
    each_once(run, before, "between-nodes", "from-outside")
    assert set(run.told("intrusion-engine")) == set(NODES)


def test_pod_links_show_traffic_within_a_node_ahead_of_ciliums_programs(run: Run) -> None:
    run.declare(capture="pod-links")
    before = run.alerts()
    run.flows()
    # pod links and uplinks are read as packets come in, so each flow is copied once on each node that it enters
    each_once(run, before, *NAMES[:3])
    found = run.told("intrusion-mirror")
    assert set(found) == set(NODES)
    assert all("0 not taken, 0 repairs" in text for text in found.values()), found
    print(found)


def test_an_agents_restart_keeps_the_mirror_and_the_order(run: Run) -> None:
    run.declare(capture="pod-links")
    agents = json.loads(
        run.site.good("kubectl", "-n", "kube-system", "get", "pods", "-l", "k8s-app=cilium", "-o", "json")
    )
    (agent,) = [one["metadata"]["name"] for one in agents["items"] if one["spec"]["nodeName"] == NODES[0]]
    before = order(run.site)
    run.site.good("kubectl", "-n", "kube-system", "delete", "pod", agent, "--wait")
    run.site.good("kubectl", "-n", "kube-system", "rollout", "status", "daemonset/cilium", "--timeout=110s")
    assert until(lambda: run.site.verify().code == 0, 90)
    after = order(run.site)
    assert {device: names[0] for device, names in after.items()} == dict.fromkeys(before, "underlay_mirror")
    assert {device: names[1:] for device, names in after.items()} == {name: got[1:] for name, got in before.items()}
    print(run.told("intrusion-mirror")[NODES[0]])
    told = run.alerts()
    run.flows()
    each_once(run, told, *NAMES[:3])


def test_a_new_pod_is_watched_and_removing_the_engine_gives_the_links_back(run: Run) -> None:
    run.declare(capture="pod-links")
    before = run.alerts()
    run.site.good("kubectl", "delete", "pod", POD, "--now")
    run.start_pod()
    run.flows()
    each_once(run, before, *NAMES[:3])
    run.declare()
    assert until(lambda: "underlay-ids" not in run.site.inside(NODES[0], "ip", "link"), 40), (
        "the devices go with the pod"
    )
    assert all(names == [name for name in names if name.startswith("cil_")] for names in order(run.site).values())
    run.green()


def order(site: Site) -> dict[str, list[str]]:
    """Return the names of the programs at the ingress of the first node's uplink and pod links, in their order."""
    text = (
        "import json, socket, sys; sys.path.insert(0, '/run/order.pyz'); from bpf import programs; "
        "from pyroute2 import IPRoute; ipr = IPRoute(); "
        "print(json.dumps({name: [p['name'] for p in programs.attached(ipr, number) if p['hook'] == 'ingress'] "
        "for number, name in socket.if_nameindex() if name == 'eth0' or name.startswith('lxc')}))"
    )
    give_program(site)
    return dict(json.loads(site.inside(NODES[0], "python3", "-c", text)))


def give_program(site: Site) -> None:
    """Put the verifier's program on the node, which asks the kernel for the order."""
    words = [sys.executable, "-m", "lab", "shell", NODES[0], "sh", "-c", "cat > /run/order.pyz"]
    subprocess.run(words, cwd=ROOT, env=site.environment, input=program(), check=True)
