"""Drops that a healthy kernel makes while pods talk; listed by reason and function, as they were seen."""

from __future__ import annotations

from underlay.judge.evidence import Counter

NOISE = {
    ("NO_SOCKET", "ping_rcv"): "a raw socket took the echo reply; there is no ping socket beside it",
    ("NOT_SPECIFIED", "ping_rcv"): "as above, before kernels gave it a reason",
    ("NOT_SPECIFIED", "tcp_v4_rcv"): "a segment for a connection that has just been closed",
    ("NOT_SPECIFIED", "tcp_rcv_state_process"): "the last acknowledgement of a closing connection",
    ("NOT_SPECIFIED", "tcp_rcv_established"): "an acknowledgement that carries no data",
    ("TCP_OLD_DATA", "tcp_rcv_state_process"): "data that had arrived before",
    ("TCP_OLD_DATA", "tcp_data_queue"): "data that had arrived before",
    ("TCP_OLD_ACK", "tcp_ack"): "an acknowledgement that had arrived before",
    ("TCP_OLD_DATA", "tcp_rcv_established"): "data that had arrived before",
    ("QUEUE_PURGE", "inet_sock_destruct"): "what a socket had not read when it was closed",
    ("OTHERHOST", "ip_rcv_core"): "a frame for another host, which a switch has sent to all of its ports",
    ("NOT_SPECIFIED", "inet_rtm_getroute"): "the verifier's own question for a route, which has a packet's form",
}


UNNAMED = "UNNAMED"
"""What nodes report where the kernel (before 5.17) gives no reason: then the function alone decides."""
PLACES = {function for _, function in NOISE}


def is_noise(row: Counter) -> bool:
    """Say whether a drop is one of those."""
    function = row.function.partition(".")[0]  # a compiler's variant of a function has a suffix
    return function in PLACES if row.reason == UNNAMED else (row.reason, function) in NOISE
