# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""flannel's network config: is a value one that flanneld accepts, and does its network collide with the host's.

The rules are those of flannel's own `ParseConfig`: what passes here starts there, and what fails here leaves
flanneld retrying for ever.
"""

from __future__ import annotations

import ipaddress
import json
import typing as t

from ansible_collections.container_linux.remediation.plugins.module_utils._network import Lease, Route

DEFAULT: dict[str, t.Any] = {"Network": "10.1.0.0/16"}
"""The config that the role flannel_config writes where there is none and the user asks for no other."""

BACKENDS = (
    "alivpc",
    "ali-vpc",
    "alloc",
    "aws-vpc",
    "extension",
    "gce",
    "host-gw",
    "ipip",
    "ipsec",
    "tencent-vpc",
    "udp",
    "vxlan",
    "wireguard",
)
"""Every backend type that some release of flannel knows."""


class _Invalid(Exception):
    pass


def problems(value: t.Any) -> list[str]:
    """Return why flanneld would refuse a config (JSON text, or the data it stands for); nothing when it would not.

    Only the first problem is told, as by flanneld itself.
    """
    try:
        _check(_decode(value))
    except _Invalid as exc:
        return [str(exc)]
    return []


def network(value: t.Any) -> ipaddress.IPv4Network | None:
    """Return the network of a config that has no problems, else None."""
    return None if problems(value) else _network(_decode(value))


def same(one: t.Any, other: t.Any) -> bool:
    """Tell whether two configs (JSON text or data) mean the same JSON."""
    try:
        return _decode(one) == _decode(other)
    except _Invalid:
        return False


def overlaps(value: t.Any, routes: t.Iterable[Route], *, lease: Lease | None = None) -> list[str]:
    """Return the networks of the host that a config's would collide with, each as `network (interface)`.

    The bridges and tunnels that flannel and docker make are not the host's. Neither is what an earlier lease left
    behind: addresses in its subnet, and with the host-gw backend, routes through a gateway into its network. Neither
    is the first address of a host's subnet where no route tells its interface: a flanneld that is about to come up
    gives it to its tunnel before it sets the route and tells of its lease.

    Args:
        value: the config (JSON text or data); one with problems collides with nothing.
        routes: what the host uses now.
        lease: the host's last lease, where it had one.
    """
    wanted = network(value)
    if wanted is None:
        return []
    subnet_size = 1 << (32 - _subnet_length(_decode(value), wanted))
    own = ("docker", "flannel", "cni", "veth", "br-")
    found = []
    for route in routes:
        if route.network.prefixlen == 0 or route.network.is_multicast or route.interface.startswith(own):
            continue
        if lease and route.gateway and lease.network == wanted:
            continue
        if lease and route.network.subnet_of(lease.subnet.network):
            continue
        alone = not route.interface and route.network.prefixlen == 32
        if alone and route.network.subnet_of(wanted) and int(route.network.network_address) % subnet_size == 0:
            continue
        if route.network.overlaps(wanted):
            found.append(f"{route.network} ({route.interface or 'an address of the host'})")
    return sorted(set(found))


def _decode(value: t.Any) -> dict[str, t.Any]:
    if isinstance(value, (str, bytes)):
        try:
            value = json.loads(value, parse_constant=_no_constant)
        except ValueError as exc:
            raise _Invalid(f"the value is not JSON: {exc}") from exc
    if not isinstance(value, dict):
        raise _Invalid('the value is not a JSON object such as {"Network": "10.1.0.0/16"}')
    # encoding/json of Go matches names without regard to case
    return {str(key).lower(): item for key, item in value.items()}


def _no_constant(word: str) -> t.NoReturn:
    raise ValueError(f"{word} is not JSON")


def _check(config: t.Mapping[str, t.Any]) -> None:
    if config.get("enableipv4") is False and config.get("enableipv6") is True:
        return
    net = _network(config)
    length = _subnet_length(config, net)
    for name, key in (("SubnetMin", "subnetmin"), ("SubnetMax", "subnetmax")):
        if config.get(key) in (None, ""):
            continue
        address = _address(name, config[key])
        if address not in net:
            raise _Invalid(f"{name} {address} is not in the range of the Network {net}")
        if int(address) % (1 << (32 - length)):
            raise _Invalid(f"{name} {address} is not on a boundary of the host subnets (/{length})")
    _check_backend(config.get("backend"))


def _network(config: t.Mapping[str, t.Any]) -> ipaddress.IPv4Network:
    value = config.get("network")
    if value in (None, ""):
        raise _Invalid("it has no Network")
    if not isinstance(value, str) or "/" not in value:
        raise _Invalid(f'Network is {json.dumps(value)}, not a network in CIDR form such as "10.1.0.0/16"')
    try:
        return ipaddress.IPv4Network(value, strict=False)
    except ValueError as exc:
        raise _Invalid(f"Network is not an IPv4 network: {exc}") from exc


def _subnet_length(config: t.Mapping[str, t.Any], net: ipaddress.IPv4Network) -> int:
    length = config.get("subnetlen") or 0
    if isinstance(length, bool) or not isinstance(length, int) or length < 0:
        raise _Invalid(f"SubnetLen is {json.dumps(length)}, not a whole number")
    if length > 30:
        raise _Invalid(f"SubnetLen is {length}: it must be less than 31")
    if length and length < net.prefixlen + 2:
        raise _Invalid(
            f"Network {net} cannot hold four subnets of /{length}: SubnetLen must be {net.prefixlen + 2} or more"
        )
    if not length and net.prefixlen > 28:
        raise _Invalid(f"Network {net} is too small: the smallest useful one is a /28")
    return length or (24 if net.prefixlen <= 22 else net.prefixlen + 2)


def _address(name: str, value: t.Any) -> ipaddress.IPv4Address:
    try:
        if isinstance(value, str):
            return ipaddress.IPv4Address(value)
    except ValueError:
        pass
    raise _Invalid(f"{name} is {json.dumps(value)}, not an IPv4 address")


def _check_backend(backend: t.Any) -> None:
    if backend is None:
        return
    if not isinstance(backend, dict):
        raise _Invalid(f'Backend is {json.dumps(backend)}, not an object such as {{"Type": "vxlan"}}')
    kind = {str(key).lower(): item for key, item in backend.items()}.get("type", "")
    if not isinstance(kind, str) or kind.lower() not in BACKENDS:
        raise _Invalid(f"Backend.Type is {json.dumps(kind)}, which no flannel knows; vxlan, host-gw and udp are common")
