"""Snort 3's configuration: the stream and service inspectors that rules need, alerts as JSON without payloads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

CONFIG = "snort.lua"
FIELDS = "timestamp gid sid rev msg proto src_addr src_port dst_addr dst_port"
SNAP = 65535
"""Bytes of a packet that are read: copies of whole segments, as offloads leave them."""
PARTS = (
    *("stream", "stream_ip", "stream_icmp", "stream_tcp", "stream_udp", "stream_user", "stream_file"),
    *("http_inspect", "http2_inspect", "dns", "ssl", "ssh", "smtp", "imap", "pop", "ftp_server", "ftp_client"),
    *("sip", "dnp3", "modbus"),
)
"""Inspectors with their own defaults."""
SERVICES = (
    ("http", "http_inspect", "GET POST HEAD PUT DELETE OPTIONS", "HTTP/"),
    ("smtp", "smtp", "HELO EHLO", "220"),
    ("ftp", "ftp_server", "USER FEAT", "220*FTP"),
    ("ssh", "ssh", "*SSH", "*SSH"),
)
"""Service, inspector, and how its client and server begin."""
HEAD = """\
-- Snort 3 for this site: made by its plan.
daq = {{ modules = {{ {{ name = 'afpacket', mode = 'passive' }} }}, inputs = {{ {inputs} }}, snaplen = {snap} }}
-- Offloads leave checksums to the hardware, so that copies of good packets have wrong ones.
network = {{ checksum_eval = 'none' }}
"""


def snort(interfaces: Sequence[str], nets: Mapping[str, str], ports: Mapping[str, str], files: Sequence[str]) -> str:
    """Return snort.lua."""
    lines = [HEAD.format(snap=SNAP, inputs=_list(interfaces)), *(f"{name} = {{ }}" for name in PARTS)]
    lines += ["wizard = { spells = {", *(f"    {_spell(*row)}," for row in SERVICES), "} }"]
    lines += ["binder = {", "    { when = { service = 'http' }, use = { type = 'http_inspect' } },"]
    lines += [f"    {_binding(service, inspector)}," for service, inspector, *_ in SERVICES[1:]]
    lines += ["    { use = { type = 'wizard' } },", "}"]
    includes = "\\n".join(f"include {file}" for file in files)
    lines += [
        "ips = {",
        "    mode = 'tap',",
        f"    rules = {_text(includes)},",
        f"    variables = {{ nets = {_table(nets)}, ports = {_table(ports)} }},",
        "}",
        f"alert_json = {{ file = true, limit = 0, fields = {_text(FIELDS)} }}",
    ]
    return "\n".join(lines) + "\n"


def command(config: str, folder: str) -> list[str]:
    """Return what the container runs."""
    return ["snort", "-c", config, "-l", folder, "-k", "none"]


def _spell(service: str, _: str, client: str, server: str) -> str:
    ends = f"to_server = {{ {_list(client.split())} }}, to_client = {{ {_list(server.split())} }}"
    return f"{{ service = {_text(service)}, proto = 'tcp', {ends} }}"


def _binding(service: str, inspector: str) -> str:
    return f"{{ when = {{ service = {_text(service)} }}, use = {{ type = {_text(inspector)} }} }}"


def _list(words: Sequence[str]) -> str:
    return ", ".join(map(_text, words))


def _table(values: Mapping[str, str]) -> str:
    return "{ " + ", ".join(f"{name} = {_text(value)}" for name, value in values.items()) + " }"


def _text(text: str) -> str:
    return f"'{text}'"
