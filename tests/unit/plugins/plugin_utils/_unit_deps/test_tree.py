# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.container_linux.remediation.plugins.filter.unit_deps_tree import FilterModule, unit_deps_tree
from ansible_collections.container_linux.remediation.tests.unit.plugins.plugin_utils.unit_deps import (
    DROP_IN,
    HOSTILE,
    SYSTEM,
    blocked,
    facts,
    graph,
    node,
    step,
)


def tree(given: Any, *arguments: Any, **options: Any) -> list[str]:
    """The lines of the trees, each run of blanks cut down to two."""
    text = unit_deps_tree(given, *arguments, **options).partition("\n\n")[0]
    return ["  ".join(part.strip() for part in line.rstrip().split("  ") if part) for line in text.splitlines()]


def below(given: Any, **options: Any) -> list[str]:
    return unit_deps_tree(given, **options).split("\n\n")[1:]


def names(lines: list[str]) -> list[str]:
    return [line.lstrip("|`-. ").split()[1] for line in lines]


def test_ansible_finds_the_filter() -> None:
    assert FilterModule().filters() == {"unit_deps_tree": unit_deps_tree}


def test_what_a_unit_also_waits_for_is_told_below() -> None:
    given = blocked()
    given["blocked_by"]["docker.service"][1]["also"] = ["a.service", "b.service"]
    assert "    (docker.service also waits for a.service, b.service)" in unit_deps_tree(given).splitlines()


def test_what_holds_a_unit_up_stands_first_with_the_file_to_blame() -> None:
    assert unit_deps_tree(blocked()).splitlines() == [
        "○ docker.service  inactive (dead), start job waiting  ◀",
        "├─↻ flanneld.service  activating (start), start job running  ◀━━ holds up docker.service  "
        "Requires, After  docker.service.d/40-flannel.conf:2,3",
        "│ └─● etcd2.service  files newer than its start, needs daemon-reload  "
        "Wants  flanneld.service.wants/etcd2.service",
        "└╌● docker.socket                                     After  docker.service:5",
        "",
        "docker.service is held up by flanneld.service, which is activating (start):",
        "  docker.service requires flanneld.service (Requires, After):",
        "    /etc/systemd/system/docker.service.d/40-flannel.conf:2",
        "    /etc/systemd/system/docker.service.d/40-flannel.conf:3",
        "",
        "Not shown: 4 dependencies that systemd's own rules add, or that no start waits for. all=true shows them.",
    ]


def test_all_shows_the_rules_and_what_the_boot_needs() -> None:
    lines = tree(blocked(), all=True, ascii=True)
    assert lines[0] == "o docker.service  inactive (dead), start job waiting  <-"
    assert "|-* sysinit.target  Requires, After  default: services" in lines
    assert "| `-* local-fs.target  Wants  sysinit.target:13" in lines
    assert "|-* system.slice  Requires, After  file: Slice=" in lines
    assert "|.* docker.socket  After  docker.service:5; implicit: a socket and its service" in lines
    assert "| `-o docker.service  (see above)  PartOf  docker.socket:3" in lines
    assert "`.* tmp.mount  After  file: PrivateTmp= (docker.service:9)" in lines
    assert "Not shown" not in unit_deps_tree(blocked(), all=True)


def test_a_rule_is_shown_where_what_it_asks_for_is_not_up() -> None:
    given = blocked()
    given["nodes"]["sysinit.target"].update(active_state="failed", sub_state="dead")
    assert "├─✗ sysinit.target  failed (dead)  (...)  Requires, After  default: services" in tree(given)
    given["nodes"]["sysinit.target"].update(active_state="inactive", condition=False)
    assert not any("sysinit" in line for line in tree(given))


