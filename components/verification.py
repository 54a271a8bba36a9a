"""Datapath verification: responders on every node, sessions awaited, and one verdict from evidence of the moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_command import local

from components.cluster import Cluster
from components.commands import Ssh, Triggers, underlay
from components.objects import TAKE_OVER
from components.settings import Settings
from underlay.model import Site
from underlay.plan import responders
from underlay.plan.bgp import sessions
from underlay.plan.facts import what_matters
from underlay.plan.far_ends import RESPONDER_NAMESPACE
from underlay.plan.lineage import DATAPATH
from underlay.plan.verification import EVIDENCE, verification_facts, with_secrets
from underlay.plan.waivers import of_nodes
from underlay.report.document import age, summary

SESSION_SECONDS = 180
"""Time until every session is established: a connect retry of common length, and the responders' start."""
ANNOTATIONS = {**TAKE_OVER, "pulumi.com/skipAwait": "true"}
"""The responders, and the service in front of them, are awaited by name, together with the sessions."""


class Datapath(pulumi.ComponentResource):
    """The proof that pods are routed, not tunnelled."""

    verdict: local.Command
    summary: pulumi.Output[dict[str, Any]]
    """The last verdict's status, time and digest."""
    input: pulumi.Output[dict[str, Any]]
    """What `python3 -m underlay verify` reads; a secret."""
    facts: dict[str, Any]
    """The same without its secrets."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        *,
        cluster: Cluster,
        ssh: Ssh,
        outcomes: Sequence[pulumi.Output[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        site = settings.site
        facts = {"responderImage": site.verification.image}
        super().__init__(DATAPATH, name, dict(facts), opts)
        triggers: Triggers = [*what_matters(site), *outcomes]
        ready = self._sessions(site, cluster, self._responders(site, cluster), triggers)
        self.facts = verification_facts(site, host_keys=ssh.host_keys, waivers=of_nodes(settings.waivers))
        self.input = pulumi.Output.secret(
            pulumi.Output.all(ssh_key=ssh.key, bastion_key=ssh.bastion_key, kubeconfig=cluster.kubeconfig).apply(
                lambda secrets: with_secrets(self.facts, **secrets)
            )
        )
        self.verdict = self._verdict(ready, triggers, settings.evidence)
        # Nothing of a verdict is secret; the engine calls it so, because the input of the command is.
        self.summary = pulumi.Output.unsecret(self.verdict.stdout.apply(_kept))
        self.register_outputs(facts)

    def _responders(self, site: Site, cluster: Cluster) -> pulumi.Resource:
        space = responders.namespace()
        opts = pulumi.ResourceOptions(parent=self, provider=cluster.provider)
        made = kubernetes.core.v1.Namespace(
            RESPONDER_NAMESPACE, metadata={**space["metadata"], "annotations": TAKE_OVER}, opts=opts
        )
        program, daemons = responders.program(), responders.daemons(site)
        within = pulumi.ResourceOptions(parent=self, provider=cluster.provider, depends_on=[made])
        script = kubernetes.core.v1.ConfigMap(
            RESPONDER_NAMESPACE,
            metadata={**program["metadata"], "annotations": TAKE_OVER},
            data=program["data"],
            opts=within,
        )
        front = responders.service()
        kubernetes.core.v1.Service(
            RESPONDER_NAMESPACE,
            metadata={**front["metadata"], "annotations": ANNOTATIONS},
            spec=front["spec"],
            opts=within,
        )
        return kubernetes.apps.v1.DaemonSet(
            RESPONDER_NAMESPACE,
            metadata={**daemons["metadata"], "annotations": ANNOTATIONS},
            spec=daemons["spec"],
            opts=pulumi.ResourceOptions.merge(within, pulumi.ResourceOptions(depends_on=[script])),
        )

    def _sessions(self, site: Site, cluster: Cluster, after: pulumi.Resource, triggers: Triggers) -> local.Command:
        data = {
            "kubeconfig": cluster.kubeconfig,
            "expected": [session._asdict() for session in sessions(site)],
            "namespace": RESPONDER_NAMESPACE,
            "seconds": SESSION_SECONDS,
            "hold": site.bgp.timers.hold,
        }
        opts = pulumi.ResourceOptions(parent=self, depends_on=[after])
        return underlay("sessions", "wait-sessions", data, opts, triggers)

    def _verdict(self, after: local.Command, triggers: Triggers, evidence: str) -> local.Command:
        opts = pulumi.ResourceOptions(parent=self, depends_on=[after])
        return local.Command(
            "verdict",
            create="python3 -m underlay verify --json",
            environment={EVIDENCE: evidence} if evidence else None,
            stdin=pulumi.Output.json_dumps(self.input, sort_keys=True),
            triggers=list(triggers),
            add_previous_output_in_env=False,
            logging=local.Logging.STDERR,
            opts=opts,
        )


def _kept(text: str | None) -> dict[str, Any]:
    """Return the verdict's summary, and say its age on the update's screen: it may be from an earlier update."""
    found = summary(text)
    pulumi.log.info(f"verdict {found['status']}, {age(found['taken'])}")
    return found
