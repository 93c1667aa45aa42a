# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""What one look at a host saw, as data: nothing is asked here, and nothing judged."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from ansible_collections.container_linux.remediation.plugins.module_utils._flannel.settings import Settings

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._etcd.api import Node
    from ansible_collections.container_linux.remediation.plugins.module_utils._network import Lease, Route
    from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import Job, Properties
    from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps.graph import Graph

UNITS = (
    "docker.service",
    "docker.socket",
    "flanneld.service",
    "early-docker.service",
    "early-docker.target",
    "etcd2.service",
    "etcd.service",
    "etcd-member.service",
)
"""The units of the chain, over all releases."""


@dataclass(frozen=True)
class Member:
    """What one etcd endpoint answered: its version, and the node at flannel's key.

    Where it did not answer, `node` is None, `status` is 0 and `said` is why in curl's words.
    """

    url: str
    version: str
    status: int
    node: Node | None
    said: str

    @property
    def port(self) -> int:
        parts = split_url(self.url)
        try:
            return parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            return 0


@dataclass(frozen=True)
class Observation:
    """What the look at a host saw, nothing judged.

    Attributes:
        os: the variables of os-release.
        units: properties of each of `UNITS`, by the name asked for.
        jobs: systemd's job table.
        pinged: how docker's API answered: `OK`, else what was seen; nothing where docker is not up and so not asked.
        containers: how many run; asked only where docker's bridge is not the one of the lease.
        settings: what flanneld really uses.
        files: the environment files of the chain's units, by path, without passwords.
        lease: flanneld's last lease of this boot.
        routes: addresses and routes of the host.
        members: the etcd endpoints that flanneld would ask, up to the first that answered.
        local_etcd: whether one of flanneld's endpoints is on this host.
        serving: the unit that serves that one, where it is on this host.
        journal: last lines by unit; read only where something is wrong.
        stores: the data of etcd's members on this host, by path; read with `journal`.
        gave_up: units whose start failed with a dependency in this boot; read with `journal`.
        cyclic: what systemd said of ordering cycles in this boot; read with `journal`.
        runs_docker: where flanneld's own start script runs a docker client, as `file:line`, and that line; read with
            `journal`.
        graph: the units and what declares their dependencies; looked at only where something is wrong.
    """

    os: t.Mapping[str, str] = field(default_factory=dict)
    units: t.Mapping[str, Properties] = field(default_factory=dict)
    jobs: t.Sequence[Job] = ()
    pinged: str = ""
    containers: int | None = None
    settings: Settings = field(default_factory=Settings)
    files: t.Mapping[str, str] = field(default_factory=dict)
    lease: Lease | None = None
    routes: t.Sequence[Route] = ()
    members: t.Sequence[Member] = ()
    local_etcd: bool = False
    serving: str = ""
    journal: t.Mapping[str, t.Sequence[str]] = field(default_factory=dict)
    stores: t.Sequence[str] = ()
    gave_up: t.Sequence[Properties] = ()
    cyclic: t.Sequence[str] = ()
    runs_docker: t.Sequence[tuple[str, str]] = ()
    graph: Graph | None = None


def split_url(url: str) -> SplitResult:
    """Return the parts of a host's URL; one that is none has only empty parts."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")
