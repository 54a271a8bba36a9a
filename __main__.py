"""One stack: the cluster, its nodes and routers, Cilium in underlay mode, BGP, and the proof that it works."""

from __future__ import annotations

import pulumi

from components.bgp import Peering
from components.cilium import Cilium
from components.cluster import Cluster
from components.commands import Ssh, after
from components.intrusion import detection
from components.lineage import past
from components.node import Prerequisites
from components.policies import policies
from components.router import Configuration
from components.settings import load_settings
from components.verification import Datapath
from underlay.chart.gate import gate
from underlay.plan.access import bastions
from underlay.plan.checks import findings
from underlay.plan.checks.transitions import transitions
from underlay.plan.facts import cluster_facts, let_pass
from underlay.plan.lineage import record
from underlay.plan.security import lines
from underlay.plan.waivers import in_force, judge

settings = load_settings()
site = settings.site
before = past()
found = [*findings(settings.declaration), *transitions(before, record(site))]
release = gate(site, settings.chart)
verdict = judge([*found, *release.findings], settings.waivers, settings.today)
ssh = Ssh(settings.ssh_key, settings.declaration.host_keys, settings.bastion_key, bastions(site))

cluster = Cluster(
    site,
    facts=cluster_facts(site, settings.waivers, before),
    verdict=verdict,
    allowed=let_pass(settings.waivers, before, settings.today),
    kubeconfig=settings.kubeconfig,
    password=settings.cluster_password,
)
waived, password = in_force(settings.waivers, settings.today), settings.bgp_password
nodes = Prerequisites("nodes", site, ssh=ssh, waived=waived, opts=after(*cluster.looked))
routers = Configuration("routers", site, ssh=ssh, password=password, waived=waived, opts=after(*cluster.looked))
cilium = Cilium(site, release=release, past=before, cluster=cluster, opts=after(nodes))
peering = Peering("peering", site, cluster=cluster, password=password, opts=after(cilium))
permitted = policies(site, cluster=cluster, past=before, opts=after(cilium))
engines = detection(site, cluster=cluster, opts=after(cilium))
worked = [nodes.outcome, routers.outcome, cilium.outcome]
last = after(peering, *permitted, *engines, routers)
datapath = Datapath("datapath", settings, cluster=cluster, ssh=ssh, outcomes=worked, opts=last)

pulumi.export("kubeconfig", cluster.kubeconfig)
pulumi.export("lineage", cluster.lineage)
pulumi.export("security_groups", lines(site))
pulumi.export("routers", routers.rendered)
pulumi.export("verification", pulumi.Output.secret(datapath.facts))  # nothing secret, only too long to be shown
pulumi.export("verdict", datapath.summary)
