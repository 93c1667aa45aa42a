# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.container_linux.remediation.plugins.module_utils._host import Completed, RemediationError
from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps import look as unit_deps_look
from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps_facts import gather
from ansible_collections.container_linux.remediation.plugins.modules import unit_deps_facts
from ansible_collections.container_linux.remediation.tests.unit.plugins.documented import mismatches
from ansible_collections.container_linux.remediation.tests.unit.plugins.module_utils.unit_machine import (
    Answers,
    Machine,
    Saying,
    answers,
)

UP = {"ActiveState": "active", "SubState": "running"}
DOWN = {"ActiveState": "inactive", "SubState": "dead"}
SILENT = {name: ("", 0) for name in ("manager", "os", "links", "files", "unread", "ages")}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


class Unreachable:
    def run(self, script: str) -> Completed:
        raise AssertionError("the host was asked")


def options(*units: str, **given: Any) -> dict[str, Any]:
    return {"units": list(units or ("a.service",)), "direction": "forward", "depth": None, "strict": False, **given}


def facts(machine: Machine, *units: str, **given: Any) -> dict[str, Any]:
    result = gather(options(*units, **given), machine, check_mode=False)
    assert not mismatches(unit_deps_facts.RETURN, result)
    assert result["changed"] is False
    found: dict[str, Any] = result["ansible_facts"]["container_linux_unit_deps"]
    return found


def shown(id_: str, **properties: str) -> dict[str, str]:
    return {"Id": id_, **properties}


# options


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"depth": -1}, r"^depth is -1, and must be 0 or more; leave it out to follow every dependency\.$"),
        ({"units": []}, "^units is empty: name at least one unit"),
        ({"units": ["a b"]}, "'a b' is not the name of a unit"),
        ({"units": ["*", "a?.service"]}, "'a.*' is not the name of a unit"),
        ({"units": ["a@.service"]}, "'a@.service' is a template"),
        ({"units": ["--version"]}, "'--version' is not the name of a unit"),
        ({"units": ["-x.mount"]}, "'-x.mount' is not the name of a unit"),
        ({"units": [""]}, "'' is not the name of a unit"),
    ],
)
def test_options_that_make_no_sense_are_refused_before_the_host_is_asked(given: dict[str, Any], message: str) -> None:
    with pytest.raises(RemediationError, match=message):
        gather({**options(), **given}, Unreachable(), check_mode=False)


def test_check_mode_makes_no_difference(machine: Machine) -> None:
    machine.tell_of(shown("a.service", **UP, After="b.service"), shown("b.service"))
    found = [gather(options(), machine, check_mode=check_mode) for check_mode in (True, False)]
    assert found[0] == found[1]


# what is told of


def chain(machine: Machine) -> None:
    """Units of which each needs the next one: a, b, c; and d, which needs a."""
    machine.tell_of(
        shown("a.service", Requires="b.service", Before="e.target", RequiredBy="d.service"),
        shown("b.service", After="c.service", RequiredBy="a.service", Conflicts="x.service", OnFailure="y.service"),
        shown("c.service", Before="b.service"),
        shown("d.service", Requires="a.service", PartOf="e.target"),
        shown("e.target", After="a.service", ConsistsOf="d.service"),
        shown("x.service", ConflictedBy="b.service"),
        shown("y.service", OnFailureOf="b.service"),
    )


@pytest.mark.parametrize(
    ("unit", "given", "nodes"),
    [
        ("a.service", {}, ["a.service", "b.service", "c.service"]),
        ("a.service", {"depth": 0}, ["a.service"]),
        ("a.service", {"depth": 1}, ["a.service", "b.service"]),
        ("a.service", {"depth": 99}, ["a.service", "b.service", "c.service"]),
        ("a.service", {"direction": "reverse"}, ["a.service", "e.target", "d.service"]),
        ("c.service", {"direction": "reverse", "depth": 1}, ["c.service", "b.service"]),
        ("b.service", {"direction": "both", "depth": 1}, ["b.service", "c.service", "a.service"]),
        ("y.service", {}, ["y.service"]),
    ],
)
def test_what_is_needed_is_followed_as_far_as_asked(
    machine: Machine, unit: str, given: dict[str, Any], nodes: list[str]
) -> None:
    chain(machine)
    assert list(facts(machine, unit, **given)["nodes"]) == nodes