def test_the_way_through_the_boot_is_shown_when_it_is_what_fails() -> None:
    given = blocked()
    given["blocked_by"]["docker.service"] = [
        step("docker.service", "inactive (dead)"),
        step("sysinit.target", "inactive (dead)", "default: services", kind="requirement", types=["Requires"]),
        step("local-fs.target", "failed", f"{SYSTEM}/sysinit.target:13", kind="ordering", types=["Wants"]),
    ]
    lines = tree(given)
    assert lines[1:3] == [
        "├─● sysinit.target  ◀  Requires, After  default: services",
        "│ └─● local-fs.target  ◀━━ holds up docker.service  Wants  sysinit.target:13",
    ]
    assert "  sysinit.target only waits for local-fs.target (Wants):" in below(given)[0]


def test_a_unit_may_be_named_by_its_short_name_or_an_alias() -> None:
    assert tree(blocked(), "engine")[0].startswith("○ docker.service")
    assert tree(blocked(), unit=["flanneld.service", "flanneld"])[0].startswith("↻ flanneld.service")


def test_a_unit_on_the_way_tells_the_rest_of_the_way() -> None:
    given = blocked()
    given["blocked_by"]["docker.service"].insert(
        0, step("app.service", "inactive (dead)", kind="requirement", types=["Requires"])
    )
    assert unit_deps_tree(given, "docker").splitlines()[0].endswith("◀")


def test_reverse_turns_the_tree_round() -> None:
    assert tree(blocked(), "flanneld", reverse=True, ascii=True) == [
        "~ flanneld.service  activating (start), start job running",
        "`-o docker.service  inactive (dead), start job waiting  "
        "RequiredBy, Before  docker.service.d/40-flannel.conf:2,3",
    ]


def test_reverse_reads_inverse_dependencies_as_well() -> None:
    given = facts({"a.service": node(edges={"WantedBy": {"b.target": ["/x/b.target.wants/a.service"]}})}, "a.service")
    assert tree(given, reverse=True) == [
        "● a.service",
        "└─? b.target  not looked at  WantedBy  b.target.wants/a.service",
    ]


def test_units_that_need_each_other_are_told_once() -> None:
    cycle = graph({"a.service": ["b.service"], "b.service": ["a.service", "b.service"]}, "a.service", "b.service")
    assert tree(cycle, ascii=True) == [
        "* a.service",
        "`-* b.service  (see below)  Requires  a.service:1",
        "* b.service",
        "|-* a.service  (see above)  Requires  b.service:1",
        "`-* b.service  (see above)  Requires  b.service:2",
    ]


def test_a_unit_opens_where_it_is_nearest_to_the_top() -> None:
    given = graph({"a": ["b", "d"], "b": ["c"], "c": ["d"], "d": ["e"]}, "a")
    assert tree(given, ascii=True) == [
        "* a",
        "|-* b  Requires  a:1",
        "| `-* c  Requires  b:1",
        "|  `-* d  (see below)  Requires  c:1",
        "`-* d  Requires  a:2",
        "`-* e  Requires  d:1",
    ]


def test_every_unit_of_a_graph_is_told_and_opens_once() -> None:
    """A mesh with many ways to each unit, cycles among them."""
    edges = {f"u{i}": [f"u{(i * k + 1) % 97}" for k in (2, 3, 5)] for i in range(97)}
    lines = tree(graph(edges, "u0"), ascii=True)
    opened = [name for name, line in zip(names(lines), lines, strict=True) if "(see " not in line]
    assert sorted(opened) == sorted(edges)
    assert len(lines) == 1 + sum(len(set(targets)) for targets in edges.values())


