# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""What differs between two dependency graphs: of two hosts, of two moments, or of a host and its release's stock."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.container_linux.remediation.plugins.module_utils._host import RemediationError, printable
from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps.graph import INVERSE, Edge
from ansible_collections.container_linux.remediation.plugins.plugin_utils._unit_deps import stock

Node = t.Mapping[str, t.Any]

# These are told at both of their ends, whatever direction was asked for.
_AT_BOTH_ENDS = ("After", "Triggers")

_FILE_FIELDS = ("load_state", "masked", "enabled", "install", "fragment", "drop_ins")
_STATE_FIELDS = ("active_state", "sub_state", "result", "job", "condition", "need_reload")
# What a mask changes besides.
_BY_MASK = ("load_state", "enabled", "install", "fragment")
_DEFAULTS: dict[str, t.Any] = {"masked": False, "install": {}, "drop_ins": [], "job": None, "condition": None}

_LINE = re.compile(r"(?<=.):[0-9]+(?=\)?\Z)", re.DOTALL)
_ORIGIN = re.compile(r"\A[a-z-]+: ")
_VENDOR_FOLDER = re.compile(r"/(?:usr/lib(?:64)?|lib(?:64)?|run/torcx/unpack/[^/]+/lib)/systemd/system/")
_VENDOR = ("/usr/", "/lib/", "/lib64/", "/run/torcx/")
_LOCAL = "/usr/local/"
_GENERATED = ("/run/systemd/generator/", "/run/systemd/generator.early/", "/run/systemd/generator.late/")
_FOLDER = "/usr/lib/systemd/system/"
_RUNTIME = "/run/systemd/system/"
_TORCX = "torcx.target"


@dataclass(frozen=True)
class Side:
    """One side of a comparison: facts, or a release's stock in their shape.

    `release` is the stock's release; nothing for facts.
    """

    facts: t.Mapping[str, t.Any]
    release: str = ""

    @property
    def nodes(self) -> t.Mapping[str, Node]:
        nodes: t.Mapping[str, Node] = self.facts["nodes"]
        return nodes


@dataclass(frozen=True)
class _Compared:
    """What of a side is compared. Its edges are told from the unit that they bind or make wait.

    `whole`: a unit or an edge that is missing here is known not to exist. Facts tell only what is reached from the
    units asked for, and know of an edge where its unit is among their nodes, or with `reverse` either end.
    """

    nodes: t.Mapping[str, Node]
    edges: t.Mapping[Edge, t.Sequence[str]]
    whole: bool
    reverse: bool = False

    def would_tell(self, edge: Edge) -> bool:
        if self.whole or edge.unit in self.nodes:
            return True
        return edge.other in self.nodes and (self.reverse or edge.type in _AT_BOTH_ENDS)


def diff(after: t.Any, before: t.Any = None, *, baseline: t.Any = None) -> dict[str, t.Any]:
    """Return what differs between two sides, as the documentation of the filter `unit_deps_diff` describes it.

    Args:
        after: facts (the value of `container_linux_unit_deps`) or a release's name.
        before: the same, for what it is compared with.
        baseline: instead of `before`, a release's name, or `auto` for the one that the facts' own `os` names.

    Raises:
        RemediationError: something is neither facts nor a known release, or there is not exactly one other side.
    """
    baseline = baseline.strip() if isinstance(baseline, str) else baseline
    if (before is None) == (baseline is None):
        raise RemediationError(
            "One thing to compare with is needed: either other facts or a release as the argument, or baseline=, "
            f"which is 'auto' or a release ({', '.join(stock.releases())})."
        )
    new = _side(after)
    old = _side(before) if baseline is None else _baseline(baseline, new)
    was, now = _compared(old, new)
    edges = _edges_diff(was, now)
    changed = _fields_diff(was, now, _FILE_FIELDS if old.release or new.release else None)
    touched = {entry["unit"] for entry in changed} | {edge["from"] for found in edges.values() for edge in found}
    nodes = {
        "added": [_told(name, now) for name in sorted(now.nodes.keys() - was.nodes.keys())],
        "removed": [_told(name, was) for name in sorted(was.nodes.keys() - now.nodes.keys())],
        "changed": changed,
    }
    return {
        "before": _heading(old),
        "after": _heading(new),
        "same": not any([*nodes.values(), *edges.values()]),
        "nodes": {**nodes, "unchanged": [name for name in _in_both(was, now) if name not in touched]},
        "edges": edges,
        "notes": list(_notes(old, new, auto=baseline == "auto")),
    }


