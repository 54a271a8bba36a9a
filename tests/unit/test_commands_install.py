"""The cluster file is brought up to date in place; the installer gets its path and gives the kubeconfig."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.commands_api import kubeconfig
from tests.unit.plan_sites import drop, put, site
from underlay.__main__ import main
from underlay.commands.common import Failure
from underlay.commands.install import install, update
from underlay.plan.cluster_file import empty_keys, file_keys
from underlay.plan.installers import FILE, steps

KEYS = file_keys(site())
EXISTING = b'USERNAME: admin\r\nPASSWORD: "p@ss: word"\r\nTAINT_MANAGE: yes'
CONFIG = kubeconfig("https://192.0.2.1:6443")


def test_the_same_keys_give_the_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "build/cluster-dev.yaml"
    assert update(path, KEYS)
    before = path.read_bytes()
    assert not update(path, KEYS)
    assert path.read_bytes() == before


def test_bytes_of_an_existing_file_stay(tmp_path: Path) -> None:
    path = tmp_path / "cluster-dev.yaml"
    path.write_bytes(EXISTING)
    update(path, {"USERNAME": "root"})
    assert path.read_bytes() == EXISTING.replace(b"admin", b"root")


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o640])
def test_the_file_is_closed_to_others_even_if_it_was_open(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "cluster-dev.yaml"
    path.write_bytes(EXISTING)
    path.chmod(mode)
    update(path, KEYS)
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(mode)
    update(path, KEYS)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"- a\n- b\n", b"a: [\n", b"just words\n", b"a: \xff\n", b"\xff\xfea\x00:\x00"])
def test_a_file_that_is_no_cluster_file_is_never_overwritten(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "cluster-dev.yaml"
    path.write_bytes(content)
    with pytest.raises(Failure, match=r"was not written|nothing was written"):
        update(path, KEYS)
    assert path.read_bytes() == content


def installer(text: str) -> list[str]:
    return [sys.executable, "-c", text]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("raise SystemExit(3)", "ended with code 3"),
        ("print('done')", "printed no kubeconfig"),
        ("print('clusters: [')", "printed no kubeconfig"),
    ],
)
def test_an_installer_that_fails_is_one_message(text: str, message: str) -> None:
    with pytest.raises(Failure, match=message):
        install(installer(text))


def test_an_installer_that_is_not_there_is_named() -> None:
    with pytest.raises(Failure, match="installer /no/such: No such file or directory"):
        install(["/no/such"])


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.setenv("UNDERLAY_STATE", str(tmp_path))
    (tmp_path / "config").write_text(CONFIG, encoding="utf-8")

    def once(make: list[str], export: list[str] | None = None, **keys: Any) -> tuple[int, str, str]:
        data = {"file": "cluster-dev.yaml", "keys": [*{**KEYS, **keys}.items()], "empty": empty_keys(site())}
        request = {**data, "make": make, "export": export or []}
        monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(request)))
        code = main(["install"])
        said = capfd.readouterr()
        return code, said.out, said.err

    return once


def test_a_command_gets_the_file_s_path_and_its_output_is_the_kubeconfig(run: Any, tmp_path: Path) -> None:
    words = installer(f"import sys; open(sys.argv[1]).read(); print(open({str(tmp_path / 'config')!r}).read(), end='')")
    assert run([*words, FILE])[:2] == (0, CONFIG)


def test_a_password_is_in_the_file_and_nowhere_else(run: Any, tmp_path: Path) -> None:
    words = installer("import sys; sys.exit(len(sys.argv) + 1)")
    code, out, err = run([*words, FILE], PASSWORD="sesame: #open")  # noqa: S106 - what is looked for
    assert code == 1
    assert "sesame" not in out + err
    path = tmp_path / "cluster-dev.yaml"
    assert 'PASSWORD: "sesame: #open"' in path.read_text(encoding="utf-8")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_broken_file_is_told_without_its_password(run: Any, tmp_path: Path) -> None:
    (tmp_path / "cluster-dev.yaml").write_text("PASSWORD: 'sesame\n", encoding="utf-8")
    code, out, err = run(["/no/such"])
    assert code == 1
    assert "is not YAML: found unexpected end of stream, line 2" in err
    assert "sesame" not in out + err


UCS_CTL = """\
import pathlib, sys
here, words = pathlib.Path(sys.argv[1]), sys.argv[2:]
(here / "calls").open("a").write(" ".join(words) + "\\n")
if words[0] == "create":
    assert "CILIUM_NETWORK_MODE: underlay" in pathlib.Path(words[words.index("-c") + 1]).read_text()
    (here / "made").touch()
elif (here / "made").exists():
    pathlib.Path(words[words.index("-o") + 1]).write_text((here / "config").read_text())
else:
    sys.exit("there is no such cluster")
"""


def test_the_vendor_s_tool_makes_a_cluster_once_and_exports_its_kubeconfig(run: Any, tmp_path: Path) -> None:
    calls = steps(site(drop("cluster.installer"), put("cluster.ucs_ctl", {"agent": "agent.yaml"})))
    assert calls
    tool = [*installer(UCS_CTL), str(tmp_path)]
    make, export = [*tool, *calls.make[1:]], [*tool, *calls.export[1:]]
    assert run(make, export)[:2] == (0, CONFIG)
    code, out, err = run(make, export, USERNAME="admin")
    assert (code, out) == (0, CONFIG)
    assert "the cluster is there already" in err
    lines = (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
    assert [line.split()[0] for line in lines] == ["get", "create", "get", "get"]
    assert lines[1] == f"create cluster dev -c {tmp_path / 'cluster-dev.yaml'} -f agent.yaml"
    assert lines[0].startswith("get kubeconfig -c dev -o ")
    assert not Path(lines[0].split()[-1]).exists()


def test_a_declared_command_is_called_as_it_stands() -> None:
    assert steps(site()) == (("python3", "-m", "lab", "install", "-f", FILE), ())
    assert steps(site(drop("cluster.installer"))) is None
