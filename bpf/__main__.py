"""The conversation with the controller: three lines of JSON in (begin, probe, report), one answer to each.

It reports and never judges: what could not be had is a sentence in `errors`, and the exit code is 0 whenever the
report could be written. Silence of the controller ends the program; nothing is left in the kernel then either.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

from bpf import metrics, names, namespaces, probe, reach, selftest
from bpf.events import MACHINE, POD, Events, own_namespace, start
from bpf.facts import Facts, pod_facts

SILENCE = 40.0
"""Seconds without a line from the controller after which the program ends."""
PROBING = 9.0
"""Seconds for all probes: two exchanges of 3.6 s one after the other, and spare time."""
KEPT = ("probes", "dns", "service", "to_node", "from_node")
"""Parts of the report that probes fill."""
SETTLE = 0.2
"""Seconds after the last probe in which late events still count."""
LONGEST = 4 * 1024 * 1024
"""Bytes of a line at most."""


class Session:
    """What one verification of this node has gathered."""

    def __init__(self) -> None:
        self.begun = time.monotonic()
        self.errors: list[str] = []
        self.events: Events | None = None
        self.begin: dict[str, Any] = {}
        self.dropped: metrics.Totals | None = None
        self.report: dict[str, Any] = {"schema": 1, "pod": None, "facts": {}, "probes": [], "counters": [], "missed": 0}

    def answer(self, line: dict[str, Any]) -> dict[str, Any]:
        """Carry out one request."""
        requests: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "begin": self._begin,
            "probe": self._probe,
            "report": self._report,
        }
        return requests[line["request"]](line)

    def _begin(self, line: dict[str, Any]) -> dict[str, Any]:
        """Attach the programs and test them."""
        self.begin = line
        with contextlib.suppress(ImportError):
            import_module("pyroute2")  # a second or more on a busy machine; the children of the next step inherit it
        self.report["evidence"] = {"level": "none", "selftest": None}
        begun = time.monotonic()
        try:
            self.events = start(int(line.get("targets", 0)), line.get("backend"))
            result = selftest.run(self.events)
            self.events.clear()
        except Exception as error:  # noqa: BLE001 - BTF, libraries, compiler and kernel fail in their own ways
            self.errors.append(f"no kernel evidence: {error}")
        else:
            self.report["evidence"] = account(self.events, result, time.monotonic() - begun)
            self.errors += [f"self-test: {sentence}" for sentence in result["wrong"]]
            if not self.events.selection.points:
                self.errors.append(f"no kernel evidence: {'; '.join(self.events.selection.lacking)}")
        return {"level": self.report["evidence"]["level"]}

    def _probe(self, line: dict[str, Any]) -> dict[str, Any]:
        """Send the probes from the pod's namespace and read the facts meanwhile."""
        pod: dict[str, Any] = {"address": line["pod"], "host_ifindex": None}
        children: list[namespaces.Child] = []
        self.dropped = self._dropped()
        if self.events:
            self.events.watch(line["pods"], POD)
            self.events.watch(line["machines"], MACHINE)
        try:
            children += [namespaces.Child(lambda: _from_node(line, self.begin))] if line.get("from_node") else []
            path = namespaces.holding(line["pod"])
            if self.events:
                self.events.enter(Path(path).stat().st_ino)
            pod = namespaces.Child(lambda: _in_pod(path, line["pod"])).result(3.0)
            children.append(namespaces.Child(lambda: _probes(path, line, self.begin)))
        except (LookupError, OSError) as error:
            self.errors.append(f"probes: {error}")
        begun = time.monotonic()
        self.errors += [f"pod: {pod['error']}"] if "error" in pod else []
        self.report["pod"] = None if "error" in pod or line["pod"] is None else pod
        self.report["facts"] = self._facts(pod, line)
        for child in children:
            self._keep(child.result(max(0.1, PROBING + begun - time.monotonic())))
        time.sleep(SETTLE)
        after = self._dropped() if self.dropped is not None else None
        if self.dropped is not None and after is not None:
            self.report["cilium_drops"] = metrics.since(self.dropped, after)
        return {"probes": len(self.report["probes"])}

    def _dropped(self) -> metrics.Totals | None:
        """Return Cilium's own counters; None where they cannot be read."""
        try:
            return metrics.read()
        except FileNotFoundError:
            return None  # Cilium has not made its map: other facts say that
        except (OSError, ValueError) as error:
            self.errors.append(f"Cilium's drop counters: {error}")
            return None

    def _keep(self, result: dict[str, Any]) -> None:
        self.report |= {name: result[name] for name in KEPT if name in result}
        self.errors += [f"probes: {result['error']}"] if "error" in result else []

    def _facts(self, pod: dict[str, Any], line: dict[str, Any]) -> dict[str, Any]:
        try:
            from pyroute2 import IPRoute

            with IPRoute() as ipr:
                facts = Facts(ipr, [link["name"] for link in self.begin["uplinks"]])
                wanted = line.get("options", ()), line.get("service")
                found = facts.read({"address": None, **pod}, line["targets"], *wanted)
        except Exception as error:  # noqa: BLE001 - without pyroute2 the rest is still reported
            self.errors.append(f"facts: {type(error).__name__}: {error}")
            return {}
        self.errors += facts.errors
        return found

    def _report(self, _: dict[str, Any]) -> dict[str, Any]:
        """Read the counters, take the programs out and return everything."""
        if self.events:
            self.report |= {"counters": self.events.counters(), "missed": self.events.missed()}
            self.events.close()
        uname = os.uname()
        machine = {"host": uname.nodename, "kernel": uname.release, "namespace": own_namespace()}
        return (
            self.report
            | machine
            | {"errors": self.errors, "seconds": round(time.monotonic() - self.begun, 2), **_processor()}
        )