def origin(declarations: t.Iterable[str]) -> str:
    """Return whose a dependency is, the first of `yours`, `generated`, `vendor`, `systemd` that declares it.

    `systemd` stands for its own rules. Where nothing is known to declare it, it is `unknown`.
    """
    found = {_owner(text) for text in declarations}
    return next((owner for owner in ("yours", "generated", "vendor", "systemd") if owner in found), "unknown")


def _owner(declaration: str) -> str:
    if declaration in ("", "/dev/null"):
        return "unknown"
    if not declaration.startswith("/"):
        return "systemd"
    if declaration.startswith(_GENERATED):
        return "generated"
    return "vendor" if declaration.startswith(_VENDOR) and not declaration.startswith(_LOCAL) else "yours"


def some(names: t.Sequence[str], limit: int = 5) -> str:
    """Return names for a sentence, and how many more there are."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return f"{', '.join(names[:limit]) or 'none'}{more}"


# -- what was given ----------------------------------------------------------------------------------------------------


def _side(value: t.Any) -> Side:
    # YAML takes a version such as 1010.5 for a number
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        release = str(value).strip()
        if "." in release:  # a version stands for its release
            release = stock.major(release)
        return Side(stock.stock(release or str(value)), release=release)
    problem = _problem(value)
    if problem:
        raise RemediationError(
            f"These are no facts to compare: {problem}. Give ansible_facts.container_linux_unit_deps or a release, one "
            f"of {', '.join(stock.releases())}."
        )
    return Side(_unpacked(value))


def _unpacked(facts: t.Mapping[str, t.Any]) -> t.Mapping[str, t.Any]:
    """The facts with the unit files that torcx has put among the runtime units told where it unpacked them.

    Some versions of torcx copy them there and others link them, which systemd tells in two ways. They are the vendor's
    in any case, and the stock has them where they were unpacked. Each of them waits for torcx.target.
    """
    names = [
        fragment.removeprefix(_RUNTIME)
        for node in facts["nodes"].values()
        if (fragment := node.get("fragment", "")).startswith(_RUNTIME)
        and any(text.startswith(f"{fragment}:") for text in node.get("edges", {}).get("After", {}).get(_TORCX, ()))
    ]
    if not names:
        return facts
    place = re.compile(
        rf"(?<![^(]){_RUNTIME}(?=(?:[^/]+\.(?:wants|requires)/)?(?:{'|'.join(map(re.escape, names))})(?::[0-9]+\)?)?\Z)"
    )

    def told(text: str) -> str:
        return place.sub(f"{stock.TORCX_FOLDER}/", text)

    nodes = {
        name: {
            **node,
            "fragment": told(node.get("fragment", "")),
            "edges": {
                type_: {other: [told(text) for text in declared] for other, declared in others.items()}
                for type_, others in node.get("edges", {}).items()
            },
        }
        for name, node in facts["nodes"].items()
    }
    return {**facts, "nodes": nodes}


def _problem(value: t.Any) -> str:
    """Why a value is not facts; nothing when it is."""
    if not isinstance(value, Mapping):
        return "a list" if isinstance(value, list) else f"'{printable(str(value), limit=60)}'"
    if "container_linux_unit_deps" in value or "ansible_facts" in value:
        return "a dictionary that holds the facts"
    nodes = value.get("nodes")
    if not isinstance(nodes, Mapping):
        return "a dictionary without 'nodes' by name of unit"
    if not _strings(value.get("units", [])):
        return "their 'units' are not a list of names"
    for name, node in nodes.items():
        if not isinstance(node, Mapping) or not isinstance(name, str):
            return f"their node '{printable(str(name))}' is not a dictionary"
        if not all(_strings(node.get(key, [])) for key in ("aliases", "drop_ins")):
            return f"the aliases or drop-ins of their '{printable(name)}' are not lists of text"
        if not all(isinstance(node.get(key, ""), str) for key in ("load_state", "fragment")):
            return f"the load_state or fragment of their '{printable(name)}' is not text"
        if not _by_name(node.get("install", {}), _strings):
            return f"'install' of their '{printable(name)}' does not have lists of units"
        if not _by_name(node.get("edges", {}), lambda others: _by_name(others, _strings)):
            return f"'edges' of their '{printable(name)}' are not by type and unit, with lists of what declares them"
    return ""


def _strings(value: t.Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _by_name(value: t.Any, good: t.Callable[[t.Any], bool]) -> bool:
    return isinstance(value, Mapping) and all(isinstance(key, str) and good(item) for key, item in value.items())


def _baseline(baseline: t.Any, side: Side) -> Side:
    if baseline != "auto":
        if isinstance(baseline, Mapping):
            raise RemediationError(
                "baseline= takes a release's name or 'auto'; give other facts as the first argument instead."
            )
        return _side(baseline)
    if side.release:
        raise RemediationError(
            f"baseline='auto' reads the release from facts, and '{side.release}' is a release itself. "
            f"Name the release to compare it with: {', '.join(stock.releases())}."
        )
    release = stock.release_of(*_os(side))
    return Side(stock.stock(release), release=release)


def _os(side: Side) -> tuple[str, str]:
    os = side.facts.get("os")
    return (str(os.get("id") or ""), str(os.get("version") or "")) if isinstance(os, Mapping) else ("", "")


def _asked(side: Side) -> list[str]:
    return list(side.facts.get("units", []))


def _heading(side: Side) -> dict[str, t.Any]:
    os_id, version = _os(side)
    return {
        "stock": side.release,
        "os": {"id": os_id, "version": version},
        "systemd": str(side.facts.get("systemd") or ""),
        "units": [] if side.release else _asked(side),
    }


def _notes(old: Side, new: Side, *, auto: bool) -> t.Iterator[str]:
    version = _os(new)[1]
    if auto and stock.major(version) != old.release:
        yield (
            f"What {version} ships is not known; compared with {old.release}, the newest release that is known and "
            f"not newer."
        )
    if not old.release and not new.release and set(_asked(old)) != set(_asked(new)):
        yield (
            f"Not the same units were asked for: {some(_asked(old))} before, {some(_asked(new))} after. "
            f"What only one of them leads to is told as added or removed."
        )
    for word, side in (("before", old), ("after", new)):
        if side.facts.get("partial"):
            yield f"The facts of the side '{word}' are partial, so that what is missing in them may well exist."


# -- what is compared --------------------------------------------------------------------------------------------------


def _compared(old: Side, new: Side) -> tuple[_Compared, _Compared]:
    if old.release and not new.release:
        return _stock_and_host(old, new)
    if new.release and not old.release:
        stock, host = _stock_and_host(new, old)
        return host, stock
    return _plain(old), _plain(new)


def _plain(side: Side) -> _Compared:
    reverse = any(
        INVERSE.get(type_) not in (None, *_AT_BOTH_ENDS)
        for node in side.nodes.values()
        for type_ in node.get("edges", {})
    )
    return _Compared(side.nodes, _edges(side.nodes), whole=bool(side.release), reverse=reverse)


def _edges(nodes: t.Mapping[str, Node]) -> dict[Edge, list[str]]:
    """Every edge once, with all that declares it."""
    found: dict[Edge, dict[str, None]] = {}
    for name, node in nodes.items():
        for type_, others in node.get("edges", {}).items():
            for other, declarations in others.items():
                found.setdefault(Edge(name, type_, other).canonical, {}).update(dict.fromkeys(declarations))
    return {edge: sorted(declarations, key=_by_line) for edge, declarations in found.items()}


def _by_line(declaration: str) -> tuple[str, int]:
    line = _LINE.search(declaration)
    return _LINE.sub("", declaration), int(line[0][1:10]) if line else 0


def _stock_and_host(stock: Side, host: Side) -> tuple[_Compared, _Compared]:
    """What the release's lists and a host's facts both speak of.

    The lists know all lines of the files of some units, and nothing of other units. The facts know what was loaded:
    the lines of a unit that is not are not missing.
    """
    states = {name: node.get("load_state", "loaded") for name, node in host.nodes.items()}
    loaded = {name for name, state in states.items() if state == "loaded"}
    host_edges = {edge: kept for edge, declared in _edges(host.nodes).items() if (kept := _comparable(edge, declared))}
    records = _records(stock, host, {*host.nodes, *(end for edge in host_edges for end in (edge.unit, edge.other))})
    stock_edges = {}
    for edge, declared in _edges(records).items():
        here = {_place(text) for text in host_edges.get(edge, [])}
        kept = [
            text
            for text in declared
            if _known_unit(_declarer(text))
            and (_place(text) in here or any(_template(end) == _template(_declarer(text)) for end in loaded & {*edge}))
        ]
        if kept:
            stock_edges[edge] = kept
    stock_nodes = {
        name: _enabled_like(node, host.nodes[name])
        for name, node in records.items()
        if states.get(name, "unknown") != "unknown"
    }
    host_nodes = {
        name: node
        for name, node in host.nodes.items()
        if states[name] not in ("unknown", "not-found")
        and (name in records or _known_unit(name) or _owner(node.get("fragment") or _FOLDER) == "yours")
    }
    return _Compared(stock_nodes, stock_edges, whole=True), _Compared(host_nodes, host_edges, whole=True)


def _enabled_like(record: Node, node: Node) -> Node:
    """The record with the host's own word, where the vendor enables the unit: not every systemd has one for that."""
    return {**record, "enabled": node.get("enabled", "")} if _on(record["enabled"]) else record


