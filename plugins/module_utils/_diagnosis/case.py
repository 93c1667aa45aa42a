# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""What an observation means for each link of the chain: the words in which the rules of the catalogue are written."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.container_linux.remediation.plugins.module_utils._diagnosis.wiring import Wiring
from ansible_collections.container_linux.remediation.plugins.module_utils._flannel import config as flannel_config
from ansible_collections.container_linux.remediation.plugins.module_utils._host import printable
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.env_file import parse_env_file
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import requirements, words

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._diagnosis.seen import (
        Member,
        Observation,
    )
    from ansible_collections.container_linux.remediation.plugins.module_utils._etcd.api import Node
    from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps.graph import Edge


@dataclass(frozen=True)
class Evidence:
    """A line that was seen, and where."""

    source: str
    line: str


@dataclass(frozen=True)
class Case:
    """An observation, and the flannel config that the user wants, if any."""

    seen: Observation
    desired: t.Any = None

    def unit(self, name: str, prop: str) -> str:
        return (self.seen.units.get(name) or self.wiring.properties(name)).get(prop, "")

    def state(self, name: str) -> str:
        return self.unit(name, "ActiveState")

    def loaded(self, name: str) -> bool:
        return self.unit(name, "LoadState") == "loaded"

    @property
    def something_is_wrong(self) -> bool:
        """Whether it is worth a closer look at the units."""
        return self.broken or self.state("etcd.service") == "active"

    @property
    def broken(self) -> bool:
        """Whether Docker, or the flanneld that this host means to run, is not up."""
        return not self.docker_answers or self.flanneld_missing

    # docker

    @property
    def docker_answers(self) -> bool:
        return self.seen.pinged == "OK"

    @property
    def docker_requires_flanneld(self) -> bool:
        return "flanneld.service" in requirements(self.seen.units["docker.service"])

    # flanneld

    @property
    def flanneld_wanted(self) -> bool:
        """Whether this host means to run flanneld: it is on its way or enabled, or docker cannot be without it."""
        if not self.loaded("flanneld.service"):
            return False
        return (
            self.state("flanneld.service") != "inactive"
            or self.unit("flanneld.service", "UnitFileState").startswith("enabled")
            or self.docker_requires_flanneld
        )

    @property
    def flanneld_runs_in_docker(self) -> list[Evidence]:
        """What tells that flanneld is run by the host's main docker; nothing where it is not."""
        environment = self.unit("flanneld.service", "Environment")
        if re.search(r"DOCKER_HOST=(?!unix:/+(var/)?run/docker\.sock\b)", environment):
            return []
        found = [Evidence(printable(source), printable(line)) for source, line in self.seen.runs_docker]
        argv = re.search(r"argv\[\]=([^;]*)", self.unit("flanneld.service", "ExecStart"))
        if argv and re.search(r"(^|[ /])docker (\S+ )*run |/docker\.sock", argv[1]):
            found.append(Evidence("systemctl show flanneld.service", printable(f"ExecStart={argv[1]}")))
        return found

    @property
    def flanneld_up(self) -> bool:
        return self.state("flanneld.service") == "active"

    @property
    def flanneld_missing(self) -> bool:
        return self.flanneld_wanted and not self.flanneld_up

    @property
    def flanneld_needs_etcd(self) -> bool:
        return self.flanneld_missing and not self.seen.settings.uses_kubernetes

    # etcd

    @property
    def store(self) -> Member | None:
        """The etcd member that answered for flannel's key."""
        last = self.seen.members[-1] if self.seen.members else None
        return last if last and last.node else None

    @property
    def node(self) -> Node | None:
        """What is at flannel's key."""
        return self.store.node if self.store else None

    @property
    def etcd_gone(self) -> bool:
        """Whether flanneld waits for an etcd that does not answer, and none runs in its place."""
        return self.flanneld_needs_etcd and not self.store and not self.etcd_in_place_of_etcd2

    @property
    def etcd_in_place_of_etcd2(self) -> bool:
        return (
            self.loaded("etcd2.service")
            and self.state("etcd.service") == "active"
            and self.state("etcd2.service") != "active"
            and self.unit("etcd.service", "Id") != self.unit("etcd2.service", "Id")
        )

    @property
    def etcd_member_used(self) -> bool:
        """Whether etcd-member.service is the etcd of this host: it is up, was up in this boot, or comes up at boot."""
        if not self.loaded("etcd-member.service"):
            return False
        return self.state("etcd-member.service") != "inactive" or self._was_meant_to_run("etcd-member.service")

    @property
    def etcd2_used(self) -> bool:
        """Whether etcd2.service is the etcd of this host: it was up, comes up at boot, was set up, or has data.

        The operating system ships it for everybody, and a host may well run an etcd of its own instead.
        """
        if not self.loaded("etcd2.service") or self.etcd_member_used:
            return False
        set_up = any(path.startswith(("/etc/", "/run/")) for path in words(self.unit("etcd2.service", "DropInPaths")))
        has_data = "/var/lib/etcd2/member" in self.seen.stores
        return set_up or has_data or self._was_meant_to_run("etcd2.service")

    def _was_meant_to_run(self, name: str) -> bool:
        was_up = self.unit(name, "ActiveExitTimestampMonotonic") not in ("", "0")
        return was_up or self.unit(name, "UnitFileState").startswith("enabled")

    @property
    def key_at(self) -> str:
        """flannel's key and its store, for people."""
        where = self.store.url if self.store else self.seen.settings["etcd-endpoints"]
        unit = f" ({self.seen.serving})" if self.seen.serving else ""
        return printable(f"{self.seen.settings.key} in {where}{unit}")

    @property
    def config_problems(self) -> list[str]:
        return flannel_config.problems(self.node.value) if self.node and self.node.kind == "value" else []

    @property
    def key_good(self) -> bool:
        """Whether etcd holds a config that flanneld accepts."""
        return bool(self.node and self.node.kind == "value" and not self.config_problems)

    @property
    def overlapping(self) -> list[str]:
        """Networks of the host that flannel's collides with: the one in etcd, or where none is, the one it will get."""
        return self.overlaps(self.effective_config)

    @property
    def effective_config(self) -> t.Any:
        """The config in etcd, or where none is, the one that it will get."""
        stored = self.node.value if self.node and self.node.kind == "value" else None
        return stored if stored is not None else self.desired or flannel_config.DEFAULT

    @property
    def flannel_network(self) -> str:
        return str(flannel_config.network(self.effective_config) or "no network")

    def overlaps(self, config: t.Any) -> list[str]:
        """Networks of the host that a config's network collides with."""
        return flannel_config.overlaps(config, self.seen.routes, lease=self.seen.lease)

    @property
    def left_behind(self) -> list[str]:
        """Units that docker or flanneld took down with them, and that nothing starts again, docker itself aside."""
        chain = {"docker.service", "docker.socket", "flanneld.service", "early-docker.service", "early-docker.target"}
        needs = {
            unit["Id"]: set(requirements(unit))
            for unit in self.seen.gave_up
            if unit.get("LoadState") == "loaded" and unit.get("ActiveState") in ("inactive", "failed")
        }
        taken = set(chain)
        # each round finds the units that need one of the round before
        while more := {name for name in needs if name not in taken and needs[name] & taken}:
            taken |= more
        return [name for name in needs if name in taken - chain]

    # dependencies

    @property
    def wiring(self) -> Wiring:
        return Wiring(self.seen.graph)

    @property
    def needed(self) -> list[str]:
        """All the units that have to be up for Docker to run as this host means it to."""
        flannel = ["flanneld.service"] if self.flanneld_wanted else []
        etcd = ["etcd2.service"] if self.etcd2_used else []
        return self.wiring.needed("docker.service", "docker.socket", *flannel, *etcd)

    def lines(self, edges: t.Iterable[Edge]) -> list[Evidence]:
        """The lines of unit files, and the links, that declare some dependencies."""
        graph = self.seen.graph
        return [
            Evidence(f"{found.file}:{found.line}", printable(graph.source(found)))
            if found.line and graph
            else Evidence(found.file, "a link")
            for found in self.wiring.declared(edges)
        ]

    # docker0

    @property
    def docker0(self) -> str:
        """The network of docker's bridge, or nothing."""
        networks = [str(route.network) for route in self.seen.routes if route.interface == "docker0"]
        return networks[0] if networks else ""

    @property
    def bridge_set_by_hand(self) -> bool:
        """Whether docker's options fix or empty the bridge's address on purpose, as Kubernetes' CNI set-up does."""
        for text in self.seen.files.values():
            if parse_env_file(text).get("DOCKER_OPT_BIP") == "":
                return True
        options = self.unit("docker.service", "ExecStart") + self.unit("docker.service", "Environment")
        return bool(re.search(r"--(?:bip|bridge)[= ]", options))

    # evidence

    def shown(self, name: str) -> Evidence:
        props = ("LoadState", "ActiveState", "SubState", "Result", "UnitFileState", "NRestarts")
        line = " ".join(f"{prop}={self.unit(name, prop)}" for prop in props if self.unit(name, prop))
        return Evidence(f"systemctl show {name}", printable(line))

    def job(self, name: str) -> list[Evidence]:
        return [
            Evidence("systemctl list-jobs", printable(f"{job.id} {job.unit} {job.type} {job.state}"))
            for job in self.seen.jobs
            if job.unit == name
        ]

    def logged(self, name: str, pattern: str, *, last: int = 1) -> list[Evidence]:
        """The last lines of a unit's journal that match a pattern."""
        lines = [line for line in self.seen.journal.get(name, ()) if re.search(pattern, line)]
        return [Evidence(f"journal of {name}", printable(line)) for line in lines[-last:]]

    def said(self, name: str) -> list[Evidence]:
        """The last words of a unit's own program, which are worth more than systemd's about it."""
        return self.logged(name, r" (?!systemd\[)\S+\[\d+\]: ", last=3)

    def answered(self) -> list[Evidence]:
        """What each etcd endpoint said of flannel's key."""
        found = []
        settings = self.seen.settings
        for member in self.seen.members:
            source = f"{member.url}/v2/keys{settings.key}" if settings.api == "v2" else f"{member.url} {settings.key}"
            found.append(Evidence(printable(source), _said(member)))
        return found


def _said(member: Member) -> str:
    if not member.node:
        return member.said or "no answer"
    node = member.node
    words = {
        "absent": f"100: Key not found ({node.missing})" if node.missing else "no such key",
        "directory": "a directory",
        "value": f"value {node.value!r}, index {node.index}",
        "error": node.sentence,
    }
    return printable(f"HTTP {member.status}: {words[node.kind]}")
