"""Who keeps the Cilium of a cluster: by each manager's marks; what our own cut-off update left is ours.

Labels, annotations and field managers of Helm, kubectl and Pulumi are as Kubernetes 1.34.1 told them of chart 1.20.2,
which helm 3, kubectl and Pulumi's provider had put there; those of the other managers are what their sources say.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.commands_api import Table, api_server
from underlay.collect.cilium_owners import CHARTS, DAEMONS, DEPLOYMENTS, SECRETS, held
from underlay.collect.cluster_api import ClusterApi

Marks = dict[str, str]
AGENT = {"k8s-app": "cilium", "app.kubernetes.io/name": "cilium-agent", "app.kubernetes.io/part-of": "cilium"}
OPERATOR = {"io.cilium/app": "operator", "name": "cilium-operator", "app.kubernetes.io/name": "cilium-operator"}
HELM = {"app.kubernetes.io/managed-by": "Helm"}
TRACKING = "argocd.argoproj.io/tracking-id"
RECORDED = "Helm release kube-system/cilium (deployed)"


def of_helm(name: str = "cilium", namespace: str = "kube-system") -> Marks:
    return {"meta.helm.sh/release-name": name, "meta.helm.sh/release-namespace": namespace}


def made(
    name: str, labels: Marks, *managers: str, annotations: Marks | None = None, namespace: str = "kube-system"
) -> dict[str, Any]:
    """Return an object as the API server lists it; the controller that writes its status is always there."""
    fields = [{"manager": one, "operation": "Update", "apiVersion": "apps/v1"} for one in managers]
    fields.append({"manager": "kube-controller-manager", "operation": "Update", "subresource": "status"})
    metadata = {"name": name, "namespace": namespace, "labels": labels, "annotations": annotations or {}}
    return {"metadata": {**metadata, "managedFields": fields}}


def record(status: str = "deployed", number: int = 1, program: str = "Helm") -> dict[str, Any]:
    labels = {"owner": "helm", "name": "cilium", "status": status, "version": str(number), "modifiedAt": "1796076153"}
    return made(f"sh.helm.release.v1.cilium.v{number}", labels, program)


def workloads(
    *managers: str, labels: Marks | None = None, annotations: Marks | None = None, namespace: str = "kube-system"
) -> Table:
    agents = made("cilium", AGENT | (labels or {}), *managers, annotations=annotations, namespace=namespace)
    operator = made("cilium-operator", OPERATOR | (labels or {}), *managers, annotations=annotations)
    return {DAEMONS: {"items": [made("kube-proxy", {}), agents]}, DEPLOYMENTS: {"items": [operator]}}


def by_helm(program: str, *records: dict[str, Any]) -> Table:
    return {**workloads(program, labels=HELM, annotations=of_helm()), SECRETS: {"items": list(records)}}


def look(table: Table) -> dict[str, list[str]]:
    with api_server(table) as config:
        api = ClusterApi(config)
        return held(api, api.items(DAEMONS))


BOTH = ["DaemonSet kube-system/cilium", "Deployment kube-system/cilium-operator"]
FLUX = {"helm.toolkit.fluxcd.io/name": "cilium", "helm.toolkit.fluxcd.io/namespace": "flux-system"}
KUSTOMIZED = {"kustomize.toolkit.fluxcd.io/name": "net", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
ADD_ON = {
    "objectset.rio.cattle.io/owner-gvk": "k3s.cattle.io/v1, Kind=Addon",
    "objectset.rio.cattle.io/owner-name": "cilium",
    "objectset.rio.cattle.io/owner-namespace": "kube-system",
}
RKE2 = {
    **workloads("helm", labels=HELM, annotations=of_helm("rke2-cilium")),
    CHARTS: {"items": [made("rke2-cilium", {}, "deploy"), made("rke2-coredns", {}, "deploy")]},
}
MANAGERS: dict[str, tuple[Table, str, list[str]]] = {
    "Helm": (by_helm("helm", record()), "Helm (release kube-system/cilium)", [*BOTH, RECORDED]),
    "the cilium CLI": (by_helm("cilium", record()), "the cilium CLI (release kube-system/cilium)", [*BOTH, RECORDED]),
    "a release of Flux": (
        {**workloads("helm-controller", labels=HELM | FLUX, annotations=of_helm()), SECRETS: {"items": [record()]}},
        "Flux (HelmRelease flux-system/cilium)",
        [*BOTH, RECORDED],
    ),
    "manifests of Flux": (
        workloads("kustomize-controller", labels=KUSTOMIZED),
        "Flux (Kustomization flux-system/net)",
        BOTH,
    ),
    "Argo CD by annotation": (
        workloads("argocd-controller", annotations={TRACKING: "network:apps/DaemonSet:kube-system/cilium"}),
        "Argo CD (application network)",
        BOTH,
    ),
    "Argo CD by label": (
        workloads("argocd-controller", labels={"argocd.argoproj.io/instance": "network"}),
        "Argo CD (application network)",
        BOTH,
    ),
    "Argo CD without a mark": (workloads("argocd-controller"), "Argo CD", BOTH),
    "RKE2": (RKE2, "K3s or RKE2 (HelmChart rke2-cilium)", [*BOTH, "HelmChart rke2-cilium"]),
    "RKE2 whose charts cannot be read": ({**RKE2, CHARTS: 403}, "Helm (release kube-system/rke2-cilium)", BOTH),
    "a chart of K3s before it is installed": (
        {CHARTS: {"items": [made("cilium", {}, "deploy")]}},
        "K3s or RKE2 (HelmChart cilium)",
        ["HelmChart cilium"],
    ),
    "an add-on of K3s": (workloads("deploy@node-1", annotations=ADD_ON), "K3s or RKE2 (add-on cilium)", BOTH),
    "Talos": (workloads("talos"), "Talos (a manifest of its machine configuration)", BOTH),
    "kubectl": (workloads("kubectl-client-side-apply"), "kubectl", BOTH),
    "nobody known": (
        workloads("everest-addon"),
        "a manager that is not known (it calls itself everest-addon)",
        BOTH,
    ),
    "a record alone": (
        {SECRETS: {"items": [record("failed")]}},
        "Helm (release kube-system/cilium)",
        [
            "Helm release kube-system/cilium (failed)",
        ],
    ),
    "a record alone of Pulumi": (
        {SECRETS: {"items": [record("failed", 1, "pulumi-kubernetes")]}},
        "Pulumi (release kube-system/cilium)",
        ["Helm release kube-system/cilium (failed)"],
    ),
    "a record that an uninstallation has kept": (
        {SECRETS: {"items": [record("uninstalled")]}},
        "Helm (release kube-system/cilium)",
        ["Helm release kube-system/cilium (uninstalled)"],
    ),
    "the newest of many records": (
        {SECRETS: {"items": [record("superseded", 9), record("deployed", 10), record("superseded", 8)]}},
        "Helm (release kube-system/cilium)",
        [RECORDED],
    ),
    "agents by another name": (
        {DAEMONS: {"items": [made("net", AGENT, "kubectl", namespace="net")]}},
        "kubectl",
        ["DaemonSet net/net"],
    ),
    "another stack, or this one without its state": (
        by_helm("pulumi-resource-kubernetes", record("pending-install")),
        "Pulumi (release kube-system/cilium)",
        [*BOTH, "Helm release kube-system/cilium (pending-install)"],
    ),
}


@pytest.mark.parametrize("title", MANAGERS)
def test_what_somebody_keeps_is_named_with_its_keeper(title: str) -> None:
    table, owner, things = MANAGERS[title]
    assert look(table) == {owner: things}


def test_two_keepers_are_both_named() -> None:
    table = workloads("kubectl")
    table[DEPLOYMENTS] = {"items": [made("cilium-operator", OPERATOR, "talos")]}
    assert list(look(table).values()) == [[BOTH[0]], [BOTH[1]]]


def test_what_a_cut_off_first_update_has_left_is_nobody_elses() -> None:
    """Recovery has removed Helm's record of it, and the next update takes the objects over."""
    assert look(by_helm("pulumi-resource-kubernetes")) == {}


@pytest.mark.parametrize(
    "table",
    [
        by_helm("helm"),
        workloads("pulumi-resource-kubernetes", labels=HELM, annotations=of_helm("other")),
        workloads("pulumi-resource-kubernetes", "kubectl", labels=HELM, annotations=of_helm()),
        workloads("pulumi-resource-kubernetes", labels=HELM | FLUX, annotations=of_helm()),
        workloads("pulumi-resource-kubernetes"),
    ],
)
def test_nothing_else_without_a_record_passes_for_that(table: Table) -> None:
    [things] = look(table).values()
    assert things == BOTH


@pytest.mark.parametrize(
    "table",
    [
        {},
        {DAEMONS: {"items": [made("kube-proxy", {"k8s-app": "kube-proxy"}, "kubeadm")]}},
        {DEPLOYMENTS: {"items": [made("coredns", {"k8s-app": "kube-dns"}, "kubeadm")]}},
        {CHARTS: {"items": [made("rke2-coredns", {}, "deploy")]}},
    ],
)
def test_a_cluster_without_cilium_holds_nothing(table: Table) -> None:
    assert look(table) == {}