def _records(stock: Side, host: Side, names: set[str]) -> dict[str, Node]:
    """The stock's nodes under the names that the host has for them: those of instances and what aliases stand for."""
    ids = {alias: name for name, node in host.nodes.items() for alias in node.get("aliases") or []}
    records: dict[str, Node] = {}
    for name in {*names, *stock.nodes}:
        node = stock.nodes.get(name) or stock.nodes.get(_template(name))
        if node and not (name in ids and ids[name] in stock.nodes):
            edges = {
                type_: {ids.get(other, other): declared for other, declared in others.items()}
                for type_, others in node["edges"].items()
            }
            records[ids.get(name, name)] = {**node, "edges": edges}
    return records


def _comparable(edge: Edge, declarations: t.Iterable[str]) -> list[str]:
    """What of an edge's declarations a release's lists can speak of."""
    return [
        text
        for text in declarations
        if text.startswith("/")
        and (_known_unit(_declarer(text)) or (_known_unit(edge.unit) and _owner(text) != "vendor"))
    ]


def _known_unit(name: str) -> bool:
    return name in stock.units() or _template(name) in stock.units()


def _template(name: str) -> str:
    """`a@.service` for its instance `a@b.service`; any other name as it is."""
    prefix, at, rest = name.partition("@")
    return f"{prefix}@.{rest.rpartition('.')[2]}" if at else name


