# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fixtures are what test machines (systemd 247) answered, round trip by round trip; of the loaded units in the
section `chain` only the ones that matter were kept."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.container_linux.remediation.plugins.module_utils._host import (
    Completed,
    RemediationError,
    Section,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.manager import Plan, Unit
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import Job
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd_unit import (
    _as_wanted,
    decide,
    ensure,
)
from ansible_collections.container_linux.remediation.plugins.modules import systemd_unit
from ansible_collections.container_linux.remediation.tests.unit.plugins.documented import mismatches

FIXTURES = Path(__file__).with_name("fixtures") / "systemd_unit"


class Replay:
    """A host that answers as a real one did, and keeps the scripts that it was sent."""

    def __init__(self, name: str) -> None:
        self.trips = json.loads((FIXTURES / f"{name}.json").read_text())
        self.scripts: list[str] = []

    def run(self, script: str) -> Completed:
        self.scripts.append(script)
        sections = {**self.trips[len(self.scripts) - 1], "whole": {"rc": 0, "out": "", "err": ""}}
        found = re.search(r"^FENCE=(\S+)$", script, re.MULTILINE)
        assert found
        fence = found[1]
        out, err = (
            "".join(
                f"\n{fence} begin {name}\n{s[stream]}\n{fence} end {name} {s['rc']}\n" for name, s in sections.items()
            )
            for stream in ("out", "err")
        )
        return Completed(0, out, err)

    @property
    def variables(self) -> dict[str, str]:
        """The variables of the last script, as the shell reads them; only unit names and numbers, so no quotes."""
        return {m[1]: m[2].strip("'") for m in re.finditer(r"^([A-Z]+)=(.*)$", self.scripts[-1], re.MULTILINE)}


class Unreachable:
    def run(self, script: str) -> Completed:
        raise AssertionError("the host was asked")


def options(**given: Any) -> dict[str, Any]:
    return {"state": None, "enabled": None, "masked": None, "daemon_reload": False, "timeout": 120, **given}


def unit(name: str = "a.service", *, file_state: str = "disabled", job: Job | None = None, **properties: str) -> Unit:
    shown = {"Id": name, "LoadState": "loaded", "ActiveState": "inactive", **properties}
    return Unit(properties=shown, file_state=file_state, job=job, on_disk=[])


def message(host: Replay, **given: Any) -> str:
    with pytest.raises(RemediationError) as failed:
        ensure(options(**given), host, check_mode=False)
    return failed.value.message


@pytest.mark.parametrize("check_mode", [False, True])
def test_what_is_returned_is_what_is_documented(check_mode: bool) -> None:
    wanted = options(name=["lab-ok"], state="started", enabled=True)
    result = ensure(wanted, Replay("start-enable"), check_mode=check_mode)
    assert mismatches(systemd_unit.RETURN, result) == []
    with pytest.raises(RemediationError) as failed:
        ensure(options(name=["lab-behind"], state="started"), Replay("dependency"), check_mode=False)
    assert mismatches(systemd_unit.RETURN, failed.value.details) == []


def test_units_that_are_what_is_wanted_cost_one_round_trip() -> None:
    host = Replay("started")
    result = ensure(options(name=["docker", "flanneld.service"], state="started"), host, check_mode=False)
    assert len(host.scripts) == 1
    assert not result["changed"] and result["actions"] == [] and result["warnings"] == []
    assert result["units"]["docker.service"]["drop_ins"] == ["/etc/systemd/system/docker.service.d/40-flannel.conf"]
    assert result["diff"]["before"] == result["diff"]["after"]


def test_a_change_is_made_and_proved_in_a_second_round_trip() -> None:
    host = Replay("start-enable")
    result = ensure(options(name=["lab-ok"], state="started", enabled=True), host, check_mode=False)
    assert len(host.scripts) == 2
    assert {name: host.variables[name] for name in ("ENABLE", "DISABLE", "MASK", "VERB", "TARGETS")} == {
        "ENABLE": "lab-ok.service",
        "DISABLE": "",
        "MASK": "",
        "VERB": "start",
        "TARGETS": "lab-ok.service",
    }
    assert result["diff"] == {
        "before": {"lab-ok.service": {"active": "inactive", "job": None, "enabled": False}},
        "after": {"lab-ok.service": {"active": "active", "job": None, "enabled": True}},
    }


def test_check_mode_foretells_what_then_happens() -> None:
    host = Replay("start-enable")
    given = options(name=["lab-ok"], state="started", enabled=True)
    foretold = ensure(given, host, check_mode=True)
    assert len(host.scripts) == 1
    done = ensure(given, Replay("start-enable"), check_mode=False)
    assert {key: foretold[key] for key in ("changed", "actions", "diff")} == {
        key: done[key] for key in ("changed", "actions", "diff")
    }


def test_two_names_of_one_unit_are_one_unit() -> None:
    result = ensure(options(name=["lab-alias", "lab-ok"], state="restarted"), Replay("two-names"), check_mode=True)
    assert result["actions"] == ["restart lab-ok.service"]
    assert result["aliases"] == {"lab-alias.service": "lab-ok.service"}


