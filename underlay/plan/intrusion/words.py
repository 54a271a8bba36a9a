"""The words of rules: actions, protocols and variables, as the engines' manuals list them."""

from __future__ import annotations

from underlay.model.intrusion import Engine
from underlay.plan.intrusion.suricata import APPLICATIONS


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ACTIONS: dict[Engine, frozenset[str]] = {
    Engine.SURICATA: _words("alert pass drop reject rejectsrc rejectdst rejectboth"),
    Engine.SNORT3: _words("alert block drop log pass react reject rewrite"),
}
"""What a rule may do; Suricata's `config` rules are left to the engine's own files."""
BLOCKING = _words("drop reject rejectsrc rejectdst rejectboth block react rewrite")
"""Actions that need a place in the packets' way."""
PROTOCOLS: dict[Engine, frozenset[str]] = {
    Engine.SURICATA: _words("ip tcp udp icmp icmpv4 icmpv6 ipv4 ip4 ipv6 ip6 sctp tcp-pkt tcp-stream pkthdr")
    | _words("http1 ftp-data")
    | frozenset(APPLICATIONS),
    Engine.SNORT3: _words(
        "ip tcp udp icmp file http http2 http3 ssl tls dns smtp imap pop3 ftp ssh telnet sip dcerpc netbios-ssn "
        "dnp3 modbus mms cip iec104 s7commplus ntp snmp rpc irc ldap mysql postgresql"
    ),
}
"""Of Suricata: what it reads itself, other words for applications, and the applications that its configuration enables,
because a rule for one that is not enabled ends its start."""
WITHOUT_ENDS = 2
"""Words of a header of Snort 3 that names a service and no addresses: `alert http (…)`."""
NETS: dict[str, str] = {
    "HOME_NET": "",
    "EXTERNAL_NET": "!$HOME_NET",
    **dict.fromkeys(
        (
            *("HTTP_SERVERS", "SMTP_SERVERS", "SQL_SERVERS", "DNS_SERVERS", "TELNET_SERVERS", "SSH_SERVERS"),
            *("FTP_SERVERS", "SIP_SERVERS", "DC_SERVERS", "DNP3_SERVER", "DNP3_CLIENT", "MODBUS_CLIENT"),
            *("MODBUS_SERVER", "ENIP_CLIENT", "ENIP_SERVER"),
        ),
        "$HOME_NET",
    ),
    "AIM_SERVERS": "$EXTERNAL_NET",
}
"""Variables of addresses; HOME_NET is the pod pools."""
PORTS: dict[str, str] = {
    "HTTP_PORTS": "80",
    "SHELLCODE_PORTS": "!80",
    "ORACLE_PORTS": "1521",
    "SSH_PORTS": "22",
    "FTP_PORTS": "21",
    "SIP_PORTS": "5060",
    "DNP3_PORTS": "20000",
    "MODBUS_PORTS": "502",
    "GENEVE_PORTS": "6081",
    "VXLAN_PORTS": "4789",
    "TEREDO_PORTS": "3544",
    "FILE_DATA_PORTS": "[$HTTP_PORTS,110,143]",
}
"""Variables of ports."""