def test_the_direction_decides_which_ends_are_told(machine: Machine) -> None:
    chain(machine)
    forward, reverse, both = (
        {name: set(node["edges"]) for name, node in facts(machine, "a.service", direction=direction)["nodes"].items()}
        for direction in ("forward", "reverse", "both")
    )
    assert forward == {
        "a.service": {"Requires", "Before"},
        "b.service": {"After", "Conflicts", "OnFailure"},
        "c.service": set(),
    }
    assert reverse == {"a.service": {"RequiredBy", "Before"}, "d.service": set(), "e.target": {"ConsistsOf", "After"}}
    assert both["c.service"] == {"Before"}
    assert both["a.service"] == {"Requires", "RequiredBy", "Before"}


def test_all_units_are_told_of_by_a_star(machine: Machine) -> None:
    chain(machine)
    found = facts(machine, "*", depth=0)
    assert (
        found["units"]
        == list(found["nodes"])
        == [f"{name}.service" for name in "abcd"] + ["e.target", "x.service", "y.service"]
    )
    assert found["missing"] == []


def test_the_root_can_be_asked_for_by_the_name_that_systemd_has_for_it(machine: Machine) -> None:
    machine.tell_of(shown("-.slice"), loaded=False)
    machine.tell_of(shown("-.mount", Requires="-.slice"))
    machine.tell_of(shown("-.mount", Requires="-.slice"), loaded=False)
    found = facts(machine, "-.mount", "-.slice")
    assert found["units"] == list(found["nodes"]) == ["-.mount", "-.slice"]


def test_names_may_have_blanks_around_them(machine: Machine) -> None:
    chain(machine)
    assert facts(machine, "a", " b.service", "c ", depth=0)["units"] == ["a.service", "b.service", "c.service"]
    assert facts(machine, " * ", depth=0)["units"] == facts(machine, "*", depth=0)["units"]


def test_a_unit_asked_for_by_another_name_is_told_by_its_main_one(machine: Machine) -> None:
    machine.tell_of(shown("a.service", Names="a.service alias.service", **UP))
    machine.tell("unit-alias.service", "")
    found = facts(machine, "alias", "a.service")
    assert found["units"] == ["a.service"]
    assert found["nodes"]["a.service"]["aliases"] == ["alias.service"]


def test_a_chain_of_thousands_is_followed_to_its_end(machine: Machine) -> None:
    names = [f"u{number:04}.service" for number in range(3000)]
    machine.tell_of(
        *(shown(name, Requires=behind, After=behind) for name, behind in zip(names, [*names[1:], ""], strict=True))
    )
    machine.tell(f"unit-{names[0]}", "")
    found = facts(machine, names[0])
    assert list(found["nodes"]) == names
    assert [step["unit"] for step in found["blocked_by"][names[0]]] == names
    assert found["unexplained"]["count"] == 2 * 2999 and len(found["unexplained"]["edges"]) == 50


# units that are not there


def test_a_unit_that_is_not_there_is_missing_and_no_failure(machine: Machine) -> None:
    machine.tell_of(shown("a.service", **UP, After="gone.service"), shown("gone.service", LoadState="not-found"))
    found = facts(machine, "nothing", "a.service")
    assert found["missing"] == ["nothing.service"]
    assert facts(machine, "nothing", "nothing.service", "nothing")["missing"] == ["nothing.service"]
    assert found["units"] == ["nothing.service", "a.service"]
    assert found["nodes"]["nothing.service"]["load_state"] == "not-found"
    assert found["nodes"]["gone.service"]["load_state"] == "not-found"


