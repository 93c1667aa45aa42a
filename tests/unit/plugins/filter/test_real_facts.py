# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the filters read what unit_deps_facts says of a host where nearly everything is wrong."""

from __future__ import annotations

from typing import Any

from ansible_collections.container_linux.remediation.plugins.filter.unit_deps_diff import unit_deps_diff
from ansible_collections.container_linux.remediation.plugins.filter.unit_deps_dot import unit_deps_dot
from ansible_collections.container_linux.remediation.plugins.filter.unit_deps_tree import unit_deps_tree
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.unit_file import parse_unit_file
from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps.graph import FORWARD_TYPES, Graph
from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps.look import Look
from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps_facts import facts

A, B = "/etc/systemd/system/a.service", "/etc/systemd/system/b.service"
UNREADABLE = "/etc/systemd/system/a.service.d/50-locked.conf"
LATE = "systemctl list-jobs did not answer in time."


def real() -> dict[str, Any]:
    """Two units that wait for each other; one of their lines is not loaded, one file not readable, one answer late."""
    text = {
        A: "[Unit]\nRequires=b.service\nAfter=b.service\nWants=new.service\n",
        B: "[Unit]\nAfter=a.service\n",
    }
    common = {"LoadState": "loaded", "ActiveState": "inactive", "SubState": "dead", "Result": "success"}
    seen = Look(
        units={
            "a.service": {
                **{"Id": "a.service", "Names": "a.service", "FragmentPath": A, **common},
                **{"Requires": "b.service", "After": "b.service", "Before": "b.service"},
            },
            "b.service": {
                **{"Id": "b.service", "Names": "b.service", "FragmentPath": B, **common},
                **{"After": "a.service", "Before": "a.service", "RequiredBy": "a.service"},
            },
        },
        settings={path: parse_unit_file(path, list(enumerate(lines.split("\n"), 1))) for path, lines in text.items()},
        unread=[UNREADABLE],
        os={"ID": "coreos", "VERSION_ID": "1010.5.0"},
        systemd="225",
        partial=[LATE],
    )
    return facts(Graph(seen), ["a.service"], ["a.service", "b.service"], FORWARD_TYPES, ["gone.service"])


def test_the_facts_hold_what_is_tried_here() -> None:
    found = real()
    assert all(found[key] for key in ("missing", "cycles", "not_loaded", "unread", "partial"))


def test_the_tree_tells_all_of_it() -> None:
    lines = unit_deps_tree(real()).splitlines()
    assert "No unit is called gone.service." in lines
    assert "An ordering cycle of 2 units, of which systemd drops one to break it:" in lines
    assert "On disk, but not known to systemd (not read yet, or refused): a.service Wants=new.service:" in lines
    assert f"    {A}:4" in lines
    assert f"Not read: {UNREADABLE}" in lines
    assert f"Incomplete: {LATE}" in lines


def test_the_graph_is_drawn() -> None:
    assert '"a.service" -> "b.service" [' in unit_deps_dot(real(), all=True)


def test_the_difference_is_told() -> None:
    before, after = real(), real()
    del before["nodes"]["a.service"]["edges"]["Requires"]
    assert str(unit_deps_diff(after, before, text=True)).splitlines() == [
        "before: facts of a.service on coreos 1010.5.0, systemd 225",
        "after:  facts of a.service on coreos 1010.5.0, systemd 225",
        "note:   The facts of the side 'before' are partial, so that what is missing in them may well exist.",
        "note:   The facts of the side 'after' are partial, so that what is missing in them may well exist.",
        "",
        "a.service",
        f"  + Requires b.service: {A}:2 (yours)",
        "",
        "No difference in: b.service.",
    ]
    assert f"{A} (yours)" in unit_deps_diff(after, baseline="auto", text=True)
