# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps.cycles import cycles


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ({}, []),
        ({"a": ["b"], "b": ["c"]}, []),
        # two ways to one unit are no cycle
        ({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}, []),
        ({"a": ["b"], "b": ["a"]}, [["a", "b"]]),
        ({"c": ["a"], "a": ["b"], "b": ["c"]}, [["a", "b", "c"]]),
        # what is before or behind a cycle is not in it
        ({"x": ["a"], "a": ["b"], "b": ["a", "y"], "y": []}, [["a", "b"]]),
        ({"d": ["c"], "c": ["d"], "b": ["a"], "a": ["b", "c"]}, [["a", "b"], ["c", "d"]]),
        # of those that share units, each unit's shortest is told
        ({"a": ["b", "c"], "b": ["a"], "c": ["d"], "d": ["a"]}, [["a", "b"], ["c", "d", "a"]]),
        ({"a": ["b"], "b": ["c", "a"], "c": ["a", "b"]}, [["a", "b"], ["c", "b"]]),
        # a unit that nothing is known of
        ({"a": ["gone"]}, []),
    ],
)
def test_a_short_cycle_is_found_for_each_unit(order: dict[str, list[str]], found: list[list[str]]) -> None:
    assert cycles(order, order) == found


def test_only_cycles_through_some_units_are_told() -> None:
    order = {"a": ["b"], "b": ["a", "docker"], "docker": ["c"], "c": ["a"], "x": ["y"], "y": ["x"]}
    assert cycles(order, ["docker"]) == [["docker", "c", "a", "b"]]
    assert cycles(order, ["none"]) == []


def test_a_long_chain_is_no_matter() -> None:
    names = [f"u{number:04}" for number in range(3000)]
    chain = {name: [behind] for name, behind in pairwise(names)}
    assert cycles(chain, names) == []
    pair = {**chain, names[-1]: [names[-2]]}
    assert cycles(pair, names) == [names[-2:]]
    ring = {**chain, names[-1]: [names[0]]}
    assert cycles(ring, names) == [names]


@given(st.dictionaries(st.integers(0, 7), st.sets(st.integers(0, 7)), max_size=8))
def test_what_is_found_is_a_cycle_and_nothing_is_missed(numbers: dict[int, set[int]]) -> None:
    order = {f"u{unit}": sorted(f"u{other}" for other in others - {unit}) for unit, others in numbers.items()}
    found = cycles(order, order)
    for cycle in found:
        assert len(set(cycle)) == len(cycle) > 1
        assert all(other in order[unit] for unit, other in zip(cycle, [*cycle[1:], cycle[0]], strict=True))
    groups = {frozenset(group) for unit in order if len(group := _waits_for_itself(unit, order)) > 1}
    assert set().union(*found) == set().union(*groups)


def _waits_for_itself(unit: str, order: dict[str, list[str]]) -> set[str]:
    """The units that a unit waits for and that wait for it, the slow way."""
    return {other for other in _reached(unit, order) if unit in _reached(other, order)}


def _reached(unit: str, order: dict[str, list[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = list(order.get(unit, ()))
    while waiting:
        here = waiting.pop()
        if here not in seen:
            seen.add(here)
            waiting += order.get(here, ())
    return seen
