# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for the difference of any two facts."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps.graph import ALL_TYPES, INVERSE
from ansible_collections.container_linux.remediation.plugins.plugin_utils._unit_deps.diff import diff
from ansible_collections.container_linux.remediation.plugins.plugin_utils._unit_deps.diff_text import text
from ansible_collections.container_linux.remediation.plugins.plugin_utils._unit_deps.stock import releases

Triple = tuple[str, str, str]

NODES = ["docker.service", "docker.socket", "flanneld.service", "user-cloudinit@a.service", "mine.service"]
names = st.sampled_from([*NODES, "network.target", "sockets.target"]) | st.text()
paths = st.builds(
    "{}/{}{}".format,
    st.sampled_from(["/usr/lib/systemd/system", "/lib/systemd/system", "/etc/systemd/system", "/run/systemd/system"]),
    names | st.builds("{}.d/{}".format, names, st.text()) | st.builds("{}.wants/{}".format, names, names),
    st.just("") | st.builds(":{}".format, st.integers(min_value=1)),
)
declarations = st.lists(
    paths | st.sampled_from(["default: services", "implicit: a socket and its service"]) | st.text()
)
nodes = st.fixed_dictionaries(
    {
        "edges": st.dictionaries(
            st.sampled_from(ALL_TYPES), st.dictionaries(names, declarations, max_size=3), max_size=4
        )
    },
    optional={
        "aliases": st.lists(names, max_size=2),
        "load_state": st.sampled_from(["loaded", "not-found", "masked", "bad-setting", "unknown"]),
        "masked": st.booleans(),
        "enabled": st.sampled_from(["enabled", "disabled", "static", ""]),
        "install": st.dictionaries(st.sampled_from(["WantedBy", "Also"]), st.lists(names, max_size=2)),
        "fragment": paths | st.just(""),
        "drop_ins": st.lists(paths, max_size=2),
        "job": st.none() | st.fixed_dictionaries({"type": names, "state": names}),
    },
)
facts = st.fixed_dictionaries(
    {"nodes": st.dictionaries(names, nodes, max_size=4), "units": st.lists(names, max_size=2)},
    optional={"os": st.fixed_dictionaries({"id": names, "version": names}), "partial": st.lists(names, max_size=1)},
)
sides = facts | st.sampled_from(releases())
plain = st.fixed_dictionaries(dict.fromkeys(NODES, nodes.map(lambda node: {"edges": node["edges"]})))


def triples(nodes: dict[str, Any]) -> set[Triple]:
    return {
        (other, INVERSE[kind], name) if kind in INVERSE else (name, kind, other)
        for name, node in nodes.items()
        for kind, others in node["edges"].items()
        for other in others
    }


def told(edges: list[dict[str, Any]]) -> set[Triple]:
    return {(edge["from"], edge["type"], edge["to"]) for edge in edges}


@given(facts)
def test_facts_do_not_differ_from_themselves(one: dict[str, Any]) -> None:
    assert diff(one, one)["same"]


@given(sides, sides)
def test_the_other_way_round_tells_the_same(one: Any, other: Any) -> None:
    there, back = diff(one, other), diff(other, one)
    for kind in ("nodes", "edges"):
        assert there[kind]["added"] == back[kind]["removed"]
        assert there[kind]["removed"] == back[kind]["added"]
    assert told(there["edges"]["moved"]) == told(back["edges"]["moved"])
    assert there["nodes"]["unchanged"] == back["nodes"]["unchanged"]
    assert there["same"] == back["same"]


@given(sides, sides)
def test_the_text_never_holds_what_a_terminal_obeys(one: Any, other: Any) -> None:
    lines = text(diff(one, other)).split("\n")
    assert all(line == "" or ord(min(line)) >= 32 for line in lines)
    assert not {"\x7f", "\x9b", "\u2028", "\u202e"} & set("".join(lines))


@given(plain, plain)
def test_no_edge_between_known_units_is_lost(one: dict[str, Any], other: dict[str, Any]) -> None:
    result = diff({"nodes": one}, {"nodes": other})
    # an edge that only another unit has, and reverse ones that the other side was perhaps not asked for
    sure = {edge for edge in triples(one) ^ triples(other) if edge[0] in NODES}
    assert told(result["edges"]["added"]) >= sure & triples(one)
    assert told(result["edges"]["removed"]) >= sure & triples(other)
    assert not told(result["edges"]["added"]) & triples(other)
    assert not told(result["edges"]["removed"]) & triples(one)
