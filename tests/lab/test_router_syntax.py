"""The daemons' own check modes accept the configurations of many sites."""

from __future__ import annotations

import re
import subprocess
from itertools import count, islice
from pathlib import Path

import pytest

from lab.paths import cache
from tests.lab.forwarding import accepted
from tests.unit.corpus import names, site
from underlay.model import Platform, Router, Site, load_site
from underlay.plan.routers import PASSWORD_MARK, TEMPLATES, router_text
from underlay.remote import bird

pytestmark = [pytest.mark.lab, pytest.mark.namespaces, pytest.mark.timeout(300)]

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


WRONG = {
    Platform.FRR: ("router bgp 65101\n neighbor 10.0.0.1 remote-az 65102\n", "remote-az"),
    Platform.BIRD: ("protocol bgp { local az 65101; }\n", "wrong.bird:1:22 syntax error"),
}
"""One misspelt word for each daemon, and what it says: a check that takes it takes everything."""


def refused(folder: Path) -> dict[str, str]:
    """Return what the daemons say of each file that they refuse; FILE.said is there for every one they were shown."""
    words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", CHECK, "sh", str(cache() / "noderoot")]
    done = subprocess.run([*words, str(folder)], capture_output=True, text=True, check=True)
    return {name: (folder / f"{name}.said").read_text(encoding="utf-8") for name in done.stdout.split()}


@pytest.mark.parametrize("platform", sorted(TEMPLATES.keys() - {Platform.VRP}))
def test_a_misspelt_word_is_refused(tmp_path: Path, platform: Platform) -> None:
    text, said = WRONG[platform]
    file = tmp_path / f"wrong.{platform.value}"
    file.write_text(text, encoding="utf-8")
    assert said in refused(tmp_path)[file.name]


BESIDE = 'mount --bind "$2" "$1/tmp" && chroot "$1" bird -p -c "/tmp/$3"'
DEVICE, KERNEL = "protocol device {}\n", "protocol kernel { ipv4 { export all; }; }\n"
OTHER_TABLE = "ipv4 table mgmt;\nprotocol kernel { ipv4 { table mgmt; export all; }; kernel table 100; }\n"


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("", ["device", "kernel"]),
        (DEVICE, ["kernel"]),
        (DEVICE + KERNEL, []),
        (KERNEL + "# protocol device {}\n", ["device"]),
        ('include "own.d/*.conf";\n', []),
        (DEVICE + "protocol kernel { ipv6 { export all; }; }\n", ["kernel"]),
        (DEVICE + OTHER_TABLE, ["kernel"]),
        (DEVICE + "template kernel t { ipv4 { export all; }; }\nprotocol kernel from t {}\n", []),
    ],
)
def test_bird_gets_what_its_own_files_lack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, base: str, expected: list[str]
) -> None:
    folder = tmp_path / "etc/bird"
    (folder / "own.d").mkdir(parents=True)
    (folder / "own.d/device.conf").write_text(DEVICE + KERNEL, encoding="utf-8")
    (folder / "bird.conf").write_text(base, encoding="utf-8")

    def run(*words: str) -> tuple[int, str]:
        if words[0] != "bird":
            ours = folder / "underlay.conf"
            names = bird.OURS.findall(ours.read_text(encoding="utf-8")) if ours.exists() else []
            return 0, "\n".join(["Reconfigured", *(f"{name} BGP --- up" for name in names)])
        enter = ["unshare", "--mount", "--propagation", "private", "sh", "-c", BESIDE, "sh", str(cache() / "noderoot")]
        done = subprocess.run([*enter, str(folder), Path(words[-1]).name], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    monkeypatch.setattr(bird, "run", run)
    declared = load_site(site(names("good")[0]))
    assert bird.Bird(tmp_path).change(as_platform(declared, declared.routers[0], Platform.BIRD))
    text = (folder / "underlay.conf").read_text(encoding="utf-8")
    assert re.findall(r"^protocol (device|kernel) ", text, re.MULTILINE) == expected


def test_both_daemons_accept_the_configurations_of_many_sites(tmp_path: Path) -> None:
    sites = [load_site(site(name)) for name in (*names("good"), *names("warned"))]
    sites += [found for _, found in islice(accepted(count()), SITES - len(sites))]
    for number, declared in enumerate(sites):
        for router in declared.routers:
            for platform in TEMPLATES.keys() - {Platform.VRP}:
                file = tmp_path / f"{number}-{router.name}.{platform.value}"
                file.write_text(as_platform(declared, router, platform), encoding="utf-8")
    assert refused(tmp_path) == {}
    said = len(list(tmp_path.glob("*.said")))
    print(f"{len(sites)} sites, {said} configurations accepted by vtysh -C and bird -p")
    assert len(sites) == SITES
    assert said >= 2 * SITES
