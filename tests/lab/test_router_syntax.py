"""The daemons' own check modes accept the configurations of many sites."""

from __future__ import annotations

import subprocess
from itertools import count, islice
from pathlib import Path

import pytest

from lab.paths import cache
from tests.lab.forwarding import accepted
from tests.unit.corpus import names, site
from underlay.model import Platform, Router, Site, load_site
from underlay.plan.routers import PASSWORD_MARK, TEMPLATES, router_text

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

SITES = 50
CHECK = """
set -e
mount -t tmpfs tmpfs "$1/tmp"
cp -r "$2/." "$1/tmp/"
for file in $(ls "$1/tmp"); do
    case $file in
        *.frr) chroot "$1" vtysh -C -f "/tmp/$file" >"$2/$file.said" 2>&1 || echo "$file" ;;
        *.bird) chroot "$1" bird -p -c "/tmp/$file" >"$2/$file.said" 2>&1 || echo "$file" ;;
    esac
done
"""


def as_platform(declared: Site, router: Router, platform: Platform) -> str:
    """Return a router's configuration as if it were of a platform."""
    text = router_text(declared, router.model_copy(update={"platform": platform, "managed": False}))
    return text.replace(PASSWORD_MARK, "sesame")


def test_both_daemons_accept_the_configurations_of_many_sites(tmp_path: Path) -> None:
    sites = [load_site(site(name)) for name in (*names("good"), *names("warned"))]
    sites += [found for _, found in islice(accepted(count()), SITES - len(sites))]
    for number, declared in enumerate(sites):
        for router in declared.routers:
            for platform in TEMPLATES.keys() - {Platform.VRP}:
                file = tmp_path / f"{number}-{router.name}.{platform.value}"
                file.write_text(as_platform(declared, router, platform), encoding="utf-8")
    words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", CHECK, "sh", str(cache() / "noderoot")]
    done = subprocess.run([*words, str(tmp_path)], capture_output=True, text=True, check=True)
    refused = {name: (tmp_path / f"{name}.said").read_text(encoding="utf-8") for name in done.stdout.split()}
    assert refused == {}
    said = len(list(tmp_path.glob("*.said")))
    print(f"{len(sites)} sites, {said} configurations accepted by vtysh -C and bird -p")
    assert len(sites) == SITES
    assert said >= 2 * SITES
