# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import subprocess

import pytest

from ansible_collections.container_linux.remediation.plugins.module_utils._host import RemediationError
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import (
    Job,
    blockers,
    blocking_chain,
    escape_path,
    job_result,
    parse_jobs,
    parse_show,
    state_words,
    unescape,
    unit_name,
)


def test_units_come_in_order_with_repeated_properties_as_lines() -> None:
    text = (
        "Id=docker.socket\nListen=/run/docker.sock (Stream)\nListen=[::]:2375 (Stream)\n\n"
        "Id=gone.service\nLoadState=not-found\nExecStart=\n"
    )
    assert parse_show(text) == [
        {"Id": "docker.socket", "Listen": "/run/docker.sock (Stream)\n[::]:2375 (Stream)"},
        {"Id": "gone.service", "LoadState": "not-found", "ExecStart": ""},
    ]


def test_a_value_with_line_breaks_and_an_empty_line_stays_in_its_unit() -> None:
    text = (
        "Id=a.service\nExecStart={ path=/bin/sh ; argv[]=/bin/sh -c echo\n\n done ; }\nSubState=dead\n\nId=b.service\n"
    )
    assert parse_show(text) == [
        {
            "Id": "a.service",
            "ExecStart": "{ path=/bin/sh ; argv[]=/bin/sh -c echo\n done ; }",
            "SubState": "dead",
        },
        {"Id": "b.service"},
    ]


def test_the_job_table_is_read_without_its_words() -> None:
    text = "  77 docker.service   start waiting\n1234 flanneld.service start running\n\nNo jobs running.\n"
    assert parse_jobs(text) == [
        Job(77, "docker.service", "start", "waiting"),
        Job(1234, "flanneld.service", "start", "running"),
    ]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("docker", "docker.service"),
        ("docker.socket", "docker.socket"),
        ("getty@tty1", "getty@tty1.service"),
        ("foo.bar", "foo.bar.service"),
        ("dev-disk-by\\x2dlabel-ROOT.device", "dev-disk-by\\x2dlabel-ROOT.device"),
        ("user-cloudinit@var-lib-coreos\\x2dinstall-user_data.service",) * 2,
    ],
)
def test_a_name_without_a_type_is_that_of_a_service(text: str, name: str) -> None:
    assert unit_name(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a b",
        "*",
        "docke?",
        "[ab]",
        "-a",
        "--now",
        "$(id)",
        "`id`",
        "a;b",
        "a\n",
        "a.service\n",
        "a/b",
        "é",
        "x" * 256,
    ],
)
def test_a_name_that_no_unit_has_is_refused(text: str) -> None:
    with pytest.raises(RemediationError, match="is not the name of a unit"):
        unit_name(text)


def test_a_template_is_not_a_unit() -> None:
    with pytest.raises(RemediationError, match="is a template"):
        unit_name("getty@.service")


@pytest.mark.parametrize(
    ("told", "logged", "result"),
    [
        ("A dependency job for a.service failed. See 'journalctl -xe' for details.\n", "", "dependency"),
        ("Job for a.service canceled.\n", "", "canceled"),
        ("Job for a.service timed out.\n", "", "timeout"),
        ("Job for a.service failed because the control process exited with error code.\n", "", "failed"),
        ("Job for a.service failed. See 'systemctl status a.service' for details.\n", "", "failed"),
        ("Assertion failed on job for a.service.\n", "", "assert"),
        ("Job for aa.service failed.\n", "", ""),
        ("", "Job a.service/start failed with result 'timeout'.\n", "timeout"),
        ("", "a.service: Job a.service/start failed with result 'dependency'.\n", "dependency"),
        ("", "Job b.service/start failed with result 'dependency'.\n", ""),
        ("", "", ""),
    ],
)
def test_a_job_result_is_read_from_systemctl_or_else_the_journal(told: str, logged: str, result: str) -> None:
    assert job_result("a.service", told=told, logged=logged) == result


def chained(name: str, **properties: str) -> dict[str, str]:
    return {"Id": name, "LoadState": "loaded", "ActiveState": "inactive", "Result": "success", **properties}


def test_a_waiting_job_waits_behind_a_unit_that_is_only_ordered_before_it() -> None:
    units = {
        "docker.service": chained("docker.service", After="basic.target early-docker.target"),
        "early-docker.target": chained("early-docker.target", After="flanneld.service"),
        "flanneld.service": chained("flanneld.service", ActiveState="activating"),
    }
    jobs = [
        Job(1, "docker.service", "start", "waiting"),
        Job(2, "early-docker.target", "start", "waiting"),
        Job(3, "flanneld.service", "start", "running"),
    ]
    assert blocking_chain("docker.service", units, jobs) == [
        "docker.service",
        "early-docker.target",
        "flanneld.service",
    ]