def _processor() -> dict[str, float]:
    """Return the processor's seconds of this program and its ended children."""
    return {"cpu_seconds": round(sum(os.times()[:4]), 2)}


def account(events: Events, result: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Return how the kernel's events were had, what they are worth, and what this kernel cannot tell."""
    return {
        "level": selftest.level(result, events),
        "backend": events.loaded.name,
        "tried": events.tried,
        "points": [] if result["wrong"] else events.selection.points,
        "reasons": events.selection.reasons,
        "lacking": events.selection.lacking,
        "attach_seconds": round(seconds, 3),
        "peak_mib": peak(),
        "selftest": result,
    }


def peak() -> int:
    """Return the most memory that this process has had, in MiB; its children are not in it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) // 1024


def _in_pod(path: str, address: str) -> dict[str, Any]:
    from pyroute2 import IPRoute

    namespaces.enter(path)
    with IPRoute() as ipr:
        return pod_facts(ipr, address)


def _probes(path: str, line: dict[str, Any], begin: dict[str, Any]) -> dict[str, Any]:
    namespaces.enter(path)
    others: dict[str, Callable[..., dict[str, Any]]]
    others = {"dns": names.resolve, "service": reach.service, "to_node": reach.node}
    with ThreadPoolExecutor(max_workers=len(others)) as pool:
        jobs: dict[str, Future[dict[str, Any]]]
        jobs = {name: pool.submit(ask, **line[name]) for name, ask in others.items() if line.get(name)}
        found = probe.run(line["targets"], begin["port"], _size(begin), line.get("web", False))
        return {"probes": found, **{name: job.result() for name, job in jobs.items()}}


def _from_node(line: dict[str, Any], begin: dict[str, Any]) -> dict[str, Any]:
    """Probe a far pod from the node's own network."""
    return {"from_node": probe.run([line["from_node"]], begin["port"], _size(begin), line.get("web", False))[0]}


def _size(begin: dict[str, Any]) -> int:
    """Return the full packet's length."""
    return min(int(link["mtu"]) for link in begin["uplinks"])


class Lines:
    """Standard input, line by line, with a limit of time and of size."""

    def __init__(self) -> None:
        self.data = b""

    def next(self, seconds: float) -> dict[str, Any] | None:
        """Return the controller's next line; None at its end, or when it stays silent."""
        deadline = time.monotonic() + seconds
        while b"\n" not in self.data:
            ready, _, _ = select.select([0], [], [], max(0.0, deadline - time.monotonic()))
            part = os.read(0, 65536) if ready and len(self.data) < LONGEST else b""
            if not part:
                return None
            self.data += part
        line, _, self.data = self.data.partition(b"\n")
        return dict(json.loads(line))


def main() -> int:
    """Answer the controller's requests until it has the report."""
    sys.stdin = open(os.devnull)  # noqa: PTH123, SIM115 - standard input belongs to the conversation alone
    session, lines = Session(), Lines()
    while line := lines.next(SILENCE):
        print(json.dumps(session.answer(line)), flush=True)
        if line["request"] == "report":
            break
    return 0


if __name__ == "__main__":
    sys.exit(main())
