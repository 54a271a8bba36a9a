"""Commands as resources: programs that travel to a machine, and this project's own commands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi_command import local, remote

from underlay.model import Bastion, Management
from underlay.plan.digest import digest
from underlay.remote import command


def after(*made: pulumi.Resource) -> pulumi.ResourceOptions:
    """Return the options of what has to wait for others."""
    return pulumi.ResourceOptions(depends_on=list(made))


DIALS = 3
"""Attempts to reach a machine; a machine that starts answers the second."""
DIAL_SECONDS = 10


@dataclass(frozen=True)
class Ssh:
    """How machines are reached: one key, the host key of each, pinned, and the bastions before them."""

    key: pulumi.Output[str]
    host_keys: Mapping[str, str]
    bastion_key: pulumi.Output[str] | None = None
    """Of the bastions; None: the same key."""
    bastions: Mapping[str, Bastion] = field(default_factory=dict)
    """The bastion before each machine; machines without one are reached directly."""

    def to(self, name: str, management: Management) -> remote.ConnectionArgs:
        """Return the connection to a machine."""
        bastion = self.bastions.get(name)
        proxy = remote.ProxyConnectionArgs(**self._server(bastion.name, bastion, self.bastion_key)) if bastion else None
        return remote.ConnectionArgs(**self._server(name, management), proxy=proxy)

    def _server(self, name: str, access: Management | Bastion, key: pulumi.Output[str] | None = None) -> dict[str, Any]:
        return {
            "host": str(access.address),
            "port": float(access.port),
            "user": access.user,
            "private_key": key or self.key,
            "host_key": self.host_keys.get(name, ""),
            "dial_error_limit": DIALS,
            "per_dial_timeout": DIAL_SECONDS,
        }


def on_machine(
    name: str, connection: remote.ConnectionArgs, user: str, stdin: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> remote.Command:
    """Run a program on a machine at each change of its input, and its undo when the resource goes."""
    return remote.Command(
        name,
        connection=connection,
        create=command("apply", user),
        delete=command("remove", user),
        stdin=stdin,
        add_previous_output_in_env=False,
        logging=remote.Logging.NONE,
        opts=opts,
    )


Triggers = Sequence[pulumi.Input[str]]
"""Values that make a command run again when one of them changes."""


def underlay(
    name: str,
    word: str,
    data: Mapping[str, Any],
    opts: pulumi.ResourceOptions,
    triggers: Triggers = (),
    *,
    remembers: bool = False,
    back: str = "",
) -> local.Command:
    """Run `python3 -m underlay WORD` with data as JSON on standard input; outputs inside the data are awaited.

    One that remembers finds what it printed last in its environment; `back` is the word that undoes it.
    """
    return local.Command(
        name,
        create=f"python3 -m underlay {word}",
        delete=f"python3 -m underlay {back}" if back else None,
        stdin=pulumi.Output.json_dumps(dict(data), sort_keys=True),
        triggers=list(triggers) or None,
        add_previous_output_in_env=remembers,
        logging=local.Logging.STDERR,
        opts=opts,
    )


def outcome(made: Iterable[remote.Command | local.Command]) -> pulumi.Output[str]:
    """Return a digest that is another one as soon as one of these commands has run again."""
    return pulumi.Output.all(*(one.stdout for one in made)).apply(digest)