def test_without_a_job_the_unit_that_is_down_by_its_own_fault_is_blamed() -> None:
    units = {
        "a.service": chained("a.service", Requires="up.target skipped.service b.service c.service"),
        "up.target": chained("up.target", ActiveState="active"),
        "skipped.service": chained("skipped.service", ConditionResult="no", ConditionTimestampMonotonic="5"),
        "b.service": chained("b.service", Requires="c.service"),
        "c.service": chained("c.service", ActiveState="failed", Result="exit-code", Requires="d.service"),
        "d.service": chained("d.service"),
    }
    assert blocking_chain("a.service", units, []) == ["a.service", "c.service"]
    assert blocking_chain("b.service", units, []) == ["b.service", "c.service"]


def test_a_unit_that_runs_or_fails_by_itself_is_blamed_on_nothing() -> None:
    """A oneshot that it requires has run to its end, and a socket fails because it does."""
    needs = {"Requires": "once.service x.socket", "After": "once.service"}
    units = {
        "once.service": chained(
            "once.service", Type="oneshot", RemainAfterExit="no", InactiveExitTimestampMonotonic="7"
        ),
        "x.socket": chained("x.socket", ActiveState="failed", Result="service-start-limit-hit"),
        "x.service": chained("x.service", ActiveState="failed", Result="exit-code", **needs),
        "y.service": chained("y.service", ActiveState="activating", **needs),
        "z.service": chained("z.service", Requires="once.service"),
    }
    assert blocking_chain("x.service", units, []) == ["x.service"]
    assert blocking_chain("y.service", units, [Job(1, "y.service", "start", "running")]) == ["y.service"]
    assert blocking_chain("z.service", units, []) == ["z.service"]


def test_of_several_that_hold_a_unit_up_the_required_one_is_blamed() -> None:
    names = [f"o{number}.service" for number in range(6)]
    units = {name: chained(name, ActiveState="activating") for name in names}
    units["p.service"] = chained("p.service", After=" ".join(names), Requires="o4.service")
    jobs = [Job(number, name, "start", "running") for number, name in enumerate(names)]
    jobs.append(Job(9, "p.service", "start", "waiting"))
    assert blocking_chain("p.service", units, jobs) == ["p.service", "o4.service"]
    found = blockers("p.service", units, {job.unit: job for job in jobs})
    assert found == ["o4.service", *(name for name in names if name != "o4.service")]


def test_a_start_waits_for_the_stop_of_a_unit_that_is_ordered_after_it() -> None:
    units = {
        "a.service": chained("a.service", Before="b.service c.service"),
        "b.service": chained("b.service", ActiveState="deactivating"),
        "c.service": chained("c.service"),
    }
    jobs = [
        Job(1, "a.service", "start", "waiting"),
        Job(2, "b.service", "stop", "running"),
        Job(3, "c.service", "start", "waiting"),
    ]
    assert blocking_chain("a.service", units, jobs) == ["a.service", "b.service"]


def test_a_skipped_unit_will_do_where_it_need_not_be_up() -> None:
    skipped = chained("s.service", ConditionResult="no", ConditionTimestampMonotonic="5")
    for kind, chain in (("Requires", []), ("Requisite", ["s.service"]), ("BindsTo", ["s.service"])):
        units = {"s.service": skipped, "a.service": chained("a.service", **{kind: "s.service"})}
        assert blocking_chain("a.service", units, []) == ["a.service", *chain]


def test_units_that_require_each_other_end_the_chain() -> None:
    units = {
        "a.service": chained("a.service", Requires="b.service"),
        "b.service": chained("b.service", Requires="a.service"),
    }
    assert blocking_chain("a.service", units, []) == ["a.service", "b.service"]


def test_a_state_is_told_in_few_words() -> None:
    assert state_words(chained("a", ActiveState="activating", SubState="auto-restart", Result="timeout")) == (
        "activating (auto-restart), result 'timeout'"
    )
    assert state_words(chained("a", ActiveState="failed", SubState="failed")) == "failed"
    checked = {"ConditionTimestampMonotonic": "5", "AssertTimestampMonotonic": "5", "SubState": "dead"}
    assert state_words(chained("a", ConditionResult="no", **checked)) == (
        "inactive (dead), skipped by a condition of its unit file"
    )
    assert state_words(chained("a", AssertResult="no", **checked)) == (
        "inactive (dead), refused by an assertion of its unit file"
    )
    assert state_words({"Id": "a", "LoadState": "not-found"}) == "not-found"


@pytest.mark.parametrize(
    "path",
    ["/", "//a//b/", "/.hidden/.x", "/usr/share/oem/cloud-config.yml", "/a b/ä", "/a:b_c.d@e", "/%i/\\x2d", "/-"],
)
def test_a_path_is_escaped_as_systemd_does(path: str) -> None:
    done = subprocess.run(["systemd-escape", "--path", "--", path], capture_output=True, text=True, check=True)
    assert escape_path(path) == done.stdout.rstrip("\n")


def test_what_looks_like_an_escape_and_is_none_stays() -> None:
    assert unescape(r"a\xzz-\x2") == r"a\xzz/\x2"
