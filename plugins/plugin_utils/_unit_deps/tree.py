# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""The facts of `unit_deps_facts` as a tree of text: what the filter `unit_deps_tree` returns."""

from __future__ import annotations

import itertools
import typing as t
from collections.abc import Iterator
from dataclasses import dataclass

from ansible_collections.container_linux.remediation.plugins.module_utils._host import printable
from ansible_collections.container_linux.remediation.plugins.plugin_utils._unit_deps.view import (
    Dependency,
    Line,
    Scope,
    Source,
    State,
    Unit,
    View,
    places,
)

# Where the declaring files begin, unless a line is longer than that.
_COLUMN: t.Final = 52


@dataclass(frozen=True)
class Glyphs:
    """The signs of a tree."""

    marks: t.Mapping[State, str]
    branch: t.Mapping[str, tuple[str, str]]
    """The two characters before a unit, by kind of dependency: for one that has a next, and for the last."""
    trunk: str
    culprit: str
    on_the_way: str


_UNICODE: t.Final = Glyphs(
    marks={"up": "●", "moving": "↻", "skipped": "○", "down": "○", "failed": "✗", "unknown": "?"},
    branch={"requirement": ("├─", "└─"), "weak": ("├─", "└─"), "ordering": ("├╌", "└╌")},
    trunk="│ ",
    culprit="◀━━ holds up",
    on_the_way="◀",
)
_ASCII: t.Final = Glyphs(
    marks={"up": "*", "moving": "~", "skipped": "o", "down": "o", "failed": "x", "unknown": "?"},
    branch={"requirement": ("|-", "`-"), "weak": ("|-", "`-"), "ordering": ("|.", "`.")},
    trunk="| ",
    culprit="<== holds up",
    on_the_way="<-",
)


def draw(view: View, *, unit: t.Any, everything: bool, reverse: bool, ascii_only: bool) -> str:
    """Return a tree for each unit asked for, and below them what the facts say of what is wrong.

    Args:
        view: the facts.
        unit: the name of a unit to begin with, or a list of names; None: the units that the facts were gathered for.
        everything: also show what systemd's own rules add.
        reverse: the units that need a unit, and not those that it needs.
        ascii_only: use no character beyond ASCII.

    Raises:
        RemediationError: the facts know nothing of `unit`.
    """
    roots = view.roots(unit)
    scope = view.scope(roots, everything=everything, reverse=reverse)
    lines = list(_trees(view, scope, _ASCII if ascii_only else _UNICODE, everything=everything, reverse=reverse))
    sections = [lines, *(list(part) for part in _below(view, scope, reverse=reverse))]
    text = "\n\n".join("\n".join(lines) for lines in sections if lines)
    return text.encode("ascii", "backslashreplace").decode() if ascii_only else text


def _trees(view: View, scope: Scope, glyphs: Glyphs, *, everything: bool, reverse: bool) -> Iterator[str]:
    marked = {} if reverse else _marked(view, scope.roots, glyphs)
    done: set[str] = set()
    # Each waiting line: what stands before its branch, whether it is its unit's last one, from where it leads, the
    # dependency. A stack and no recursion: a chain of units may be longer than Python's.
    stack: list[tuple[str, bool, str, Dependency | None, str]] = []
    for root in reversed(scope.roots):
        stack.append(("", True, "", None, root))
    while stack:
        prefix, last, parent, dependency, name = stack.pop()
        opens = name not in done and (dependency is None or scope.home.get(name) == parent)
        below = scope.dependencies.get(name, ())
        words = [f"{glyphs.marks[view.unit(name).state]} {printable(name)}"]
        if below and not opens:
            words.append("(see above)" if name in done else "(see below)")
        else:
            words += [*_words(view.unit(name)), *marked.get(name, ()), *(["(...)"] if name in scope.cut else [])]
        branch = prefix + glyphs.branch[dependency.kind][last] if dependency else ""
        line = branch + "  ".join(words)
        yield f"{line:<{_COLUMN}}  {_annotation(dependency, everything=everything)}" if dependency else line
        if opens:
            done.add(name)
            inner = prefix + ("  " if last else glyphs.trunk) if dependency else ""
            for index in range(len(below) - 1, -1, -1):
                stack.append((inner, index == len(below) - 1, name, below[index], below[index].to))


