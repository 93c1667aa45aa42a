# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""The facts of `unit_deps_facts` as a graph to look at: what the filters that draw it share.

A view is read once from the facts, and a `Scope` of it is what one picture shows: the units that some units need, and
the dependencies between them that somebody wrote. What systemd adds by itself to almost every unit stays out of sight,
as long as nothing is wrong with it.
"""

from __future__ import annotations

import collections
import itertools
import posixpath
import re
import typing as t
from dataclasses import dataclass, replace

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.container_linux.remediation.plugins.module_utils._host import RemediationError, printable
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import (
    REQUIREMENTS,
    state_words,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps.graph import INVERSE

Kind = t.Literal["requirement", "weak", "ordering"]
State = t.Literal["up", "moving", "skipped", "down", "failed", "unknown"]

# What declares a dependency, by the unit that has it and the other one, and by type.
_Declared = dict[tuple[str, str], dict[str, list[str]]]

# The dependencies that make a graph, in the order in which they are told.
_KINDS: t.Final[dict[str, Kind]] = {
    **dict.fromkeys(REQUIREMENTS, "requirement"),
    **dict.fromkeys(("Wants", "Upholds", "PartOf"), "weak"),
    "After": "ordering",
}
_INVERSE: t.Final = {inverse: forward for inverse, forward in INVERSE.items() if forward in _KINDS}
_FROM_THE_OTHER_END: t.Final = {forward: inverse for inverse, forward in _INVERSE.items()}
_ORDER: t.Final = ("requirement", "weak", "ordering")
_RANK: t.Final = {name: rank for rank, name in enumerate(_KINDS)}

# It passes a stop on, and no start waits for it.
_PART_OF: t.Final = (("PartOf",), ("ConsistsOf",))

# Nearly every unit needs them, so what they need themselves explains nothing.
_BOOT: t.Final = frozenset({"sysinit.target", "basic.target"})

_MOVING: t.Final = frozenset({"activating", "deactivating", "reloading", "refreshing", "maintenance"})
_FILE = re.compile(r"(?P<file>/.*?)(?::(?P<line>[0-9]{1,9}))?\Z", re.DOTALL)
_RULE = re.compile(r"(?P<origin>[a-z-]+): (?P<rule>.*?)(?: \((?P<cause>/.*)\))?\Z", re.DOTALL)


@dataclass(frozen=True)
class Source:
    """Who declares a dependency: a file (line 0: a link in a `.wants/` directory or its like), a rule of systemd, or
    a rule that a line of a file sets off."""

    file: str = ""
    line: int = 0
    origin: str = ""
    rule: str = ""

    @property
    def written(self) -> bool:
        """Whether a line or a link says just this, and not something of which it is a consequence."""
        return bool(self.file) and not self.rule

    @property
    def full(self) -> str:
        """The declaration with its full path, as the facts tell it."""
        return self._told(self.file)

    @property
    def short(self) -> str:
        """The declaration with a short path, such as `docker.service.d/40-flannel.conf:2`."""
        return self._told(short_name(self.file))

    def _told(self, file: str) -> str:
        place = f"{file}:{self.line}" if self.line else file
        rule = f"{self.origin}: {self.rule}" if self.origin else self.rule
        return f"{rule} ({place})" if rule and place else rule or place


@dataclass(frozen=True)
class Dependency:
    """All that one unit has of another.

    Types are systemd's words, seen from the unit that a picture comes from: `Requires`, `After`, or from the other end
    `RequiredBy`, `Before`. The kind is the strongest of what they mean.
    """

    to: str
    kind: Kind
    types: tuple[str, ...]
    sources: tuple[Source, ...]
    held: bool = False
    """Whether it is on the way down to what holds a unit up."""

    @property
    def written(self) -> tuple[Source, ...]:
        """The lines and links that say just this."""
        return tuple(source for source in self.sources if source.written)

    @property
    def by_rule(self) -> bool:
        """Whether systemd made it all by itself. A dependency of unknown origin is not one of those."""
        return bool(self.sources) and not self.written


@dataclass(frozen=True)
class Unit:
    """A unit's state; `words` are for people (`activating (start)`), `notes` what is odd about it."""

    name: str
    state: State = "unknown"
    words: str = "not looked at"
    job: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """One unit on the way from a unit that is not up down to what holds it up; the first has no types or sources.

    `also` is what else the unit before it waits for.
    """

    unit: str
    state: str
    kind: str
    types: tuple[str, ...]
    sources: tuple[Source, ...]
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Line:
    """One dependency of one type, and who declares it."""

    unit: str
    type: str
    to: str
    sources: tuple[Source, ...]


