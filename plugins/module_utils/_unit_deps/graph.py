# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""The graph of a host's units: each dependency that systemd tells of, and what declares it."""

from __future__ import annotations

import fnmatch
import typing as t
from dataclasses import replace

from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.unit_file import (
    can_be,
    expand,
    with_instance,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import (
    REQUIREMENTS,
    quoted,
    words,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps.cycles import cycles
from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps.look import (
    LINK_DIRECTORIES,
    VENDOR_DIRECTORIES,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps.rules import Unit, rules_for

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.unit_file import Setting
    from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import Properties
    from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps.look import Link, Look
    from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps.rules import Rule

# The other end's view of a dependency, and the type that it is the inverse of.
INVERSE = {
    "Before": "After",
    "TriggeredBy": "Triggers",
    "RequiredBy": "Requires",
    "RequiredByOverridable": "RequiresOverridable",
    "RequisiteOf": "Requisite",
    "RequisiteOfOverridable": "RequisiteOverridable",
    "BoundBy": "BindsTo",
    "WantedBy": "Wants",
    "UpheldBy": "Upholds",
    "ConsistsOf": "PartOf",
    "ConflictedBy": "Conflicts",
    "OnFailureOf": "OnFailure",
    "OnSuccessOf": "OnSuccess",
}
_INVERSE_OF = {forward: inverse for inverse, forward in INVERSE.items()}

PULLING_TYPES = (*REQUIREMENTS, "Wants", "Upholds", "PartOf")
FORWARD_TYPES = (
    *PULLING_TYPES,
    *("Conflicts", "After", "Before", "OnFailure", "OnSuccess", "Triggers", "TriggeredBy"),
)
REVERSE_TYPES = (
    *(_INVERSE_OF[type_] for type_ in PULLING_TYPES),
    *("ConflictedBy", "OnFailureOf", "OnSuccessOf"),
)
ALL_TYPES = (*FORWARD_TYPES, *REVERSE_TYPES)

# What each setting of a unit file declares; `BindTo` is an old name.
_DECLARES: dict[tuple[str, str], tuple[str, ...]] = {
    **{
        ("Unit", key): (key,)
        for key in (
            *("Requisite", "BindsTo", "Wants", "Upholds", "PartOf", "Conflicts", "Before", "After"),
            *("Requires", "OnFailure", "OnSuccess"),
        )
    },
    ("Unit", "BindTo"): ("BindsTo",),
    # systemd 230 made plain ones of these
    ("Unit", "RequiresOverridable"): ("RequiresOverridable", "Requires"),
    ("Unit", "RequisiteOverridable"): ("RequisiteOverridable", "Requisite"),
    ("Service", "Sockets"): ("Wants", "After", "TriggeredBy"),
    ("Timer", "Unit"): ("Triggers", "Before"),
    ("Path", "Unit"): ("Triggers", "Before"),
}
# Of these, systemd makes each type only in some versions, or not for each unit.
_MAY_FAIL = {("Unit", "RequiresOverridable"), ("Unit", "RequisiteOverridable")}


class Edge(t.NamedTuple):
    """A dependency, told from the unit that has it: docker.service, After, flanneld.service."""

    unit: str
    type: str
    other: str

    @property
    def canonical(self) -> Edge:
        """The same dependency, seen from the end that has the plain type: B Before A is A After B."""
        return Edge(self.other, INVERSE[self.type], self.unit) if self.type in INVERSE else self


class Declaration(t.NamedTuple):
    """What makes systemd add a dependency.

    Attributes:
        origin: systemd's word, such as `file`, `default` or `implicit`.
        rule: systemd's rule; empty where a file declares the dependency itself.
        file: the unit file, drop-in or link that declares it or sets the rule off; empty where none does.
        line: the line of that file; 0 for a link, and where there is no file.
    """

    origin: str
    rule: str = ""
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        at = f"{self.file}:{self.line}" if self.line else self.file
        if not self.rule:
            return at
        return f"{self.origin}: {self.rule} ({at})" if at else f"{self.origin}: {self.rule}"


class Graph:
    """The units of one look and their dependencies.

    Attributes:
        look: the look. Of a unit asked for that systemd has not told of, since it did not answer in time, it holds
            what the unit's files say.
        units: the units by main name.
        jobs: the job of each unit that has one.
    """

    def __init__(self, look: Look, asked: t.Iterable[str] = ()) -> None:
        self._ids = {name: id_ for id_, shown in look.units.items() for name in words(shown.get("Names", ""))}
        self._entries = _by_directory(look.links, path=lambda link: link.path)
        self._linked = {link.unit for link in look.links}
        self._drop_ins = _by_directory((path for path in look.settings if ".d/" in path), path=str)
        self._dropped = _units_of(self._drop_ins)
        self._vendor: dict[str, str] = {}
        for folder in VENDOR_DIRECTORIES:
            for path in fnmatch.filter(look.ages, f"{folder}/*"):
                self._vendor.setdefault(path.rpartition("/")[2], path)
        self._explained: dict[Edge, list[Declaration]] = {}
        untold = [name for name in asked if look.partial and self.id_of(name) not in look.units]
        units = {**look.units, **{name: {"Id": name, "Names": name, "LoadState": "unknown"} for name in untold}}
        self.look = replace(look, units=units)
        for name in untold:
            units[name].update(self._from_files(name))
        self.units = {id_: self._unit(id_) for id_ in units}
        self.jobs = {job.unit: job for job in look.jobs}
        self._declared: dict[Edge, list[Declaration]] = {}
        self._hidden: dict[str, list[tuple[str, str, Declaration]]] = {}
        for unit in self.units.values():
            self._read(unit)

    def id_of(self, name: str) -> str:
        """Return the main name of a unit by any of its names."""
        return self._ids.get(name, name)

    def names_of(self, unit: str) -> list[str]:
        """Return all the names of a unit, its main one included."""
        return words(self.look.units[unit].get("Names", "")) or [unit]

    def files_of(self, unit: str) -> list[str]:
        """Return the fragment and drop-ins that systemd has read for a unit."""
        shown = self.look.units[unit]
        fragment = shown.get("FragmentPath", "")
        return [path for path in (fragment, *words(shown.get("DropInPaths", ""))) if path]

    def shadows(self, unit: str) -> str:
        """Return the vendor's unit file that a unit's own one hides; nothing where it hides none."""
        fragment = self.look.units[unit].get("FragmentPath", "")
        if any(fnmatch.fnmatch(fragment, f"{folder}/*") for folder in VENDOR_DIRECTORIES):
            return ""
        hidden = self._vendor.get(fragment.rpartition("/")[2], "")
        # torcx itself copies its units to the runtime ones
        return "" if fragment.startswith("/run/") and hidden.startswith("/run/torcx/") else hidden

    def edges(self, unit: str, types: t.Iterable[str] = ALL_TYPES) -> t.Iterator[Edge]:
        """Yield the dependencies that systemd tells of for a unit."""
        found = self.units[unit].edges
        for type_ in types:
            for other in found.get(type_, ()):
                yield Edge(unit, type_, other)

    def declarations(self, edge: Edge) -> list[Declaration]:
        """Return all that makes systemd add a dependency, seen from either end; nothing where it is unknown."""
        edge = edge.canonical
        if edge not in self._explained:
            self._explained[edge] = self._explain(edge)
        return self._explained[edge]

    def _explain(self, edge: Edge) -> list[Declaration]:
        found = list(self._declared.get(edge, ()))
        sides = [edge]
        if edge.type in _INVERSE_OF:
            sides.append(Edge(edge.other, _INVERSE_OF[edge.type], edge.unit))
        for side in sides:
            found += [
                declaration
                for type_, word, declaration in self._hidden.get(side.unit, ())
                if type_ == side.type and can_be(word, side.unit, side.other)
            ]
            unit, other = self._known(side.unit), self._known(side.other)
            for rule in rules_for(unit, side.type, other):
                found += self._by_rule(rule, side, unit, other)
        return list(dict.fromkeys(found))

    def cycles(self, units: t.Collection[str]) -> list[list[Edge]]:
        """Return circles of ordering that together hold each of some units that is in one, as `cycles` does.

        Each dependency of a circle is followed by that of the unit at its other end, the last by the first.
        """
        order = {id_: unit.edges.get("After", ()) for id_, unit in self.units.items()}
        return [
            [Edge(unit, "After", other) for unit, other in zip(cycle, [*cycle[1:], cycle[0]])]
            for cycle in cycles(order, units)
        ]

    def source(self, declaration: Declaration) -> str:
        """Return the assignment that a declaration is, such as `After=flanneld.service`; for a link its path."""
        if not declaration.line:
            return declaration.file
        before = [setting for setting in self.look.settings[declaration.file] if setting.line <= declaration.line]
        return f"{before[-1].key}={before[-1].value}" if before else ""

    def differences(self, one: str, other: str) -> list[tuple[str, str]]:
        """Return the assignments that only one of two unit files has, each with its file and line."""
        said = {path: {(s.section, s.key, s.value) for s in self.look.settings.get(path, ())} for path in (one, other)}
        return [
            (f"{setting.file}:{setting.line}", f"{setting.key}={setting.value}")
            for path, against in ((one, other), (other, one))
            for setting in self.look.settings.get(path, ())
            if (setting.section, setting.key, setting.value) not in said[against]
        ]

    def not_loaded(self, unit: str) -> t.Iterator[tuple[Edge, Declaration]]:
        """Yield what a unit's files on disk declare and systemd does not have."""
        if self.look.units[unit].get("LoadState") != "loaded":
            return
        settings = (item for path in self.files_on_disk(unit) for item in self.look.settings.get(path, ()))
        declared = [
            *(
                found
                for setting in settings
                if (setting.section, setting.key) not in _MAY_FAIL
                for found in self._edges_of(unit, setting)
            ),
            *(self._edge_of(unit, link) for link in self._links(unit)),
        ]
        for edge, declaration in declared:
            if edge.other != unit and edge.other not in self.units[unit].edges.get(edge.type, ()):
                yield edge, declaration

    def files_on_disk(self, unit: str) -> list[str]:
        """Return the fragment and drop-ins of a unit, those that systemd has not read yet included."""
        files = self.files_of(unit)
        read = _by_directory(files, path=str)
        # of those of one name the first hides the others
        first: dict[str, str] = {}
        for place in self._places(unit, self._dropped | _units_of(read)):
            for path in (*self._drop_ins.get(f"{place}.d", ()), *read.get(f"{place}.d", ())):
                first.setdefault(path.rpartition("/")[2], path)
        return [*files, *(path for path in first.values() if path not in files)]

    # reading

    def _from_files(self, name: str) -> Properties:
        """Return what the files of a unit say of it that systemd has not told of."""
        paths = [f"{place}/{name}" for place in self.look.directories]
        paths += [f"{place}/{name.partition('@')[0]}@.{name.rpartition('.')[2]}" for place in self.look.directories]
        fragment = next((path for path in paths if path in self.look.settings), "")
        drop_ins = [path for path in self.files_on_disk(name) if path != fragment]
        settings = [item for path in (fragment, *drop_ins) for item in self.look.settings.get(path, ())]
        edges = [edge for setting in settings for edge, _declaration in self._edges_of(name, setting)]
        edges += [self._edge_of(name, link)[0] for link in self._links(name)]
        found: dict[str, list[str]] = {}
        for edge in dict.fromkeys(edges):
            found.setdefault(edge.type, []).append(edge.other)
        return {
            "FragmentPath": fragment,
            "DropInPaths": " ".join(quoted(path) for path in drop_ins),
            **{type_: " ".join(map(quoted, others)) for type_, others in found.items()},
        }

    def _unit(self, id_: str) -> Unit:
        shown = self.look.units[id_]
        settings = [item for path in self.files_of(id_) for item in self.look.settings.get(path, ())]
        edges = {type_: words(shown[type_]) for type_ in ALL_TYPES if shown.get(type_)}
        return Unit(id=id_, properties=shown, settings=settings, edges=edges)

    def _known(self, name: str) -> Unit:
        return self.units.get(name) or Unit(id=name, properties={}, settings=(), edges={})

    def _read(self, unit: Unit) -> None:
        for setting in unit.settings:
            for edge, declaration in self._edges_of(unit.id, setting):
                self._declared.setdefault(edge.canonical, []).append(declaration)
            for type_, word, line in _words_of(setting):
                if expand(word, unit.id) is None:
                    found = (type_, word, Declaration("file", file=setting.file, line=line))
                    self._hidden.setdefault(unit.id, []).append(found)
        for link in self._links(unit.id):
            edge, declaration = self._edge_of(unit.id, link)
            self._declared.setdefault(edge, []).append(declaration)

    def _edges_of(self, unit: str, setting: Setting) -> t.Iterator[tuple[Edge, Declaration]]:
        for type_, word, line in _words_of(setting):
            name = expand(word, unit)
            if name is not None:
                other = self.id_of(with_instance(name, unit))
                yield Edge(unit, type_, other), Declaration("file", file=setting.file, line=line)

    def _edge_of(self, unit: str, link: Link) -> tuple[Edge, Declaration]:
        return Edge(unit, link.type, self.id_of(with_instance(link.other, unit))), Declaration("file", file=link.path)

    def _links(self, unit: str) -> list[Link]:
        """Return the links that make dependencies of a unit; of those of one name the first counts."""
        first: dict[tuple[str, str], Link] = {}
        for place in self._places(unit, self._linked):
            for suffix in LINK_DIRECTORIES:
                for link in self._entries.get(f"{place}.{suffix}", ()):
                    first.setdefault((link.type, link.other), link)
        return [link for link in first.values() if not link.masked]

    def _places(self, unit: str, among: t.Container[str]) -> t.Iterator[str]:
        """Yield what a unit's directories are called, without `.d` or `.wants`, in the order that systemd has.

        Few of the names that they may have are those of a directory; `among` names these.
        """
        names = [name for name in _directory_names(self.names_of(unit)) if name in among]
        for directory in self.look.directories:
            for name in names:
                yield f"{directory}/{name}"
        # what is for all units of a type comes last
        kind = unit.rpartition(".")[2]
        for directory in self.look.directories:
            yield f"{directory}/{kind}"

    def _by_rule(self, rule: Rule, side: Edge, unit: Unit, other: Unit) -> list[Declaration]:
        setting = rule.cites(unit, other)
        origins = self._mount_origins(side, unit) if rule.origin == "mount" else [rule.origin]
        if not setting:
            return [Declaration(origin, rule.text) for origin in origins]
        return [Declaration(origin, rule.text, setting.file, setting.line) for origin in origins]

    def _mount_origins(self, side: Edge, unit: Unit) -> list[str]:
        """Return systemd's words for a dependency that a mount brings along.

        Which ones they are depends on the order in which systemd read its units, so only systemd itself can tell;
        where it does not, `path` is as good as any for a path, and for a mount it matters whether it has a unit file.
        """
        told = self.look.origins
        if told:
            here = told.get((side.unit, side.type, side.other)) or told.get(
                (side.canonical.unit, side.canonical.type, side.canonical.other)
            )
            return sorted(here) if here else ["file"]
        if side.other.endswith(".mount"):
            return ["path"]
        return ["file" if unit.properties.get("FragmentPath") else "mountinfo-default"]


def _words_of(setting: Setting) -> t.Iterator[tuple[str, str, int]]:
    """Yield what a setting declares: a type of dependency, the word that names the unit, and its line."""
    for type_ in _DECLARES.get((setting.section, setting.key), ()):
        for word in setting.words:
            yield type_, word.text, word.line


_Item = t.TypeVar("_Item")


def _by_directory(items: t.Iterable[_Item], *, path: t.Callable[[_Item], str]) -> dict[str, list[_Item]]:
    found: dict[str, list[_Item]] = {}
    for item in items:
        found.setdefault(path(item).rpartition("/")[0], []).append(item)
    return found


def _units_of(directories: t.Iterable[str]) -> set[str]:
    """Return what the directories of drop-ins are for: `docker.service` for `/etc/systemd/system/docker.service.d`."""
    return {directory.rpartition("/")[2][:-2] for directory in directories}


def _directory_names(names: t.Iterable[str]) -> t.Iterator[str]:
    """Yield the names that a unit's directories may have: its own, its template's, its prefixes'."""
    waiting, seen = list(names)[::-1], set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        yield name
        stem, _dot, kind = name.rpartition(".")
        prefix, _at, instance = stem.partition("@")
        # foo-bar-baz.service also has foo-bar-.service.d and foo-.service.d, and so has the template foo-bar-baz@
        head, dash, _tail = prefix[: -1 if prefix.endswith("-") else None].rpartition("-")
        if head:
            waiting.append(f"{head}{dash}@{instance}.{kind}" if instance else f"{head}{dash}.{kind}")
        if instance:
            waiting.append(f"{prefix}@.{kind}")
