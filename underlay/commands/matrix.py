"""`python3 -m underlay matrix`: who reaches whom by a site's policies, and which rule decides."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import yaml

from underlay.commands import stack_file
from underlay.commands.common import say, site_option
from underlay.model.policies import Policies
from underlay.plan.policies import difference, matrix, opened, policy_objects
from underlay.report.matrix import document, show
from underlay.report.terminal import screen


def main(argv: list[str]) -> int:
    """Print the matrix, its difference from another site's, or the objects that enforce it."""
    parser = argparse.ArgumentParser(prog="underlay matrix", description="Show who reaches whom, and what decides.")
    site_option(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--json", action="store_true", help="print the matrix as JSON")
    what.add_argument("--objects", action="store_true", help="print the objects that enforce it as YAML")
    what.add_argument("--against", type=Path, metavar="FILE", help="an older stack file: say what changes from it")
    arguments = parser.parse_args(argv)
    site = stack_file.site(arguments.site)
    policies = site.policies or Policies()
    if arguments.json:
        print(json.dumps(document(matrix(policies)), indent=2))
    elif arguments.objects:
        print(yaml.dump_all(policy_objects(site), Dumper=_Plain, sort_keys=False), end="")
    elif arguments.against:
        before = stack_file.site(arguments.against).policies
        print("\n".join(difference(opened(before) if before else None, policies)) or "nothing changes")
    elif not policies.workloads:
        say(f"{site.name} declares no workloads in policies; whatever no baseline closes is open")
    else:
        show(matrix(policies), site.name, screen(sys.stdout))
    return 0


class _Plain(yaml.SafeDumper):
    """YAML without anchors, which people read and other programs take."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - YAML's own signature
        """Write everything out."""
        return True
