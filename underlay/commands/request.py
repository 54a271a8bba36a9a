"""The input of a verification, which `verify`, `why` and `drift` take from a file, standard input or a stack."""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from underlay.collect.gather import Request
from underlay.commands import engine
from underlay.commands.common import Failure, text_of
from underlay.plan.verification import with_secrets
from underlay.report.schema import PROJECT

OUTPUT = "verification"
"""The stack output that holds the input of a verification, without secrets."""
SSH_KEY, BASTION_KEY = f"{PROJECT}:sshKey", f"{PROJECT}:bastionKey"
CLUSTER = "kubeconfig"
"""The output that holds the way to the cluster."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Let a command be told where its input is."""
    parser.add_argument(
        "--input", default="-", metavar="FILE", help="JSON input of a verification; - is standard input (default)"
    )
    parser.add_argument("--stack", metavar="NAME", help="take the input from this stack's outputs, by `pulumi`")


def read_request(arguments: argparse.Namespace) -> Request:
    """Return the input that the options name; Failure says why there is none."""
    source = f"of stack {arguments.stack!r}" if arguments.stack else repr(arguments.input)
    try:
        return _request(of_stack(arguments.stack) if arguments.stack else _text(arguments.input))
    except Failure as failure:
        raise Failure(f"the input {source} is not usable: {failure}") from None


def of_stack(stack: str) -> str:
    """Return the input of a stack: what its last update has left, and the secrets where they are kept as secrets.

    The SSH key is in the stack's configuration, the kubeconfig in the output of that name. Failure carries the
    engine's own words. The engine is slow to start, so it is asked for outputs and configuration at once.
    """
    with ThreadPoolExecutor() as both:
        key = both.submit(_configured, stack, "get", SSH_KEY)
        facts, kubeconfig = _outputs(stack, OUTPUT, CLUSTER)
    keys = {"ssh_key": key.result()["value"]}
    if facts["site"].get("ssh", {}).get("bastions") and BASTION_KEY in _configured(stack):
        keys["bastion_key"] = _configured(stack, "get", BASTION_KEY)["value"]
    return json.dumps(with_secrets(facts, **keys, kubeconfig=kubeconfig))


def _outputs(stack: str, *names: str) -> list[Any]:
    """Return outputs of a stack; Failure names one that its last update has not left."""
    found: dict[str, Any] = json.loads(_told(stack, "stack", "output", "--show-secrets", "--json"))
    for name in names:
        if name not in found:
            raise Failure(f"the stack has no output {name!r}; `pulumi up` makes it")
    return [found[name] for name in names]


def _configured(stack: str, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_told(stack, "config", *words, "--json", *engine.config_file()))
    return found


def _told(stack: str, *words: str) -> str:
    done = engine.run(*words, stack=stack)
    if done.returncode:
        raise Failure(engine.said(done))
    return done.stdout


def _text(source: str) -> str:
    if source == "-" and sys.stdin.isatty():
        raise Failure("nobody writes to standard input; name a stack by --stack, or a file by --input")
    return sys.stdin.read() if source == "-" else text_of(Path(source))


def _request(text: str) -> Request:
    """Return the input; Failure names each wrong key, and never shows a value, because some are secret."""
    try:
        return Request.model_validate_json(text)
    except ValidationError as error:
        wrong = [
            f"{'.'.join(map(str, item['loc'])) or 'input'}: {item['msg']}" for item in error.errors(include_input=False)
        ]
        raise Failure("; ".join(wrong)) from None
