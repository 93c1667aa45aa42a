# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was told of each machine, held against what the machine itself says."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from testinfra.host import Host

Facts = dict[str, Any]

GATHER = "Gather the dependencies of docker.service"
TYPES = (
    *("Requires", "Requisite", "BindsTo", "Wants", "Upholds", "PartOf", "Conflicts", "After", "Before"),
    *("OnFailure", "OnSuccess", "Triggers", "TriggeredBy"),
)
LINE = re.compile(r"/.*:\d+")
LINK = re.compile(r"/.*\.(?:wants|requires|upholds)/[^/:]+")
RULE = re.compile(r"[a-z-]+: [^(]+(?:\((?P<place>/.*:\d+)\))?")


class Declaration(NamedTuple):
    """One of the things that are said to make a dependency."""

    unit: str
    type: str
    other: str
    text: str


@pytest.fixture
def facts(host: Host, told: dict[tuple[str, str], dict[str, Any]]) -> Facts:
    found: Facts = facts_in(told[GATHER, name_of(host)])
    return found


def test_edges_are_those_of_systemd(host: Host, facts: Facts) -> None:
    nodes = facts["nodes"]
    properties = [f"--property={name}" for name in ("Id", *TYPES)]
    shown = host.check_output(shlex.join(["systemctl", "show", "--no-pager", *properties, "--", *nodes]))
    units = [dict(line.split("=", 1) for line in block.splitlines()) for block in shown.split("\n\n")]
    assert [unit["Id"] for unit in units] == list(nodes)
    for unit in units:
        # Before is the After of another unit, and only told of the units asked for
        types = [name for name in TYPES if name != "Before" or unit["Id"] in facts["units"]]
        seen = {name: set(shlex.split(unit.get(name, ""))) for name in types}
        assert {name: set(nodes[unit["Id"]]["edges"].get(name, ())) for name in types} == seen, unit["Id"]


def test_every_edge_is_explained(facts: Facts) -> None:
    assert facts["unexplained"] == {"count": 0, "edges": []}
    assert facts["partial"] == facts["unread"] == facts["not_loaded"] == facts["missing"] == []
    for node in facts["nodes"].values():
        assert all(declared_by for others in node["edges"].values() for declared_by in others.values())
    for declaration in declarations(facts):
        assert any(form.fullmatch(declaration.text) for form in (LINE, LINK, RULE)), declaration


def test_lines_name_the_units(host: Host, facts: Facts) -> None:
    found = [declaration for declaration in declarations(facts) if LINE.fullmatch(declaration.text)]
    assert found
    lines = lines_of(host, [declaration.text for declaration in found])
    for declaration in found:
        words = re.split("[= ]+", lines[declaration.text])
        # which of the two depends on whose file it is; the file of a template may have a specifier there
        assert {declaration.unit, declaration.other} & set(words) or "%" in lines[declaration.text], declaration


def test_lines_set_rules_off(host: Host, facts: Facts) -> None:
    places = {match["place"]: text for *_ends, text in declarations(facts) if (match := RULE.fullmatch(text))}
    places.pop(None)
    assert places
    for place, line in lines_of(host, list(places)).items():
        key, equals, value = line.partition("=")
        assert key.isalnum() and equals and value, (places[place], line)


def test_links_lead_to_the_unit(host: Host, facts: Facts) -> None:
    found = [declaration for declaration in declarations(facts) if LINK.fullmatch(declaration.text)]
    assert found
    for declaration in found:
        assert declaration.text.rpartition("/")[2] in (declaration.unit, declaration.other)
    links = [declaration.text for declaration in found]
    assert host.check_output(shlex.join(["stat", "--format=%F", *links])).splitlines() == ["symbolic link"] * len(links)


def test_nothing_was_changed(differences: list[str], runs: list[list[dict[str, Any]]]) -> None:
    assert differences == []
    for run in runs:
        assert all(result["outcome"] == "ok" and not result["result"].get("changed") for result in run)


def test_each_run_tells_the_same_edges(host: Host, runs: list[list[dict[str, Any]]]) -> None:
    mine = [result for run in runs for result in run if (result["task"], result["host"]) == (GATHER, name_of(host))]
    in_check_mode, in_earnest, once_more = (
        {unit: node["edges"] for unit, node in facts_in(result["result"])["nodes"].items()} for result in mine
    )
    assert in_check_mode == in_earnest == once_more


def name_of(host: Host) -> str:
    return str(host.backend.get_pytest_id()).rpartition("/")[2]


def facts_in(result: dict[str, Any]) -> Facts:
    found: Facts = result["ansible_facts"]["container_linux_unit_deps"]
    return found


def declarations(facts: Facts) -> Iterator[Declaration]:
    for unit, node in facts["nodes"].items():
        for type_, others in node["edges"].items():
            for other, declared_by in others.items():
                for text in declared_by:
                    yield Declaration(unit, type_, other, text)


def lines_of(host: Host, places: list[str]) -> dict[str, str]:
    """Return the machine's lines at some places, each FILE:NUMBER; a place that is not there is an error."""
    files = sorted({place.rpartition(":")[0] for place in places})
    every = host.check_output(shlex.join(["grep", "--with-filename", "--line-number", "", *files]))
    found = dict(re.findall(r"^(/.*?:\d+):(.*)$", every, re.MULTILINE))
    return {place: found[place] for place in places}
