"""The main job's result, looked at from outside the product: real Kubernetes, bare pod packets, exact router tables."""

from __future__ import annotations

import ipaddress
import json
import subprocess
import time

import pytest

from tests.lab.host import ROOT
from tests.lab.site import Site, until

pytestmark = pytest.mark.lab

CLIENT = "203.0.113.10"
NODES = ("cp-1", "worker-1", "worker-2", "worker-3")
ASK = (
    "import json,socket,sys\n"
    "kind,host,source=sys.argv[1:]\n"
    "s=socket.socket(socket.AF_INET,getattr(socket,kind))\n"
    "s.settimeout(5);s.bind((source,0));s.connect((host,4271))\n"
    "s.sendall(b'hello'*40)\n"
    "kind=='SOCK_STREAM' and s.shutdown(socket.SHUT_WR)\n"
    "print(s.recv(65536).decode())\n"
)


def intended(site: Site) -> set[str]:
    nodes = json.loads(site.good("kubectl", "get", "ciliumnodes", "-o", "json"))["items"]
    return {cidr for node in nodes for cidr in node["spec"]["ipam"]["podCIDRs"]}


def bgp_routes(site: Site, router: str) -> set[str]:
    pool = ipaddress.IPv4Network("10.244.0.0/16")
    routes = json.loads(site.inside(router, "ip", "-j", "route", "show"))
    learned = [
        route["dst"] for route in routes if route.get("protocol") in {"bgp", "bird"} and route["dst"] != "default"
    ]
    return {dst for dst in learned if ipaddress.IPv4Network(dst).subnet_of(pool)}


def test_every_node_is_ready_and_runs_the_charts_own_agent(site: Site) -> None:
    nodes = json.loads(site.good("kubectl", "get", "nodes", "-o", "json"))["items"]
    ready = {
        n["metadata"]["name"]: [c["status"] for c in n["status"]["conditions"] if c["type"] == "Ready"] for n in nodes
    }
    assert ready == {node: ["True"] for node in NODES}
    daemons = json.loads(site.good("kubectl", "-n", "kube-system", "get", "daemonset", "cilium", "-o", "json"))
    assert daemons["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm"
    assert daemons["status"]["numberReady"] == 4


@pytest.mark.parametrize("router", ["tor-a", "tor-b", "client"])
def test_the_routers_kernel_holds_exactly_the_pod_networks(site: Site, router: str) -> None:
    assert bgp_routes(site, router) == intended(site)


@pytest.mark.parametrize("kind", ["SOCK_STREAM", "SOCK_DGRAM"])
def test_the_outside_client_reaches_every_pod_and_is_seen_with_its_own_address(site: Site, kind: str) -> None:
    pods = site.pods()
    assert set(pods) == set(NODES)
    for address in pods.values():
        answer = json.loads(site.inside("client", "python3", "-c", ASK, kind, address, CLIENT))
        assert answer["from"] == CLIENT, answer


@pytest.mark.parametrize("kind", ["SOCK_STREAM", "SOCK_DGRAM"])
def test_pods_of_different_racks_reach_each_other_with_their_own_addresses(site: Site, kind: str) -> None:
    pods = site.pods()
    near, far = pods["worker-1"], pods["worker-3"]
    items = json.loads(site.good("kubectl", "-n", "underlay-probe", "get", "pods", "-o", "json"))["items"]
    name = next(item["metadata"]["name"] for item in items if item["spec"]["nodeName"] == "worker-1")
    out = site.good("kubectl", "-n", "underlay-probe", "exec", name, "--", "python3", "-c", ASK, kind, far, near)
    assert json.loads(out)["from"] == near


@pytest.mark.parametrize("node", NODES)
def test_no_node_has_a_tunnel_device(site: Site, node: str) -> None:
    links = json.loads(site.inside(node, "ip", "-j", "-d", "link"))
    kinds = {link.get("linkinfo", {}).get("info_kind") for link in links}
    assert kinds.isdisjoint({"vxlan", "geneve", "ipip", "gre", "sit"})


def test_kubectl_logs_and_exec_work_on_a_deployments_pod(site: Site) -> None:
    create = ["kubectl", "create", "deployment", "greeter", "--image=underlay.lab/probe:1", "--replicas=2"]
    try:
        site.good(*create, "--", "sh", "-c", "echo hello; exec sleep 600")
        site.good("kubectl", "rollout", "status", "deployment/greeter", "--timeout=60s")
        assert site.good("kubectl", "logs", "deployment/greeter").strip() == "hello"
        addresses = site.good("kubectl", "exec", "deployment/greeter", "--", "hostname", "-i").split()
        assert ipaddress.ip_address(addresses[0]) in ipaddress.IPv4Network("10.244.0.0/16")
    finally:
        site.run("kubectl", "delete", "deployment", "greeter", "--wait=false")


def timed_make_up(site: Site) -> float:
    """Run `make up` on the running lab, which has to change nothing, and return the seconds it took."""
    begin = time.monotonic()
    done = subprocess.run(
        ["make", "up"], cwd=ROOT, env=site.environment, capture_output=True, text=True, timeout=120, check=False
    )
    seconds = time.monotonic() - begin
    assert done.returncode == 0, done.stderr
    summaries = [part.split("\n\n")[0].split() for part in done.stdout.split("Resources:\n")[1:]]
    assert [words[1:] for words in summaries] == [["unchanged"]], summaries
    return seconds


@pytest.mark.alone
def test_make_up_on_a_running_lab_changes_nothing_within_20_seconds(site: Site) -> None:
    taken = [timed_make_up(site)]
    while min(taken) > 20 and len(taken) < 3:
        taken.append(timed_make_up(site))
    print(f"make up on a running lab: {', '.join(f'{seconds:.1f}' for seconds in taken)} s")
    assert min(taken) <= 20


def test_the_report_holds_kernel_evidence_with_numbers(site: Site) -> None:
    verdict = site.verify()
    assert verdict.code == 0, verdict.text
    found = {(check["rule"], check["where"]): check["found"] for check in verdict.document["checks"]}
    for node in NODES:
        assert "cil_from_netdev#" in found["programs-attached", node]
        assert "ifindex" in found["route", node]
        assert " 0 encapsulated" in found["wire", node]
        assert "network namespace" in found["kernel-evidence", node]


def test_a_node_comes_back_from_a_power_off_without_another_up(site: Site) -> None:
    site.good("restart", "worker-2")
    assert site.inside("worker-2", "sysctl", "-n", "net.ipv4.ip_forward").strip() == "1"
    assert until(lambda: site.verify().code == 0, 120), site.verify().text


def test_no_secret_stands_in_clear_in_state_logs_or_command_lines(site: Site) -> None:
    keys = site.state / "keys"
    kubeconfig = (site.state / "kubeconfig").read_text(encoding="utf-8")
    secrets = {
        "BGP password": (keys / "bgp-password").read_text(encoding="utf-8").strip(),
        "SSH key": (keys / "operator").read_text(encoding="utf-8").splitlines()[1],
        "kubeconfig": next(line.split()[1] for line in kubeconfig.splitlines() if "client-key-data" in line),
    }
    files = [path for name in ("pulumi-state", "log") for path in (site.state / name).rglob("*") if path.is_file()]
    assert any(path.name == "dev.json" for path in files), files
    lines = subprocess.run(["ps", "-eo", "args"], capture_output=True, check=True).stdout
    texts = {str(path): path.read_bytes() for path in files} | {"command lines": lines}
    found = [
        (name, where) for name, secret in secrets.items() for where, text in texts.items() if secret.encode() in text
    ]
    assert found == []
