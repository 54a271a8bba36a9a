"""The table of all parts; where there is a choice, work goes in this order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from itertools import chain

from lab.toolchain import clang, debian, engine, gotool, images, modules, noderoot, plugins, pyenv, store, versions
from lab.toolchain.golang import Module, Programs, compiled, source
from lab.toolchain.images import CHART, FORMER, NAMES, NEWEST
from lab.toolchain.machine import Probe
from lab.toolchain.part import Part, Step

_ENGINE = ("pulumi", "pulumi-language-python", "pulumi-language-python-exec")
_APT = f"see whether `apt-get update` works here, then read the log; {debian.MIRROR} can name another mirror"

PROBES = {
    "cilium": Probe(tuple(modules.CILIUM_NAMES.values()), ("--version",), r"cilium-agent (\d\S*)"),
    "helm": Probe(("helm",), ("version", "--short"), r"^v([^+\s]+)"),
    "pulumi": Probe(_ENGINE[:1], ("version",), r"^v?(\d\S*)", official=True),
    "language-host": Probe(_ENGINE, ("version",), r"^v?(\d\S*)", official=True),
    "kubernetes-provider": Probe(("pulumi-resource-kubernetes",), plugin="kubernetes", official=True),
    "command-provider": Probe(("pulumi-resource-command",), plugin="command", official=True),
}


@cache
def parts() -> dict[str, Part]:
    """Return every part by its name."""
    engine_and_trees = (*_engine(), *_trees(), *_out_of_the_tree())
    rows = (
        *_grounds(),
        *_compiled(),
        _speaker(),
        *engine_and_trees,
        _chart(),
        *_images(),
        _clang(),
        _store(),
        *_former(),
    )
    return {part.name: part for part in rows}


def _grounds() -> tuple[Part, ...]:
    venv = Part(
        name="venv",
        version=f"pulumi {versions.PULUMI}",
        source="Python packages, by hash",
        outputs=("venv", "venv/bin/python"),
        make=pyenv.make_venv,
        files=("../../requirements.txt",),
        seconds=60,
        by_hand="see whether python3 has venv and ensurepip (Debian: python3-venv) and pip reaches its index",
    )
    return (venv, gotool.go(), *(source(module) for module in modules.ALL))


def _compiled() -> tuple[Part, ...]:
    rows: tuple[tuple[str, str, Programs, Module | None, int], ...] = (
        ("runc-caps", versions.RUNC_CAPS, modules.CAPS_PROGRAMS, None, 5),
        ("loopback", versions.LOOPBACK, modules.LOOPBACK_PROGRAMS, modules.LOOPBACK, 5),
        ("cilium", versions.CILIUM, modules.CILIUM_PROGRAMS, modules.CILIUM, 330),
        ("kubernetes", versions.KUBERNETES, modules.KUBERNETES_PROGRAMS, modules.KUBERNETES, 290),
        ("coredns", versions.COREDNS, modules.COREDNS_PROGRAMS, modules.COREDNS, 75),
        ("kubernetes-provider", versions.KUBERNETES_PROVIDER, modules.PROVIDER_PROGRAMS, modules.PROVIDER, 370),
        ("helm", versions.HELM, modules.HELM_PROGRAMS, modules.PROVIDER, 20),
        ("pulumi", versions.PULUMI, modules.PULUMI_PROGRAMS, modules.PULUMI, 240),
    )
    return tuple(compiled(*row, PROBES.get(row[0])) for row in rows)


def _speaker() -> Part:
    """Return the nodes' speaker of the BGP tests: made when they ask for it, because the lab has Cilium's own."""
    return replace(compiled("gobgp", versions.GOBGP, modules.GOBGP_PROGRAMS, modules.GOBGP, 80), transient=True)


def _engine() -> tuple[Part, ...]:
    launcher = partial(Part, source="launcher of the lab's own", seconds=1)
    return (
        launcher(
            name="language-host",
            version=versions.PULUMI,
            outputs=tuple(f"bin/{name}" for name in _ENGINE[1:]),
            make=plugins.make_language_host,
            needs=("venv", modules.PULUMI.part),
            recipe=plugins.launcher_recipe("lab.pulumi.language_host"),
            probe=PROBES["language-host"],
        ),
        launcher(
            name="command-provider",
            version=versions.COMMAND_PROVIDER,
            outputs=("bin/pulumi-resource-command",),
            make=plugins.make_command_provider,
            needs=("venv",),
            recipe=plugins.launcher_recipe("lab.pulumi.command_provider"),
            probe=PROBES["command-provider"],
        ),
    )


def _trees() -> tuple[Part, ...]:
    by_debian = partial(Part, source="Debian packages", by_hand=_APT)
    base = by_debian(
        name="base",
        version=versions.DEBIAN,
        outputs=(debian.BASE,),
        make=debian.make_base,
        recipe=(debian.LEAN,),
        seconds=40,
        transient=True,
    )
    nodes = by_debian(
        name="noderoot",
        version=versions.DEBIAN,
        outputs=(noderoot.TREE,),
        make=noderoot.make_noderoot,
        needs=("base",),
        recipe=(*versions.NODE_PACKAGES, *chain.from_iterable(noderoot.ACCOUNT)),
        seconds=30,
    )
    detection = by_debian(
        name="engine",
        version=versions.BACKPORTS,
        outputs=(engine.TREE, engine.IMAGE),
        make=engine.make_engine,
        needs=("base",),
        recipe=(versions.BACKPORTS, *versions.ENGINE_PACKAGES, engine.NAME),
        seconds=50,
        transient=True,
    )
    return (base, nodes, detection)


def _out_of_the_tree() -> tuple[Part, ...]:
    """Return what is made of the node tree, or in it."""
    from_tree = partial(Part, needs=("noderoot",), seconds=1)
    headers = from_tree(
        name="kernel-headers",
        version=noderoot.running_kernel(),
        source="links in the node tree",
        outputs=(noderoot.headers_link(),),
        make=noderoot.link_headers,
    )
    etcd = from_tree(
        name="etcd",
        version="3.4",
        source="Debian packages",
        outputs=("bin/etcd", "bin/etcdctl"),
        make=noderoot.take_etcd,
    )
    pause = from_tree(
        name="pause",
        version=versions.PAUSE,
        source="C, compiled here",
        outputs=("bin/pause",),
        make=noderoot.build_pause,
        recipe=noderoot.PAUSE_FLAGS,
        files=("pause/pause.c",),
    )
    return (headers, etcd, pause)


def _chart() -> Part:
    return Part(
        name="chart",
        version=versions.CILIUM,
        source="out of the Go module",
        outputs=(CHART, NAMES),
        make=partial(images.copy_chart, NEWEST, images.own_images()),
        needs=("venv", modules.CILIUM.part),
        recipe=tuple(images.own_images().values()),
        seconds=2,
    )


def _images() -> tuple[Part, ...]:
    agent = ("base", modules.CILIUM.part, "cilium", "loopback")
    compiler = (*versions.AGENT_IMAGE_PACKAGES, *versions.COMPILER_PACKAGES)
    rows: tuple[tuple[str, str, Callable[[Step], None], tuple[str, ...], tuple[str, ...], int], ...] = (
        ("agent", versions.CILIUM, partial(images.agent_image, NEWEST), agent, compiler, 40),
        ("operator", versions.CILIUM, partial(images.operator_image, NEWEST), ("cilium",), (), 2),
        ("pause", versions.PAUSE, images.pause_image, ("pause",), (), 1),
        ("probe", versions.PROBE, images.probe_image, ("base",), versions.PROBE_PACKAGES, 25),
    )
    return tuple(_image(*row) for row in rows)


def _image(
    name: str,
    version: str,
    make: Callable[[Step], None],
    needs: tuple[str, ...],
    packages: tuple[str, ...],
    seconds: int,
) -> Part:
    return Part(
        name=f"{name}-image",
        version=version,
        source="assembled here",
        outputs=(f"images/{name}.tar",),
        make=make,
        needs=("chart", *needs),
        recipe=packages,
        seconds=seconds,
        by_hand=_APT if packages else "",
    )


def _clang() -> Part:
    return Part(
        name="clang",
        version=versions.CLANG,
        source="out of the agent's image",
        outputs=(clang.TREE, "bin/clang"),
        make=clang.take_clang,
        needs=("agent-image",),
        recipe=(clang.LAUNCHER, *clang.PATTERNS),
    )


def _store() -> Part:
    return Part(
        name="store",
        version=versions.CILIUM,
        source="images imported once",
        outputs=(store.STORE,),
        make=store.make_store,
        needs=("noderoot", *(part.name for part in _images())),
        files=("golden.py",),
        seconds=25,
    )


def _former() -> tuple[Part, ...]:
    """Return the release before, for tests of upgrades; nodes are given its images when they ask for it."""
    programs, minor = modules.FORMER.folder, FORMER.minor
    compiled_here = compiled(programs, versions.FORMER, modules.FORMER_PROGRAMS, modules.FORMER, 300)
    chart = replace(
        _chart(),
        name=f"chart-{minor}",
        version=versions.FORMER,
        outputs=(FORMER.chart, FORMER.names),
        make=partial(images.copy_chart, FORMER, {}),
        needs=("venv", modules.FORMER.part),
        recipe=(),
    )
    made = {"agent": images.agent_image, "operator": images.operator_image}
    of_newest = {part.name: part for part in _images()}
    moved = {"chart": chart.name, "cilium": programs, modules.CILIUM.part: modules.FORMER.part}
    both = tuple(
        replace(
            part,
            name=f"{part.name}-{minor}",
            version=versions.FORMER,
            outputs=(f"{FORMER.images}/{name}.tar",),
            make=partial(make, FORMER),
            needs=tuple(moved.get(need, need) for need in part.needs),
        )
        for name, make in made.items()
        for part in (of_newest[f"{name}-image"],)
    )
    every = (compiled_here, chart, *both)
    return tuple(replace(part, transient=True) for part in (*every, _former_store(chart, *both)))


def _former_store(*of_former: Part) -> Part:
    whole = _store()
    return replace(
        whole,
        name=f"{whole.name}-{FORMER.minor}",
        outputs=(store.FORMER_STORE,),
        make=store.make_former_store,
        needs=(*whole.needs, *(part.name for part in of_former)),
    )
