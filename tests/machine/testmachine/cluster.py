# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the members of one etcd2 cluster find each other: static bootstrap, fixed addresses."""

from __future__ import annotations

__all__ = ["member_environment", "member_names"]


def member_names(name: str, count: int) -> list[str]:
    """The names of `count` machines: the name itself for one, NAME-01 and so on for more."""
    return [name] if count == 1 else [f"{name}-{number:02}" for number in range(1, count + 1)]


def member_environment(name: str, members: dict[str, str]) -> str:
    """etcd2's settings for one member, a NAME=value line each; `members` maps name to address."""
    address = members[name]
    everyone = ",".join(f"{member}=http://{at}:2380" for member, at in members.items())
    return "".join(
        f"{key}={value}\n"
        for key, value in {
            "ETCD_NAME": name,
            "ETCD_INITIAL_CLUSTER": everyone,
            "ETCD_INITIAL_CLUSTER_STATE": "new",
            "ETCD_INITIAL_CLUSTER_TOKEN": next(iter(members)),
            "ETCD_INITIAL_ADVERTISE_PEER_URLS": f"http://{address}:2380",
            "ETCD_LISTEN_PEER_URLS": f"http://{address}:2380",
            "ETCD_ADVERTISE_CLIENT_URLS": f"http://{address}:2379",
            "ETCD_LISTEN_CLIENT_URLS": "http://0.0.0.0:2379,http://0.0.0.0:4001",
        }.items()
    )
