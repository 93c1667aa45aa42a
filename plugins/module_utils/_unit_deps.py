# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""The graph of a host's units: each dependency that systemd tells of, and what declares it."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ansible_collections.container_linux.remediation.plugins.module_utils._systemd import words
from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps_rules import Unit, rules_for
from ansible_collections.container_linux.remediation.plugins.module_utils._unit_file import (
    expand,
    pattern,
    with_instance,
)

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._systemd import Properties
    from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps_look import Look
    from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps_rules import Rule
    from ansible_collections.container_linux.remediation.plugins.module_utils._unit_file import Setting

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

REQUIREMENT_TYPES = ("Requires", "RequiresOverridable", "Requisite", "RequisiteOverridable", "BindsTo")
PULLING_TYPES = (*REQUIREMENT_TYPES, "Wants", "Upholds", "PartOf")
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


@dataclass(frozen=True)
class Declaration:
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
    """

    def __init__(self, look: Look, asked: t.Iterable[str] = ()) -> None:
        self.look = replace(look, units={**_from_files(look, asked), **look.units}) if look.partial else look
        look = self.look
        self._ids = {name: id_ for id_, shown in look.units.items() for name in words(shown.get("Names", ""))}
        self.units = {id_: self._unit(id_) for id_ in look.units}
        self._links = self._linked()
        self._declared: dict[Edge, list[Declaration]] = {}
        self._hidden: dict[str, list[tuple[str, t.Pattern[str], Declaration]]] = {}
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

    def edges(self, unit: str, types: t.Iterable[str] = ALL_TYPES) -> t.Iterator[Edge]:
        """Yield the dependencies that systemd tells of for a unit."""
        found = self.units[unit].edges
        for type_ in types:
            for other in found.get(type_, ()):
                yield Edge(unit, type_, other)

    def declarations(self, edge: Edge) -> list[Declaration]:
        """Return all that makes systemd add a dependency, seen from either end; nothing where it is unknown."""
        edge = edge.canonical
        found = list(self._declared.get(edge, ()))
        sides = [edge]
        if edge.type in _INVERSE_OF:
            sides.append(Edge(edge.other, _INVERSE_OF[edge.type], edge.unit))
        for side in sides:
            found += [
                declaration
                for type_, name, declaration in self._hidden.get(side.unit, ())
                if type_ == side.type and name.match(side.other)
            ]
            unit, other = self._known(side.unit), self._known(side.other)
            found += [self._by_rule(rule, side, unit, other) for rule in rules_for(unit, side.type, other)]
        return list(dict.fromkeys(found))

    def not_loaded(self, unit: str) -> t.Iterator[tuple[Edge, Declaration]]:
        """Yield what a unit's files on disk declare and systemd does not have."""
        if self.look.units[unit].get("LoadState") != "loaded":
            return
        for setting in self.settings_on_disk(unit):
            if (setting.section, setting.key) in _MAY_FAIL:
                continue
            for edge, declaration in self._edges_of(unit, setting):
                if edge.other != unit and edge.other not in self.units[unit].edges.get(edge.type, ()):
                    yield edge, declaration

    def settings_on_disk(self, unit: str) -> t.Iterator[Setting]:
        """Yield the settings of a unit's files, drop-ins that systemd has not read yet included."""
        files = self.files_of(unit)
        directories = {f"{name}.d" for name in _directory_names(self.names_of(unit))}
        files += [path for path in self.look.settings if path not in files and path.split("/")[-2] in directories]
        for path in files:
            yield from self.look.settings.get(path, ())

    # reading

    def _unit(self, id_: str) -> Unit:
        shown = self.look.units[id_]
        settings = [item for path in self.files_of(id_) for item in self.look.settings.get(path, ())]
        edges = {type_: found for type_ in ALL_TYPES for found in [words(shown.get(type_, ""))] if found}
        return Unit(id=id_, properties=shown, settings=settings, edges=edges)

    def _known(self, name: str) -> Unit:
        return self.units.get(name) or Unit(id=name, properties={}, settings=(), edges={})

    def _read(self, unit: Unit) -> None:
        for setting in unit.settings:
            for edge, declaration in self._edges_of(unit.id, setting):
                self._declared.setdefault(edge.canonical, []).append(declaration)
            for type_, word, line in _words_of(setting):
                if expand(word, unit.id) is None:
                    found = (type_, pattern(word, unit.id), Declaration("file", file=setting.file, line=line))
                    self._hidden.setdefault(unit.id, []).append(found)
        for name in _directory_names(self.names_of(unit.id)):
            for type_, other, path in self._links.get(name, ()):
                edge = Edge(unit.id, type_, self.id_of(with_instance(other, unit.id)))
                self._declared.setdefault(edge, []).append(Declaration("file", file=path))

    def _edges_of(self, unit: str, setting: Setting) -> t.Iterator[tuple[Edge, Declaration]]:
        for type_, word, line in _words_of(setting):
            name = expand(word, unit)
            if name is not None:
                other = self.id_of(with_instance(name, unit))
                yield Edge(unit, type_, other), Declaration("file", file=setting.file, line=line)

    def _linked(self) -> dict[str, list[tuple[str, str, str]]]:
        """Return the links by the name that their directory is for; of those of one name the first counts."""
        first: dict[tuple[str, str, str], t.Any] = {}
        for link in self.look.links:
            first.setdefault((link.unit, link.type, link.other), link)
        found: dict[str, list[tuple[str, str, str]]] = {}
        for link in first.values():
            if not link.masked:
                found.setdefault(link.unit, []).append((link.type, link.other, link.path))
        return found

    def _by_rule(self, rule: Rule, side: Edge, unit: Unit, other: Unit) -> Declaration:
        setting = rule.cites(unit, other)
        origin = rule.origin if rule.origin != "mount" else self._mount_origin(side, unit)
        if not setting:
            return Declaration(origin, rule.text)
        return Declaration(origin, rule.text, setting.file, setting.line)

    def _mount_origin(self, side: Edge, unit: Unit) -> str:
        """Return systemd's word for a dependency that a mount brings along.

        Which one it is depends on the order in which systemd read its units, so only systemd itself can tell; where
        it does not, `path` is as good as any for a path, and for a mount it matters whether it has a unit file.
        """
        told = self.look.origins
        if told:
            here = told.get((side.unit, side.type, side.other)) or told.get(
                (side.canonical.unit, side.canonical.type, side.canonical.other)
            )
            return min(here) if here else "file"
        if side.other.endswith(".mount"):
            return "path"
        return "file" if unit.properties.get("FragmentPath") else "mountinfo-default"


