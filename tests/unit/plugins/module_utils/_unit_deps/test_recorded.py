# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""All units of real hosts against what their own systemd says; fixtures/unit_deps/record.py recorded it."""

from __future__ import annotations

import functools
import gzip
import json
import re
from pathlib import Path

import pytest

from ansible_collections.container_linux.remediation.plugins.module_utils._host import Completed
from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps.graph import Edge, Graph
from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps.look import look
from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps_facts import gather
from ansible_collections.container_linux.remediation.plugins.modules import unit_deps_facts
from ansible_collections.container_linux.remediation.tests.unit.plugins.documented import mismatches

RECORDED = Path(__file__).parents[1] / "fixtures" / "unit_deps"
HOSTS = sorted(path.name.partition(".")[0] for path in RECORDED.glob("*.json.gz"))


class Recording:
    """A host that once was."""

    def __init__(self, name: str) -> None:
        recorded = json.loads(gzip.decompress((RECORDED / f"{name}.json.gz").read_bytes()))
        self.answer: str = recorded["answer"]
        self.dump: str = recorded["dump"]

    def run(self, script: str) -> Completed:
        fence = re.findall(r"^FENCE=(\S+)$", script, re.MULTILINE)[0]
        return Completed(0, self.answer.replace("FENCE", fence), "")

    def origins(self) -> dict[Edge, set[str]]:
        """Where each dependency comes from, in systemd's own words."""
        found = {}
        unit = ""
        for line in self.dump.splitlines():
            if header := re.match(r"\S+ Unit (\S+):$", line):
                unit = header[1]
            elif match := re.match(r"\t(\w+): (\S+) \((.*)\)$", line):
                found[Edge(unit, match[1], match[2])] = {word.partition("-")[2] for word in match[3].split()}
        return found


@functools.cache
def graph(name: str) -> Graph:
    return Graph(look(Recording(name), []))


@pytest.mark.parametrize("name", HOSTS)
def test_the_dependencies_are_those_of_systemd_and_come_from_where_it_says(name: str) -> None:
    seen = graph(name)
    oracle = Recording(name).origins()
    edges = {edge for unit in seen.units for edge in seen.edges(unit)}
    # units that were not loaded until the look asked for them are gone by the time of the dump
    loaded = {edge.unit for edge in oracle}
    assert len(oracle) > 1500
    assert {edge for edge in edges if edge.unit in loaded} == oracle.keys()
    wrong = {}
    for edge in sorted(edges):
        declared = seen.declarations(edge)
        origins = {declaration.origin for declaration in declared}
        if not declared or origins != oracle.get(edge, origins):
            wrong[edge] = (oracle.get(edge), [str(declaration) for declaration in declared])
    assert not wrong


@pytest.mark.parametrize("name", HOSTS)
@pytest.mark.parametrize("direction", ["forward", "reverse", "both"])
def test_what_is_returned_is_what_is_documented(name: str, direction: str) -> None:
    params = {"units": ["*"], "direction": direction, "depth": None, "strict": False}
    result = gather(params, Recording(name), check_mode=False)
    assert not mismatches(unit_deps_facts.RETURN, result)
    assert json.loads(json.dumps(result)) == result
