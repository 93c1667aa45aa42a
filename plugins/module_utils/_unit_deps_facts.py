# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""The logic of the module unit_deps_facts."""

from __future__ import annotations

import datetime
import re
import typing as t

from ansible_collections.container_linux.remediation.plugins.module_utils._host import (
    RemediationError,
    clean,
    printable,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import (
    REQUIREMENTS,
    blockers,
    blocking_chain,
    is_active,
    state_words,
    unit_name,
    words,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps.graph import (
    ALL_TYPES,
    FORWARD_TYPES,
    INVERSE,
    PULLING_TYPES,
    REVERSE_TYPES,
    Edge,
    Graph,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps.look import look

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._host import Host
    from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import Properties

ALL = "*"
_ROOTS = ("-.mount", "-.slice")
"""systemd's own names for what has none; no others begin like an option."""
_LONG = 5000
"""A path may have 4,096 bytes, and its line number must not be cut off."""
_LISTED = 50
"""How many dependencies without an explanation are named."""

_ORDERING = ("After", "Before", "Conflicts", "Triggers", "TriggeredBy")
_TOLD = {"forward": FORWARD_TYPES, "reverse": (*REVERSE_TYPES, *_ORDERING), "both": ALL_TYPES}
_FOLLOWED = {
    "forward": (*PULLING_TYPES, "After"),
    "reverse": tuple(inverse for inverse, type_ in INVERSE.items() if type_ in (*PULLING_TYPES, "After")),
}
_FOLLOWED["both"] = (*_FOLLOWED["forward"], *_FOLLOWED["reverse"])

# systemd writes these anew at each daemon-reload, or for a unit that it has started.
_MADE_BY_SYSTEMD = ("/run/systemd/generator", "/run/systemd/transient")

SPEC: dict[str, t.Any] = {
    "argument_spec": {
        "units": {"type": "list", "elements": "str", "default": ["docker.service"]},
        "direction": {"type": "str", "choices": ["forward", "reverse", "both"], "default": "forward"},
        "depth": {"type": "int"},
        "strict": {"type": "bool", "default": False},
    },
}


def gather(params: dict[str, t.Any], host: Host, *, check_mode: bool) -> dict[str, t.Any]:
    """Look once and return the facts; check mode makes no difference to a look.

    Raises:
        RemediationError: an option makes no sense, the host could not be asked, or a unit is unknown and may not be.
    """
    depth: int | None = params["depth"]
    if depth is not None and depth < 0:
        raise RemediationError(f"depth is {depth}, and must be 0 or more; leave it out to follow every dependency.")
    if not params["units"]:
        raise RemediationError("units is empty: name at least one unit, or '*' for all that systemd has loaded.")
    # a list that was given as one text has blanks behind its commas
    names = [name.strip() for name in params["units"]]
    asked = list(dict.fromkeys(name if name in _ROOTS else unit_name(name) for name in names if name != ALL))
    graph = Graph(look(host, asked), asked)
    ids = list(dict.fromkeys([*map(graph.id_of, asked), *(sorted(graph.units) if ALL in names else ())]))
    missing = [name for name in asked if _load_state(graph, name) == "not-found"]
    if missing and params["strict"]:
        raise RemediationError(_unknown(graph, missing[0]), missing=missing)
    reached = _reach([id_ for id_ in ids if id_ in graph.units], graph, _FOLLOWED[params["direction"]], depth)
    return {
        "changed": False,
        "ansible_facts": {"container_linux_unit_deps": facts(graph, ids, reached, _TOLD[params["direction"]], missing)},
    }


def facts(
    graph: Graph, asked: t.Sequence[str], reached: t.Sequence[str], types: t.Sequence[str], missing: t.Sequence[str]
) -> dict[str, t.Any]:
    """Return the facts of some units of a graph; their keys are documented with the module.

    Args:
        graph: the graph.
        asked: the units asked for.
        reached: the units to tell of.
        types: the types of dependency to tell.
        missing: names asked for that no unit has.
    """
    seen = graph.look
    # every Before among the rest is the After of another one: told twice, it would be a quarter of the facts
    further = [type_ for type_ in types if type_ != "Before" or types != FORWARD_TYPES]
    edges = {unit: _edges(graph, unit, types if unit in asked else further) for unit in reached}
    undeclared = [
        Edge(unit, type_, other)
        for unit, by_type in edges.items()
        for type_, others in by_type.items()
        for other, declared_by in others.items()
        if not declared_by
    ]
    # in a partial answer, what declares them may be in what is missing
    unexplained = [
        edge
        for edge in undeclared
        if seen.has_files and (not seen.partial or {edge.unit, edge.other} <= graph.units.keys())
    ]
    unknown = len(undeclared) - len(unexplained)
    return {
        "units": [printable(unit) for unit in asked],
        "missing": [printable(name) for name in missing],
        "os": {"id": clean(seen.os.get("ID", "")), "version": clean(seen.os.get("VERSION_ID", ""))},
        "systemd": seen.systemd,
        "nodes": {printable(unit): {**_node(graph, unit), "edges": edges[unit]} for unit in reached},
        "blocked_by": {printable(unit): blocked_by(graph, unit) for unit in asked if unit in graph.units},
        "cycles": _cycles(graph, reached),
        "not_loaded": [
            {**_ends(edge), "declared_by": printable(str(declaration), limit=_LONG)}
            for unit in reached
            for edge, declaration in graph.not_loaded(unit)
        ],
        "unexplained": {"count": len(unexplained), "edges": [_ends(edge) for edge in unexplained[:_LISTED]]},
        "unread": list(seen.unread),
        "partial": [*seen.partial, *([_unknown_sources(unknown)] if unknown else [])],
    }


def _unknown_sources(count: int) -> str:
    return f"What declares {count} of the dependencies is not known, since not all units and unit files were told."


def blocked_by(graph: Graph, unit: str) -> list[dict[str, t.Any]]:
    """Return the chain from a unit that is not up down to the deepest unit that is not; nothing where it is up."""
    units = graph.look.units
    if is_active(units[unit]):
        return []
    chain = blocking_chain(unit, units, graph.look.jobs)
    steps = []
    for above, here in zip([None, *chain], chain):
        edges = list(_needs(graph, above, here)) if above else []
        needed = any(edge.type in REQUIREMENTS for edge in edges)
        steps.append(
            {
                "unit": printable(here),
                "state": state_words(units.get(here, {"LoadState": "not-found"})),
                "job": _job(graph, here),
                "kind": ("requirement" if needed else "ordering") if above else "",
                "types": [edge.type for edge in edges],
                "declared_by": _declared_by(graph, *edges),
                "also": _also(graph, above, here) if above else [],
            }
        )
    return steps


def _also(graph: Graph, unit: str, told: str) -> list[str]:
    """Return what else holds a unit up by itself, besides the unit that is told."""
    found = blockers(unit, graph.look.units, graph.jobs)
    running = [name for name in found if name in graph.jobs and graph.jobs[name].state == "running"]
    return [printable(name) for name in running or found if name != told]


def _needs(graph: Graph, unit: str, other: str) -> t.Iterator[Edge]:
    found = [edge for edge in graph.edges(unit, (*REQUIREMENTS, "After", "Before")) if edge.other == other]
    # a start waits for the stop of a unit that is ordered after it
    yield from [edge for edge in found if edge.type != "Before"] or found


def _reach(units: t.Sequence[str], graph: Graph, types: t.Sequence[str], depth: int | None) -> list[str]:
    """Return the units that are reached from some, nearest first."""
    seen = dict.fromkeys(units)
    nearest = list(units)
    while nearest and (depth is None or depth > 0):
        found = (edge.other for unit in nearest for edge in graph.edges(unit, types))
        nearest = [other for other in dict.fromkeys(found) if other not in seen and other in graph.units]
        seen.update(dict.fromkeys(nearest))
        depth = None if depth is None else depth - 1
    return list(seen)


def _node(graph: Graph, unit: str) -> dict[str, t.Any]:
    shown = graph.look.units[unit]
    began = _began(shown)
    return {
        "aliases": [printable(name) for name in graph.names_of(unit) if name != unit],
        "load_state": printable(shown.get("LoadState", "")),
        "active_state": printable(shown.get("ActiveState", "")),
        "sub_state": printable(shown.get("SubState", "")),
        "result": printable(shown.get("Result", "")),
        "job": _job(graph, unit),
        "enabled": printable(shown.get("UnitFileState", "")),
        "install": _install(graph, unit),
        "fragment": printable(shown.get("FragmentPath", ""), limit=_LONG),
        "shadows": printable(graph.shadows(unit), limit=_LONG),
        "drop_ins": [printable(path, limit=_LONG) for path in words(shown.get("DropInPaths", ""))],
        "condition": _condition(shown),
        "need_reload": shown.get("NeedDaemonReload") == "yes",
        "masked": shown.get("LoadState") == "masked",
        "started_at": f"{began:%Y-%m-%dT%H:%M:%SZ}" if began else "",
        # of a file that changed in the second of the start, the process has read the newer text as a rule
        "files_newer": began is not None and any(changed > began.timestamp() for changed in _changes(graph, unit)),
    }


def _edges(graph: Graph, unit: str, types: t.Sequence[str]) -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = {}
    for edge in graph.edges(unit, types):
        found.setdefault(edge.type, {})[printable(edge.other)] = _declared_by(graph, edge)
    return found


def _ends(edge: Edge) -> dict[str, str]:
    return {"from": printable(edge.unit), "type": edge.type, "to": printable(edge.other)}


def _declared_by(graph: Graph, *edges: Edge) -> list[str]:
    found = (str(declaration) for edge in edges for declaration in graph.declarations(edge))
    return [printable(text, limit=_LONG) for text in dict.fromkeys(found)]


def _job(graph: Graph, unit: str) -> dict[str, str] | None:
    job = graph.jobs.get(unit)
    return {"type": printable(job.type), "state": printable(job.state)} if job else None


def _install(graph: Graph, unit: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for setting in graph.units[unit].settings:
        if setting.section == "Install":
            # as for systemctl, an empty value takes back what was set before
            key = printable(setting.key)
            listed = found.get(key, []) if setting.words else []
            found[key] = listed + [printable(word.text) for word in setting.words]
    return {key: names for key, names in found.items() if names}


def _condition(shown: Properties) -> bool | None:
    if shown.get("ConditionTimestampMonotonic", "0") in ("", "0"):
        return None
    return shown.get("ConditionResult") == "yes"


_TIME = re.compile(r"[A-Z][a-z]{2} ([0-9]{4}-[0-9]{2}-[0-9]{2}) ([0-9]{2}:[0-9]{2}:[0-9]{2}) UTC\Z")


def _began(shown: Properties) -> datetime.datetime | None:
    """Return the second in which a unit that is up, or on its way there, left the state inactive."""
    told = _TIME.match(shown.get("InactiveExitTimestamp", ""))
    if not told or shown.get("ActiveState") in (None, "inactive", "failed"):
        return None
    try:
        return datetime.datetime.fromisoformat(f"{told[1]}T{told[2]}+00:00")
    except ValueError:
        return None


def _changes(graph: Graph, unit: str) -> t.Iterator[int]:
    for path in graph.files_on_disk(unit):
        if not path.startswith(_MADE_BY_SYSTEMD):
            yield graph.look.ages.get(path, (0, 0))[0]


def _cycles(graph: Graph, reached: t.Sequence[str]) -> list[dict[str, t.Any]]:
    found = []
    for edges in graph.cycles(reached):
        files = {declaration.file for edge in edges for declaration in graph.declarations(edge)} - {""}
        found.append(
            {
                "units": [printable(edge.unit) for edge in edges],
                "files": sorted(printable(path, limit=_LONG) for path in files),
                "edges": [{**_ends(edge), "declared_by": _declared_by(graph, edge)} for edge in edges],
            }
        )
    return found


def _load_state(graph: Graph, name: str) -> str:
    return graph.look.units.get(graph.id_of(name), {}).get("LoadState", "")


def _unknown(graph: Graph, name: str) -> str:
    known = sorted({name for unit in graph.look.units for name in graph.names_of(unit)} - {name})
    # they end alike
    import difflib  # here, since only this error needs it

    near = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
    hint = f", such as '{printable(near[0])}'" if near else ""
    return f"The host has no unit '{name}'. Name one that it has{hint}, or leave out strict to go on without it."
