"""Which Go modules are built, and which programs come out of them."""

from __future__ import annotations

from lab.toolchain import versions
from lab.toolchain.golang import Module, Programs

_CILIUM = "github.com/cilium/cilium"
_KUBERNETES = "k8s.io/kubernetes"
_PROVIDER = "github.com/pulumi/pulumi-kubernetes/provider/v4"
_PULUMI = "github.com/pulumi/pulumi/pkg/v3"
_CNI = "github.com/containernetworking/plugins"
_LOOPBACK = f"{_CNI}/plugins/main/loopback"
_GOBGP = "github.com/osrg/gobgp/v4"
_COREDNS = "github.com/coredns/coredns"
_HELM = "helm.sh/helm/v3/cmd/helm"
_MAJOR, _MINOR, _ = versions.KUBERNETES.split(".")

CILIUM_NAMES = {
    f"{_CILIUM}/daemon": "cilium-agent",
    f"{_CILIUM}/operator": "cilium-operator-generic",
    f"{_CILIUM}/cilium-dbg": "cilium-dbg",
    f"{_CILIUM}/plugins/cilium-cni": "cilium-cni",
    f"{_CILIUM}/cilium-health": "cilium-health",
    f"{_CILIUM}/cilium-health/responder": "cilium-health-responder",
    f"{_CILIUM}/tools/mount": "cilium-mount",
    f"{_CILIUM}/tools/sysctlfix": "cilium-sysctlfix",
}

CILIUM = Module("cilium", f"{_CILIUM}@v{versions.CILIUM}", tuple(CILIUM_NAMES), seconds=40)
FORMER = Module("cilium-1.19", f"{_CILIUM}@v{versions.FORMER}", tuple(CILIUM_NAMES), seconds=40)
LOOPBACK = Module("cni", f"{_CNI}@v{versions.LOOPBACK}", (_LOOPBACK,), seconds=5)
COREDNS = Module("coredns", f"{_COREDNS}@v{versions.COREDNS}", (".",), seconds=15)
KUBERNETES = Module("kubernetes", f"{_KUBERNETES}@v{versions.KUBERNETES}", (".",), seconds=40)
PROVIDER = Module(
    "pulumi-kubernetes", f"{_PROVIDER}@{versions.PROVIDER_MODULE}", (f"{_PROVIDER}/pkg/provider", _HELM), seconds=60
)
PULUMI = Module("pulumi", f"{_PULUMI}@v{versions.PULUMI}", (f"{_PULUMI}/cmd/pulumi",), seconds=60)
GOBGP = Module("gobgp", f"{_GOBGP}@v{versions.GOBGP}", (f"{_GOBGP}/cmd/gobgpd", f"{_GOBGP}/cmd/gobgp"), seconds=5)
ALL = (CILIUM, FORMER, LOOPBACK, KUBERNETES, COREDNS, PROVIDER, PULUMI, GOBGP)


def _cilium(version: str, names: dict[str, str]) -> Programs:
    return Programs(
        names=tuple(names.items()),
        tags="osusergo,ipam_provider_operator",
        settings=((f"{_CILIUM}/pkg/version.ciliumVersion", f"{version} lab 2026-01-01T00:00:00Z"),),
    )


CILIUM_PROGRAMS = _cilium(versions.CILIUM, CILIUM_NAMES)
FORMER_PROGRAMS = _cilium(
    versions.FORMER, {package: f"{FORMER.folder}/{name}" for package, name in CILIUM_NAMES.items()}
)
LOOPBACK_PROGRAMS = Programs(
    names=((_LOOPBACK, "loopback"),),
    settings=((f"{_CNI}/pkg/utils/buildversion.BuildVersion", f"v{versions.LOOPBACK}"),),
)
COREDNS_PROGRAMS = Programs(names=((".", "coredns"),))
KUBERNETES_PROGRAMS = Programs(
    names=((".", "kubernetes"),),
    called_too=("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kubectl"),
    settings=(
        ("k8s.io/component-base/version.gitVersion", f"v{versions.KUBERNETES}"),
        ("k8s.io/component-base/version.gitMajor", _MAJOR),
        ("k8s.io/component-base/version.gitMinor", _MINOR),
    ),
)
PROVIDER_PROGRAMS = Programs(
    names=((".", "pulumi-resource-kubernetes"),),
    settings=(("main.version", versions.KUBERNETES_PROVIDER),),
    beside=("cmd/pulumi-resource-kubernetes/schema.json", "cmd/pulumi-resource-kubernetes/terraform-mapping.json"),
)
HELM_PROGRAMS = Programs(
    names=((_HELM, "helm"),),
    settings=(
        ("helm.sh/helm/v3/internal/version.version", f"v{versions.HELM}"),
        ("helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor", _MAJOR),
        ("helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor", _MINOR),
    ),
)
PULUMI_PROGRAMS = Programs(
    names=((f"{_PULUMI}/cmd/pulumi", "pulumi"),),
    settings=(("github.com/pulumi/pulumi/sdk/v3/go/common/version.Version", f"v{versions.PULUMI}"),),
)
GOBGP_PROGRAMS = Programs(names=((f"{_GOBGP}/cmd/gobgpd", "gobgpd"), (f"{_GOBGP}/cmd/gobgp", "gobgp")))
CAPS_PROGRAMS = Programs(names=((".", "runc-caps"),))