@pytest.mark.parametrize(
    ("name", "hint"),
    [("dokcer", ", such as 'docker.service'"), ("engin.service", ", such as 'engine.service'"), ("zzz", "")],
)
def test_with_strict_it_is_one_and_says_what_could_be_meant(machine: Machine, name: str, hint: str) -> None:
    machine.tell_of(shown("docker.service", Names="docker.service engine.service"))
    with pytest.raises(RemediationError) as failed:
        facts(machine, name, strict=True)
    full = name if "." in name else f"{name}.service"
    assert failed.value.message == (
        f"The host has no unit '{full}'. Name one that it has{hint}, or leave out strict to go on without it."
    )
    assert failed.value.details == {"missing": [full]}


def test_a_masked_unit_is_not_missing(machine: Machine) -> None:
    machine.tell_of(shown("a.service", LoadState="masked", FragmentPath="/dev/null"))
    found = facts(machine, strict=True)
    assert found["missing"] == [] and found["nodes"]["a.service"]["masked"] is True


# a node


def test_a_node_is_what_systemd_says_of_the_unit(machine: Machine) -> None:
    path = machine.write(
        "etc/a.service", "[Unit]\nAfter=b.service\n[Install]\nWantedBy=x.target y.target\nAlias=b.service\n"
    )
    machine.tell_of(
        shown(
            "a.service",
            **{"ActiveState": "activating", "SubState": "auto-restart", "Result": "exit-code"},
            UnitFileState="enabled",
            FragmentPath=path,
            NeedDaemonReload="yes",
        )
    )
    machine.tell("jobs", "  7 a.service start waiting\n")
    node = facts(machine)["nodes"]["a.service"]
    assert node == {
        **{"aliases": [], "load_state": "loaded", "active_state": "activating", "sub_state": "auto-restart"},
        **{"result": "exit-code", "job": {"type": "start", "state": "waiting"}, "enabled": "enabled"},
        **{"install": {"WantedBy": ["x.target", "y.target"], "Alias": ["b.service"]}},
        **{"fragment": path, "shadows": "", "drop_ins": [], "condition": None, "need_reload": True, "masked": False},
        **{"started_at": "", "files_newer": False, "edges": {}},
    }


@pytest.mark.parametrize(
    ("text", "install"),
    [
        ("[Install]\nWantedBy=x.target\nWantedBy=y.target", {"WantedBy": ["x.target", "y.target"]}),
        ("[Install]\nWantedBy=x.target\nWantedBy=\nWantedBy=y.target", {"WantedBy": ["y.target"]}),
        ("[Install]\nWantedBy=x.target\nWantedBy=", {}),
        ("[Unit]\nWantedBy=x.target", {}),
    ],
)
def test_the_install_section_is_read_as_systemctl_does(
    machine: Machine, text: str, install: dict[str, list[str]]
) -> None:
    machine.tell_of(shown("a.service", FragmentPath=machine.write("etc/a.service", text)))
    assert facts(machine)["nodes"]["a.service"]["install"] == install


@pytest.mark.parametrize(
    ("properties", "condition"),
    [
        ({}, None),
        ({"ConditionResult": "no", "ConditionTimestampMonotonic": "0"}, None),
        ({"ConditionResult": "no", "ConditionTimestampMonotonic": "5"}, False),
        ({"ConditionResult": "yes", "ConditionTimestampMonotonic": "5"}, True),
    ],
)
def test_a_condition_is_known_once_it_was_checked(
    machine: Machine, properties: dict[str, str], condition: bool | None
) -> None:
    machine.tell_of(shown("a.service", **properties))
    assert facts(machine)["nodes"]["a.service"]["condition"] is condition


CHANGED = int(datetime.datetime(2026, 11, 22, 7, 16, 40, tzinfo=datetime.UTC).timestamp())


