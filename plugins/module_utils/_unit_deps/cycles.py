# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""Ordering cycles among units."""

from __future__ import annotations

import typing as t
from collections import deque

Order = t.Mapping[str, t.Sequence[str]]
"""What each unit is ordered after."""


def cycles(order: Order, through: t.Collection[str]) -> list[list[str]]:
    """Return cycles that together hold each of some units that is in one, short ones, in alphabetical order.

    In a cycle each unit is ordered after the next one, and the last after the first.
    """
    found: list[list[str]] = []
    told: set[str] = set()
    for group in _groups(order):
        if len(group) > 1:
            members = set(group)
            inside = {unit: [other for other in order.get(unit, ()) if other in members] for unit in members}
            for unit in sorted(members.intersection(through)):
                if unit not in told:
                    found.append(_shortest(unit, inside))
                    told.update(found[-1])
    return sorted(found)


def _shortest(start: str, order: Order) -> list[str]:
    """Return a shortest way from a unit back to itself, within a group where there is one."""
    came: dict[str, str] = {}
    waiting = deque([start])
    while waiting:
        here = waiting.popleft()
        for other in sorted(order[here]):
            if other == start:
                way = [here]
                while way[-1] != start:
                    way.append(came[way[-1]])
                return way[::-1]
            if other not in came:
                came[other] = here
                waiting.append(other)
    return [start]


def _groups(order: Order) -> t.Iterator[list[str]]:
    """Yield the strongly connected groups of units (Tarjan's algorithm, without recursion)."""
    index: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    stacked: set[str] = set()
    for root in order:
        if root in index:
            continue
        way: list[tuple[str, t.Iterator[str]]] = [(root, iter(order[root]))]
        index[root] = lowest[root] = len(index)
        stack.append(root)
        stacked.add(root)
        while way:
            unit, others = way[-1]
            for other in others:
                if other not in index:
                    index[other] = lowest[other] = len(index)
                    stack.append(other)
                    stacked.add(other)
                    way.append((other, iter(order.get(other, ()))))
                    break
                if other in stacked:
                    lowest[unit] = min(lowest[unit], index[other])
            else:
                way.pop()
                if way:
                    lowest[way[-1][0]] = min(lowest[way[-1][0]], lowest[unit])
                if lowest[unit] == index[unit]:
                    group: list[str] = []
                    while not group or group[-1] != unit:
                        group.append(stack.pop())
                        stacked.discard(group[-1])
                    yield group
