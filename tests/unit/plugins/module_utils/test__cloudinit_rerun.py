# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole of `cloudinit_rerun`, from the look to the proof: its scripts on this machine's shell and files, with a
unit that writes what it is told to."""

from __future__ import annotations

import base64
import datetime
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.container_linux.remediation.plugins.module_utils import _cloudinit_rerun
from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.asked import Asked, Doubt
from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.skeleton import parse_skeleton
from ansible_collections.container_linux.remediation.plugins.module_utils._cloudinit_rerun import Task, rerun
from ansible_collections.container_linux.remediation.plugins.module_utils._host import Completed, RemediationError
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data import act
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data import look as user_data_look
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.apply import confirm
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.compare import Comparison
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.left import left_variables
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import (
    PLACES,
    Access,
    Content,
    File,
    Look,
    Source,
    Written,
    place_of,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.state import State
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.units import UnitState
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.written import together
from ansible_collections.container_linux.remediation.tests.unit.plugins.module_utils.user_data_machine import (
    BOOT,
    Applying,
    apply_below,
    in_each_shell,
    locked,
    look_below,
)

PARAMS: dict[str, Any] = {
    "path": None,
    "content": None,
    "allow_scripts": False,
    "allow_lockout": False,
    "restart_changed_units": False,
    "allow_container_restart": False,
    "watch": None,
    "timeout": 20,
}
KEY = base64.b64encode(b"\0\0\0\x07ssh-rsa" + b"k" * 60).decode()

# By what each phase's script alone calls.
PHASES = {
    "look": "look_at_given\n",
    "apply": "\nis_as_seen() {",
    "compare": "\ncompare_all() {",
    "confirm": "\nconfirm() {",
    "restore": "\nrestore() {",
    "watch": "\ninstall_watch() {",
    "why": "section jobs",
    "journal": '"since-$NUMBER"',
}


class Machine(Applying):
    """A host that asks for one file, and whose unit writes that file as its user-data has it."""

    def __init__(self, root: Path, shell: str) -> None:
        super().__init__(root, shell)
        self.lies_at(root / "user-data")
        self.target = root / "written"
        self.unit = place_of(str(self.file)).unit
        self.phases: list[str] = []
        (root / "home/.ssh").mkdir(parents=True)
        (root / "home/.ssh/authorized_keys").write_text(f"ssh-rsa {KEY} me\n")
        self.program("getent", f"echo core:x:500:500:Core:{root}/home:/bin/sh")
        self.program("coreos-cloudinit", "exit 0")
        self.program("busctl", "exit 1")
        if os.getuid():
            self.be_seen_as(0)
        self.ran_last()
        self.restart_does(self.writes())

    def ran_last(self, *, at: float | None = None, pid: int = 0, **properties: str) -> None:
        """Have the unit have run at that time; it was not in this boot without one."""
        started, since_boot = "", 0
        if at is not None:
            started = f"{datetime.datetime.fromtimestamp(at, datetime.UTC):%a %Y-%m-%d %H:%M:%S} UTC"
            since_boot = int((at - time.time() + float(Path("/proc/uptime").read_text().split()[0])) * 1e6)
        told = {"LoadState": "loaded", "ExecMainStartTimestamp": started, "ExecMainPID": str(pid)}
        told |= {"ExecMainStartTimestampMonotonic": str(since_boot), **properties}
        self.shows(**{"Id": self.unit, **told})

    def writes(self, content: str | None = None, mode: str = "644") -> str:
        """What a restart does: the file that the user-data asks for, and the unit that has run just now."""
        take = f"sed -n 's/^ *content: //p' {self.file}" if content is None else f"echo {shlex.quote(content)}"
        return (
            f"{take} | tr -d '\\n' >{self.target}; chmod {mode} {self.target}\n"
            f"now=$(date -u '+%a %Y-%m-%d %H:%M:%S UTC')\n"
            'sed -i "s/^ExecMainPID=.*/ExecMainPID=7/; s/^\\(ExecMainStartTimestamp\\)=.*/\\1=$now/" shown\n'
        )

    def cloud_config(self, content: str, *more: str) -> str:
        lines = ["#cloud-config", "write_files:", f"  - path: {self.target}", f"    content: {content}"]
        # a file of write_files is root's
        lines += [f"    owner: {os.getuid()}:{os.getgid()}"] * bool(os.getuid())
        return "\n".join([*lines, *more, ""])

    def run(self, script: str) -> Completed:
        self.phases.append(next((name for name, mark in PHASES.items() if mark in script), "other"))
        return super().run(script)

    def rerun(self, *, check_mode: bool = False, diff: bool = False, **params: Any) -> dict[str, Any]:
        self.phases = []
        found = rerun({**PARAMS, "path": str(self.file), **params}, self, check_mode=check_mode, diff=diff)
        # fit for a result
        json.dumps(found)
        return found

    def fails(self, **params: Any) -> RemediationError:
        with pytest.raises(RemediationError) as caught:
            self.rerun(**params)
        json.dumps(caught.value.details)
        assert caught.value.message.endswith(".")
        assert "\n" not in caught.value.message
        return caught.value

    def is_untouched(self) -> bool:
        return not self.ran and not self.memory.parent.exists() and not self.target.exists()


@pytest.fixture
def machine(shell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    look_below(monkeypatch, tmp_path)
    apply_below(monkeypatch, tmp_path)
    return Machine(tmp_path, shell)


@in_each_shell
def test_what_has_not_run_is_applied_and_proven(machine: Machine) -> None:
    machine.file.write_text(machine.cloud_config("one"))
    found = machine.rerun()
    assert machine.phases == ["look", "apply", "confirm"]
    assert found["changed"]
    assert found["actions"] == [f"systemctl restart '{machine.unit}'"]
    assert found["warnings"] == []
    source = found["sources"][str(machine.file)]
    assert (source["state"], source["unit"]) == ("unapplied", machine.unit)
    assert [item["state"] for item in found["proof"][str(machine.file)]["items"]] == ["same"]
    assert found["applied"][str(machine.file)]["commands"]
    assert found["left_behind"] == {"changed_units": [], "no_longer_asked_for": []}
    assert machine.target.read_text() == "one"
    # and is not applied again
    again = machine.rerun()
    assert machine.phases == ["look"]
    assert not again["changed"]
    assert again["sources"][str(machine.file)]["state"] == "current"
    assert again["actions"] == []


@in_each_shell
def test_what_is_given_is_placed_applied_and_proven(machine: Machine) -> None:
    machine.file.write_text(machine.cloud_config("one"))
    machine.rerun()
    given = machine.cloud_config("two")
    foretold = machine.rerun(content=given, check_mode=True)
    assert machine.phases == ["look", "compare"]
    assert machine.target.read_text() == "one"
    found = machine.rerun(content=given)
    assert machine.phases == ["look", "apply", "confirm"]
    assert found["actions"] == foretold["actions"]
    assert found["actions"] == [
        f"put the given user-data at {machine.file}",
        f"systemctl restart '{machine.unit}'",
    ]
    assert foretold["changed"]
    assert found["changed"]
    assert machine.file.read_text() == machine.good.read_text() == given
    assert machine.target.read_text() == "two"
    # once more: nothing is left to do
    again = machine.rerun(content=given)
    assert machine.phases == ["look"]
    assert (again["changed"], again["actions"]) == (False, [])


@in_each_shell
def test_what_is_given_where_nothing_is(machine: Machine) -> None:
    found = machine.rerun(content=machine.cloud_config("one"))
    assert found["changed"]
    assert machine.target.read_text() == "one"
    assert found["sources"] == {}


def test_check_mode_and_diff_touch_nothing(machine: Machine) -> None:
    machine.file.write_text(machine.cloud_config("one"))
    found = machine.rerun(check_mode=True, diff=True, content=machine.cloud_config("SECRET"))
    assert machine.phases == ["look", "compare"]
    assert machine.is_untouched()
    assert machine.file.read_text() == machine.cloud_config("one")
    (diff,) = found["diff"]
    assert str(machine.target) in diff["after"]
    assert "SECRET" not in json.dumps(found)


def test_the_content_is_nowhere_in_the_result(machine: Machine) -> None:
    secret = machine.cloud_config("SECRET", "coreos: {etcd2: {discovery: 'https://example.org/SECRET'}}")
    found = machine.rerun(content=secret, diff=True)
    machine.restart_does(machine.writes("other"))
    failed = machine.fails(content=f"{secret}# SECRET\n")
    assert "SECRET" not in json.dumps([found, failed.message, failed.details])


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"timeout": 0}, "The timeout of 0 seconds is out of range. Nothing was changed; give 1 to 86400 seconds."),
        ({"path": ""}, "The path is empty. Nothing was changed; give that of a user-data, or none at all"),
        ({"timeout": 86401}, "out of range"),
        ({"content": "a\nb\0"}, "line 2 has a NUL character. Nothing was changed; look whether"),
        ({"content": "a\udcff"}, "line 1 has a character that is no UTF-8"),
        ({"content": "ü" * 524288}, "has 1048576 bytes, and 1048576 are too many to be applied. Nothing was changed"),
        ({"path": "relative"}, "cannot be a user-data's path"),
    ],
)
def test_what_is_refused_before_the_host_is_asked(machine: Machine, params: dict[str, Any], told: str) -> None:
    assert told in machine.fails(**params).message
    assert machine.phases == []


KEYLESS = "#cloud-config\nusers:\n  - name: core\n    ssh_authorized_keys: []\n"


@in_each_shell
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("#!/bin/sh\ntouch ran\n", "line 1: it is a script, which would run as root without any check"),
        ("hello\n", "line 1: the first line must be '#cloud-config'"),
        ("\ufeff#cloud-config\n", "byte order mark"),
        ("#cloud-config\na: &a [x]\n" + "".join(f"b{n}: [*a, *a, *a]\n" for n in range(8)), "24 aliases"),
        ("", "it is empty"),
        ('{"ignition": {"version": "2.0.0"}}', "config for Ignition"),
    ],
)
@pytest.mark.parametrize("check_mode", [False, True])
def test_what_the_gate_holds_up_is_not_touched(machine: Machine, text: str, told: str, check_mode: bool) -> None:
    failed = machine.fails(content=text, check_mode=check_mode)
    assert told in failed.message
    assert failed.message.startswith("The given user-data")
    assert failed.message.endswith("Nothing was changed.")
    assert failed.details["refused"]
    assert machine.phases == ["look"]
    assert machine.is_untouched()
    assert not machine.file.exists()
    # what lies there is held up as well, under its own name, if it would be run at all
    machine.file.write_text(text)
    if text and not text.startswith("{"):
        failed = machine.fails(check_mode=check_mode)
        assert told in failed.message
        assert failed.message.startswith(f"{machine.file}, line 1: " if "line 1" in told else str(machine.file))
    else:
        found = machine.rerun(check_mode=check_mode)
        assert found["warnings"] == [f"{machine.file} is left alone: {found['sources'][str(machine.file)]['why']}."]
        assert not found["changed"]
    assert machine.is_untouched()


def test_a_script_runs_where_it_is_allowed(machine: Machine) -> None:
    machine.logs("Creating transient systemd unit 'coreos-cloudinit-7.service'")
    found = machine.rerun(content="#!/bin/sh\nexit\n", allow_scripts=True)
    assert found["applied"][str(machine.file)]["scripts"] == ["coreos-cloudinit-7.service"]
    assert found["warnings"] == [
        "The given user-data is a script, which coreos-cloudinit-7.service runs, and nobody has waited for its end: "
        "'systemctl status' of that tells what becomes of it."
    ]
    assert machine.ran == "#!/bin/sh\nexit\n"


VERSION = "[ $1 != --version ] || exit 0\n"


def test_what_the_host_finds_wrong_blocks_and_what_it_warns_of_does_not(machine: Machine) -> None:
    machine.file.write_text(machine.cloud_config("one"))
    machine.program("coreos-cloudinit", f"{VERSION}echo 'line 2: error: x'\nexit 1\n")
    assert re.match(rf"{machine.file}, line \d: .*: x; correct it\. Nothing was changed\.", machine.fails().message)
    assert machine.is_untouched()
    machine.program("coreos-cloudinit", f"{VERSION}echo 'line 2: warning: x'\nexit 1\n")
    found = machine.rerun()
    assert found["changed"]
    assert any("line 2" in warning for warning in found["warnings"])


def test_nothing_is_there(machine: Machine) -> None:
    assert machine.fails().message.startswith(f"There is no user-data at {machine.file}. Give what is to be there with")
    assert machine.is_untouched()


def test_a_folder_is_no_user_data(machine: Machine) -> None:
    machine.file.mkdir()
    for params in ({}, {"content": machine.cloud_config("one")}):
        message = machine.fails(**params).message
        assert f"{machine.file} cannot be applied: it is a directory and no file. Nothing was changed" in message
    assert machine.is_untouched()


def test_a_host_without_the_unit(machine: Machine) -> None:
    machine.ran_last(LoadState="not-found", ActiveState="inactive")
    message = machine.fails(content=machine.cloud_config("one")).message
    assert (
        f"would never be applied: its unit {machine.unit} is not-found. Nothing was changed; give the path" in message
    )
    machine.file.write_text(machine.cloud_config("one"))
    assert "the host has no unit that runs it" in machine.fails().message
    (machine.root / "shown").write_text("")
    assert "systemd told nothing of the units that run user-data" in machine.fails().message
    assert machine.is_untouched()


def test_a_masked_unit_is_a_wish(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.file.write_text(machine.cloud_config("one"))
    machine.ran_last(LoadState="masked", ActiveState="inactive")
    for params in ({}, {"content": machine.cloud_config("two")}):
        message = machine.fails(**params).message
        assert "would never be applied: its unit" in message
        told = f"Nothing was changed; if it is to run again, have it back with \"systemctl unmask '{machine.unit}'\"."
        assert told in message
    # who asks for no file in particular is told
    monkeypatch.setattr(_cloudinit_rerun, "PLACES", [place_of(str(machine.file))])
    found = machine.rerun(path=None)
    assert not found["changed"]
    assert found["warnings"] == [
        f"{machine.file} is left alone: its unit {machine.unit} is masked, so that nothing applies it."
    ]
    assert machine.is_untouched()


def test_a_file_that_cannot_be_read(machine: Machine) -> None:
    machine.file.write_text(machine.cloud_config("one"))
    machine.program("sha256sum", "echo 'I/O error' >&2\nexit 1\n")
    failed = machine.fails()
    assert "could not be read on the host, though it is to be applied" in failed.message
    assert "I/O error" in failed.details["warnings"][0]
    assert machine.is_untouched()


def test_who_comes_second_is_told_and_changes_nothing(machine: Machine) -> None:
    machine.file.write_text(machine.cloud_config("one"))
    with locked(machine):
        failed = machine.fails(content=machine.cloud_config("two"))
    assert failed.message.startswith("Somebody else is applying user-data")
    # nothing was done: nothing is told as done
    assert (failed.details["changed"], failed.details["actions"]) == (False, [])
    assert failed.details["sources"]
    assert machine.file.read_text() == machine.cloud_config("one")


@in_each_shell
@pytest.mark.parametrize("was", ["current", "absent"])
def test_what_failed_is_put_back(machine: Machine, was: str) -> None:
    if was == "current":
        machine.file.write_text(machine.cloud_config("one"))
        machine.rerun()
    machine.restart_does("sed -i s/^Result=.*/Result=exit-code/ shown\nexit 1")
    wrote = [f"Wrote file {path} to filesystem" for path in (machine.target, "/etc/new", "/etc/environment")]
    machine.logs(*wrote, 'Wrote unit "b.service"', "Failed to apply cloud-config: x")
    failed = machine.fails(content=machine.cloud_config("two"))
    assert machine.phases == ["look", "apply", "restore"]
    # what is put back brings its own again
    both = "" if was == "current" else f"{machine.target}, "
    assert failed.message.endswith(f" What it had brought until then stays: {both}/etc/new, b.service.")
    assert "and coreos-cloudinit said 'Failed to apply cloud-config: x'. Correct what it names" in failed.message
    if was == "current":
        assert f"What was at {machine.file} before was put back" in failed.message
        assert machine.file.read_text() == machine.cloud_config("one")
        assert json.loads(machine.memory.read_text())["sha256"]
    else:
        assert f"There was no {machine.file} before, so it was removed again." in failed.message
        assert not machine.file.exists()
        assert not machine.memory.exists()
    # it was run, and that is told
    assert failed.details["changed"]
    assert len(failed.details["actions"]) == 2
    assert failed.details["applied"][str(machine.file)]["errors"]


@pytest.mark.parametrize("was", ["current", "absent"])
def test_what_goes_on_after_the_time_limit_stays(machine: Machine, was: str) -> None:
    """Its effects will be those of the new file, so the old one would be a lie."""
    if was == "current":
        machine.file.write_text(machine.cloud_config("one"))
        machine.rerun()
    machine.restart_does("sleep 9")
    machine.logs('Calling unit command "start" on "b.service"')
    failed = machine.fails(content=machine.cloud_config("two"), timeout=1)
    assert "restore" not in machine.phases
    assert f"The given user-data stays at {machine.file}, for its run is not over." in failed.message
    assert machine.file.read_text() == machine.cloud_config("two")
    before = Path(f"{machine.memory}.before")
    if was == "current":
        assert f"What was there before is kept as {before}." in failed.message
        assert before.read_text() == machine.cloud_config("one")
    else:
        assert not before.exists()


def test_a_watch_can_be_had_away_whatever_it_watches(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.file.write_text("no header\n")
    machine.ran_last(at=1.0)
    monkeypatch.setattr(user_data_look, "watched", lambda *_: True)
    failed = machine.fails(watch=False, check_mode=True)
    assert "#cloud-config" in failed.message
    assert failed.details["actions"][0].startswith("remove container-linux-remediation-user-data@")


def test_a_unit_that_comes_up_at_its_second_try_is_waited_for(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.file.write_text(machine.cloud_config("one"))
    failing = {"SubState": "auto-restart", "Result": "exit-code"}

    def is_up(since: int, *, is_young: bool = False) -> list[UnitState]:
        running = {"SubState": "running", "ActiveEnterTimestampMonotonic": str(since)}
        return [
            UnitState("b.service", running, "enabled"),
            UnitState("b.service", running, "started", is_young=is_young),
        ]

    states = [[UnitState("b.service", failing, "started", as_asked=False)], is_up(1), is_up(1)]
    slept: list[int] = []
    for name in ("comparison", "compare"):
        monkeypatch.setattr(act, name, lambda *_, **__: Comparison(units=states.pop(0)))
    monkeypatch.setattr(act, "time", SimpleNamespace(sleep=slept.append))
    assert machine.rerun()["changed"]
    assert slept == [3, 3]
    # what its process makes of its start shows a moment later
    states += [is_up(1, is_young=True), is_up(1)]
    machine.file.write_text(machine.cloud_config("three"))
    assert machine.rerun()["changed"]
    assert slept == [3, 3, 3]
    # one that ends well, and is started again then, is as its unit file says
    between = UnitState("b.service", {"SubState": "auto-restart", "Result": "success"}, "started")
    states += [is_up(1, is_young=True), [between]]
    machine.file.write_text(machine.cloud_config("four"))
    assert machine.rerun()["changed"]
    assert slept == [3, 3, 3, 3]
    # one that does not is told, in the end
    for told in (
        [[UnitState("b.service", failing, "started", as_asked=False, why="it failed")]] * 6,
        [is_up(since, is_young=True) for since in range(6)],
        # between two looks there may be more than one start, and its last one a while ago
        [is_up(1, is_young=True), *(is_up(since) for since in range(2, 7))],
    ):
        slept.clear()
        states += told
        machine.file.write_text(machine.cloud_config("two"))
        why = told[-1][-1].why or "it ends, and systemd starts it again and again"
        assert f"b.service should be started and is not ({why})." in machine.fails().message
        assert len(slept) == 5
        assert not states
        machine.memory.unlink()


@in_each_shell
def test_what_nobody_could_look_at_is_not_proven(machine: Machine) -> None:
    machine.file.write_text(machine.cloud_config("one"))
    machine.restart_does(machine.writes("other", mode="600"))
    real = shutil.which("mktemp")
    machine.program("mktemp", f'[ "$1" != -d ] || {{ echo "no room" >&2; exit 1; }}\nexec {real} "$@"')
    for changed, phases in ((True, ["look", "apply"]), (False, ["look", "compare"])):
        found = machine.rerun()
        assert machine.phases == phases
        assert found["changed"] == changed
        (warning,) = found["warnings"]
        assert re.match(
            rf"{machine.file} is applied, but whether all is there that it asks for is not known: mktemp .*'no room'; "
            r".* Cure that, then run again\.",
            warning,
        )
        assert not machine.good.exists()
    assert machine.rerun(check_mode=True)["warnings"] == [warning]
    (machine.root / "bin/mktemp").unlink()
    # it is not there
    failed = machine.fails()
    assert f"file {machine.target} differs" in failed.message
    assert failed.details["sources"][str(machine.file)]["state"] == "unproven"


def test_what_another_user_data_asks_for_is_not_left_behind() -> None:
    ours = Source(VAGRANT, file=FILE, content=Content(1, ""))
    text = "coreos:\n  units:\n    - name: app.service\n      content: |\n        [Service]\n"
    other = Source(INSTALL, file=FILE, content=Content(1, "", skeleton=parse_skeleton(text)))
    look = Look({}, "", BOOT, [], Access(), [ours, other])
    task = Task(ours, State("stale", ""), Content(1, ""))
    (asked,) = act._others(task, look)
    assert asked.units == ["app.service"]
    before = Written(units=["app.service", "gone.service"])
    now = together([Written(), asked])
    assert left_variables(task.asked, before, now)["LEFT_UNITS"] == "gone.service"
    # what is not understood throughout may ask for anything
    assert left_variables(Asked(unclear=[Doubt("", "x")]), before, now)["LEFT_UNITS"] == ""


def test_what_cannot_be_told_now_is_told_when_it_can(machine: Machine) -> None:
    machine.file.write_text(machine.cloud_config("one"))
    machine.rerun()
    machine.file.write_text("#cloud-config\ncoreos: {units: []}\n")
    found = machine.rerun()
    assert found["left_behind"]["no_longer_asked_for"] == []
    assert found["warnings"][-1] == (
        f"Whether {machine.file} still asks for {machine.target}, which the one before it brought, cannot be told: "
        f"coreos (line 2) is no mapping that can be read. Remove yourself what is not to stay."
    )
    machine.file.write_text("#cloud-config\ncoreos:\n  units: []\n")
    found = machine.rerun()
    assert found["warnings"] == []
    assert [item["path"] for item in found["left_behind"]["no_longer_asked_for"]] == [str(machine.target)]


def test_a_unit_that_did_not_start_is_explained(machine: Machine) -> None:
    machine.file.write_text(machine.cloud_config("one"))
    machine.logs('Result of "start" on "b.service": dependency')
    failed = machine.fails()
    assert machine.phases[:3] == ["look", "apply", "why"]
    assert "restore" not in machine.phases
    assert "not all that it calls systemd for went well: 'start b.service' with 'dependency'" in failed.message
    assert not machine.memory.exists()
    # nothing was given: what is there stays
    assert machine.file.read_text() == machine.cloud_config("one")


@pytest.mark.parametrize("what", ["run", "proof"])
def test_what_was_proven_last_is_named_where_nothing_is_put_back(machine: Machine, what: str) -> None:
    machine.file.write_text(machine.cloud_config("one"))
    machine.restart_does(machine.writes("other"))
    assert "is kept as" not in machine.fails().message
    assert not machine.good.exists()
    machine.restart_does(machine.writes())
    machine.rerun()
    machine.file.write_text(machine.cloud_config("two"))
    machine.restart_does(
        "sed -i s/^Result=.*/Result=exit-code/ shown\nexit 1" if what == "run" else machine.writes("other")
    )
    for _attempt in range(2):
        assert f"The last one that was proven is kept as {machine.good}." in machine.fails().message
        assert machine.good.read_text() == machine.cloud_config("one")
    if what == "proof":
        # it has nothing to go back to but itself
        machine.file.write_text(machine.cloud_config("one"))
        assert "is kept as" not in machine.fails().message


@in_each_shell
def test_a_file_that_is_not_as_asked_is_found_out(machine: Machine) -> None:
    machine.restart_does(machine.writes("other", mode="600"))
    failed = machine.fails(content=machine.cloud_config("one"))
    assert machine.phases == ["look", "apply", "restore"]
    assert f"file {machine.target} differs (content, mode (0600 instead of 0644))" in failed.message
    assert "Find out what changed it since" in failed.message
    assert not machine.file.exists()
    assert failed.details["proof"]


@in_each_shell
def test_what_was_not_proven_is_applied_again(machine: Machine) -> None:
    """Its run went well, and the file has not changed since: by these it would be in force."""
    machine.file.write_text(machine.cloud_config("one"))
    machine.restart_does(machine.writes("other"))
    machine.fails()
    assert machine.phases == ["look", "apply"]
    machine.fails()
    assert machine.phases == ["look", "compare", "apply"]
    machine.restart_does(machine.writes())
    found = machine.rerun()
    assert found["changed"]
    assert found["sources"][str(machine.file)]["state"] == "unproven"
    assert machine.target.read_text() == "one"
    assert not machine.rerun()["changed"]


@in_each_shell
def test_what_nobody_has_proven_is_proven_before_it_is_applied_again(machine: Machine) -> None:
    """As where the controller was cut off between both."""
    machine.file.write_text(machine.cloud_config("one"))
    machine.rerun()
    known = machine.memory.read_text()
    machine.memory.write_text(known.rstrip("\n")[:-1] + ', "proven": false}\n')
    machine.good.unlink()
    for check_mode, state in ((True, "unproven"), (False, "unproven"), (False, "current")):
        found = machine.rerun(check_mode=check_mode)
        assert found["sources"][str(machine.file)]["state"] == state
        assert (found["changed"], found["actions"], found["warnings"]) == (False, [], [])
    assert machine.memory.read_text() == known
    assert machine.good.read_text() == machine.file.read_text()


def test_what_cannot_be_remembered_is_applied_all_the_same(machine: Machine) -> None:
    machine.file.write_text(machine.cloud_config("one"))
    machine.memory.parent.write_text("in the way")
    found = machine.rerun()
    assert found["changed"]
    (warning,) = found["warnings"]
    assert re.match(rf"{machine.file} is applied, but that could not be remembered: .*File exists", warning)


@pytest.mark.parametrize("given", [True, False])
def test_what_somebody_else_has_replaced_since_is_no_success(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, given: bool
) -> None:
    mine, theirs = machine.cloud_config("one"), machine.cloud_config("two")
    if not given:
        machine.file.write_text(mine)

    def second(*args: Any, **options: Any) -> str:
        machine.apply(theirs)
        return confirm(*args, **options)

    monkeypatch.setattr(act, "confirm", second)
    failed = machine.fails(content=mine if given else None)
    assert failed.message.startswith(f"{machine.file} was applied, and somebody else has put another user-data there ")
    assert failed.details["changed"] and failed.details["warnings"] == []
    # it is theirs now, and stays so
    assert (machine.file.read_text(), machine.target.read_text()) == (theirs, "two")
    assert "restore" not in machine.phases


def test_a_run_that_logged_nothing_is_told_of(machine: Machine) -> None:
    machine.file.write_text(machine.cloud_config("one"))
    machine.program("journalctl", "exit 0\n")
    (warning,) = machine.rerun()["warnings"]
    assert warning.startswith("The journal has nothing of what ")


def test_a_run_that_goes_on_is_waited_for(machine: Machine) -> None:
    machine.file.write_text(machine.cloud_config("one"))
    time.sleep(1.1)
    machine.ran_last(at=time.time(), ActiveState="activating")
    machine.program("journalctl", "exit 0\n")
    (machine.root / "going-on").write_text("STATE=activating; echo STATE=active >going-on")
    machine.target.write_text("one")
    found = machine.rerun()
    # Ansible has changed nothing
    assert found["actions"] == []
    assert found["sources"][str(machine.file)]["state"] == "applying"
    assert machine.phases == ["look", "apply", "confirm"]
    assert not machine.ran


@in_each_shell
def test_of_a_run_without_a_trace_nobody_knows_how_it_ended(machine: Machine) -> None:
    machine.file.write_text(machine.cloud_config("one"))
    # not the process of which the log is, whose time is long ago
    machine.ran_last(at=time.time() + 100, pid=8)
    machine.logs("Set hostname to a")
    path = str(machine.file)
    assert machine.rerun()["sources"][path]["why"].endswith(" UTC, before it")
    machine.program("journalctl", "exit 0\n")
    for check_mode in (True, False):
        found = machine.rerun(check_mode=check_mode)
        assert machine.phases == ["look"]
        assert (found["changed"], found["warnings"]) == (False, [])
        assert found["sources"][path]["state"] == "current"
        assert found["sources"][path]["why"].endswith(
            ", before it; the journal has nothing of that run any more, so how its calls of systemd ended is not known"
        )
    machine.logs("Calling unit command 'start a.service'")
    assert "; the journal has only a part of that run any more, so" in machine.rerun()["sources"][path]["why"]
    assert not machine.ran


def test_what_is_remembered_to_be_proven_needs_no_journal(machine: Machine) -> None:
    machine.file.write_text(machine.cloud_config("one"))
    assert machine.rerun()["changed"]
    machine.program("journalctl", "exit 0\n")
    found = machine.rerun()
    assert not found["changed"]
    assert found["sources"][str(machine.file)]["why"].endswith(", which is the file that is there")


def test_a_file_that_only_memory_tells_to_be_stale_is_looked_into(machine: Machine) -> None:
    """By the clock it is settled, so the first look asked for no more than a digest."""
    machine.file.write_text(machine.cloud_config("one"))
    machine.rerun()
    machine.file.write_text(machine.cloud_config("two"))
    os.utime(machine.file)
    # the run began after the file had changed, by a clock that was set since; what we remember is newer
    machine.ran_last(at=time.time() + 100)
    known = json.loads(machine.memory.read_text())
    text = json.dumps({**known, "applied": 0}).replace('"applied": 0', f'"applied": {time.time() + 200:.9f}')
    machine.memory.write_text(text)
    machine.program("journalctl", "echo 'Set hostname to a'\n")
    found = machine.rerun()
    assert machine.phases == ["look", "look", "apply", "confirm"]
    assert found["changed"]
    assert machine.target.read_text() == "two"


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_watch_that_cannot_be_is_refused(machine: Machine, check_mode: bool, tmp_path: Path) -> None:
    path = tmp_path / "per%cent"
    path.write_text(machine.cloud_config("one"))
    machine.ran_last(Id=place_of(str(path)).unit)
    failed = machine.fails(path=str(path), watch=True, check_mode=check_mode)
    assert f"{path} cannot be watched: " in failed.message
    assert machine.phases == ["look", *["compare"] * check_mode]
    assert machine.is_untouched()


def test_a_watch_is_foretold(machine: Machine) -> None:
    machine.file.write_text(machine.cloud_config("one"))
    machine.rerun()
    found = machine.rerun(watch=True, check_mode=True)
    assert machine.phases == ["look"]
    assert found["changed"]
    (action,) = found["actions"]
    assert action.startswith("install container-linux-remediation-user-data@")
    # there is none to be removed
    found = machine.rerun(watch=False)
    assert machine.phases == ["look"]
    assert (found["changed"], found["actions"]) == (False, [])


# Which of all user-data is meant where only one can be.
FILE = File("regular file", 1, "644", 0, 1, 1.0)
VAGRANT, FLATCAR_VAGRANT, INSTALL, FLATCAR_INSTALL = PLACES[:4]


def seen(
    *there: str, family: str = "coreos", awaited: str = "", error: str = "", watched: str = "", idle: str = ""
) -> Look:
    sources = [
        Source(
            place,
            file=FILE if place.path in there else None,
            error=error if place.path == error else "",
            watches=[{"Id": "a.path"}] if place.path == awaited else [],
            watched=False if place.path == watched else None,
            runs_at_boot=place.path != idle,
        )
        for place in PLACES
    ]
    return Look({"ID": family}, "", "", [], Access(), sources)


@pytest.mark.parametrize(
    ("look", "path"),
    [
        (seen(), INSTALL.path),
        (seen(family="flatcar"), FLATCAR_INSTALL.path),
        (seen(family=""), INSTALL.path),
        (seen(VAGRANT.path), VAGRANT.path),
        (seen(INSTALL.path), INSTALL.path),
        # a Vagrant box waits for its file, and the OEM's is never the one that is meant
        (seen(awaited=VAGRANT.path), VAGRANT.path),
        (seen(awaited=FLATCAR_VAGRANT.path, family="flatcar"), FLATCAR_VAGRANT.path),
        # even where its path unit is stopped, and so forgotten
        (seen(watched=VAGRANT.path), VAGRANT.path),
        (seen(PLACES[-1].path, PLACES[4].path), INSTALL.path),
        (seen(INSTALL.path, awaited=VAGRANT.path), INSTALL.path),
        # nor is one that nothing on the host runs
        (seen(INSTALL.path, FLATCAR_INSTALL.path, idle=INSTALL.path), FLATCAR_INSTALL.path),
        (seen(INSTALL.path, idle=INSTALL.path, family="flatcar"), FLATCAR_INSTALL.path),
        (seen(INSTALL.path, idle=INSTALL.path, awaited=VAGRANT.path), VAGRANT.path),
        (seen(INSTALL.path, idle=INSTALL.path), INSTALL.path),
    ],
)
def test_which_user_data_is_meant(look: Look, path: str) -> None:
    assert _cloudinit_rerun._target(look, explicit=False).place.path == path


def test_what_is_watched_no_more_is_all_that_is_watched() -> None:
    look = seen(VAGRANT.path, INSTALL.path, watched=INSTALL.path)
    assert [source.place for source in _cloudinit_rerun._watches(look, {"path": None, "watch": False})] == [INSTALL]
    assert _cloudinit_rerun._watches(look, {"path": None, "watch": None}) == []


def test_what_is_watched_elsewhere_is_watched_no_more_unless_one_is_named() -> None:
    elsewhere = place_of("/opt/user-data")
    look = replace(seen(VAGRANT.path, watched=INSTALL.path), watches=[INSTALL, elsewhere])
    for path, places in ((None, [INSTALL, elsewhere]), (INSTALL.path, [INSTALL])):
        found = _cloudinit_rerun._watches(look, {"path": path, "watch": False})
        assert [(source.place, source.watched is None) for source in found] == [(place, False) for place in places]


def test_which_of_two_is_meant_cannot_be_told() -> None:
    with pytest.raises(RemediationError) as caught:
        _cloudinit_rerun._target(seen(VAGRANT.path, INSTALL.path), explicit=False)
    assert caught.value.message == (
        f"There is user-data at {VAGRANT.path} and {INSTALL.path}, and which of them is meant cannot be told. Nothing "
        f"was changed; give its 'path'."
    )
    one = Look({}, "", "", [], Access(), [Source(place_of("/x"))])
    assert _cloudinit_rerun._target(one, explicit=True).place.path == "/x"


@pytest.mark.parametrize(
    ("given", "name", "waits"), [(None, "applying", True), ("x", "applying", False), (None, "stale", False)]
)
def test_only_a_run_of_this_very_file_is_waited_for(given: str | None, name: str, waits: bool) -> None:
    task = Task(Source(VAGRANT, file=FILE), State(name, ""), Content(1, ""), given)
    assert task.waits == waits
    assert bool(task.actions()) != waits
    assert replace(task, given="x").actions()[0] == f"put the given user-data at {VAGRANT.path}"


def tasks_of(look: Look, **params: Any) -> list[Task]:
    params = {**PARAMS, **params}
    return _cloudinit_rerun._tasks(look, _cloudinit_rerun._states(look, params), params)


def test_all_that_is_stale_is_applied_the_oem_s_first() -> None:
    """As at boot: what the user asks for overrides what the OEM does."""
    unit = {"LoadState": "loaded", "ActiveState": "active", "Result": "success"}
    stale = [
        Source(place, file=FILE, unit=unit, content=Content(1, f"{number}" * 64, form="cloud-config"))
        for number, place in enumerate(PLACES)
        if place.path in (VAGRANT.path, PLACES[-1].path)
    ]
    current = Source(INSTALL, file=FILE, unit=unit, content=Content(1, "9" * 64), started=(2.0, 0.0))
    look = Look({}, "", BOOT, [], Access(), [stale[0], current, stale[1]])
    tasks = tasks_of(look)
    # what is in force comes after it, too, or would be no more
    assert [task.path for task in tasks] == [PLACES[-1].path, VAGRANT.path, INSTALL.path]
    assert tasks[-1].actions()
    # of users' data each is by itself
    (alone,) = tasks_of(replace(look, sources=[stale[0], current]))
    assert alone.path == VAGRANT.path
    # one that is on its way holds up all
    arriving = replace(look, sources=[stale[0], replace(current, moving=True)])
    with pytest.raises(RemediationError, match=r"is not whole yet: .*Nothing was changed; run again when"):
        tasks_of(arriving)


LOADED = {"LoadState": "loaded", "ActiveState": "inactive"}
IDLE = Source(INSTALL, file=FILE, unit=LOADED, content=Content(1, "9" * 64, form="cloud-config"), runs_at_boot=False)


def test_what_nothing_on_the_host_runs_is_left_alone() -> None:
    live = replace(IDLE, place=FLATCAR_INSTALL, runs_at_boot=True)
    look = Look({"ID": "flatcar"}, "", BOOT, [], Access(), [IDLE, live])
    assert [task.path for task in tasks_of(look)] == [FLATCAR_INSTALL.path]
    states = _cloudinit_rerun._states(look, PARAMS)
    (warning,) = _cloudinit_rerun._inert(states, [])
    assert warning == (
        f"{INSTALL.path} is left alone: nothing on this host runs it: its unit {INSTALL.unit} has not run in this "
        f"boot, and neither a path unit nor a target starts it; remove it, or name it with 'path' (in the role "
        f"'user_data_path') to have it applied."
    )
    # nor does what it asks for matter to the others
    assert states[INSTALL.path].name == "not_applicable"


@pytest.mark.parametrize(
    ("look", "params", "told"),
    [
        (seen(), {}, "No user-data was found where the operating system looks for it; "),
        (seen(PLACES[-1].path), {}, "No user-data but the OEM's was found where the operating system looks for it; "),
        (seen(PLACES[-1].path, PLACES[4].path), {}, ""),
        (seen(error=INSTALL.path), {}, ""),
        # one that nothing runs has a sentence of its own
        (seen(INSTALL.path, idle=INSTALL.path), {}, ""),
        (seen(PLACES[-1].path), {"path": PLACES[-1].path}, ""),
        (seen(), {"content": ""}, ""),
        (seen(), {"watch": False}, ""),
    ],
)
def test_where_no_user_has_brought_any_that_is_said(look: Look, params: dict[str, Any], told: str) -> None:
    warnings = _cloudinit_rerun._missed(look, {**PARAMS, **params})
    assert len(warnings) == bool(told)
    assert all(warning.startswith(told) for warning in warnings)


@pytest.mark.parametrize("asked", [{"path": INSTALL.path}, {"content": "x"}, {"watch": True}])
def test_what_nothing_on_the_host_runs_is_applied_to_who_asks_for_it(asked: dict[str, Any]) -> None:
    given = Content(1, "9" * 64) if "content" in asked else None
    look = Look({"ID": "coreos"}, "", BOOT, [], Access(), [IDLE], given)
    (task,) = tasks_of(look, **asked)
    assert (task.path, task.state.name) == (INSTALL.path, "unapplied")


def test_a_host_in_force_costs_no_import_of_what_acts() -> None:
    """Ansible compiles what a task imports, each time: all would be a tenth of a play whose user-data is in force."""
    code = f"import sys, {_cloudinit_rerun.__name__}; print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    loaded = {name.partition(".module_utils.")[2] for name in done.stdout.split()}
    assert "_user_data.look" in loaded
    acting = re.compile(
        r"_cloud_config\.(asked|keys|lint|sections)|_user_data\.(act|apply|compare|diff|failure|gate|left|lockout|restart)"
    )
    assert not sorted(filter(acting.match, loaded))


def test_the_parameters_are_those_of_the_module() -> None:
    assert set(_cloudinit_rerun.SPEC["argument_spec"]) == set(PARAMS)
    assert _cloudinit_rerun.SPEC["argument_spec"]["content"]["no_log"]
