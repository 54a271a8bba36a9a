"""Who keeps the Cilium that is in a cluster: told by the marks that each manager leaves on what it makes.

Flux: labels with the HelmRelease or Kustomization (fluxcd/helm-controller, internal/postrender/origin_labels.go).
Argo CD: an annotation or a label (argo-cd.readthedocs.io, user-guide/resource_tracking).
K3s and RKE2: a HelmChart, by whose name the release is called (k3s-io/helm-controller, pkg/controllers/chart/chart.go),
or annotations of the add-on whose manifest was applied.
Helm: annotations with the release (helm v3.18.6, pkg/action/validate.go), and a Secret for each revision. The program
that holds Helm is the field manager, by its own name where it sets none (the same, pkg/kube/client.go); the cilium CLI
is one of them (docs.cilium.io, cmdref/cilium_install).
Talos: manifests of its machine configuration are created by field manager `talos` (siderolabs/talos).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from underlay.collect.cluster_api import ClusterApi, Unanswered
from underlay.collect.conditions import Object
from underlay.collect.helm_records import revision, status
from underlay.plan.values import HELM_RECORDS, NAMESPACE, RELEASE

DAEMONS, DEPLOYMENTS = "/apis/apps/v1/daemonsets", "/apis/apps/v1/deployments"
SECRETS = "/api/v1/secrets"
CHARTS = "/apis/helm.cattle.io/v1/helmcharts"
AGENT = {"k8s-app": "cilium", "app.kubernetes.io/name": "cilium-agent"}
OPERATOR = {"io.cilium/app": "operator", "app.kubernetes.io/name": "cilium-operator"}
"""Labels of which any one tells an agents' DaemonSet, and an operator's Deployment, whatever their names are."""
MARKS = {
    "helm.toolkit.fluxcd.io/name": "Flux (HelmRelease {})",
    "kustomize.toolkit.fluxcd.io/name": "Flux (Kustomization {})",
    "argocd.argoproj.io/tracking-id": "Argo CD (application {})",
    "argocd.argoproj.io/instance": "Argo CD (application {})",
    "objectset.rio.cattle.io/owner-name": "K3s or RKE2 (add-on {})",
}
"""Labels and annotations with the name of what keeps an object; those of managers above Helm come first."""
BY_CHART = "K3s or RKE2 (HelmChart {})"
NAME, PLACE = "meta.helm.sh/release-name", "meta.helm.sh/release-namespace"
PULUMI = "pulumi-resource-kubernetes"
"""The program that holds Helm where Pulumi makes a release; its Secrets are of `pulumi-kubernetes`."""
PROGRAMS = {
    "argocd-controller": "Argo CD",
    "cilium": "the cilium CLI",
    "helm-controller": "Flux",
    "kubectl": "kubectl",
    "kubectl-client-side-apply": "kubectl",
    "kubectl-create": "kubectl",
    "kustomize-controller": "Flux",
    "pulumi-kubernetes": "Pulumi",
    PULUMI: "Pulumi",
    "talos": "Talos (a manifest of its machine configuration)",
}
"""Field managers, as the API server writes them down, by what people call them."""


class Release(NamedTuple):
    """A release of Helm."""

    namespace: str
    name: str

    def __str__(self) -> str:
        """Return the release as Helm's users write it."""
        return f"release {self.namespace}/{self.name}"


OURS = Release(NAMESPACE, RELEASE)


def held(api: ClusterApi, daemons: Iterable[Object]) -> dict[str, list[str]]:
    """Return what of Cilium is in the cluster, by who keeps it; `daemons` are all DaemonSets.

    What Pulumi has made for a release without a record is left out: a first update was cut off in it, `recover` has
    removed the record, and Helm takes such objects over.
    """
    records = {_release(one): one for one in sorted(api.items(SECRETS, labelSelector=HELM_RECORDS), key=revision)}
    works = [("DaemonSet", one) for one in agents(daemons)]
    works += [("Deployment", one) for one in api.items(DEPLOYMENTS) if _is(one, "cilium-operator", OPERATOR)]
    if OURS not in records:
        works = [(kind, one) for kind, one in works if not _cut_off(one)]
    charts = _charts(api)
    keepers = {_release(one): _owner(one, charts) for _, one in works}
    found: defaultdict[str, list[str]] = defaultdict(list)
    for kind, one in works:
        found[_owner(one, charts)].append(f"{kind} {place(one)}")
    for release, one in records.items():
        found[keepers.get(release) or _owner(one, charts)].append(f"Helm {release} ({status(one)})")
    for name in sorted(charts & {RELEASE, f"rke2-{RELEASE}"}):
        found[BY_CHART.format(name)].append(f"HelmChart {name}")
    return dict(found)


def agents(daemons: Iterable[Object]) -> list[Object]:
    """Return the DaemonSets of Cilium's agents among all."""
    return [one for one in daemons if _is(one, "cilium", AGENT)]


def place(item: Object) -> str:
    """Return an object's namespace and name."""
    return f"{item['metadata'].get('namespace', '')}/{item['metadata']['name']}"


def _marks(item: Object) -> Mapping[str, str]:
    return {**(item["metadata"].get("annotations") or {}), **(item["metadata"].get("labels") or {})}


def _is(item: Object, name: str, labels: Mapping[str, str]) -> bool:
    marks = _marks(item)
    return item["metadata"]["name"] == name or any(marks.get(key) == value for key, value in labels.items())


def _release(item: Object) -> Release | None:
    """Return the release that an object belongs to, or whose revision a Secret records; None where there is none."""
    marks, namespace = _marks(item), str(item["metadata"].get("namespace", ""))
    if marks.get("owner") == "helm":
        return Release(namespace, marks.get("name", ""))
    return Release(marks.get(PLACE, namespace), marks[NAME]) if marks.get(NAME) else None


def _managers(item: Object) -> list[str]:
    """Return who has set fields of an object, but for its status."""
    fields = item["metadata"].get("managedFields") or []
    return [str(one.get("manager", "")) for one in fields if not one.get("subresource")]


def _cut_off(item: Object) -> bool:
    return _release(item) == OURS and {*_managers(item)} & {*PROGRAMS} == {PULUMI} and not {*_marks(item)} & {*MARKS}


def _owner(item: Object, charts: frozenset[str]) -> str:
    """Return who keeps an object, as people know it."""
    marks, release, managers = _marks(item), _release(item), _managers(item)
    for key, said in MARKS.items():
        if name := marks.get(key):
            namespace = marks.get(f"{key.rpartition('/')[0]}/namespace")
            return said.format(f"{namespace}/{name}" if namespace else name.partition(":")[0])
    if release and release.name in charts:
        return BY_CHART.format(release.name)
    program = next((PROGRAMS[name] for name in managers if name in PROGRAMS), "")
    if release:
        return f"{program or 'Helm'} ({release})"
    return program or f"a manager that is not known (it calls itself {', '.join(managers) or 'nothing'})"


def _charts(api: ClusterApi) -> frozenset[str]:
    """Return the names of HelmCharts; what they install is found by itself where they cannot be read."""
    try:
        return frozenset(str(one["metadata"]["name"]) for one in api.items(CHARTS))
    except Unanswered:
        return frozenset()