def _from_files(look: Look, names: t.Iterable[str]) -> dict[str, Properties]:
    """Return the units of some names by what their files declare, with the load state `unknown`."""
    found: dict[str, Properties] = {}
    for name in names:
        fragments = [path for path in look.settings if path.rpartition("/")[2] == name]
        drop_ins = [path for path in look.settings if path.split("/")[-2] == f"{name}.d"]
        shown = {"Id": name, "Names": name, "LoadState": "unknown", "FragmentPath": "".join(fragments[:1])}
        shown["DropInPaths"] = " ".join(f'"{path}"' for path in drop_ins)
        for path in (*fragments[:1], *drop_ins):
            for setting in look.settings[path]:
                for type_, word, _line in _words_of(setting):
                    other = expand(word, name)
                    if other and other not in words(shown.get(type_, "")):
                        shown[type_] = f"{shown.get(type_, '')} {with_instance(other, name)}".strip()
        found[name] = shown
    return found


def _words_of(setting: Setting) -> t.Iterator[tuple[str, str, int]]:
    """Yield what a setting declares: a type of dependency, the word that names the unit, and its line."""
    for type_ in _DECLARES.get((setting.section, setting.key), ()):
        for word in setting.words:
            yield type_, word.text, word.line


def _directory_names(names: t.Iterable[str]) -> t.Iterator[str]:
    """Yield the names that a unit's directories may have: its own, its template's, its prefixes', its type's."""
    seen = set()
    for name in names:
        stem, _, kind = name.rpartition(".")
        prefix, at, _instance = stem.partition("@")
        found = [name, f"{prefix}@.{kind}"] if at else [name]
        for full in list(found):
            head, _, tail = full.rpartition(".")
            base, at, rest = head.partition("@")
            # foo-bar-baz.service also has foo-bar-.service.d and foo-.service.d
            while "-" in base.rstrip("-"):
                base = base.rstrip("-").rpartition("-")[0] + "-"
                found.append(f"{base}{at}{rest}.{tail}")
                if base == "-":
                    break
        for full in (*found, kind):
            if full not in seen:
                seen.add(full)
                yield full
