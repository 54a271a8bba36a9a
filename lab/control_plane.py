"""The control plane on one machine: etcd, API server, controller manager, scheduler."""

from __future__ import annotations

from dataclasses import dataclass

from lab.hardware import Machine
from lab.kubeconfig import kubeconfig
from lab.outfit import Outfit, Service
from lab.pki import Authority, Pair
from underlay.model import Site

PKI = "/etc/kubernetes/pki"
PORT = 6443
LOCAL_ETCD = "http://127.0.0.1:2379"

SWITCHED_OFF = (
    "node-ipam-controller",
    "certificatesigningrequest-signing-controller",
    "certificatesigningrequest-approving-controller",
    "certificatesigningrequest-cleaner-controller",
)
"""Pod networks are Cilium's to give, and every certificate here is issued by the installer."""


@dataclass(frozen=True)
class Plane:
    """The control plane's machine, the cluster it serves, and who signs for it."""

    machine: Machine
    site: Site
    authority: Authority
    tokens: Pair

    @property
    def server(self) -> str:
        """Return the API server's address out of band: it answers whatever the fabric does."""
        return f"https://{self.machine.address('mgmt0') or self.fabric}:{PORT}"

    @property
    def fabric(self) -> str:
        """Return the machine's address in the fabric."""
        return str(self.site.node(self.machine.name).address)

    def config(self, name: str, group: str = "", server: str = "") -> str:
        """Return a kubeconfig for a user of its own."""
        return kubeconfig(server or self.server, self.authority.text, self.authority.issue(name, group))

    def outfit(self) -> Outfit:
        """Return what makes the machine a control plane."""
        return Outfit(private=self._private(), services=self._services())

    def _private(self) -> dict[str, str]:
        server = self.authority.issue("kube-apiserver", hosts=self._names())
        client = self.authority.issue("kube-apiserver-kubelet-client", "system:masters")
        local = f"https://127.0.0.1:{PORT}"
        return {
            f"{PKI}/ca.crt": self.authority.text,
            f"{PKI}/service-account.pub": self.tokens.certificate,
            f"{PKI}/service-account.key": self.tokens.key,
            f"{PKI}/apiserver.crt": server.certificate,
            f"{PKI}/apiserver.key": server.key,
            f"{PKI}/kubelet-client.crt": client.certificate,
            f"{PKI}/kubelet-client.key": client.key,
            "/etc/kubernetes/controller-manager.conf": self.config("system:kube-controller-manager", server=local),
            "/etc/kubernetes/scheduler.conf": self.config("system:kube-scheduler", server=local),
        }

    def _names(self) -> tuple[str, ...]:
        service = [".".join(["kubernetes", "default", "svc", "cluster", "local"][:length]) for length in (1, 2, 3, 5)]
        addresses = {self.fabric, self.machine.address("mgmt0") or self.fabric, str(self.site.cluster.api.address)}
        return (*service, self.machine.name, "localhost", "127.0.0.1", str(self.site.addresses.services[1]), *addresses)

    def _services(self) -> dict[str, Service]:
        return {
            "etcd": Service(("etcd", *_flags(ETCD))),
            "kube-apiserver": component("kube-apiserver", self._api_flags()),
            "kube-controller-manager": component("kube-controller-manager", CONTROLLER_MANAGER),
            "kube-scheduler": component("kube-scheduler", SCHEDULER),
        }

    def _api_flags(self) -> dict[str, str]:
        return API_SERVER | {
            "advertise-address": self.fabric,
            "service-cluster-ip-range": str(self.site.addresses.services),
        }


def component(name: str, flags: dict[str, str], needs: str = "") -> Service:
    """Return a service that runs a Kubernetes component."""
    return Service((name, *_flags(flags)), needs=needs)


def _flags(values: dict[str, str]) -> tuple[str, ...]:
    return tuple(f"--{name}={value}" for name, value in values.items())


ETCD = {
    "data-dir": "/var/lib/etcd",
    "listen-client-urls": LOCAL_ETCD,
    "advertise-client-urls": LOCAL_ETCD,
    "listen-peer-urls": "http://127.0.0.1:2380",
    "unsafe-no-fsync": "true",
}
API_SERVER = {
    "secure-port": str(PORT),
    "etcd-servers": LOCAL_ETCD,
    "client-ca-file": f"{PKI}/ca.crt",
    "tls-cert-file": f"{PKI}/apiserver.crt",
    "tls-private-key-file": f"{PKI}/apiserver.key",
    "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
    "service-account-key-file": f"{PKI}/service-account.pub",
    "service-account-signing-key-file": f"{PKI}/service-account.key",
    "authorization-mode": "Node,RBAC",
    "enable-admission-plugins": "NodeRestriction",
    "allow-privileged": "true",
    "kubelet-certificate-authority": f"{PKI}/ca.crt",
    "kubelet-client-certificate": f"{PKI}/kubelet-client.crt",
    "kubelet-client-key": f"{PKI}/kubelet-client.key",
    "kubelet-preferred-address-types": "InternalIP",
}
CONTROLLER_MANAGER = {
    "kubeconfig": "/etc/kubernetes/controller-manager.conf",
    "bind-address": "127.0.0.1",
    "leader-elect": "false",
    "use-service-account-credentials": "true",
    "service-account-private-key-file": f"{PKI}/service-account.key",
    "root-ca-file": f"{PKI}/ca.crt",
    "kube-api-qps": "200",
    "kube-api-burst": "400",
    "controllers": ",".join(["*", *(f"-{name}" for name in SWITCHED_OFF)]),
}
SCHEDULER = {
    "kubeconfig": "/etc/kubernetes/scheduler.conf",
    "bind-address": "127.0.0.1",
    "leader-elect": "false",
}
