# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""What the kernel says of a host's IPv4 addresses and routes, read from /proc so that the host needs no tool for it."""

from __future__ import annotations

import ipaddress
import re
import socket
import struct
import typing as t
from dataclasses import dataclass

_RTF_UP = 0x1
_LISTEN = "0A"


@dataclass(frozen=True)
class Route:
    """A network that the host already uses: one of its addresses (prefix length 32), or where a route leads."""

    network: ipaddress.IPv4Network
    interface: str
    gateway: bool = False


@dataclass(frozen=True)
class Lease:
    """flanneld's own record of its lease, from its subnet file."""

    network: ipaddress.IPv4Network
    subnet: ipaddress.IPv4Interface


def parse_routes(text: str) -> list[Route]:
    """Return the routes of /proc/net/route: a header, then lines of interface, destination, gateway, flags and mask."""
    routes = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        try:
            destination, gateway, flags, mask = (int(fields[i], 16) for i in (1, 2, 3, 7))
        except (IndexError, ValueError):
            continue
        if flags & _RTF_UP:
            network = ipaddress.IPv4Network((_address(destination), bin(mask).count("1")), strict=False)
            routes.append(Route(network=network, interface=fields[0], gateway=gateway != 0))
    return routes


def parse_addresses(text: str) -> list[ipaddress.IPv4Address]:
    """Return the addresses of the host from /proc/net/fib_trie, where a leaf and its `/32 host LOCAL` are two lines."""
    found = re.findall(r"\|-- (\d+\.\d+\.\d+\.\d+)\s*\n\s+/32 host LOCAL", text)
    return sorted({ipaddress.IPv4Address(item) for item in found} - {ipaddress.IPv4Address("127.0.0.1")})


def host_routes(addresses: t.Iterable[ipaddress.IPv4Address], routes: t.Sequence[Route]) -> list[Route]:
    """Return each address of the host as a route of its own, on the interface whose network it lies in, if any."""
    found = []
    for address in addresses:
        near = [route for route in routes if address in route.network and route.network.prefixlen and not route.gateway]
        nearest = max(near, key=lambda route: route.network.prefixlen).interface if near else ""
        found.append(Route(network=ipaddress.IPv4Network(address), interface=nearest))
    return found


def parse_listeners(text: str) -> dict[int, set[str]]:
    """Return the inodes of the sockets that listen on each TCP port, from /proc/net/tcp and /proc/net/tcp6."""
    listeners: dict[int, set[str]] = {}
    for line in text.splitlines():
        fields = line.split()
        if len(fields) > 9 and fields[3] == _LISTEN and ":" in fields[1]:
            port = int(fields[1].rpartition(":")[2], 16)
            listeners.setdefault(port, set()).add(fields[9])
    return listeners


def parse_sockets(text: str) -> dict[int, set[str]]:
    """Return the inodes of the sockets that each process holds, from `ls -l /proc/PID/fd/`."""
    sockets: dict[int, set[str]] = {}
    pid = 0
    for line in text.splitlines():
        heading = re.match(r"^/proc/(\d+)/fd/?:$", line)
        if heading:
            pid = int(heading[1])
        else:
            sockets.setdefault(pid, set()).update(re.findall(r"socket:\[(\d+)\]", line))
    return sockets


def _address(number: int) -> str:
    # the kernel prints addresses as numbers in the byte order of the host; every supported host is little-endian
    return socket.inet_ntoa(struct.pack("<L", number))
