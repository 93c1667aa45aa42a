# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""The facts of `unit_deps_facts` as source for Graphviz: what the filter `unit_deps_dot` returns."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator

from ansible_collections.container_linux.remediation.plugins.module_utils._host import printable
from ansible_collections.container_linux.remediation.plugins.plugin_utils._unit_deps.view import (
    Dependency,
    Kind,
    Scope,
    State,
    View,
    places,
)

# The picture brings its own paper, so that it can be read on a dark page, too.
PAPER: t.Final = "#ffffff"
INK: t.Final = "#1b1f24"
FAINT_INK: t.Final = "#57606a"
ALARM: t.Final = "#a33b00"

FILLS: t.Final[dict[State, tuple[str, str]]] = {
    "up": ("#d3ede4", "#00664d"),
    "moving": ("#fff0b8", "#7a5c00"),
    "skipped": ("#e8eaed", "#57606a"),
    "down": ("#e8eaed", "#57606a"),
    "failed": ("#fbd0bd", "#a33b00"),
    "unknown": ("#ffffff", "#57606a"),
}
"""Fill and border by state. Bluish green, yellow and vermilion are told apart by colour-blind people, too."""

_EDGES: t.Final[dict[Kind, str]] = {
    "requirement": "style=solid",
    "weak": "style=dashed",
    "ordering": "style=dotted, arrowhead=vee",
}
_LEGEND: t.Final = "solid: requires   dashed: wants   dotted: only waits for"
_HELD: t.Final = "   thick: the way down to what holds a unit up"

# Verdana is as wide as DejaVu Sans, so a label fits its box where only one of them is installed.
_FONT: t.Final = "DejaVu Sans,Verdana,sans-serif"


def draw(view: View, *, unit: t.Any, everything: bool) -> str:
    """Return the source of one directed graph, for `dot`; the same facts give the same text.

    Args:
        view: the facts.
        unit: the name of a unit to begin with, or a list of names; None: the units that the facts were gathered for.
        everything: also show what systemd's own rules add.

    Raises:
        RemediationError: the facts know nothing of `unit`.
    """
    scope = view.scope(view.roots(unit), everything=everything)
    ids = _ids(scope)
    held = any(dependency.held for found in scope.dependencies.values() for dependency in found)
    lines = [
        "digraph unit_dependencies {",
        f'  graph [rankdir=LR, bgcolor="{PAPER}", pad=0.2, nodesep=0.25, ranksep=0.5, fontname="{_FONT}", fontsize=10, '
        f'fontcolor="{FAINT_INK}", labelloc=b, label="{_LEGEND}{_HELD if held else ""}"];',
        f'  node [shape=box, style="rounded,filled", fontname="{_FONT}", fontsize=11, fontcolor="{INK}"];',
        f'  edge [fontname="{_FONT}", fontsize=9, fontcolor="{FAINT_INK}", color="{FAINT_INK}"];',
        *_nodes(view, scope, ids),
        *_edges(scope, ids),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _ids(scope: Scope) -> dict[str, str]:
    """A node's name for each unit; two whose names differ in unprintable characters alone are two."""
    ids: dict[str, str] = {}
    taken: set[str] = set()
    for number, name in enumerate(scope.dependencies):
        plain = printable(name)
        while plain in taken:
            plain += f" ({number})"
        taken.add(plain)
        ids[name] = quoted(plain)
    return ids


def _nodes(view: View, scope: Scope, ids: t.Mapping[str, str]) -> Iterator[str]:
    chains = [[step.unit for step in view.chain(root)] for root in scope.roots]
    on_the_way = {name for chain in chains for name in chain}
    waiting: dict[str, list[str]] = {}
    for chain in chains:
        if len(chain) > 1:
            waiting.setdefault(chain[-1], []).append(chain[0])
    for name in scope.dependencies:
        unit = view.unit(name)
        fill, border = FILLS[unit.state]
        label = [name, unit.words, unit.job, *unit.notes]
        more = [f'fillcolor="{fill}"', f'color="{border}"']
        if name in on_the_way:
            more = [f'fillcolor="{fill}"', f'color="{ALARM}"', "penwidth=2.5"]
        if name in waiting:
            held, others = waiting[name][0], len(waiting[name]) - 1
            label.append(f"holds up {held}" + (f" and {others} more" if others else ""))
            more.append("peripheries=2")
        if unit.state == "unknown":
            more.append('style="rounded,filled,dashed"')
        if name in scope.cut:
            label.append("...")
        yield f"  {ids[name]} [label={quoted(*label)}, {', '.join(more)}];"


def _edges(scope: Scope, ids: t.Mapping[str, str]) -> Iterator[str]:
    for name, dependencies in scope.dependencies.items():
        for dependency in dependencies:
            yield f"  {ids[name]} -> {ids[dependency.to]} [{', '.join(_edge(dependency))}];"


def _edge(dependency: Dependency) -> Iterator[str]:
    yield _EDGES[dependency.kind]
    if dependency.held:
        yield f'color="{ALARM}", fontcolor="{ALARM}", penwidth=2.5'
    files = dependency.written or tuple(declared for declared in dependency.sources if declared.file)
    if files:
        yield f"label={quoted(', '.join(dependency.types), places(files))}"


def quoted(*lines: str) -> str:
    r"""Return lines of plain text as one quoted string of the DOT language; empty lines are left out.

    Inside of one, a backslash begins an escape sequence (`\N` is the node's name), and `&` an HTML entity. A `<` is
    itself: only a text without quotes is taken for markup.
    """
    plain = (printable(line).replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;") for line in lines if line)
    return '"' + "\\n".join(plain) + '"'
