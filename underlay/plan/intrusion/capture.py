"""What each capture point sees of pods' packets and what it cannot, said of this very site."""

from __future__ import annotations

from collections.abc import Iterator

from underlay.model import Node, Site
from underlay.model.intrusion import Capture, IntrusionDetection

MIRROR = "underlay-ids"
"""The device on which a node's mirror shows its copies."""
MIRROR_IN = "underlay-ids-in"
"""Its other end, into which copies go."""
BETWEEN = "pods' packets between nodes, and with everything outside"
SEES: dict[Capture, tuple[str, ...]] = {
    Capture.UPLINK: (BETWEEN,),
    Capture.POD_LINKS: (BETWEEN, "packets between pods of one node"),
    Capture.SWITCH_MIRROR: ("what the switch is told to copy of packets between nodes and with the outside",),
}
SAME_NODE = "packets between pods of one node: they never reach an interface of the node"
BLIND: dict[Capture, tuple[str, ...]] = {
    Capture.UPLINK: (SAME_NODE,),
    Capture.POD_LINKS: (
        "packets that a node itself sends to pods or outside: they come in by neither kind of link",
        "a new pod's packets of the first moment, until the mirror is attached to its link",
    ),
    Capture.SWITCH_MIRROR: (SAME_NODE, "what the switch drops of its copies: no node can count that"),
}


def engine_nodes(site: Site, declared: IntrusionDetection) -> tuple[Node, ...]:
    """Return the nodes that get an engine."""
    return tuple(node for node in site.nodes if not declared.nodes or node.name in declared.nodes)


def interfaces(node: Node, declared: IntrusionDetection) -> tuple[str, ...]:
    """Return the interfaces that a node's engine reads."""
    match declared.capture:
        case Capture.UPLINK:
            return tuple(uplink.name for uplink in node.uplinks)
        case Capture.POD_LINKS:
            return (MIRROR,)
        case Capture.SWITCH_MIRROR:
            return (declared.interface,) if declared.interface else ()


def sees(declared: IntrusionDetection) -> tuple[str, ...]:
    """Return what an engine sees at the declared point."""
    return SEES[declared.capture]


def blind_spots(site: Site, declared: IntrusionDetection) -> tuple[str, ...]:
    """Return what an engine cannot see at the declared point of this site."""
    return tuple(_blind_spots(site, declared))


def _blind_spots(site: Site, declared: IntrusionDetection) -> Iterator[str]:
    yield from BLIND[declared.capture]
    if site.cilium.masquerade:
        pods = declared.capture is Capture.POD_LINKS
        what = "answers to masqueraded pods from outside" if pods else "masqueraded pods' packets with the outside"
        yield f"the pod in {what}: they carry the node's address"
    if site.cilium.load_balancing.acceleration != "disabled":
        yield "service packets that XDP forwards in the driver: it comes before every capture"
    missing = [node.name for node in site.nodes if node not in engine_nodes(site, declared)]
    if missing:
        yield f"everything on nodes without an engine: {len(missing)} of {len(site.nodes)}"
    yield "what is inside encrypted connections"


def statements(site: Site) -> tuple[str, ...]:
    """Return what a preview says about the capture point; nothing where there is no engine."""
    declared = site.intrusion_detection
    if declared is None:
        return ()
    head = f"intrusion detection at {declared.capture.value}: sees {'; '.join(sees(declared))}"
    return (head, *(f"intrusion detection cannot see {spot}" for spot in blind_spots(site, declared)))
