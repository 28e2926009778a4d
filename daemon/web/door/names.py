"""What this speaker is called on the network: its name, and the addresses that it has.

Addresses are read from /proc: a lookup of the own name gives 127.0.1.1 on Debian, and netlink is barred in
the gateway's sandbox.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from pathlib import Path

Address = IPv4Address | IPv6Address

PROC_NET = Path("/proc/net")

NETWORKS: tuple[IPv4Network | IPv6Network, ...] = tuple(
    ip_network(text)
    for text in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10",
        "127.0.0.0/8", "::1/128",
    )
)  # fmt: skip
"""Addresses that mean something in one house only (RFC 1918, 3927, 4193, 4291), and this machine."""

LOCALHOST = "localhost"

MAX_ADDRESSES = 32
"""A speaker has some four; policy for more: the first in order."""

_LABEL = re.compile(r"[^a-z0-9-]+")


def host_name(wanted: str = "") -> str:
    """The name without a domain, as browsers send it: what was configured, else the machine's."""
    label = _LABEL.sub("-", (wanted or socket.gethostname()).partition(".")[0].lower()).strip("-")
    return label or "conure"


def domains_of(name: str) -> tuple[str, ...]:
    """How a browser in the house names it: by multicast DNS (RFC 6762), by the router, by an SSH tunnel."""
    return (f"{name}.local", name, LOCALHOST)


def addresses(proc_net: Path = PROC_NET) -> tuple[Address, ...]:
    """The machine's own addresses that mean something at home, in order. Blocks on no disk."""
    found: set[Address] = {*_ipv4(_text(proc_net / "fib_trie")), *_ipv6(_text(proc_net / "if_inet6"))}
    at_home = [address for address in found if is_at_home(address)]
    return tuple(sorted(at_home, key=lambda one: (one.version, int(one))))[:MAX_ADDRESSES]


def is_at_home(address: Address) -> bool:
    """Whether it is in one of the networks that a certificate of ours may name."""
    return any(address.version == network.version and address in network for network in NETWORKS)


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace")
    except OSError:
        return ""  # a kernel without IPv6


def _ipv4(trie: str) -> Iterator[IPv4Address]:
    """The kernel's routing trie: an address of our own is a leaf that "/32 host LOCAL" follows."""
    for leaf in re.finditer(r"\|-- ([0-9.]{7,15})\n((?:\s+/[0-9].*\n?)+)", trie):
        if "/32 host LOCAL" in leaf[2]:
            yield IPv4Address(leaf[1])


def _ipv6(table: str) -> Iterator[IPv6Address]:
    """A line for each address, 32 hexadecimal digits first."""
    for digits in re.findall(r"^([0-9a-f]{32}) ", table, re.MULTILINE):
        yield IPv6Address(int(digits, 16))
