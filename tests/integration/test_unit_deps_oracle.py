# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""unit_deps_facts says what systemd says, for all units of a machine, and cites files that say so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.container_linux.remediation.tests.integration.deps_oracle import (
    agree,
    all_units,
    ask_systemd,
    deps,
    told,
)
from ansible_collections.container_linux.remediation.tests.integration.torture import (
    ETC,
    LIB,
    RUN,
    inflict,
    relieve,
)

if TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.tests.integration.conftest import Machine, MachineFactory


@pytest.mark.parametrize("release", ["1010", "899"])
def test_all_units_of_a_stock_machine(machine: MachineFactory, release: str) -> None:
    host = machine(release=release)
    oracle = ask_systemd(host)
    facts = deps(all_units(host))
    agree(host, facts, oracle)
    assert len(facts["nodes"]) > 100
    assert facts["not_loaded"] == facts["unread"] == facts["cycles"] == facts["missing"] == []


@pytest.fixture(scope="module")
def tortured(machine: MachineFactory) -> Iterator[Machine]:
    host = machine()
    inflict(host)
    yield host
    relieve(host)


@pytest.fixture(scope="module")
def facts(tortured: Machine) -> dict[str, Any]:
    return deps(all_units(tortured))


def test_all_units_of_a_tortured_machine(tortured: Machine, facts: dict[str, Any]) -> None:
    agree(tortured, facts, ask_systemd(tortured))
    assert facts["unread"] == [f"{ETC}/torture-folder.service"]


def test_an_old_systemd_without_a_dump_is_enough(tortured: Machine, facts: dict[str, Any]) -> None:
    """All but one thing: systemd's word for what has to do with a mount."""
    tortured.sh("mv /usr/bin/systemd-analyze /usr/bin/systemd-analyze.away")
    try:
        without = deps(all_units(tortured))
    finally:
        tortured.sh("mv /usr/bin/systemd-analyze.away /usr/bin/systemd-analyze")
    assert without["partial"] == [] and without["unexplained"]["count"] == 0
    before, after = told(facts), told(without)
    assert set(before) == set(after)
    differing = [edge for edge in before if before[edge] != after[edge]]
    assert all(any(name.endswith((".mount", ".swap")) for name in edge) for edge in differing)


def test_all_that_declares_a_dependency_is_told(facts: dict[str, Any]) -> None:
    """As much as there is and no more, while the oracle only tells that what is there is true."""
    escaped = "user-cloudinit@var-lib-coreos\\x2dinstall-torture.service"
    expected = {
        # each word by its own line, a reset that is none, the inverse setting of the other unit
        ("torture-lines.service", "After", "torture-a.service"): [f"{ETC}/torture-lines.service:4"],
        ("torture-lines.service", "After", "torture-b.service"): [f"{ETC}/torture-lines.service:6"],
        ("torture-lines.service", "After", "torture-c.service"): [f"{ETC}/torture-lines.service:8"],
        ("torture-lines.service", "Wants", "torture-missing.service"): [f"{ETC}/torture-lines.service:11"],
        ("torture-b.service", "Before", "torture-latin.service"): [f"{ETC}/torture-latin.service.d/10.conf:2"],
        ("torture-latin.service", "After", "torture-a.service"): [f"{ETC}/torture-latin.service:3"],
        ("torture-three.service", "After", "torture-one.service"): [f"{ETC}/torture-one.service.d/10-cycle.conf:2"],
        # any name of a unit
        ("torture-a.service", "After", "torture-b.service"): [f"{LIB}/torture-b.service:2"],
        ("torture-a.service", "After", "torture-e.service"): [f"{ETC}/torture-alias.service.d/10-alias.conf:2"],
        ("torture-a.service", "Wants", "torture-c.service"): [f"{ETC}/torture-alias.service.wants/torture-c.service"],
        ("torture.target", "Wants", "torture-a.service"): [f"{ETC}/torture.target.wants/torture-alias.service"],
        # templates and their instances
        ("torture-many@one.service", "After", "torture-dep@one.service"): [f"{LIB}/torture-many@.service:2"],
        ("torture-many@one.service", "Wants", "torture-dep@one.service"): [
            f"{ETC}/torture-many@one.service.wants/torture-dep@.service"
        ],
        ("torture-many@two.service", "Wants", "torture-dep@two.service"): None,
        ("torture-many@two.service", "Requires", "torture-b.service"): [
            f"{ETC}/torture-many@.service.requires/torture-b.service"
        ],
        ("torture-many@two.service", "Wants", "torture-all-two.service"): [
            f"{ETC}/torture-many@.service.d/20-all.conf:2"
        ],
        ("torture-many@two.service", "Wants", "torture-only-one.service"): None,
        ("torture.target", "Requires", "torture-many@three.service"): [
            f"{ETC}/torture.target.requires/torture-many@three.service"
        ],
        (escaped, "After", "torture-a.service"): [f"{ETC}/{escaped}.d/10.conf:2"],
        (escaped, "Before", "torture-first.service"): [f"{ETC}/torture-first.service:4"],
        # of drop-ins and links of one name the first counts
        ("torture-drop-in.service", "After", "torture-a.service"): [f"{ETC}/torture-drop-in.service.d/50-same.conf:2"],
        ("torture-drop-in.service", "After", "torture-b.service"): None,
        ("torture-drop-in.service", "After", "torture-d.service"): [f"{RUN}/torture-drop-in.service.d/60-run.conf:2"],
        ("torture-drop-in.service", "After", "torture-e.service"): [f"{LIB}/torture-drop-in.service.d/70-lib.conf:2"],
        ("torture-drop-in.service", "Wants", "torture-prefixed.service"): None,
        ("torture-c.service", "Wants", "torture-prefixed.service"): [f"{LIB}/torture-.service.d/50-same.conf:2"],
        ("torture-dep@two.service", "Wants", "torture-prefixed.service"): [f"{LIB}/torture-.service.d/50-same.conf:2"],
        ("torture-drop-in.service", "Wants", "torture-a.service"): None,
        ("torture-drop-in.service", "Wants", "torture-c.service"): None,
        ("torture-drop-in.service", "Wants", "torture-e.service"): [
            f"{LIB}/torture-drop-in.service.wants/torture-e.service"
        ],
        ("torture-two.service", "Wants", "torture-wanted.service"): None,
        ("torture-one.service", "Wants", "torture-wanted.service"): [
            f"{LIB}/torture-.service.wants/torture-wanted.service"
        ],
        ("docker.service", "After", "torture-type.target"): [f"{RUN}/service.d/50-torture.conf:2"],
        # names that are hard to print
        ("torture-names.service", "After", "torture-a.service"): [
            f"{ETC}/torture-names.service.d/10 with blanks.conf:2"
        ],
        ("torture-names.service", "After", "torture-c.service"): [
            f"{ETC}/torture-names.service.d/30-'$(id)\"\\.conf:2"
        ],
        ("torture-names.service", "After", "torture-d.service"): [f"{ETC}/torture-names.service.d/40-ünï.conf:2"],
        ("torture-long.service", "Wants", "torture-long-39.service"): [
            f"{ETC}/torture-long.service.d/10-long.conf:{line}" for line in range(41, 2002, 40)
        ],
        # what systemd makes of a line
        ("torture-tock.timer", "Triggers", "torture-a.service"): [f"{ETC}/torture-tock.timer:3"],
        ("torture-tick.timer", "Triggers", "torture-tick.service"): ["implicit: a timer and its unit"],
        ("torture-named.socket", "Triggers", "torture-c.service"): ["implicit: a socket and its service"],
        ("torture-process.service", "Requires", "torture-sub.slice"): [
            f"file: Slice= ({ETC}/torture-process.service:7)"
        ],
    }
    edges = told(facts)
    assert {edge: edges.get(edge) for edge in expected} == expected