def _words(unit: Unit) -> Iterator[str]:
    words = [] if unit.state == "up" else [unit.words]
    words += [unit.job] if unit.job else []
    words += unit.notes
    if words:
        yield ", ".join(words)


def _annotation(dependency: Dependency, *, everything: bool) -> str:
    told = places(dependency.sources if everything else dependency.written or dependency.sources)
    return f"{', '.join(dependency.types)}  {told or '(unknown origin)'}"


def _marked(view: View, roots: t.Sequence[str], glyphs: Glyphs) -> dict[str, tuple[str]]:
    """What to say of the units between one that is not up and what holds it up, by name."""
    marked: dict[str, tuple[str]] = {}
    held: dict[str, list[str]] = {}
    for root in roots:
        chain = [step.unit for step in view.chain(root)]
        marked.update((name, (glyphs.on_the_way,)) for name in chain[:-1])
        if len(chain) > 1:
            held.setdefault(chain[-1], []).append(root)
    for name, waiting in held.items():
        more = f" and {len(waiting) - 1} more" if len(waiting) > 1 else ""
        marked[name] = (f"{glyphs.culprit} {printable(waiting[0])}{more}",)
    return marked


def _below(view: View, scope: Scope, *, reverse: bool) -> Iterator[Iterator[str]]:
    if not reverse:
        for root in scope.roots:
            yield _verdict(view, root, alone=len(scope.roots) == 1)
    yield _odd(view)
    if not scope.dependencies and not view.missing:
        yield iter(["The facts hold no unit."])
    if scope.left_out:
        number = "1 dependency" if scope.left_out == 1 else f"{scope.left_out} dependencies"
        yield iter(
            [f"Not shown: {number} that systemd's own rules add, or that no start waits for. all=true shows them."]
        )


def _verdict(view: View, root: str, *, alone: bool) -> Iterator[str]:
    chain = view.chain(root)
    if not chain:
        return
    culprit = chain[-1]
    state = printable(culprit.state)
    if len(chain) == 1:
        # Among several units, those that nobody has started are no news.
        unit = view.unit(root)
        if alone or unit.job or unit.state not in ("down", "skipped"):
            yield f"{printable(root)} is {state}, and nothing that it depends on holds it up."
        return
    yield f"{printable(root)} is held up by {printable(culprit.unit)}, which is {state}:"
    for before, step in itertools.pairwise(chain):
        depends = "only waits for" if step.kind == "ordering" else "requires"
        types = printable(", ".join(step.types))
        yield f"  {printable(before.unit)} {depends} {printable(step.unit)} ({types}):"
        yield from _declared(step.sources)
        if step.also:
            yield f"    ({printable(before.unit)} also waits for {printable(', '.join(step.also))})"


def _declared(sources: t.Sequence[Source]) -> Iterator[str]:
    yield from (f"    {printable(declared.full)}" for declared in sources)
    if not sources:
        yield "    (unknown origin)"


def _odd(view: View) -> Iterator[str]:
    for name in view.missing:
        yield f"No unit is called {printable(name)}."
    for cycle in view.cycles:
        yield f"An ordering cycle of {len(cycle.units)} units, of which systemd drops one to break it:"
        for line in cycle.lines:
            yield f"  {_line(line)}:"
            yield from _declared(line.sources)
    for line in view.not_loaded:
        yield f"On disk, but not known to systemd (not read yet, or refused): {_line(line)}:"
        yield from _declared(line.sources)
    for file in view.unread:
        yield f"Not read: {printable(file)}"
    for sentence in view.partial:
        yield f"Incomplete: {printable(sentence)}"


def _line(line: Line) -> str:
    return f"{printable(line.unit)} {printable(line.type)}={printable(line.to)}"