@pytest.mark.parametrize(
    ("state", "since", "started", "newer"),
    [
        ("active", "Sun 2026-11-22 07:16:39 UTC", "2026-11-22T07:16:39Z", True),
        ("activating", "Sun 2026-11-22 07:16:39 UTC", "2026-11-22T07:16:39Z", True),
        ("deactivating", "Thu 1970-01-01 00:00:00 UTC", "1970-01-01T00:00:00Z", True),
        # written, loaded and restarted within one second
        ("active", "Sun 2026-11-22 07:16:40 UTC", "2026-11-22T07:16:40Z", False),
        ("active", "Sun 2026-11-22 07:16:41 UTC", "2026-11-22T07:16:41Z", False),
        ("inactive", "Sun 2026-11-22 07:16:39 UTC", "", False),
        ("failed", "Sun 2026-11-22 07:16:39 UTC", "", False),
    ],
)
def test_the_files_of_a_process_may_be_newer_than_it(state: str, since: str, started: str, newer: bool) -> None:
    block = (
        f"Id=a.service\nNames=a.service\nActiveState={state}\nDropInPaths=/etc/x.conf\nInactiveExitTimestamp={since}\n"
    )
    host = Saying({**SILENT, "units": (block, 0), "ages": (f"{CHANGED} 5 /etc/x.conf", 0)})
    node = gather(options(), host, check_mode=False)["ansible_facts"]["container_linux_unit_deps"]["nodes"]["a.service"]
    assert (node["started_at"], node["files_newer"]) == (started, newer)


def test_a_drop_in_that_came_after_the_start_is_newer(machine: Machine) -> None:
    drop_in = machine.write("etc/a.service.d/10.conf", "[Unit]\nAfter=b.service\n")
    changed = datetime.datetime.fromtimestamp(int(os.stat(drop_in).st_ctime), datetime.UTC)
    for seconds, newer in ((-1, True), (0, False)):
        began = changed + datetime.timedelta(seconds=seconds)
        machine.tell("loaded", "")
        stamp = {"InactiveExitTimestamp": f"{began:%a %Y-%m-%d %H:%M:%S} UTC"}
        machine.tell_of(shown("a.service", **UP, DropInPaths=drop_in, **stamp))
        assert facts(machine)["nodes"]["a.service"]["files_newer"] is newer


@pytest.mark.parametrize(
    "stamp",
    [
        *("", "n/a", "0", "1763795800", "Sun 2026-11-22 07:16:40", "Sun 2026-11-22 07:16:40 CET", "@1763795800"),
        *("Sun 2026-13-22 07:16:40 UTC", "Sun 2026-11-22 24:16:40 UTC", "Sun 0000-11-22 07:16:40 UTC"),
        *("Sun 2026-11-22 07:16:40 UTC\n", "Sun \u0662026-11-22 07:16:40 UTC", "Sun 2026-11-22 07:16:40.5 UTC"),
    ],
)
def test_a_time_that_is_none_is_unknown(stamp: str) -> None:
    block = f"Id=a.service\nNames=a.service\nActiveState=active\nFragmentPath=/etc/x\nInactiveExitTimestamp={stamp}\n"
    host = Saying({**SILENT, "units": (block, 0), "ages": ("9999999999 5 /etc/x", 0)})
    node = gather(options(), host, check_mode=False)["ansible_facts"]["container_linux_unit_deps"]["nodes"]["a.service"]
    assert (node["started_at"], node["files_newer"]) == ("", False)


def test_a_time_that_an_old_systemd_does_not_tell_is_unknown(machine: Machine) -> None:
    machine.tell_of(shown("a.service", **UP, FragmentPath=machine.write("etc/a.service", "")))
    node = facts(machine)["nodes"]["a.service"]
    assert (node["started_at"], node["files_newer"]) == ("", False)


# what a unit waits for


def blocked(machine: Machine) -> list[tuple[str, str, str, list[str], list[str]]]:
    steps = facts(machine)["blocked_by"]["a.service"]
    return [(step["unit"], step["state"], step["kind"], step["types"], step["declared_by"]) for step in steps]


