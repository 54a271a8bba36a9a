"""The table of parts and the files it stands on: everything pinned, nothing with an address."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from lab import paths
from lab.toolchain import modules, preflight, versions
from lab.toolchain.__main__ import main
from lab.toolchain.catalogue import parts
from lab.toolchain.golang import Module
from lab.toolchain.gotool import numbers
from lab.toolchain.part import HERE
from lab.toolchain.plan import keys_of, make_plan
from lab.toolchain.store import FORMER_STORE

PROGRAMS = {
    *("pulumi", "pulumi-language-python", "pulumi-language-python-exec", "pulumi-resource-kubernetes"),
    *("pulumi-resource-command", "helm", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet"),
    *("kubectl", "etcd", "cilium-agent", "cilium-operator-generic", "cilium-dbg", "cilium-cni", "cilium-health"),
    *("cilium-health-responder", "cilium-mount", "cilium-sysctlfix", "loopback", "runc-caps", "pause"),
    "coredns",
}


def requirement(folder: str, module: str) -> str:
    text = (HERE / folder / "go.mod").read_text()
    found = re.search(rf"^\s*(?:require )?{re.escape(module)} (\S+)", text, re.MULTILINE)
    return found.group(1) if found else ""


def test_every_program_of_the_lab_is_made_by_exactly_one_part() -> None:
    outputs = [output for part in parts().values() for output in part.outputs]
    assert {f"bin/{name}" for name in PROGRAMS} <= set(outputs)
    assert len(outputs) == len(set(outputs))


def test_needs_are_known_and_recipe_files_exist() -> None:
    for part in parts().values():
        assert set(part.needs) <= parts().keys(), part.name
        assert all((HERE / file).is_file() for file in part.files), part.name
    assert len(set(keys_of(parts()).values())) == len(parts())


@pytest.mark.parametrize("module", modules.ALL, ids=lambda module: module.folder)
def test_go_module_is_required_in_the_version_of_the_table(module: Module) -> None:
    path, _, version = module.home.partition("@")
    assert requirement(module.folder, path) == version
    assert f"{path} {version} h1:" in (HERE / module.folder / "go.sum").read_text()


def test_the_release_before_is_made_only_for_who_asks(tmp_path: Path) -> None:
    def made(*only: str) -> set[str]:
        return {part.name for part in make_plan(parts(), tmp_path, only).parts}

    former = {part.name for part in parts().values() if part.version == versions.FORMER} | {FORMER_STORE}
    assert not made() & former
    assert made(FORMER_STORE) >= {*former, "cilium", "noderoot"}
    assert not made("agent-image-1.19", "operator-image-1.19") & {"cilium", "agent-image"}


def test_helm_is_the_one_the_provider_embeds() -> None:
    assert requirement("pulumi-kubernetes", "helm.sh/helm/v3") == f"v{versions.HELM}"


def test_requirements_are_pinned_by_hash_without_addresses() -> None:
    text = (paths.repo() / "requirements.txt").read_text()
    names = re.findall(r"^([A-Za-z0-9._-]+)==", text, re.MULTILINE)
    blocks = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(names) == len(blocks) > 20
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in text
    assert "bcc" not in names
    assert f"pulumi=={versions.PULUMI} " in text
    assert f"pulumi-kubernetes=={versions.KUBERNETES_PROVIDER} " in text
    assert f"pulumi-command=={versions.COMMAND_PROVIDER} " in text


def test_no_file_of_the_toolchain_names_a_registry() -> None:
    hosts = re.compile(
        r"proxy\.golang\.org|sum\.golang\.org|pypi\.org|pythonhosted|deb\.debian|quay\.io|k8s\.gcr|registry\.k8s"
    )
    for file in (*HERE.rglob("*"), paths.repo() / "requirements.in"):
        if file.is_file() and file.suffix in {".py", ".go", ".mod", ".c", ".in", ".txt"}:
            assert not hosts.search(file.read_text()), file


@pytest.mark.parametrize(
    ("said", "expected"), [("go1.26.8", (1, 26)), ("go1.9", (1, 9)), ("devel +abc", (0,)), ("go1.30rc1", (1, 30))]
)
def test_go_versions_are_compared_as_numbers(said: str, expected: tuple[int, ...]) -> None:
    assert numbers(said) == expected


def test_unknown_part_is_one_readable_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "nonsense"]) == 1
    assert capsys.readouterr().err.startswith("toolchain: no part is called nonsense; parts are: venv, go,")


def test_the_toolchain_starts_with_the_standard_library_alone() -> None:
    code = "import sys, lab.toolchain.__main__, lab.toolchain.preflight as p; p.check(); print(*sys.modules)"
    command = ["python3", "-S", "-c", code]
    done = subprocess.run(command, cwd=paths.repo(), capture_output=True, text=True, check=True)
    assert not {"yaml", "pydantic", "pulumi", "grpc"} & set(done.stdout.split())


def test_preflight_names_problem_and_next_step(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = (("root", lambda: "runs as user 7, expected root", "run it as root"), ("python", lambda: "", "-"))
    monkeypatch.setattr(preflight, "CHECKS", refused)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    root, python = preflight.check()
    assert (root.ok, root.problem, root.advice) == (False, "runs as user 7, expected root", "run it as root")
    assert python.ok
    assert python.advice == ""


def test_forecast_lists_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERLAY_CACHE", str(tmp_path))
    text = preflight.forecast()
    assert "cilium 1.20.2" in text
    assert str(tmp_path) in text