def test_a_unit_that_does_not_exist_is_refused_before_anything_is_touched() -> None:
    host = Replay("not-found")
    assert "lab-none.service does not exist" in message(host, name=["lab-ok", "lab-none"], state="stopped")
    assert len(host.scripts) == 1


def test_a_unit_that_cannot_be_enabled_is_refused() -> None:
    assert "no [Install] section" in message(Replay("static"), name=["lab-static"], enabled=True)


def test_a_masked_unit_is_not_started() -> None:
    assert "add 'masked: false'" in message(Replay("masked"), name=["lab-slow"], state="started")


def test_masking_is_proved() -> None:
    result = ensure(options(name=["lab-slow"], masked=True), Replay("mask"), check_mode=False)
    assert result["changed"] and result["units"]["lab-slow.service"]["load_state"] == "masked"


def test_a_failed_start_is_told_with_its_result_and_journal() -> None:
    with pytest.raises(RemediationError) as failed:
        ensure(options(name=["lab-fails", "lab-once"], state="started"), Replay("failed"), check_mode=False)
    assert failed.value.message.startswith(
        "lab-fails.service did not start: its job ended with result 'failed', and it is failed, result 'exit-code'."
    )
    assert failed.value.details["failures"] == [{"unit": "lab-fails.service", "job_result": "failed", "waits_for": []}]
    assert any("out of luck" in line for line in failed.value.details["journal"]["lab-fails.service"])


def test_the_unit_that_holds_it_up_is_blamed() -> None:
    host = Replay("dependency")
    assert message(host, name=["lab-behind"], state="started") == (
        "lab-behind.service did not start: its job ended with result 'dependency', because of lab-fails.service, "
        "which is failed, result 'exit-code', through lab-between.service. Cure lab-fails.service first (its last "
        "lines are in 'journal'), then run again."
    )
    assert host.variables["UNITS"] == "lab-behind.service lab-fails.service"


def test_docker_waits_for_flanneld() -> None:
    text = message(Replay("docker-waits"), name=["docker"], state="started", timeout=1)
    assert re.fullmatch(
        r"docker.service did not start within 1 s: its start job \d+ still waits behind flanneld.service, which is "
        r"activating \(.*, and goes on without Ansible\. Cure flanneld.service \(its last lines are in 'journal'\), "
        r"or end the waiting with 'systemctl cancel \d+'\.",
        text,
    )
    text = message(Replay("docker-dependency"), name=["docker"], state="started")
    assert "its job ended with result 'dependency', because of flanneld.service, which is activating" in text


def test_a_job_that_outlasts_the_time_limit_goes_on() -> None:
    text = message(Replay("time-limit"), name=["lab-slow"], state="started", timeout=1)
    assert "did not start within 1 s: it is activating (start), and its start job" in text
    assert "is still running and goes on without Ansible" in text


def test_a_unit_whose_condition_is_not_met_has_not_started() -> None:
    text = message(Replay("no-condition"), name=["lab-skipped"], state="started")
    assert "its job ended well, yet it is inactive (dead)" in text


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": ["a b"], "state": "started"}, "is not the name of a unit"),
        ({"name": ["a"]}, "Give at least one of"),
        ({"name": [], "state": "started"}, "'name' is empty"),
        ({"name": ["a"], "masked": True, "enabled": True}, "can be neither started nor enabled"),
        ({"name": ["a"], "state": "started", "timeout": -1}, "-1 seconds is out of range"),
    ],
)
def test_bad_options_are_refused_before_the_host_is_asked(given: dict[str, Any], words: str) -> None:
    with pytest.raises(RemediationError, match=words):
        ensure(options(**given), Unreachable(), check_mode=False)


def test_a_host_without_systemd_is_told_so() -> None:
    host = Replay("started")
    host.trips[0]["show"] = {"rc": 1, "out": "", "err": "System has not been booted with systemd as init system\n"}
    assert "System has not been booted" in message(host, name=["docker", "flanneld"], state="started")


def test_what_the_host_calls_a_unit_is_not_trusted() -> None:
    host = Replay("static")
    shown = host.trips[0]["show"]
    shown["out"] = shown["out"].replace("Id=lab-static.service", "Id=--root=/evil.service")
    assert "did not describe lab-static.service" in message(host, name=["lab-static"], state="stopped")