def test_what_a_node_is_called_and_made_of(facts: dict[str, Any]) -> None:
    nodes = facts["nodes"]
    assert nodes["torture-a.service"]["aliases"] == ["torture-alias.service"]
    assert nodes["torture-a.service"]["install"] == {
        "WantedBy": ["torture.target"],
        "Alias": ["torture-alias.service"],
    }
    assert nodes["torture-linked.service"]["fragment"] == "/opt/torture-linked.service"
    assert nodes["torture-missing.service"]["load_state"] == "not-found"
    for name in ("torture-masked.service", "torture-empty.service"):
        assert nodes[name]["masked"] and nodes[name]["load_state"] == "masked"
        assert "torture-a.service" not in nodes[name]["edges"].get("After", {})
    assert nodes["torture-loop.service"]["load_state"] == "not-found"
    for name in ("torture-greek.service", "torture-binary.service", "torture-folder.service"):
        assert nodes[name]["load_state"] == "error"


def test_a_cycle_is_told_with_the_files_that_make_it(facts: dict[str, Any]) -> None:
    [cycle] = facts["cycles"]
    assert cycle["units"] == ["torture-one.service", "torture-two.service", "torture-three.service"]
    assert cycle["files"] == [
        f"{ETC}/torture-one.service",
        f"{ETC}/torture-one.service.d/10-cycle.conf",
        f"{ETC}/torture-two.service.d/10-cycle.conf",
    ]
    assert cycle["edges"][2] == {
        "from": "torture-three.service",
        "type": "After",
        "to": "torture-one.service",
        "declared_by": [f"{ETC}/torture-one.service.d/10-cycle.conf:2"],
    }


def test_what_systemd_makes_no_dependency_of_is_told_apart(facts: dict[str, Any]) -> None:
    """What it cannot take, and not what a mask or another drop-in hides."""
    found = {(item["from"], item["type"], item["to"]) for item in facts["not_loaded"]}
    assert found == {
        # systemd 249 was the first to know Upholds
        ("torture-lines.service", "Upholds", "torture-upheld.service"),
        ("torture-two.service", "Upholds", "torture-upheld.service"),
        ("torture-upholding.target", "Upholds", "torture-c.service"),
        # links with names that no unit can have
        *(("torture-names.service", "Wants", name) for name in ("no-unit", "with blanks.service")),
        *((f"torture-many@{name}.service", "Wants", "torture-100%.service") for name in ("one", "two", "three")),
        *(("torture-quotes.service", "After", f"torture-{name}.service") for name in ("a", "b", '"c"')),
        ("torture-quotes.service", "Wants", '"torture-d.service'),
        ("torture-quotes.service", "Wants", 'torture-a.service"'),
        *(("torture-quotes.service", "Requires", name) for name in ("/no/unit", "torture-noend")),
        ("torture-unbalanced.service", "After", '"torture-b.service'),
        ("torture-latin.service", "Wants", "torture-c.service"),
    }
