"""Cilium's reasons for a drop by number, as far as they tell of the underlay or of a policy."""

from __future__ import annotations

REASONS = {
    132: "invalid source address",
    133: "policy denied",
    140: "missed tail call",
    147: "tunnel key could not be had",
    150: "unknown target address",
    151: "stale or unroutable address",
    158: "service without backend",
    160: "no tunnel endpoint",
    164: "local host unreachable",
    169: "FIB look-up failed",
    170: "encapsulation prohibited",
    181: "denied by a deny rule",
    182: "VLAN not allowed",
    195: "unencrypted in strict mode",
    196: "time to live exceeded",
    197: "node without id",
    202: "host datapath not ready",
    203: "policy program missing",
    206: "no device",
}
"""From Cilium's list of drop reasons (pkg/monitor/api/drop.go); the others are not about the underlay."""
DENIED = {133, 181}
"""Reasons that a network policy gives."""