def _declarer(declaration: str) -> str:
    """The unit that a file is part of: by its own name, or by that of its directory of drop-ins or links."""
    folder, _slash, name = _LINE.sub("", declaration).rpartition("/")
    unit, _dot, suffix = folder.rpartition("/")[2].rpartition(".")
    return unit if suffix in ("d", "wants", "requires", "upholds") else name


# -- what differs ------------------------------------------------------------------------------------------------------


def _edges_diff(old: _Compared, new: _Compared) -> dict[str, list[dict[str, t.Any]]]:
    moved = [
        {
            **_ends(edge),
            "before": list(old.edges[edge]),
            "after": list(new.edges[edge]),
            "origin": origin(new.edges[edge]),
        }
        for edge in sorted(old.edges.keys() & new.edges.keys())
        if _places(old.edges[edge]) != _places(new.edges[edge])
    ]
    return {"added": _only_in(new, old), "removed": _only_in(old, new), "moved": moved}


def _only_in(one: _Compared, other: _Compared) -> list[dict[str, t.Any]]:
    return [
        {**_ends(edge), "declared_by": list(one.edges[edge]), "origin": origin(one.edges[edge])}
        for edge in sorted(one.edges.keys() - other.edges.keys())
        if other.would_tell(edge) and not _follows(edge, one, other)
    ]


