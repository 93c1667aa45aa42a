# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.container_linux.remediation.plugins.module_utils._host import RemediationError
from ansible_collections.container_linux.remediation.plugins.plugin_utils._unit_deps.dot import draw as dot
from ansible_collections.container_linux.remediation.plugins.plugin_utils._unit_deps.tree import draw as tree
from ansible_collections.container_linux.remediation.plugins.plugin_utils._unit_deps.view import (
    Source,
    View,
    places,
    short_name,
    source,
)
from ansible_collections.container_linux.remediation.tests.unit.plugins.plugin_utils.unit_deps import graph

DROP_IN = "/etc/systemd/system/docker.service.d/40-flannel.conf"


@pytest.mark.parametrize(
    ("text", "wanted", "short"),
    [
        (f"{DROP_IN}:2", Source(file=DROP_IN, line=2), "docker.service.d/40-flannel.conf:2"),
        ("/etc/x:y.conf:12", Source(file="/etc/x:y.conf", line=12), "x:y.conf:12"),
        (
            "/etc/systemd/system/multi-user.target.wants/docker.service",
            Source(file="/etc/systemd/system/multi-user.target.wants/docker.service"),
            "multi-user.target.wants/docker.service",
        ),
        ("default: services", Source(origin="default", rule="services"), "default: services"),
        ("file: Slice=", Source(origin="file", rule="Slice="), "file: Slice="),
        (
            "path: RequiresMountsFor= (/usr/lib/systemd/system/a (b).service:7)",
            Source(origin="path", rule="RequiresMountsFor=", file="/usr/lib/systemd/system/a (b).service", line=7),
            "path: RequiresMountsFor= (a (b).service:7)",
        ),
    ],
)
def test_the_four_forms_of_a_declaration(text: str, wanted: Source, short: str) -> None:
    assert source(text) == wanted
    assert (wanted.full, wanted.short) == (text, short)


@given(st.text())
def test_any_other_text_is_told_as_it_is(text: str) -> None:
    """Facts may come from a later release of the collection, or be made by hand."""
    read = source(text)
    assert read.file or read.full == text
    assert isinstance(short_name(text), str)


def test_lines_of_one_file_are_told_together() -> None:
    lines = [source(text) for text in ("/x/a.service:4", "default: services", "/x/a.service:5", "/x/a.service:4")]
    assert places(lines) == "a.service:4,5; default: services"
    assert places([]) == ""


NAMES = st.text(max_size=8)
ARROW = re.compile(r'^  "(?:[^"\\]|\\.)*" -> "(?:[^"\\]|\\.)*" \[', re.MULTILINE)


@given(st.dictionaries(NAMES, st.lists(NAMES, max_size=4, unique=True), min_size=1, max_size=12), st.booleans())
def test_any_graph_is_drawn_whole(edges: dict[str, list[str]], everything: bool) -> None:
    """Each dependency that is reached is one line of the tree and one arrow of the graph, whatever the names."""
    root = next(iter(edges))
    reached, waiting = {root}, [root]
    while waiting:
        found = set(edges.get(waiting.pop(), ())) - reached
        reached |= found
        waiting += found
    links = sum(len(edges.get(name, ())) for name in reached)
    view = View(graph(edges, root), reader="test")
    drawn = tree(view, unit=None, everything=everything, reverse=False, ascii_only=True)
    assert len(drawn.splitlines()) == 1 + links
    assert len(ARROW.findall(dot(view, unit=None, everything=everything))) == links


@pytest.mark.parametrize("kind", ["Conflicts", "OnFailure", "OnSuccess", "Triggers", "TriggeredBy", "Before", "After"])
def test_of_the_types_that_no_start_needs_none_is_drawn(kind: str) -> None:
    view = View(graph({"a.service": ["b.service"]}, "a.service", kind=kind), reader="test")
    drawn = tree(view, unit=None, everything=True, reverse=False, ascii_only=True)
    assert ("b.service" in drawn) == ("->" in dot(view, unit=None, everything=True)) == (kind == "After")


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda part: st.lists(part, max_size=3)))
def test_what_stands_where_a_list_belongs_is_read_or_refused(value: object) -> None:
    for key in ("units", "missing", "cycles", "not_loaded", "unread", "partial", "blocked_by"):
        try:
            view = View({"nodes": {}, key: value}, reader="test")
        except RemediationError as exc:
            assert "Give it ansible_facts.container_linux_unit_deps" in exc.message
        else:
            tree(view, unit=None, everything=False, reverse=False, ascii_only=False)