@dataclass(frozen=True)
class Cycle:
    """Units of which each is ordered after the next, and the last after the first."""

    units: tuple[str, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Scope:
    """What one picture shows.

    Attributes:
        roots: where it begins.
        dependencies: those to show, by unit, in the order in which to tell them; its keys are the units to show,
            nearest first.
        home: from which unit another is reached first; a root has none.
        left_out: how many dependencies are not shown.
        cut: units whose own dependencies are not shown, though they have some.
    """

    roots: tuple[str, ...]
    dependencies: dict[str, tuple[Dependency, ...]]
    home: dict[str, str]
    left_out: int
    cut: frozenset[str]


class View:
    """The graph of one host's facts.

    Raises:
        RemediationError: what was given are no facts of `unit_deps_facts`.
    """

    def __init__(self, facts: t.Any, *, reader: str) -> None:
        self._reader = reader
        if not isinstance(facts, t.Mapping) or "nodes" not in facts:
            raise self._not_facts(_what(facts))
        self.asked = self._names(facts, "units")
        self.missing = self._names(facts, "missing")
        self.partial = self._names(facts, "partial")
        nodes = {
            name: self._mapping(node, f"nodes['{_key(name)}']")
            for name, node in self._mapping(facts["nodes"], "nodes").items()
        }
        self._units = {name: _unit(name, node) for name, node in nodes.items()}
        self._aliases = {alias: name for name, node in nodes.items() for alias in self._names(node, "aliases")}
        declared = self._declared(nodes)
        self._pairs = declared.keys()
        self._ahead, self._back = _both_ways(declared)
        self.chains = {
            unit: [self._step(step) for step in self._list(steps, f"blocked_by['{_key(unit)}']")]
            for unit, steps in self._mapping(facts.get("blocked_by"), "blocked_by").items()
        }
        self.cycles = [
            Cycle(tuple(self._names(cycle, "units")), self._lines(cycle, "edges"))
            for cycle in self._dicts(facts, "cycles")
        ]
        self.not_loaded = self._lines(facts, "not_loaded")
        self.unread = self._names(facts, "unread")

    def unit(self, name: str) -> Unit:
        """Return a unit; one that the facts do not describe is unknown."""
        return self._units.get(name) or Unit(name)

    def roots(self, wanted: t.Any) -> list[str]:
        """Return the units that a picture begins with: those asked for, or the ones wanted (a name or a list).

        Raises:
            RemediationError: the facts know nothing of a unit wanted.
        """
        if wanted is None:
            return list(dict.fromkeys(self.asked))
        names = [wanted] if isinstance(wanted, str) else wanted
        if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
            raise RemediationError(
                f"The option 'unit' of {self._reader} is {_what(wanted)}. Give a unit's name, or a list of names."
            )
        return list(dict.fromkeys(self._known(name) for name in names))

    def chain(self, root: str) -> list[Step]:
        """Return the way from a unit down to what holds it up; an empty list where nothing is known to do so."""
        chains = [self.chains[root]] if root in self.chains else self.chains.values()
        for steps in chains:
            for index, step in enumerate(steps):
                if step.unit == root:
                    return steps[index:]
        return []

    def scope(self, roots: t.Sequence[str], *, everything: bool, reverse: bool = False) -> Scope:
        """Return what a picture of some units shows: nearest units first, each once."""
        chains = [] if reverse else [[step.unit for step in self.chain(root)] for root in roots]
        ways = (itertools.takewhile(self._pairs.__contains__, itertools.pairwise(chain)) for chain in chains)
        held = dict.fromkeys(itertools.chain.from_iterable(ways))
        closed = frozenset() if everything else _BOOT.difference(roots, *chains)
        top = set(roots)
        home = {to: name for name, to in reversed(held) if to not in top}
        has = self._back if reverse else self._ahead
        shown: dict[str, tuple[Dependency, ...]] = {root: () for root in roots}
        left_out = 0
        waiting = collections.deque(roots)
        while waiting:
            name = waiting.popleft()
            found = has.get(name, ())
            told = [replace(part, held=True) if (name, part.to) in held else part for part in found]
            if not everything:
                told = [part for part in told if name not in closed and self._worth_showing(part)]
            left_out += len(found) - len(told)
            shown[name] = tuple(sorted(told, key=_in_order))
            for dependency in shown[name]:
                if dependency.to not in shown:
                    shown[dependency.to] = ()
                    waiting.append(dependency.to)
                if dependency.to not in top:
                    home.setdefault(dependency.to, name)
        cut = frozenset(name for name in closed if name in shown and has.get(name))
        return Scope(tuple(roots), shown, home, left_out, cut)

    def _worth_showing(self, dependency: Dependency) -> bool:
        broken = dependency.kind == "requirement" and self.unit(dependency.to).state in ("moving", "down", "failed")
        return dependency.held or broken or not (dependency.by_rule or dependency.types in _PART_OF)

    def _known(self, name: str) -> str:
        for candidate in (name, f"{name}.service"):
            if candidate in self._units:
                return candidate
            if candidate in self._aliases:
                return self._aliases[candidate]
        asked = ", ".join(printable(unit, limit=80) for unit in self.asked[:5]) or "no unit"
        more = f" and {len(self.asked) - 5} more" if len(self.asked) > 5 else ""
        raise RemediationError(
            f"The facts given to {self._reader} know no unit '{printable(name, limit=80)}': they were gathered for "
            f"{asked}{more}. Name a unit that is among their nodes, or gather the facts of this one."
        )

    def _declared(self, nodes: t.Mapping[str, t.Mapping[str, t.Any]]) -> _Declared:
        found: _Declared = {}
        for name, node in nodes.items():
            where = f"nodes['{_key(name)}'].edges"
            for type_, others in self._mapping(node.get("edges"), where).items():
                inside = f"{where}.{_key(type_)}"
                forward = _INVERSE.get(type_, type_)
                for other, texts in self._mapping(others, inside).items():
                    if forward in _KINDS:
                        pair = (other, name) if type_ in _INVERSE else (name, other)
                        found.setdefault(pair, {}).setdefault(forward, []).extend(self._texts(texts, inside))
        return found

    def _step(self, step: t.Any) -> Step:
        step = self._mapping(step, "blocked_by")
        return Step(
            unit=str(step.get("unit", "")),
            state=str(step.get("state", "")),
            kind=str(step.get("kind", "")),
            types=tuple(self._names(step, "types")),
            sources=self._sources(step),
            also=tuple(self._names(step, "also")),
        )

    def _lines(self, holder: t.Mapping[str, t.Any], key: str) -> tuple[Line, ...]:
        return tuple(
            Line(str(line.get("from", "")), str(line.get("type", "")), str(line.get("to", "")), self._sources(line))
            for line in self._dicts(holder, key)
        )

    def _sources(self, holder: t.Mapping[str, t.Any]) -> tuple[Source, ...]:
        told = holder.get("declared_by")
        texts = [told] if isinstance(told, str) else self._names(holder, "declared_by")
        return tuple(source(text) for text in texts)

    def _mapping(self, value: t.Any, where: str) -> t.Mapping[str, t.Any]:
        if value is None:
            return {}
        if not isinstance(value, t.Mapping) or not all(isinstance(key, str) for key in value):
            raise self._not_facts(f"{_what(value)} at {where}, where a dictionary with names as its keys belongs")
        return value

    def _list(self, value: t.Any, where: str) -> t.Sequence[t.Any]:
        if value is None:
            return []
        if not isinstance(value, list | tuple):
            raise self._not_facts(f"{_what(value)} at {where}, where a list belongs")
        return value

    def _texts(self, value: t.Any, where: str) -> list[str]:
        texts = self._list(value, where)
        for text in texts:
            if not isinstance(text, str):
                raise self._not_facts(f"{_what(text)} in the list at {where}, where a text belongs")
        return list(texts)

    def _names(self, holder: t.Mapping[str, t.Any], key: str) -> list[str]:
        return self._texts(holder.get(key), key)

    def _dicts(self, facts: t.Mapping[str, t.Any], key: str) -> list[t.Mapping[str, t.Any]]:
        return [self._mapping(part, key) for part in self._list(facts.get(key), key)]

    def _not_facts(self, seen: str) -> RemediationError:
        return RemediationError(
            f"The filter {self._reader} was given {seen}. "
            f"Give it ansible_facts.container_linux_unit_deps, as unit_deps_facts returned it."
        )


def source(text: str) -> Source:
    """Read one declaration of a dependency; see the return values of unit_deps_facts for its four forms."""
    by_file = _FILE.match(text)
    if by_file:
        return Source(file=by_file["file"], line=int(by_file["line"] or 0))
    by_rule = _RULE.match(text)
    if not by_rule:
        return Source(rule=text)
    cause = _FILE.match(by_rule["cause"] or "")
    file, line = (cause["file"], int(cause["line"] or 0)) if cause else ("", 0)
    return Source(file=file, line=line, origin=by_rule["origin"], rule=by_rule["rule"])


def short_name(file: str) -> str:
    """Return a unit file's last name, with the directory where that says whose drop-in or link it is."""
    folder, name = posixpath.split(file)
    directory = posixpath.basename(folder)
    return f"{directory}/{name}" if directory.endswith((".d", ".wants", ".requires", ".upholds")) else name


def places(sources: t.Sequence[Source]) -> str:
    """Return where a dependency is declared, short: `docker.service:4,5; docker.service.d/40-flannel.conf:2`."""
    lines: dict[str, list[str]] = {}
    for declared in sources:
        if declared.written and declared.line:
            lines.setdefault(short_name(declared.file), []).append(str(declared.line))
        else:
            lines.setdefault(declared.short, [])
    return "; ".join(
        printable(f"{name}:{','.join(dict.fromkeys(numbers))}" if numbers else name) for name, numbers in lines.items()
    )


def switch(value: t.Any, *, option: str, reader: str) -> bool:
    """Return an option that is true or false.

    Raises:
        RemediationError: it is something else.
    """
    try:
        return bool(boolean(value, strict=True))
    except TypeError:
        raise RemediationError(f"The option '{option}' of {reader} is {_what(value)}. Give true or false.") from None


def no_more_options(given: t.Mapping[str, t.Any], *, known: t.Sequence[str], reader: str) -> None:
    """Refuse options that a filter does not have.

    Raises:
        RemediationError: there is one.
    """
    if given:
        name = printable(next(iter(given)), limit=80)
        raise RemediationError(
            f"The filter {reader} has no option '{name}'. Give one of {', '.join(known)}, or leave it out."
        )


def _both_ways(declared: _Declared) -> tuple[dict[str, list[Dependency]], dict[str, list[Dependency]]]:
    """What each unit depends on, and what depends on each."""
    ahead: dict[str, list[Dependency]] = {}
    back: dict[str, list[Dependency]] = {}
    for (name, to), by_type in declared.items():
        types = tuple(sorted(by_type, key=lambda type_: _RANK[type_]))
        kind = _KINDS[types[0]]
        sources = tuple(dict.fromkeys(source(text) for type_ in types for text in by_type[type_]))
        ahead.setdefault(name, []).append(Dependency(to, kind, types, sources))
        turned = tuple(_FROM_THE_OTHER_END[type_] for type_ in types)
        back.setdefault(to, []).append(Dependency(name, kind, turned, sources))
    return ahead, back


def _in_order(dependency: Dependency) -> tuple[bool, int, str]:
    return not dependency.held, _ORDER.index(dependency.kind), dependency.to


def _unit(name: str, node: t.Mapping[str, t.Any]) -> Unit:
    load, active = node.get("load_state"), node.get("active_state")
    words = state_words(
        {
            "LoadState": str(load),
            "ActiveState": str(active),
            "SubState": str(node.get("sub_state") or ""),
            "Result": str(node.get("result") or ""),
        }
    )
    state = _state(load, active)
    if state == "down" and node.get("condition") is False:
        state = "skipped"
        words += ", skipped by a condition"
    job = node.get("job")
    notes = []
    if node.get("files_newer"):
        notes.append("files newer than its start")
    if node.get("need_reload"):
        notes.append("needs daemon-reload")
    return Unit(
        name=name,
        state=state,
        words=words,
        job=f"{job.get('type')} job {job.get('state')}" if isinstance(job, t.Mapping) else "",
        notes=tuple(notes),
    )


def _state(load: t.Any, active: t.Any) -> State:
    if active == "active":
        return "up"
    if active in _MOVING:
        return "moving"
    if active == "failed" or load in ("bad-setting", "error"):
        return "failed"
    return "down" if active == "inactive" and load != "unknown" else "unknown"


def _key(name: str) -> str:
    """A key of the facts, for an error."""
    return printable(name, limit=80)


def _what(value: t.Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return f"the text '{printable(value, limit=60)}'"
    if isinstance(value, t.Mapping):
        keys = ", ".join(printable(str(key), limit=40) for key in list(value)[:3])
        return f"a dictionary with the keys {keys}" if keys else "an empty dictionary"
    if isinstance(value, list | tuple):
        return "a list"
    return f"'{printable(str(value), limit=60)}'"
