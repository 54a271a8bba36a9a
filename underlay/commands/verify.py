"""`python3 -m underlay verify`: collect evidence from the running site and say what is broken, where and why."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from underlay.collect.gather import Request, gather
from underlay.commands.common import Failure, text_of
from underlay.judge.judge import judge
from underlay.judge.verdict import Status, Verdict
from underlay.plan.verification import with_secrets
from underlay.report.columns import harmless
from underlay.report.document import document
from underlay.report.evidence import files, run_id, secrets_of, write
from underlay.report.terminal import show

EXIT = {Status.PASS: 0, Status.FAIL: 1, Status.ERROR: 3, Status.SKIPPED: 3}
"""Exit codes: 3 is `could not be judged`."""
OUTPUT = "verification"
"""The stack output that holds the input of a verification, without secrets."""
SSH_KEY = "cilium-underlay:sshKey"
BASTION_KEY = "cilium-underlay:bastionKey"
CONFIG_FILE = "UNDERLAY_CONFIG_FILE"
"""Names the stack's file where it does not lie beside the program."""
SHOWN = 600
"""Letters of an error of our own."""
SHORTENED = ("notes", "checks", "lost", "causes")
"""Lists of the verdict in the order in which they lose entries where it would be too long."""
LONGEST = 150_000
"""Bytes of JSON on standard output at most: the engine keeps them in its state."""


def main(argv: list[str]) -> int:
    """Verify the site that the input describes; whatever goes wrong in here is `could not be judged`."""
    arguments = _arguments(argv)
    try:
        return _verify(arguments)
    except Exception as error:  # noqa: BLE001 - a mistake of the verifier must not look like a fault of the site
        text = harmless(f"{type(error).__name__}: {error}")[:SHOWN]
        print(f"verify: the site could not be judged: {text}; this is no verdict on the site", file=sys.stderr)
        return EXIT[Status.ERROR]


def _verify(arguments: argparse.Namespace) -> int:
    try:
        request = read_request(arguments.stack, arguments.input)
    except ValueError as error:
        source = f"of stack {arguments.stack!r}" if arguments.stack else repr(arguments.input)
        print(f"verify: the input {source} is not usable: {error}", file=sys.stderr)
        return EXIT[Status.ERROR]
    evidence = gather(request, _say)
    verdict = judge(request.expected, evidence)
    old = (datetime.now(UTC) - evidence.taken).total_seconds()
    show(verdict, sys.stderr, old)
    if arguments.json:
        print(_short(verdict))
    if arguments.report:
        secrets = secrets_of((request.ssh.key, request.ssh.bastion_key), request.kubeconfig)
        write(arguments.report, files(request.site, verdict, evidence, old, secrets))
        _say(f"verify: run {run_id(verdict)}, evidence in {arguments.report}")
    return EXIT[verdict.status]


def read_request(stack: str | None, source: str) -> Request:
    """Return the input of a verification from a stack or a file; ValueError says why there is none."""
    return _request(of_stack(stack) if stack else _text(source))


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="underlay verify", description="Prove the underlay in the kernel.")
    parser.add_argument("--input", default="-", metavar="FILE", help="JSON input; - is standard input (default)")
    parser.add_argument("--stack", metavar="NAME", help="take the input from this stack's outputs, by `pulumi`")
    parser.add_argument(
        "--json",
        action="store_true",
        help="print the verdict as JSON on standard output; the table goes to standard error in any case",
    )
    parser.add_argument("--report", type=Path, metavar="DIR", help="write verdict and evidence there")
    return parser.parse_args(argv)


def _text(source: str) -> str:
    if source == "-" and sys.stdin.isatty():
        raise ValueError("nobody writes to standard input; name a stack by --stack, or a file by --input")
    try:
        return sys.stdin.read() if source == "-" else text_of(Path(source))
    except Failure as failure:
        raise ValueError(str(failure)) from None


def of_stack(stack: str) -> str:
    """Return the input of a stack: what its last update has left, and the secrets where they are kept as secrets.

    The SSH key is in the stack's configuration, the kubeconfig in the output of that name. ValueError carries the
    engine's own words.
    """
    facts = json.loads(_pulumi(stack, "stack", "output", OUTPUT, "--show-secrets", "--json"))
    kubeconfig = json.loads(_pulumi(stack, "stack", "output", "kubeconfig", "--show-secrets", "--json"))
    keys = {"ssh_key": _configured(stack, "get", SSH_KEY)["value"]}
    if facts["site"]["ssh"]["bastions"] and BASTION_KEY in _configured(stack):
        keys["bastion_key"] = _configured(stack, "get", BASTION_KEY)["value"]
    return json.dumps(with_secrets(facts, **keys, kubeconfig=kubeconfig))


def _configured(stack: str, *words: str) -> dict[str, Any]:
    file = os.environ.get(CONFIG_FILE)
    text = _pulumi(stack, "config", *words, "--json", *(["--config-file", file] if file else []))
    found: dict[str, Any] = json.loads(text)
    return found


def _pulumi(stack: str, *words: str) -> str:
    command = ["pulumi", *words, "--non-interactive", "--stack", stack]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise ValueError(f"the program pulumi cannot be run: {error.strerror}; expected it on PATH") from None
    if done.returncode:
        raise ValueError(f"{done.stderr.strip() or done.stdout.strip()}; `pulumi up` makes it")
    return done.stdout


def _request(text: str) -> Request:
    """Return the input; ValueError names each wrong key, and never shows a value, because some are secret."""
    try:
        return Request.model_validate_json(text)
    except ValidationError as error:
        wrong = [
            f"{'.'.join(map(str, item['loc'])) or 'input'}: {item['msg']}" for item in error.errors(include_input=False)
        ]
        raise ValueError("; ".join(wrong)) from None


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _short(verdict: Verdict) -> str:
    """Return the verdict as JSON; where it would be too long, entries of lists are left out, and how many is said."""
    content = document(verdict)
    if len(text := json.dumps(content)) <= LONGEST:
        return text
    left: dict[str, int] = dict.fromkeys(SHORTENED, 0)
    content["left_out"] = left
    _keep(content, "checks", [check for check in content["checks"] if check["status"] != Status.PASS.value])
    for name in SHORTENED:
        while content[name] and len(json.dumps(content)) > LONGEST:
            _keep(content, name, content[name][: len(content[name]) // 2])
    return json.dumps(content)


def _keep(content: dict[str, Any], name: str, kept: list[Any]) -> None:
    content["left_out"][name] += len(content[name]) - len(kept)
    content[name] = kept
