"""The engines' own word on what the plan renders: Suricata reads its configuration and agrees about each rule."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import pytest

from lab.paths import cache
from lab.toolchain import ensure
from tests.lab.ids_ground import ENTER
from tests.unit.test_intrusion_objects import rendered
from tests.unit.test_intrusion_rules import BAD, GOOD, OPTIONS
from underlay.model import Engine
from underlay.plan.intrusion.rules import MALFORMED, VARIABLE
from underlay.plan.intrusion.words import PROTOCOLS

pytestmark = [pytest.mark.lab, pytest.mark.namespaces]

LENIENT = {'alert tcp any any -> any any (msg:"a"; sid:1;'}
"""What Suricata takes against its own manual: a rule without the closing parenthesis."""
LUA = "usr/lib/x86_64-linux-gnu/libluajit-5.1.so.2"


@pytest.fixture(scope="module", autouse=True)
def engine() -> None:
    ensure(["engine"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("etc", "log", "space"):
        (tmp_path / name).mkdir()
    for name, text in rendered(engine="suricata")[0].items():
        (tmp_path / "etc" / name).write_text(text, encoding="utf-8")
    return tmp_path


def refused(folder: Path, files: dict[str, str]) -> set[str]:
    """Return the names of the files that Suricata does not load."""
    for name, text in files.items():
        (folder / "etc" / name).write_text(f"{text}\n", encoding="utf-8")
    config = "/etc/underlay-ids/suricata.yaml"
    each = f'suricata -T --init-errors-fatal -c {config} -S "/etc/underlay-ids/$1" -l /tmp >/dev/null 2>&1 || echo "$1"'
    script = f'for name; do set -- "$name"; {each}; done'
    words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER, "sh", str(folder)]
    done = subprocess.run(
        [*words, str(cache() / "engine"), "sh", "-c", script, "sh", *files], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_suricata_loads_what_the_plan_takes_and_refuses_what_it_refuses(folder: Path) -> None:
    kinds = {f"bad-{number}.rules": BAD[text] for number, text in enumerate(BAD)}
    files = {f"bad-{number}.rules": text for number, text in enumerate(BAD)}
    files |= {f"good-{number}.rules": text for number, text in enumerate(GOOD) if text and not text.startswith("#")}
    found = refused(folder, files)
    assert not [files[name] for name in found if name.startswith("good")]
    wanted = {name for name, kind in kinds.items() if kind in {MALFORMED, VARIABLE}}
    assert {files[name] for name in wanted - found} == LENIENT


def test_suricata_takes_each_protocol_that_a_rule_may_name(folder: Path) -> None:
    files = {f"{name}.rules": f"alert {name} any any -> any any {OPTIONS}" for name in PROTOCOLS[Engine.SURICATA]}
    assert refused(folder, files) == set()


def test_snorts_configuration_is_lua() -> None:
    text, _ = rendered(engine="snort3", rules_from="updates")
    library = ctypes.CDLL(str(cache() / "engine" / LUA))
    library.luaL_newstate.restype = ctypes.c_void_p
    library.lua_tolstring.restype = ctypes.c_char_p
    state = ctypes.c_void_p(library.luaL_newstate())
    run = library.luaL_loadstring(state, text["snort.lua"].encode()) or library.lua_pcall(state, 0, 0, 0)
    assert run == 0, library.lua_tolstring(state, -1, None)
    broken = library.luaL_loadstring(state, text["snort.lua"].replace("ips = {", "ips = ").encode())
    assert broken != 0