def test_a_unit_that_is_up_is_blocked_by_nothing(machine: Machine) -> None:
    machine.tell_of(shown("a.service", **UP, Requires="b.service"), shown("b.service", **DOWN))
    assert blocked(machine) == []


def test_what_a_unit_requires_and_is_down_blocks_it(machine: Machine) -> None:
    drop_in = machine.write("etc/a.service.d/40-flannel.conf", "[Unit]\nRequires=b.service\nAfter=b.service\n")
    machine.tell_of(
        shown("a.service", **DOWN, DropInPaths=drop_in, Requires="b.service", After="b.service"),
        shown("b.service", ActiveState="failed", SubState="failed", Result="exit-code"),
    )
    assert blocked(machine) == [
        ("a.service", "inactive (dead)", "", [], []),
        (
            "b.service",
            "failed, result 'exit-code'",
            "requirement",
            ["Requires", "After"],
            [f"{drop_in}:2", f"{drop_in}:3"],
        ),
    ]


def test_a_job_that_waits_is_blocked_by_order_alone(machine: Machine) -> None:
    path = machine.write("etc/a.service", "[Unit]\nAfter=b.target\n")
    machine.tell_of(
        shown("a.service", **DOWN, FragmentPath=path, After="b.target c.service"),
        shown("b.target", **DOWN),
        # down, but nothing waits for it
        shown("c.service", **DOWN),
    )
    machine.tell("jobs", " 1 a.service start waiting\n 2 b.target start running\n")
    assert blocked(machine)[1:] == [("b.target", "inactive (dead)", "ordering", ["After"], [f"{path}:2"])]
    steps = facts(machine)["blocked_by"]["a.service"]
    assert [step["job"] for step in steps] == [
        {"type": "start", "state": "waiting"},
        {"type": "start", "state": "running"},
    ]


@pytest.mark.parametrize("type_", ["Requires", "Requisite", "BindsTo", "RequiresOverridable", "RequisiteOverridable"])
def test_each_requirement_can_block(machine: Machine, type_: str) -> None:
    machine.tell_of(shown("a.service", **DOWN, **{type_: "b.service"}), shown("b.service", **DOWN))
    assert blocked(machine)[1:] == [("b.service", "inactive (dead)", "requirement", [type_], [])]


@pytest.mark.parametrize("type_", ["Wants", "Upholds", "PartOf", "Conflicts", "After"])
def test_what_is_down_and_not_required_does_not_block(machine: Machine, type_: str) -> None:
    machine.tell_of(shown("a.service", **DOWN, **{type_: "b.service"}), shown("b.service", **DOWN))
    assert [step[0] for step in blocked(machine)] == ["a.service"]


def test_a_missing_unit_can_block(machine: Machine) -> None:
    machine.tell_of(shown("a.service", **DOWN, Requires="b.service"), shown("b.service", LoadState="not-found"))
    assert blocked(machine)[1:] == [("b.service", "not-found", "requirement", ["Requires"], [])]


# cycles


def test_an_ordering_cycle_is_told_with_its_files(machine: Machine) -> None:
    paths = {
        name: machine.write(f"etc/{name}.service", text)
        for name, text in (
            ("b", "[Unit]\nAfter=c.service\n"),
            ("c", "\n[Unit]\nBefore=d.service\nAfter=d.service\n"),
            ("d", ""),
        )
    }
    machine.tell_of(
        shown("a.service", Wants="b.service"),
        shown("b.service", FragmentPath=paths["b"], After="c.service"),
        shown("c.service", FragmentPath=paths["c"], After="d.service b.service", Before="d.service"),
        shown("d.service", FragmentPath=paths["d"], After="c.service"),
        # not reached
        shown("x.service", After="y.service"),
        shown("y.service", After="x.service"),
    )
    found = facts(machine)["cycles"]
    assert [cycle["units"] for cycle in found] == [["b.service", "c.service"], ["d.service", "c.service"]]
    assert found[0]["files"] == [paths["b"]]
    assert found[0]["edges"] == [
        {"from": "b.service", "type": "After", "to": "c.service", "declared_by": [f"{paths['b']}:2"]},
        {"from": "c.service", "type": "After", "to": "b.service", "declared_by": []},
    ]
    assert [cycle["units"] for cycle in facts(machine, "*")["cycles"]] == [
        ["b.service", "c.service"],
        ["d.service", "c.service"],
        ["x.service", "y.service"],
    ]


