# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import shutil
import subprocess
import time
from typing import Any
from xml.etree import ElementTree

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.container_linux.remediation.plugins.filter.unit_deps_dot import FilterModule, unit_deps_dot
from ansible_collections.container_linux.remediation.plugins.module_utils._host import printable
from ansible_collections.container_linux.remediation.plugins.plugin_utils._unit_deps.dot import (
    ALARM,
    FAINT_INK,
    FILLS,
    INK,
    PAPER,
)
from ansible_collections.container_linux.remediation.tests.unit.plugins.plugin_utils.unit_deps import (
    HOSTILE,
    blocked,
    graph,
)

SVG = "{http://www.w3.org/2000/svg}"


def lines(given: Any, name: str, **options: Any) -> list[str]:
    """The lines of the source that begin with a unit's name."""
    return [line for line in unit_deps_dot(given, **options).splitlines() if line.startswith(f'  "{name}" ')]


def rendered(source: str, *, layout: str = "dot") -> ElementTree.Element:
    """What Graphviz draws, without a word of complaint."""
    if not shutil.which("dot"):
        pytest.skip("Graphviz is not installed; Debian's package is called graphviz.")
    done = subprocess.run(
        ["dot", f"-K{layout}", "-Tsvg"], input=source.encode(), capture_output=True, check=False, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return ElementTree.fromstring(done.stdout)


def texts(svg: ElementTree.Element, kind: str) -> list[list[str]]:
    """The lines of text of each node or edge."""
    groups = [group for group in svg.iter(f"{SVG}g") if group.get("class") == kind]
    return [[(text.text or "").replace("\xa0", " ") for text in group.iter(f"{SVG}text")] for group in groups]


def test_ansible_finds_the_filter() -> None:
    assert FilterModule().filters() == {"unit_deps_dot": unit_deps_dot}


def test_the_way_to_the_culprit_is_marked() -> None:
    docker, *edges = lines(blocked(), "docker.service")
    assert docker == (
        r'  "docker.service" [label="docker.service\ninactive (dead)\nstart job waiting", '
        f'fillcolor="{FILLS["down"][0]}", color="{ALARM}", penwidth=2.5];'
    )
    assert edges == [
        f'  "docker.service" -> "flanneld.service" [style=solid, color="{ALARM}", fontcolor="{ALARM}", penwidth=2.5, '
        r'label="Requires, After\ndocker.service.d/40-flannel.conf:2,3"];',
        r'  "docker.service" -> "docker.socket" [style=dotted, arrowhead=vee, label="After\ndocker.service:5"];',
    ]
    flanneld, wants = lines(blocked(), "flanneld.service")
    assert r"holds up docker.service" in flanneld and "peripheries=2" in flanneld
    assert r'[style=dashed, label="Wants\nflanneld.service.wants/etcd2.service"];' in wants


def test_all_draws_the_rules_without_a_label() -> None:
    assert '  "docker.service" -> "system.slice" [style=solid];' in lines(blocked(), "docker.service", all=True)
    assert "system.slice" not in unit_deps_dot(blocked())


def test_a_rule_that_a_line_sets_off_is_labelled_with_it() -> None:
    (edge,) = (line for line in lines(blocked(), "docker.service", all=True) if "tmp.mount" in line)
    assert r'label="After\nfile: PrivateTmp= (docker.service:9)"' in edge


def test_the_same_facts_give_the_same_text() -> None:
    given = blocked()
    given["nodes"] = dict(reversed(given["nodes"].items()))
    assert unit_deps_dot(blocked(), all=True) == unit_deps_dot(given, all=True)


def test_graphviz_draws_what_the_facts_say() -> None:
    svg = rendered(unit_deps_dot(blocked()))
    assert sorted(texts(svg, "node")) == [
        ["docker.service", "inactive (dead)", "start job waiting"],
        ["docker.socket", "active (running)"],
        ["etcd2.service", "active (running)", "files newer than its start", "needs daemon-reload"],
        ["flanneld.service", "activating (start)", "start job running", "holds up docker.service"],
    ]
    assert sorted(texts(svg, "edge")) == [
        ["After", "docker.service:5"],
        ["Requires, After", "docker.service.d/40-flannel.conf:2,3"],
        ["Wants", "flanneld.service.wants/etcd2.service"],
    ]


def test_hostile_names_are_drawn_as_plain_text() -> None:
    """Each name is that of a unit, of a file, and of a job, in one graph: no two of them become one."""
    given = graph({"a.service": HOSTILE, **{name: ["a.service"] for name in HOSTILE}}, "a.service")
    for name in HOSTILE:
        given["nodes"][name]["sub_state"] = name
        given["nodes"][name]["job"] = {"type": name, "state": name}
    svg = rendered(unit_deps_dot(given))
    nodes, edges = texts(svg, "node"), texts(svg, "edge")
    assert len(nodes) == 1 + len(HOSTILE)
    assert len(edges) == 2 * len(HOSTILE)
    drawn = {" ".join(label[0].split()) for label in nodes if label}
    # a name of blanks alone leaves no mark of its own, and a tree of elements no empty text
    wanted = {" ".join(printable(name).split()) for name in HOSTILE if name.strip()}
    assert wanted <= drawn
    files = {label[1] for label in edges if len(label) == 2}
    assert {'a"b.service:1', "a\\b.service:1", "a&amp;b & c.service:1", "a]b[c;}.service:1", "a | b.service:1"} <= files


def test_two_names_that_print_alike_are_two_units() -> None:
    svg = rendered(unit_deps_dot(graph({"a": ["x\x01", "x\x02", "x\ufffd (2)"]}, "a")))
    assert len(texts(svg, "node")) == 4


def test_an_empty_graph_is_a_graph() -> None:
    assert texts(rendered(unit_deps_dot(graph({}))), "node") == []


def test_a_big_graph_is_written_in_linear_time_and_without_recursion() -> None:
    def seconds(count: int) -> float:
        given, times = graph({f"u{i}": [f"u{i + 1}", f"u{i + 2}"] for i in range(count)}, "u0"), []
        for _run in range(5):
            begin = time.process_time()
            unit_deps_dot(given)
            times.append(time.process_time() - begin)
        return min(times)

    # quadratic would be sixteen times, and on a busy machine linear is up to eight
    assert seconds(2000) < 12 * seconds(500)


def test_graphviz_takes_a_graph_of_500_units() -> None:
    given = graph({f"u{i}": [f"u{i + 1}"] for i in range(499)}, "u0")
    assert len(texts(rendered(unit_deps_dot(given)), "node")) == 500


def luminance(colour: str) -> float:
    """As the Web Content Accessibility Guidelines define it."""
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_all_that_is_written_and_drawn_can_be_read() -> None:
    """The guidelines ask for 4.5 for text and for 3 for lines. The picture brings its own paper."""
    assert f'bgcolor="{PAPER}"' in unit_deps_dot(blocked())
    assert contrast(FAINT_INK, PAPER) > 4.5
    assert contrast(ALARM, PAPER) > 4.5
    for fill, border in FILLS.values():
        assert contrast(INK, fill) > 4.5
        assert contrast(border, PAPER) > 3
        assert re.fullmatch("#[0-9a-f]{6}", fill)


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        (None, {}, "The filter unit_deps_dot was given nothing. Give it ansible_facts.container_linux_unit_deps"),
        (blocked(), {"unit": "x"}, "The facts given to unit_deps_dot know no unit 'x'"),
        (blocked(), {"all": "often"}, "The option 'all' of unit_deps_dot is the text 'often'. Give true or false."),
        (blocked(), {"ascii": True}, "The filter unit_deps_dot has no option 'ascii'. Give one of unit, all,"),
    ],
)
def test_what_is_wrong_is_refused(given: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        unit_deps_dot(given, **options)