def test_other_trouble_is_told_below() -> None:
    given = blocked() | {
        "missing": ["gone.service"],
        "cycles": [
            {
                "units": ["a.service", "b.service"],
                "files": ["/etc/a", "/etc/b"],
                "edges": [
                    {"from": "a.service", "type": "After", "to": "b.service", "declared_by": ["/etc/a:1"]},
                    {"from": "b.service", "type": "After", "to": "a.service", "declared_by": []},
                ],
            }
        ],
        "not_loaded": [{"from": "docker.service", "type": "Wants", "to": "x.service", "declared_by": f"{DROP_IN}:9"}],
        "unread": ["/etc/x.conf"],
        "partial": ["systemctl list-jobs did not answer in 5 seconds."],
    }
    assert below(given)[1].splitlines() == [
        "No unit is called gone.service.",
        "An ordering cycle of 2 units, of which systemd drops one to break it:",
        "  a.service After=b.service:",
        "    /etc/a:1",
        "  b.service After=a.service:",
        "    (unknown origin)",
        "On disk, but not known to systemd (not read yet, or refused): docker.service Wants=x.service:",
        f"    {DROP_IN}:9",
        "Not read: /etc/x.conf",
        "Incomplete: systemctl list-jobs did not answer in 5 seconds.",
    ]


def test_a_unit_that_is_down_by_itself_says_so() -> None:
    given = facts(
        {"a.service": node("failed", "failed", result="exit-code")},
        "a.service",
        blocked_by={"a.service": [step("a.service", "failed, result 'exit-code'")]},
    )
    assert unit_deps_tree(given) == (
        "✗ a.service  failed, result 'exit-code'\n\n"
        "a.service is failed, result 'exit-code', and nothing that it depends on holds it up."
    )


def test_of_several_units_those_that_nobody_has_started_are_no_news() -> None:
    given = facts(
        {"a.service": node("inactive", "dead"), "b.service": node("failed", "failed")},
        *("a.service", "b.service"),
        blocked_by={
            "a.service": [step("a.service", "inactive (dead)")],
            "b.service": [step("b.service", "failed")],
        },
    )
    assert below(given) == ["b.service is failed, and nothing that it depends on holds it up."]
    assert below(given, unit="a") == ["a.service is inactive (dead), and nothing that it depends on holds it up."]


def test_one_culprit_of_several_units() -> None:
    given = graph({"a": ["c"], "b": ["c"]}, "a", "b")
    given["blocked_by"] = {
        name: [step(name, "inactive"), step("c", "failed", kind="requirement", types=["Requires"])] for name in "ab"
    }
    assert "<== holds up a and 1 more" in tree(given, ascii=True)[1]


@pytest.mark.parametrize("name", ["gone.target", "not-looked-at.service"])
def test_a_dependency_without_origin_or_node_is_shown(name: str) -> None:
    given = facts({"a.service": node(edges={"Wants": {name: []}})}, "a.service")
    assert tree(given) == ["● a.service", f"└─? {name}  not looked at  Wants  (unknown origin)"]


def test_facts_without_units() -> None:
    assert unit_deps_tree(facts({})) == "The facts hold no unit."
    assert unit_deps_tree({"nodes": None}) == "The facts hold no unit."
    assert unit_deps_tree(facts({}, missing=["x.service"])) == "No unit is called x.service."


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_on_its_line(name: str) -> None:
    given = graph({"a.service": [name], name: ["b.service"]}, "a.service", missing=[name], partial=[name])
    text = unit_deps_tree(given, ascii=True)
    assert text.isascii()
    assert len(text.splitlines()) == 3 + 1 + 2
    assert text.replace("\n", "").isprintable()


@pytest.mark.parametrize("all", [True, False])
def test_ascii_is_ascii(all: bool) -> None:
    assert not unit_deps_tree(blocked(), all=all).isascii()
    assert unit_deps_tree(blocked(), all=all, ascii=True).isascii()
    assert unit_deps_tree(blocked(), all=all, ascii="yes").isascii()


def chain_of(count: int) -> dict[str, Any]:
    return graph({f"u{i:05}": [f"u{i + 1:05}"] for i in range(count - 1)}, "u00000")


def mesh_of(count: int) -> dict[str, Any]:
    edges = {f"u{i}": [f"u{(i * k + 1) % count}" for k in range(2, 7)] for i in range(count)}
    return graph(edges, *edges)


