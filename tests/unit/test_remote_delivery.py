"""How programs travel: one constant command line, modules and input as JSON on standard input."""

from __future__ import annotations

import base64
import bz2
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from underlay import remote

FOLDER = Path(remote.__file__).parent
PACKED = "LRx4!F+o`-Q(435@4)~71CxMI1ON^o14sZM08oHwrhybjnlzj3Zl>`-V_2Xu<pHq)not~2AB(vnoG3_P^!MO^"
HOSTILE = "'; touch /tmp/owned; echo '$(id)`id`\n\u202e"


def send(action: str, modules: list[tuple[str, str]], data: object) -> subprocess.CompletedProcess[str]:
    """Run the command line as an SSH server would: by a shell."""
    command = remote.command(action).replace("python3", sys.executable)
    stdin = json.dumps({"program": remote.packed(modules), "input": data})
    return subprocess.run(["sh", "-c", command], input=stdin, capture_output=True, text=True, check=False, timeout=30)


def test_a_program_reads_its_input_and_its_action_and_decides_the_exit_code() -> None:
    text = "import json, sys\ndef main(argv):\n    print(argv, json.load(sys.stdin))\n    return 7\n"
    done = send("apply", [("program", text)], {"name": HOSTILE})
    assert (done.returncode, done.stderr) == (7, "")
    assert done.stdout == f"['apply'] { ({'name': HOSTILE}) }\n"


def test_a_module_finds_the_one_before_it() -> None:
    first = "VALUE = 'from the first'\n"
    second = "from a.b.first import VALUE\ndef main(argv):\n    print(VALUE)\n    return 0\n"
    assert send("apply", [("a.b.first", first), ("a.b.second", second)], {}).stdout == "from the first\n"


def test_the_command_line_holds_no_data_and_has_a_time_limit() -> None:
    assert remote.command("apply") == remote.command("remove")[: -len("remove")] + "apply"
    assert remote.command("apply").startswith(f"timeout -k 5 {remote.SECONDS} python3 -I -c ")
    assert remote.command("apply", "admin") == f"sudo -n sh -c {shlex.quote(remote.command('apply'))}"


def test_all_of_a_shell_line_runs_as_root(tmp_path: Path) -> None:
    sudo = tmp_path / "sudo"
    sudo.write_text('#!/bin/sh\n[ "$1" = -n ] && shift && AS=root exec "$@"\n')
    sudo.chmod(0o755)
    line = remote.become("admin", """! [ "$AS" ] && echo 'nobody' || echo "it's $AS"; echo $AS""")
    done = subprocess.run(
        ["sh", "-c", line], check=False, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("it's root\nroot\n", "")


def test_an_old_python_is_one_sentence() -> None:
    command = remote.command("apply").replace("python3 -I", sys.executable)
    command = command.replace("sys.version_info", "(3, 6, 8)")
    stdin = json.dumps({"program": "", "input": {}})
    done = subprocess.run(["sh", "-c", command], input=stdin, capture_output=True, text=True, check=False, timeout=30)
    expected = "[python-too-old] python3: found 3.6; expected 3.9 or later. Install one.\n"
    assert (done.returncode, done.stderr) == (1, expected)


def unpacked(program: str) -> list[tuple[str, str]]:
    travels = json.loads(remote.request(program, {}))["program"]
    modules: list[tuple[str, str]] = json.loads(bz2.decompress(base64.b85decode(travels)))
    return modules


@pytest.mark.parametrize("program", remote.MODULES)
def test_a_program_travels_whole_and_takes_little_room(program: str) -> None:
    known = {f"underlay.remote.{path.stem}": path for path in FOLDER.glob("*.py")}
    known |= {f"bpf.{path.stem}": path for path in (FOLDER.parents[1] / "bpf").glob("*.py")}
    modules = unpacked(program)
    assert len(modules) == len(remote.MODULES[program])
    for name, text in modules:
        assert text == known[name].read_text(encoding="utf-8"), name
    assert len(remote.request(program, {})) < 0.45 * sum(len(text) for _, text in modules)


def test_packing_is_the_same_everywhere() -> None:
    assert remote.packed([("m", "pass\n" * 99)]) == PACKED


@pytest.mark.parametrize("program", remote.MODULES)
def test_a_program_s_modules_are_complete_and_in_order(program: str) -> None:
    known: set[str] = set()
    for name, text in unpacked(program):
        assert set(re.findall(r"^from ((?:underlay|bpf)\S*) import", text, re.MULTILINE)) <= known
        known.add(name)
    assert "def main(" in text


def test_programs_use_the_standard_library_only() -> None:
    texts = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.py")}
    for name, text in (texts | dict(unpacked("prepare_node"))).items():
        imported = re.findall(r"^\s*(?:from|import) (\w+)", text, re.MULTILINE)
        assert set(imported) <= set(sys.stdlib_module_names) | {"underlay", "bpf"}, name