@pytest.mark.parametrize(
    ("given", "found", "actions"),
    [
        ({"state": "started"}, unit(ActiveState="active"), []),
        ({"state": "started"}, unit(ActiveState="reloading"), []),
        ({"state": "started"}, unit(ActiveState="failed"), ["start a.service"]),
        ({"state": "started"}, unit(ActiveState="activating"), ["start a.service"]),
        ({"state": "started"}, unit(ActiveState="deactivating"), ["start a.service"]),
        (
            {"state": "started"},
            unit(ActiveState="active", job=Job(1, "a.service", "stop", "waiting")),
            ["start a.service"],
        ),
        ({"state": "stopped"}, unit(ActiveState="failed"), []),
        ({"state": "stopped"}, unit(job=Job(1, "a.service", "start", "waiting")), ["stop a.service"]),
        ({"state": "stopped"}, unit(ActiveState="activating"), ["stop a.service"]),
        ({"state": "restarted"}, unit(), ["restart a.service"]),
        ({"enabled": True}, unit(file_state="enabled"), []),
        ({"enabled": True}, unit(file_state="enabled-runtime"), ["enable a.service"]),
        ({"enabled": True}, unit(file_state="linked"), ["enable a.service"]),
        ({"enabled": False}, unit(file_state="linked"), []),
        ({"enabled": False}, unit(file_state="static"), []),
        ({"enabled": False}, unit(file_state="enabled-runtime"), ["disable a.service"]),
        ({"masked": True}, unit(file_state="masked", LoadState="masked"), []),
        ({"masked": True}, unit(file_state="masked-runtime", LoadState="masked"), ["mask a.service"]),
        ({"masked": False}, unit(), []),
        (
            {"masked": False, "enabled": True, "state": "started"},
            unit(file_state="masked", LoadState="masked"),
            ["unmask a.service", "enable a.service", "start a.service"],
        ),
        (
            {"enabled": False, "masked": True, "state": "stopped"},
            unit(file_state="enabled", ActiveState="active"),
            ["disable a.service", "mask a.service", "stop a.service"],
        ),
        ({"daemon_reload": True}, unit(NeedDaemonReload="no"), []),
        ({"daemon_reload": True}, unit(NeedDaemonReload="yes"), ["daemon-reload"]),
        ({"state": "stopped"}, unit(NeedDaemonReload="yes"), []),
    ],
)
def test_only_what_is_needed_is_done_in_a_safe_order(given: dict[str, Any], found: Unit, actions: list[str]) -> None:
    plan = decide(options(**given), [found])
    assert plan.actions() == actions
    assert bool(plan) == bool(actions)


@pytest.mark.parametrize(
    ("fragment", "drop_ins", "on_disk", "stale"),
    [
        ("/usr/lib/systemd/system/a.service", "", [], False),
        ("/usr/lib/systemd/system/a.service", "", ["/etc/systemd/system/a.service.d/10.conf"], True),
        ("/usr/lib/systemd/system/a.service", "", ["/etc/systemd/system/a.service"], True),
        ("/etc/systemd/system/a.service", "", ["/etc/systemd/system/a.service"], False),
        # of two drop-ins of one name, systemd reads the one in /etc
        (
            "/usr/lib/systemd/system/a.service",
            "/etc/systemd/system/a.service.d/10.conf",
            ["/etc/systemd/system/a.service.d/10.conf", "/usr/lib/systemd/system/a.service.d/10.conf"],
            False,
        ),
        # one directory, reached by two paths
        ("/lib/systemd/system/a.service", "", ["/usr/lib/systemd/system/a.service"], False),
    ],
)
def test_a_changed_file_is_noticed_though_systemd_does_not(
    fragment: str, drop_ins: str, on_disk: list[str], stale: bool
) -> None:
    shown = {"Id": "a.service", "LoadState": "loaded", "FragmentPath": fragment, "DropInPaths": drop_ins}
    assert Unit(shown, "disabled", None, on_disk).stale == stale


@pytest.mark.parametrize(
    ("verb", "found", "rc", "said", "well"),
    [
        ("start", unit(ActiveState="active"), 1, "Job for a.service failed.", True),
        ("restart", unit(ActiveState="active"), 0, "", True),
        ("restart", unit(ActiveState="active"), 1, "Failed to restart a.service: Access denied", False),
        ("restart", unit(ActiveState="active"), 1, "Failed to restart b.service: Access denied", True),
        ("restart", unit(ActiveState="active"), 1, "Failed to connect to bus", False),
        ("restart", unit(ActiveState="active", job=Job(1, "a.service", "restart", "waiting")), 124, "", False),
        ("start", unit(Type="oneshot", RemainAfterExit="no", Result="success"), 0, "", True),
        ("start", unit(Type="oneshot", RemainAfterExit="no", Result="exit-code"), 0, "", False),
        ("start", unit(Type="oneshot", RemainAfterExit="yes"), 0, "", False),
        ("stop", unit(ActiveState="active"), 0, "", False),
        ("stop", unit(ActiveState="failed"), 0, "", True),
    ],
)
def test_success_is_what_the_unit_shows_and_not_only_an_exit_status(
    verb: str, found: Unit, rc: int, said: str, well: bool
) -> None:
    assert _as_wanted(found, verb, Section(rc, "", said)) == well


def test_an_empty_plan_is_false() -> None:
    assert not Plan(reload=False, unmask=[], enable=[], disable=[], mask=[], verb="start", targets=[], starting=[])