# in part


def test_a_systemctl_that_hangs_leaves_a_partial_answer(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit_deps_look, "LIMIT", 1)
    machine.tell("hang", "")
    path = machine.write("etc/a.service", "[Unit]\nRequires=b.service\nAfter=b.service\n")
    found = facts(machine, direction="both", strict=True)
    assert [sentence.partition(";")[0] for sentence in found["partial"]] == [
        "systemctl show (of the units) did not end within 1 s"
    ]
    node = found["nodes"]["a.service"]
    assert (node["load_state"], node["active_state"], node["fragment"]) == ("unknown", "", path)
    assert node["edges"] == {"Requires": {"b.service": [f"{path}:2"]}, "After": {"b.service": [f"{path}:3"]}}
    assert found["missing"] == []


def test_an_answer_that_was_cut_off_is_told_as_far_as_it_went() -> None:
    whole = "Id=a.service\nNames=a.service\nAfter=b.service\nLoadState=loaded\nNeedDaemonReload=no\n"
    host = Saying({**SILENT, "units": (f"{whole}\nId=b.service\nNames=b.serv", 124)})
    found = gather(options("*"), host, check_mode=False)["ansible_facts"]["container_linux_unit_deps"]
    assert list(found["nodes"]) == ["a.service"]
    # b.service may have declared the dependency
    assert found["unexplained"]["count"] == 0
    assert len(found["partial"]) == 2


WANTING = "Id=a.service\nNames=a.service\nLoadState=loaded\nFragmentPath=/etc/a.service\nWants=b.service\n"


def test_what_a_file_may_declare_that_was_not_read_is_not_unexplained() -> None:
    host = Saying({**SILENT, "units": (WANTING, 0), "files": ("/etc/", 124)})
    found = gather(options("*"), host, check_mode=False)["ansible_facts"]["container_linux_unit_deps"]
    assert found["nodes"]["a.service"]["edges"] == {"Wants": {"b.service": []}}
    assert found["unexplained"] == {"count": 0, "edges": []}
    assert found["partial"] == [
        "sed (over the unit files) did not end within 10 s; what it would have told is missing.",
        "What declares 1 of the dependencies is not known, since not all units and unit files were told.",
    ]


def test_that_of_a_file_that_cannot_be_read_is_unexplained_and_the_file_is_named() -> None:
    other = "\nId=b.service\nNames=b.service\nLoadState=loaded\n"
    host = Saying({**SILENT, "units": (WANTING + other, 0), "unread": ("/etc/a.service", 0)})
    found = gather(options("*"), host, check_mode=False)["ansible_facts"]["container_linux_unit_deps"]
    assert (found["unread"], found["partial"]) == (["/etc/a.service"], [])
    assert found["unexplained"]["edges"] == [{"from": "a.service", "type": "Wants", "to": "b.service"}]


# whatever a host says


def strings(data: Any) -> Iterator[str]:
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield str(key)
            yield from strings(value)
    elif isinstance(data, list):
        for item in data:
            yield from strings(item)
    elif isinstance(data, str):
        yield data


@given(answers(), st.sampled_from(["forward", "reverse", "both"]), st.sampled_from([None, 0, 1]))
def test_no_answer_breaks_the_facts(said: Answers, direction: str, depth: int | None) -> None:
    asked = options("a.service", "*", direction=direction, depth=depth)
    result = gather(asked, Saying(said), check_mode=False)
    assert not mismatches(unit_deps_facts.RETURN, result)
    # fit for facts: nothing but JSON, and nothing that would change a terminal
    assert json.loads(json.dumps(result)) == result
    assert not any(re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", text) for text in strings(result))
