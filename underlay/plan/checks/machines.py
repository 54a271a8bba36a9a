"""Rules about reaching machines over SSH: a pinned host key for each, and an address for each managed router."""

from __future__ import annotations

from collections.abc import Iterator

from underlay.plan.checks.registry import Declaration, Problem, rule


@rule("host-key-missing")
def host_keys_are_pinned(declaration: Declaration) -> Iterator[Problem]:
    """Without a pinned key anybody on the way can answer for the machine."""
    site = declaration.site
    machines = [*(node.name for node in site.nodes), *(router.name for router in site.routers if router.managed)]
    for name in machines:
        if len(declaration.host_keys.get(name, "").split()) < 2:
            fix = "Read it on the machine itself: cat /etc/ssh/ssh_host_ed25519_key.pub"
            yield Problem(
                f"hostKeys.{name}",
                declaration.host_keys.get(name) or "nothing",
                "its public key, as in ssh-ed25519 AAAA",
                fix,
            )


@rule("router-management-missing")
def managed_routers_have_an_address(declaration: Declaration) -> Iterator[Problem]:
    """A router that is to be configured has to be reached."""
    for index, router in enumerate(declaration.site.routers):
        if router.managed and not router.management:
            fix = "Declare it, or set managed to false."
            yield Problem(f"site.routers.{index}.management", "nothing", "address and user for SSH", fix)
