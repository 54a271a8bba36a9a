"""The kubelet's images, assembled from our own parts under exactly the names the chart asks for."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.toolchain import debian, modules, process, versions
from lab.toolchain.golang import MODULES
from lab.toolchain.part import Step
from lab.toolchain.process import StepError

MADE_ON = "2026-01-01T00:00:00Z"
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
READ_YAML = "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)"
LAYER = ("--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--exclude=./dev/*")
AGENT_PROGRAMS = ("agent", "dbg", "mount", "sysctlfix", "health", "health-responder")
AGENT_SCRIPTS = (
    "images/cilium/init-container.sh",
    "plugins/cilium-cni/install-plugin.sh",
    "plugins/cilium-cni/cni-uninstall.sh",
)


@dataclass(frozen=True)
class Release:
    """A release of Cilium in the cache: its sources, and the folders of its programs and images."""

    version: str
    home: str
    """Cilium's module."""
    programs: str = "bin"
    images: str = "images"

    @property
    def minor(self) -> str:
        """Return its minor version."""
        return self.version.rpartition(".")[0]

    @property
    def chart(self) -> str:
        """Return where its chart is."""
        return f"chart/cilium-{self.version}"

    @property
    def names(self) -> str:
        """Return where the names of its images are."""
        return f"{self.images}/names.json"

    def program(self, step: Step, name: str) -> Path:
        """Return one of its programs."""
        return step.cache / self.programs / f"cilium-{name}"

    def source(self, step: Step) -> Path:
        """Return its sources."""
        return step.cache / MODULES / self.home


NEWEST = Release(versions.CILIUM, modules.CILIUM.home)
FORMER = Release(
    versions.FORMER, modules.FORMER.home, f"bin/{modules.FORMER.folder}", f"images/{modules.FORMER.folder}"
)
CHART, NAMES = NEWEST.chart, NEWEST.names


def copy_chart(release: Release, more: Mapping[str, str], step: Step) -> None:
    """Copy the chart out of Cilium's module and note the image names that stand in its values, and further ones."""
    chart = step.staged(release.chart)
    shutil.copytree(release.source(step) / "install/kubernetes/cilium", chart)
    version = _yaml(step, chart / "Chart.yaml").get("version")
    if version != release.version:
        raise StepError(f"Chart.yaml says version {version}, expected {release.version}")
    names = chart_images(_yaml(step, chart / "values.yaml"))
    step.staged(release.names).write_text(json.dumps({**names, **more}, indent=2) + "\n")


def chart_images(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the names under which the chart asks for agent and operator."""
    agent, operator = values["image"], values["operator"]["image"]
    return {
        "agent": f"{agent['repository']}:{agent['tag']}",
        "operator": f"{operator['repository']}-generic{operator['suffix']}:{operator['tag']}",
    }


def own_images() -> dict[str, str]:
    """Return the names of the images that are the lab's own."""
    return {"pause": f"underlay.lab/pause:{versions.PAUSE}", "probe": f"underlay.lab/probe:{versions.PROBE}"}


def agent_image(release: Release, step: Step) -> None:
    """Assemble the agent's image: a small Debian, clang for the datapath, Cilium's programs and BPF sources."""
    tree = step.work / "tree"
    debian.grow(step, tree, versions.AGENT_IMAGE_PACKAGES)
    _add_compiler(step, tree)
    _add_programs(step, tree, release)
    debian.inside(step, tree, [["clang", "--version"], ["cilium-agent", "--version"]])
    env = [PATH, "HUBBLE_SERVER=unix:///var/run/cilium/hubble.sock"]
    config = {"Cmd": ["/usr/bin/cilium-dbg"], "WorkingDir": "/home/cilium", "Env": env}
    _write(step, tree, "agent", config, release)


def operator_image(release: Release, step: Step) -> None:
    """Assemble the operator's image: one static program."""
    tree = step.work / "tree"
    _install(release.program(step, "operator-generic"), tree / "usr/bin/cilium-operator-generic")
    (tree / "tmp").mkdir(mode=0o1777)
    config = {"Cmd": ["/usr/bin/cilium-operator-generic"], "WorkingDir": "/", "Env": [PATH]}
    _write(step, tree, "operator", config, release)


def pause_image(step: Step) -> None:
    """Assemble the image of the program that holds a pod's namespaces."""
    tree = step.work / "tree"
    _install(step.cache / "bin/pause", tree / "pause")
    _write(step, tree, "pause", {"Entrypoint": ["/pause"]})


def probe_image(step: Step) -> None:
    """Assemble the image of test pods: Python, curl and ping."""
    tree = step.work / "tree"
    debian.grow(step, tree, versions.PROBE_PACKAGES, [["python3", "--version"], ["curl", "--version"], ["ping", "-V"]])
    _write(step, tree, "probe", {"Cmd": ["sleep", "infinity"], "Env": [PATH]})


def write_archive(layer: Path, name: str, config: Mapping[str, object], target: Path) -> None:
    """Write a one-layer image in the form that `docker save` has and containerd imports."""
    with layer.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    image = {
        "architecture": "amd64",
        "os": "linux",
        "created": MADE_ON,
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        "history": [{"created": MADE_ON, "created_by": "lab.toolchain"}],
    }
    text = json.dumps(image).encode()
    config_name = f"{hashlib.sha256(text).hexdigest()}.json"
    manifest = json.dumps([{"Config": config_name, "RepoTags": [name], "Layers": [layer.name]}]).encode()
    with tarfile.open(target, "w") as archive:
        for member, content in ((config_name, text), ("manifest.json", manifest)):
            entry = tarfile.TarInfo(member)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        archive.add(layer, arcname=layer.name)


def _write(step: Step, tree: Path, image: str, config: Mapping[str, object], release: Release = NEWEST) -> None:
    layer = step.work / "layer.tar"
    step.run(["tar", "--create", "--file", str(layer), *LAYER, "--directory", str(tree), "."])
    name = json.loads((step.cache / release.names).read_text())[image]
    write_archive(layer, name, config, step.staged(f"{release.images}/{image}.tar"))


def _add_compiler(step: Step, tree: Path) -> None:
    packages = debian.unpack(step, versions.COMPILER_PACKAGES)
    home = Path("usr/lib") / f"llvm-{versions.CLANG}"
    headers = home / "lib/clang" / versions.CLANG / "include"
    _install((packages / home / "bin/clang").resolve(), tree / home / "bin/clang")
    shutil.copytree(packages / headers, tree / headers, dirs_exist_ok=True)
    (tree / "usr/bin/clang").symlink_to(Path("..") / home.relative_to("usr") / "bin/clang")


def _add_programs(step: Step, tree: Path, release: Release) -> None:
    for program in AGENT_PROGRAMS:
        _install(release.program(step, program), tree / f"usr/bin/cilium-{program}")
    _install(release.program(step, "cni"), tree / "opt/cni/bin/cilium-cni")
    _install(step.cache / "bin/loopback", tree / "cni/loopback")
    for script in AGENT_SCRIPTS:
        _install(release.source(step) / script, tree / Path(script).name)
    shutil.copytree(release.source(step) / "bpf", tree / "var/lib/cilium/bpf")
    (tree / "home/cilium").mkdir(parents=True)


def _install(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, target)
    target.chmod(0o755)


def _yaml(step: Step, file: Path) -> dict[str, Any]:
    python = str(step.cache / "venv/bin/python")
    parsed: dict[str, Any] = json.loads(process.read([python, "-c", READ_YAML], stdin=file.read_bytes()))
    return parsed
