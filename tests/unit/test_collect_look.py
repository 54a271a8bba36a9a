"""A look at nodes over real SSH servers: honest and hostile answers, and many nodes at once."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from tests.unit.plan_sites import dev, host_keys, site
from tests.unit.test_collect_nodes import USER_KEY as KEY
from tests.unit.test_collect_nodes import Serve, private, server
from underlay.collect.look import Seen, look
from underlay.commands.drift import exit_code, main
from underlay.finding import Finding
from underlay.plan.verification import verification_facts, with_secrets
from underlay.plan.waivers import Waiver, load_waivers, of_nodes

FINDING = {"rule": "setting-drifted", "where": "n1, /proc/sys/x", "found": "0", "expected": "1", "fix": ""}


def saying(answer: bytes, complaint: bytes = b"") -> Serve:
    """Return a node that takes the program and answers with these bytes."""

    async def serve(process: asyncssh.SSHServerProcess[bytes]) -> None:
        await process.stdin.read()
        process.stderr.write(complaint)
        process.stdout.write(answer)
        process.exit(0)

    return serve


async def asked(serve: Serve) -> Seen:
    async with server(serve) as machine:
        return (await look({"n1": machine}, private(KEY), {"n1": "{}"}))[0]


def answer(**changes: object) -> bytes:
    return json.dumps({"node": "n1", "findings": [], "changed": [], **changes}).encode()


def test_a_node_as_declared_has_no_finding() -> None:
    seen = asyncio.run(asked(saying(answer())))
    assert (seen, exit_code([seen])) == (Seen("n1"), 0)


def test_a_node_that_drifted_has_its_findings() -> None:
    seen = asyncio.run(asked(saying(answer(findings=[FINDING], waived=[{**FINDING, "reason": "known"}]))))
    assert [finding.rule for finding in seen.findings] == ["setting-drifted"]
    assert seen.waived == ("setting-drifted at n1, /proc/sys/x (known)",)
    assert exit_code([seen]) == 1


HOSTILE = {
    "no JSON": (saying(b"bash: python3: command not found", b"bash: python3: not found"), "its answer is no report"),
    "half of it": (saying(b'{"node": "n1", "find'), "its answer is no report"),
    "a list": (saying(b"[]"), "its answer is no report"),
    "another name": (saying(answer(node="n2")), "it calls itself 'n2'"),
    "letters that steer": (saying(b"\x1b[2J\x1b]0;x\x07"), "its answer is no report"),
    "50 MB": (saying(b"x" * 50_000_000), "the answer is longer than 200000 bytes"),
    "no right": (saying(b"", b"sudo: a password is required"), "sudo: a password is required"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_answer_is_an_error_of_that_node(name: str) -> None:
    serve, words = HOSTILE[name]
    seen = asyncio.run(asked(serve))
    assert words in seen.error
    assert "\x1b" not in seen.error
    assert (seen.findings, exit_code([seen])) == ((), 3)


def test_another_host_key_and_a_silent_node_do_not_spoil_the_others() -> None:
    async def all_of_them() -> list[Seen]:
        async with server(saying(answer())) as machine:
            other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
            machines = {
                "n1": machine,
                "n2": replace(machine, name="n2", host_key=other),
                "n3": replace(machine, name="n3", port=1),
            }
            return await look(machines, private(KEY), dict.fromkeys(machines, "{}"))

    good, changed, silent = asyncio.run(all_of_them())
    assert good == Seen("n1")
    assert "its host key differs from the pinned one" in changed.error
    assert "Connect call failed" in silent.error


def test_fifty_nodes_are_asked_at_once() -> None:
    names = [f"n{number}" for number in range(50)]

    async def serve(process: asyncssh.SSHServerProcess[bytes]) -> None:
        asked_for = json.loads(await process.stdin.read())
        await asyncio.sleep(1)
        process.stdout.write(json.dumps({"node": asked_for["node"], "findings": []}).encode())
        process.exit(0)

    async def all_of_them() -> list[Seen]:
        async with server(serve) as machine:
            return await look(
                dict.fromkeys(names, machine), private(KEY), {name: json.dumps({"node": name}) for name in names}
            )

    begun = time.monotonic()
    seen = asyncio.run(all_of_them())
    assert [one for one in seen if one.error] == []
    assert time.monotonic() - begun < 15


def asked_of(place: Path, *waivers: Waiver) -> str:
    facts = verification_facts(site(), host_keys=host_keys(dev()), waivers=of_nodes(waivers))
    file = place / "input.json"
    file.write_text(json.dumps(with_secrets(facts, ssh_key="key", kubeconfig="")), encoding="utf-8")
    return str(file)


def test_a_repair_forgets_no_node_that_could_not_be_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    looks = [[Seen("cp-1", error="silent"), Seen("worker-1", (Finding("a", "b", "c", "d"),))], [Seen("worker-1")]]

    async def answered(*_: object) -> list[Seen]:
        return looks.pop(0)

    monkeypatch.setattr("underlay.commands.drift.look", answered)
    assert main(["--input", asked_of(tmp_path), "--repair"]) == 3
    assert "[node-not-asked] cp-1: silent" in capsys.readouterr().err.rpartition("1 not as declared")[2]


def test_what_is_waived_is_no_drift(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told: list[str] = []

    async def answered(_machines: object, _key: str, requests: dict[str, str]) -> list[Seen]:
        told.extend(requests.values())
        return []

    monkeypatch.setattr("underlay.commands.drift.look", answered)
    waiver = {"rule": "firewalld-running", "reason": "told of pods", "allowed_by": "net", "until": "2999-12-31"}
    ended, other = {**waiver, "rule": "port-taken", "until": "2020-01-01"}, {**waiver, "rule": "mtu-above-uplink"}
    assert main(["--input", asked_of(tmp_path, *load_waivers([waiver, ended, other])), "--node", "cp-1"]) == 0
    assert [json.loads(request)["input"]["waived"] for request in told] == [{"firewalld-running": "told of pods"}]
