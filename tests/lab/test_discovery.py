"""Service discovery on the lab: CoreDNS answers pods by name, a new endpoint soon, and its absence is told."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.lab.balanced import BACKENDS, INSIDE, LABEL, NAMESPACE, PORT, Balanced, in_caller
from tests.lab.site import Site, until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

SOON = 5.0
"""Seconds until a new endpoint answers by name."""
LOOKS = 2
RESOLVE = """
import json, socket, sys
print(json.dumps({name: sorted({one[4][0] for one in socket.getaddrinfo(name, 80, socket.AF_INET)})
    for name in sys.argv[1:]}))
"""
AWAIT = """
import socket, sys, time
def found():
    try:
        return {one[4][0] for one in socket.getaddrinfo(sys.argv[1], 80, socket.AF_INET)}
    except OSError:
        return set()
print("watching", flush=True)
while sys.argv[2] not in found():
    time.sleep(0.05)
with socket.create_connection((sys.argv[2], int(sys.argv[3])), 5):
    print(time.time())
"""


def headless(name: str) -> dict[str, object]:
    """Return a service whose name has the addresses of its endpoints themselves."""
    spec = {"clusterIP": "None", "selector": {LABEL: "backend"}, "ports": [{"port": PORT}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec}


def resolve(balanced: Balanced, *names: str) -> dict[str, list[str]]:
    """Return the addresses of names as a pod's own resolver finds them."""
    found: dict[str, list[str]] = json.loads(balanced.site.good(*in_caller("python3", "-c", RESOLVE, *names)))
    return found


def test_pods_find_services_by_short_and_by_whole_names(balanced: Balanced, tmp_path: Path) -> None:
    addresses = balanced.serve(tmp_path, "shop")
    balanced.apply(tmp_path, headless("parts"))
    assert until(lambda: len(resolve(balanced, "parts")["parts"]) == len(BACKENDS), 10)
    found = resolve(balanced, "shop", f"shop.{NAMESPACE}.svc.cluster.local", "kubernetes.default", "parts")
    assert found == {
        "shop": [addresses[INSIDE]],
        f"shop.{NAMESPACE}.svc.cluster.local": [addresses[INSIDE]],
        "kubernetes.default": ["10.96.0.1"],
        "parts": sorted(balanced.addresses[name] for name in BACKENDS),
    }


def test_a_new_endpoint_answers_by_name_soon(balanced: Balanced, tmp_path: Path) -> None:
    balanced.apply(tmp_path, headless("parts"))
    there = balanced.addresses["five"]
    took = []
    for _ in range(LOOKS):
        balanced.member("five", serves=False)
        assert until(lambda: there not in resolve(balanced, "parts")["parts"], 20)
        watch = balanced.site.start(*in_caller("python3", "-c", AWAIT, "parts", there, str(PORT)))
        assert watch.stdout
        assert watch.stdout.readline() == "watching\n"
        begun = time.time()
        balanced.member("five", serves=True)
        out, error = watch.communicate(timeout=60)
        took.append(float(out or error) - begun)
    print(f"a new endpoint answers by name after {min(took):.2f} to {max(took):.2f} s, at most {SOON}, {LOOKS} times")
    assert max(took) <= SOON


def scaled(site: Site, count: int) -> None:
    """Let so many pods of CoreDNS run."""
    words = ("kubectl", "-n", "kube-system")
    site.good(*words, "scale", "deployment", "coredns", f"--replicas={count}")
    path = "jsonpath={.status.replicas} {.status.readyReplicas}"
    told = f"{count} {count}" if count else " "
    assert until(lambda: site.good(*words, "get", "deployment", "coredns", "-o", path) in (told, told.strip()), 60)


def test_a_dns_without_pods_is_told_at_every_node_and_silence_comes_back(site: Site) -> None:
    scaled(site, 0)
    try:
        found = site.verify()
        assert {(status, rule) for status, rule, _ in found.not_passed()} == {("fail", "dns")}
        assert len(found.not_passed()) == len(site.pods())
        assert found.causes == {}
    finally:
        scaled(site, 2)
    assert until(lambda: site.verify().code == 0, 60)
