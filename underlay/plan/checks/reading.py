"""What is told before any rule: mistakes in the shape of a declaration, and in the stack's other keys."""

from __future__ import annotations

from typing import NamedTuple

from underlay.model import mistakes
from underlay.plan.chart.reasons import REASONS
from underlay.plan.checks.registry import REMOVED, Example


class Reading(NamedTuple):
    """A mistake in the shape, with everything that its documentation says."""

    reason: str
    bad: Example
    good: Example


def _nested(levels: int) -> list[object]:
    return [_nested(levels - 1)] if levels else []


READING = {
    mistakes.KEY_UNKNOWN: Reading(
        "A key that nobody reads would be a wish without effect.",
        {"addresses.outOfBand": "192.168.250.0/24"},
        {"addresses.out_of_band": "192.168.250.0/24"},
    ),
    mistakes.KEY_MISSING: Reading(
        "What only a person can know has no default.", {"cluster.origin": REMOVED}, {"cluster.origin": "new"}
    ),
    mistakes.KIND: Reading(
        "A text is no number and a number no text: YAML guesses, and this program does not.",
        {"bgp.asn": "65010"},
        {"bgp.asn": 65010},
    ),
    mistakes.CHOICE: Reading(
        "Only these values mean something.", {"racks.0.egress": "signle"}, {"racks.0.egress": "single"}
    ),
    mistakes.NUMBER: Reading("The protocol or the kernel takes no such number.", {"bgp.asn": 0}, {"bgp.asn": 65010}),
    mistakes.TEXT: Reading(
        "Names become host names, resources and files: they have the form that all of those take.",
        {"nodes.3.management.user": "root; reboot"},
        {"nodes.3.management.user": "root"},
    ),
    mistakes.SHORT: Reading(
        "A site without any of them is none.", {"addresses.pods.pools": []}, {"addresses.pods.pools": ["10.244.0.0/16"]}
    ),
    mistakes.NO_ADDRESS: Reading(
        "Addresses are IPv4 in four plain numbers.",
        {"nodes.3.address": "172.30.2.12/24"},
        {"nodes.3.address": "172.30.2.12"},
    ),
    mistakes.NO_NETWORK: Reading(
        "Without its length a network would be one address.",
        {"addresses.services": "10.96.0.0"},
        {"addresses.services": "10.96.0.0/16"},
    ),
    mistakes.HOST_BITS: Reading(
        "Either the address or the length is wrong, and programs differ about which.",
        {"addresses.pods.pools": ["10.244.1.0/16"]},
        {"addresses.pods.pools": ["10.244.0.0/16"]},
    ),
    mistakes.FOREIGN: Reading(
        "Characters that look like ASCII are others to every program.",
        {"nodes.3.address": "172.30.2.1\u0662"},
        {"nodes.3.address": "172.30.2.12"},
    ),
    mistakes.UNREADABLE: Reading(
        "A few lines of YAML anchors unfold to more than a machine holds.",
        {"cluster.installer": _nested(33)},
        {"cluster.installer": ["./make-cluster", "cluster-dev.yaml"]},
    ),
}
"""Mistakes in the shape of `site`."""

OTHERS = {
    mistakes.OTHER: "A value is not what the model takes, in a way that has no name of its own.",
    "host-key-malformed": "A pinned key is one whole public key, of the kind that its first word names.",
    "waiver-malformed": "A waiver names a rule, a reason, and its last day.",
    "waiver-with-change": "The rule is not about a change, so the waiver would be read as one of something else.",
    "waiver-without-change": "Whoever allows a change says which one: the next one is not allowed with it.",
    "lineage-missing": "A stack that has brought Cilium has lost its record: every change would be free.",
    "lineage-unreadable": "Another version of the program has written the record; guessing could allow a change.",
    "state-unreadable": "The engine does not hand out the stack's own state, so nobody knows what was applied last.",
    "transition-cluster-identity": "Another cluster answers behind the API than the one that was recorded.",
    "waiver-not-possible": "The rule does not exist, or without it nothing follows from the site.",
    "configuration-malformed": "A key of the stack is a text where a mapping or a list is due.",
    "secret-in-plain-key": "A value that is set with --secret below a plain key would be shown in the clear.",
    "configuration-missing": "A key of the stack has no value, and nothing can be applied without it.",
    **REASONS,
    "chart-missing": "The program owns Cilium and is told no chart to install.",
    "kubeconfig-told-twice": "An installer prints a kubeconfig and another one is configured: which one counts?",
    "kubeconfig-missing": "No installer makes the cluster, so its kubeconfig has to be configured.",
}
"""Findings that no rule of the table makes, with the reason of each."""
