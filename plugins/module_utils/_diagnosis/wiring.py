# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""How the units of a host hang together, in the words of the rules."""

from __future__ import annotations

import typing as t
from collections import deque
from dataclasses import dataclass

from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import (
    REQUIREMENTS,
    blocking_chain,
    is_active,
)

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import Properties
    from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps.graph import (
        Declaration,
        Edge,
        Graph,
    )

_PULLED_IN_BY = ("WantedBy", "RequiredBy", "RequiredByOverridable", "BoundBy", "RequisiteOf", "UpheldBy")


@dataclass(frozen=True)
class Wiring:
    """The units of a host and their dependencies; without a graph there are none."""

    graph: Graph | None

    def properties(self, name: str) -> Properties:
        """What systemd tells of a unit; nothing where it does not know it."""
        return self.graph.look.units.get(self.graph.id_of(name), {}) if self.graph else {}

    def edges(self, name: str, types: t.Iterable[str]) -> list[Edge]:
        """The dependencies of a unit, as systemd tells them."""
        id_ = self.graph.id_of(name) if self.graph else name
        return list(self.graph.edges(id_, types)) if self.graph and id_ in self.graph.units else []

    def needed(self, *names: str) -> list[str]:
        """Some units, and all those without which they cannot start and that are not up."""
        found = dict.fromkeys(self.graph.id_of(name) if self.graph else name for name in names)
        waiting = deque(found)
        while waiting:
            for edge in self.edges(waiting.popleft(), REQUIREMENTS):
                if edge.other not in found and not is_active(self.properties(edge.other)):
                    found[edge.other] = None
                    waiting.append(edge.other)
        return list(found)

    def chain(self, name: str) -> list[str]:
        """The units from one down to what holds it up; itself alone where nothing does."""
        return blocking_chain(self.graph.id_of(name), self.graph.look.units, self.graph.look.jobs) if self.graph else []

    def way(self, name: str, other: str) -> list[Edge]:
        """The dependencies along which one unit waits for another: what it requires, or else what its job waits for."""
        if not self.graph:
            return []
        job = self.graph.jobs.get(self.graph.id_of(name))
        waits = job is not None and job.state == "waiting"
        steps = self._steps(name, other, REQUIREMENTS) or (
            self._steps(name, other, (*REQUIREMENTS, "After")) if waits else []
        )
        return [edge for unit, below in steps for edge in self.between(unit, below)]

    def between(self, unit: str, other: str) -> list[Edge]:
        """The dependencies of one unit by which it waits for another, or requires it."""
        return [edge for edge in self.edges(unit, (*REQUIREMENTS, "After")) if edge.other == other]

    def _steps(self, name: str, other: str, types: t.Sequence[str]) -> list[tuple[str, str]]:
        """A shortest way over some types of dependency, in pairs of neighbours; nothing where there is none."""
        start, end = (self.graph.id_of(unit) if self.graph else unit for unit in (name, other))
        above: dict[str, str] = {}
        waiting = deque([start])
        while waiting and end not in above:
            unit = waiting.popleft()
            for edge in self.edges(unit, types):
                if edge.other != start and edge.other not in above:
                    above[edge.other] = unit
                    waiting.append(edge.other)
        steps = []
        while end in above:
            steps.append((above[end], end))
            end = above[end]
        return steps[::-1]

    def cycles(self, units: t.Collection[str]) -> list[list[Edge]]:
        """The circles in which some units wait for each other."""
        return self.graph.cycles(units) if self.graph else []

    def declared(self, edges: t.Iterable[Edge]) -> list[Declaration]:
        """What declares some dependencies: lines of unit files, and links."""
        found = [declaration for edge in edges for declaration in self.graph.declarations(edge)] if self.graph else []
        return list(dict.fromkeys(declaration for declaration in found if declaration.file))

    def files(self, edges: t.Iterable[Edge]) -> str:
        """The files that declare some dependencies, for people; nothing where none does."""
        return ", ".join(dict.fromkeys(declaration.file for declaration in self.declared(edges)))

    def pulls_in(self, name: str) -> list[str]:
        """The files that make a unit start with others."""
        return sorted({declaration.file for declaration in self.declared(self.edges(name, _PULLED_IN_BY))})
