# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""The difference between two dependency graphs, for people."""

from __future__ import annotations

import itertools
import typing as t

from ansible_collections.container_linux.remediation.plugins.module_utils._host import printable
from ansible_collections.container_linux.remediation.plugins.plugin_utils._unit_deps.diff import origin, some
from ansible_collections.container_linux.remediation.plugins.plugin_utils._unit_deps.view import short_name, source

# How many units without a difference are named.
_NAMED = 30


def text(result: t.Mapping[str, t.Any]) -> str:
    """Return a result of `diff` as lines of text, without a line break at the end.

    Each unit has a paragraph, those that were asked for first. A line in it begins with `+` for what is new, `-` for
    what is gone and `~` for what is otherwise than before. What a host says is made harmless to a terminal.
    """
    before, after = result["before"], result["after"]
    lines = [f"before: {_side(before)}", f"after:  {_side(after)}"]
    lines += [f"note:   {printable(note)}" for note in result["notes"]]
    paragraphs = _paragraphs(result)
    asked = [name for name in dict.fromkeys([*after["units"], *before["units"]]) if name in paragraphs]
    for name in [*asked, *sorted(paragraphs.keys() - {*asked})]:
        lines += ["", *paragraphs[name]]
    lines += ["", _unchanged(result, [*after["units"], *before["units"]])]
    return "\n".join(lines)


def _side(side: t.Mapping[str, t.Any]) -> str:
    os = f"{side['os']['id']} {side['os']['version']}".strip()
    systemd = f", systemd {side['systemd']}" if side["systemd"] else ""
    if side["stock"]:
        return printable(f"stock of {os}{systemd}")
    return printable(f"facts of {some(side['units'])} on {os or 'an unknown OS'}{systemd}")


def _paragraphs(result: t.Mapping[str, t.Any]) -> dict[str, list[str]]:
    """The lines of each unit that has any, its heading first."""
    nodes, edges = result["nodes"], result["edges"]
    found: dict[str, list[str]] = {}

    def tell(unit: str, *lines: str) -> None:
        found.setdefault(unit, [printable(unit)]).extend(lines)

    words = {"added": "+ newly reached", "removed": "- no longer reached"}
    if result["before"]["stock"] or result["after"]["stock"]:
        words = {"added": "+ the unit itself", "removed": "- the unit itself"}
    for key, what in words.items():
        for node in nodes[key]:
            tell(node["unit"], f"  {what}: {_place(node['fragment']) or 'no unit file'}")
    for entry in nodes["changed"]:
        tell(entry["unit"], *_field(**entry))
    for sign, key in (("-", "removed"), ("+", "added"), ("~", "moved")):
        for (unit, other), group in itertools.groupby(sorted(edges[key], key=_pair), key=_pair):
            between = sorted(group, key=lambda edge: (edge["type"] == "After", edge["type"]))
            types = ", ".join(printable(edge["type"]) for edge in between)
            files = " -> ".join(
                _declared(text for edge in between for text in edge[side])
                for side in (("before", "after") if key == "moved" else ("declared_by",))
            )
            tell(unit, f"  {sign} {types} {printable(other)}: {files}")
    return found


def _pair(edge: t.Mapping[str, str]) -> tuple[str, str]:
    return edge["from"], edge["to"]


def _declared(declarations: t.Iterable[str]) -> str:
    """What declares a dependency: every file once with its lines, and the rules of systemd."""
    lines: dict[str, list[str]] = {}
    for text in declarations:
        declared = source(text)
        by_file = not declared.rule and declared.file
        numbers = lines.setdefault(by_file or text, [])
        if by_file and declared.line and str(declared.line) not in numbers:
            numbers.append(str(declared.line))
    return ", ".join(_place(name, numbers) for name, numbers in lines.items() if name) or "not explained"


def _place(name: str, numbers: t.Sequence[str] = ()) -> str:
    """A file and whose it is, or a rule. The vendor's files have short names; those to be opened stand in full."""
    if not name.startswith("/"):
        return printable(name)
    owner = origin([name])
    shown = short_name(name) if owner == "vendor" else name
    return f"{printable(shown)}{':' if numbers else ''}{','.join(numbers)} ({owner})"


def _field(unit: str, field: str, before: t.Any, after: t.Any) -> list[str]:
    if field == "install":
        return _plus_minus(
            *([f"[Install] {key}={name}" for key in sorted(side) for name in side[key]] for side in (before, after))
        )
    if field == "drop_ins":
        return _plus_minus(*([f"drop-in {_place(path)}" for path in side] for side in (before, after)))
    if field == "fragment":
        before, after = _place(before), _place(after)
    return [f"  ~ {field}: {_word(before)} -> {_word(after)}"]


def _plus_minus(before: t.Sequence[str], after: t.Sequence[str]) -> list[str]:
    return [
        *(f"  - {printable(entry)}" for entry in sorted({*before} - {*after})),
        *(f"  + {printable(entry)}" for entry in sorted({*after} - {*before})),
    ]


def _word(value: t.Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, t.Mapping):  # a job
        value = f"{value.get('type')} {value.get('state')}"
    return printable(str(value)) if value not in ("", None) else "none"


def _unchanged(result: t.Mapping[str, t.Any], asked: t.Sequence[str]) -> str:
    if result["same"]:
        return "No difference."
    names = sorted(result["nodes"]["unchanged"], key=lambda name: (name not in asked, name))
    if not names:
        return "No unit is without a difference."
    return f"No difference in: {some([printable(name) for name in names], _NAMED)}."
