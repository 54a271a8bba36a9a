"""A command in a container of a pod, over the connection that the API server opens for it."""

from __future__ import annotations

import json
from typing import Any

from kubernetes.stream import ws_client
from websocket import WebSocketBadStatusException, WebSocketException, setdefaulttimeout

from underlay.failure import in_one_line

SHOWN = 200
"""Characters of what the connection or the command says."""


class Refused(Exception):
    """The API server opened no connection, or the command was none; the words say why."""


def output(configuration: Any, url: str, headers: dict[str, str], connect: float, seconds: float) -> str:  # noqa: ANN401
    """Return what the command of this address prints; Refused where it could not run, or said that it failed."""
    client: Any = ws_client
    setdefaulttimeout(connect)
    try:
        session = client.WSClient(configuration, client.get_websocket_url(url), headers, False, binary=True)
        try:
            session.run_forever(timeout=seconds)
            ended = not session.is_open()
            told = {channel: session.read_channel(channel) for channel in (1, 2, 3)}
        finally:
            session.sock.shutdown()  # `close` leaves it open where the other end has said good-bye
    except WebSocketBadStatusException as error:
        raise Refused(f"{error.status_code} {error.status_message}") from None
    except (WebSocketException, OSError) as error:
        raise Refused(in_one_line(error, SHOWN)) from None
    if not ended:
        raise Refused(f"no end within {seconds:.3g} s")
    status = json.loads(told[3] or b"{}")
    if status.get("status") != "Success":
        words = told[2].decode(errors="replace").strip() or status.get("message") or "the connection ended"
        raise Refused(" ".join(words.split())[:SHOWN])
    return bytes(told[1]).decode(errors="replace")
