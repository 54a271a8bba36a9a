"""Images: the archive containerd imports, the names out of the chart; what drop removes of the cache."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path

import pytest

from lab import toolchain
from lab.toolchain import images, plugins, store


def test_archive_says_the_digest_of_its_layer(tmp_path: Path) -> None:
    layer, target = tmp_path / "layer.tar", tmp_path / "image.tar"
    layer.write_bytes(b"layer" * 1000)
    images.write_archive(layer, "lab/thing:1", {"Cmd": ["run"]}, target)
    with tarfile.open(target) as archive:
        parts = {member.name: archive.extractfile(member) for member in archive.getmembers()}
        manifest = json.loads(parts["manifest.json"].read())[0]  # type: ignore[union-attr]
        text = parts[manifest["Config"]].read()  # type: ignore[union-attr]
        kept = parts[manifest["Layers"][0]].read()  # type: ignore[union-attr]
    assert manifest["RepoTags"] == ["lab/thing:1"]
    assert manifest["Config"] == f"{hashlib.sha256(text).hexdigest()}.json"
    assert json.loads(text)["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(kept).hexdigest()}"]
    assert kept == layer.read_bytes()


def test_image_names_come_from_the_charts_values() -> None:
    operator = {"image": {"repository": "some.where/operator", "tag": "v9", "suffix": "-ci"}}
    names = images.chart_images({"image": {"repository": "some.where/agent", "tag": "v9"}, "operator": operator})
    assert names == {"agent": "some.where/agent:v9", "operator": "some.where/operator-generic-ci:v9"}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a cache with a small golden store."""
    monkeypatch.setenv("UNDERLAY_CACHE", str(tmp_path / "cache"))
    golden = tmp_path / "cache" / store.STORE
    for name in (*store.DATABASES, "io.containerd.content.v1.content/blobs/one"):
        (golden / name).parent.mkdir(parents=True, exist_ok=True)
        (golden / name).write_text("golden")
    return tmp_path / "cache"


def test_drop_removes_what_was_made_and_nothing_else(cache: Path) -> None:
    (cache / "thesis.tex").write_text("years of work")
    toolchain.drop()
    assert (cache / store.STORE).exists(), "without stamps the folder is not ours"
    (cache / toolchain.STEPS).mkdir()
    toolchain.drop()
    assert [path.name for path in cache.iterdir()] == ["thesis.tex"]


def test_plugins_are_laid_out_as_the_engine_expects_them(cache: Path, tmp_path: Path) -> None:
    (cache / "bin").mkdir()
    for name in plugins.PROVIDERS:
        (cache / "bin" / f"pulumi-resource-{name}").write_text("program")
    for _ in range(2):
        plugins.install_plugins(tmp_path / "home")
    found = {str(path.relative_to(tmp_path / "home")) for path in (tmp_path / "home").rglob("pulumi-resource-*")}
    assert found == {
        "plugins/resource-kubernetes-v4.25.0/pulumi-resource-kubernetes",
        "plugins/resource-command-v1.2.1/pulumi-resource-command",
    }
    assert all((tmp_path / "home" / path).read_text() == "program" for path in found)