def _follows(edge: Edge, one: _Compared, other: _Compared) -> bool:
    """Whether an edge is on one side alone only because a unit is, or is masked on the other, which is told itself."""
    ends = {edge.unit, edge.other} & one.nodes.keys()
    masked = {end for end in ends if other.nodes.get(end, {}).get("masked") and not one.nodes[end].get("masked")}
    if masked:
        by_it = {_template(end) for end in masked}
        return all(_owner(text) == "systemd" or _template(_declarer(text)) in by_it for text in one.edges[edge])
    # other edges of a unit than those that systemd gives every one are news
    return not ends <= other.nodes.keys() and origin(one.edges[edge]) == "systemd"


def _ends(edge: Edge) -> dict[str, str]:
    return {"from": edge.unit, "type": edge.type, "to": edge.other}


def _places(declarations: t.Iterable[str]) -> set[str]:
    return {_place(text) for text in declarations}


def _place(declaration: str) -> str:
    """Where a declaration stands, for comparing: without its line, and with one name for the vendor's directories.

    Of a rule the origin is left out too: which one systemd gives depends on the order in which it reads its units.
    """
    return _VENDOR_FOLDER.sub(_FOLDER, _ORIGIN.sub("", _LINE.sub("", declaration)), count=1)


def _fields_diff(old: _Compared, new: _Compared, only: t.Sequence[str] | None) -> list[dict[str, t.Any]]:
    changed = []
    for name in _in_both(old, new):
        one, other = old.nodes[name], new.nodes[name]
        masked = bool(one.get("masked")) != bool(other.get("masked"))
        for field in only or (*_FILE_FIELDS, *_STATE_FIELDS):
            if masked and field in _BY_MASK:
                continue
            was, now = (node.get(field, _DEFAULTS.get(field, "")) for node in (one, other))
            if _differs(field, was, now, stock=only is not None):
                changed.append({"unit": name, "field": field, "before": was, "after": now})
    return changed


def _in_both(old: _Compared, new: _Compared) -> list[str]:
    """The units that both sides know the files of."""
    return [
        name
        for name in sorted(old.nodes.keys() & new.nodes.keys())
        if "unknown" not in (old.nodes[name].get("load_state"), new.nodes[name].get("load_state"))
    ]


def _differs(field: str, was: t.Any, now: t.Any, *, stock: bool) -> bool:
    if field == "enabled" and stock:
        return _on(was) != _on(now)
    if field == "fragment":
        return _place(was) != _place(now)
    if field == "drop_ins":
        return _places(was) != _places(now)
    if field == "install":
        return {key: set(units) for key, units in was.items()} != {key: set(units) for key, units in now.items()}
    return bool(was != now)


def _on(state: t.Any) -> bool:
    return state in ("enabled", "enabled-runtime")


def _told(name: str, side: _Compared) -> dict[str, str]:
    fragment = side.nodes[name].get("fragment", "")
    return {"unit": name, "fragment": fragment, "origin": origin([fragment])}