def test_a_long_chain_is_no_recursion() -> None:
    lines = unit_deps_tree(chain_of(1500)).splitlines()
    assert len(lines) == 1500
    assert lines[-1].split("●")[1].startswith(" u01499")


def test_four_times_the_units_take_not_sixteen_times_as_long() -> None:
    def seconds(count: int) -> float:
        given, times = mesh_of(count), []
        for _run in range(5):
            begin = time.process_time()
            unit_deps_tree(given)
            times.append(time.process_time() - begin)
        return min(times)

    # quadratic would be sixteen times, and on a busy machine linear is up to eight
    assert seconds(2000) < 12 * seconds(500)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "The filter unit_deps_tree was given nothing."),
        ({}, "The filter unit_deps_tree was given an empty dictionary."),
        ("x", "The filter unit_deps_tree was given the text 'x'."),
        (["x"], "The filter unit_deps_tree was given a list."),
        (7, "The filter unit_deps_tree was given '7'."),
        ({"container_linux_unit_deps": {}}, "was given a dictionary with the keys container_linux_unit_deps."),
        ({"nodes": []}, "was given a list at nodes, where a dictionary"),
        ({"nodes": {1: {}}}, "was given a dictionary with the keys 1 at nodes, where a dictionary with names"),
        ({"nodes": {"a": "b"}}, r"was given the text 'b' at nodes\['a'\], where a dictionary"),
        ({"nodes": {"a": {"edges": []}}}, r"was given a list at nodes\['a'\].edges, where"),
        ({"nodes": {"a": {"edges": {"After": {"b": "c"}}}}}, r"the text 'c' at nodes\['a'\].edges.After, where a list"),
        ({"nodes": {"a": {"edges": {"After": {"b": [3]}}}}}, r"'3' in the list at .*, where a text belongs"),
        ({"nodes": {}, "units": "a"}, "the text 'a' at units, where a list belongs"),
        ({"nodes": {}, "blocked_by": {"a": {}}}, r"an empty dictionary at blocked_by\['a'\], where a list belongs"),
        ({"nodes": {}, "cycles": [1]}, "'1' at cycles, where a dictionary"),
    ],
)
def test_what_are_no_facts_is_refused(given: Any, message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message) as caught:
        unit_deps_tree(given)
    assert "Give it ansible_facts.container_linux_unit_deps" in str(caught.value)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize(
    "wrong", [lambda name: {"nodes": {"a": {"edges": {name: []}}}}, lambda name: {"nodes": {}, "blocked_by": {name: 1}}]
)
def test_a_hostile_key_is_harmless_in_an_error(wrong: Callable[[str], Any], name: str) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        unit_deps_tree(wrong(name))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unit": "x"}, "know no unit 'x': they were gathered for docker.service. Name a unit"),
        ({"unit": 3}, "The option 'unit' of unit_deps_tree is '3'. Give a unit's name"),
        ({"unit": [None]}, "The option 'unit' of unit_deps_tree is a list. Give a unit's name"),
        ({"ascii": "maybe"}, "The option 'ascii' of unit_deps_tree is the text 'maybe'. Give true or false."),
        ({"all": None}, "The option 'all' of unit_deps_tree is nothing. Give true or false."),
        ({"reverse": []}, "The option 'reverse' of unit_deps_tree is a list. Give true or false."),
        ({"asci": True}, "has no option 'asci'. Give one of unit, all, reverse, ascii"),
    ],
)
def test_a_wrong_option_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        unit_deps_tree(blocked(), **options)


def test_of_many_units_few_are_named_in_an_error() -> None:
    given = graph({}, *(f"u{number}" for number in range(500)))
    with pytest.raises(AnsibleFilterError, match=r"gathered for u0, u1, u2, u3, u4 and 495 more\. Name a unit"):
        unit_deps_tree(given, "x")
