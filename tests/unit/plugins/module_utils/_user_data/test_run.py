# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the last run of its unit settled a user-data, and when that began, as the look tells it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.log import Command
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import Access
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.state import judge
from ansible_collections.container_linux.remediation.tests.unit.plugins.module_utils.user_data_machine import (
    BOOT,
    CLOUD_CONFIG,
    DIGEST,
    SETTLED,
    LookedAt,
    in_each_shell,
    without_room,
)


def is_settled(machine: LookedAt, **options: Any) -> bool:
    """Whether the host was asked for no more than a digest, which it told."""
    (machine.root / "asked").unlink(missing_ok=True)
    source = machine.source(**options)
    assert source.content
    assert source.content.size == machine.file.stat().st_size
    looked_into = {"coreos-cloudinit", "getent"} & machine.asked
    assert bool(source.content.form) == bool(looked_into)
    assert "journal-0" in machine.stdout or not looked_into
    return not looked_into


@in_each_shell
def test_what_has_run_after_it_changed_is_not_looked_into(machine: LookedAt) -> None:
    machine.file.write_bytes(CLOUD_CONFIG)
    machine.has_run(after=2)
    assert is_settled(machine)
    assert "busctl" not in machine.asked
    seen = machine.look()
    assert seen.sources[0].content == SETTLED
    assert (seen.cloudinit, seen.addresses, seen.access) == ("", [], Access())
    assert judge(seen.sources[0], boot=seen.boot).name == "current"
    assert not is_settled(machine, thorough=True)


@pytest.mark.parametrize(
    "content",
    [
        b'{"ignition": {"version": "2.0.0"}}',
        b"#!/bin/sh\n",
        b"",
        b"\n#cloud-config\n",
        b"\0",
        b"#cloud-config\n" * 80000,
    ],
    ids=["ignition", "script", "empty", "other", "binary", "huge"],
)
def test_only_a_cloud_config_can_be_settled(machine: LookedAt, content: bytes) -> None:
    machine.file.write_bytes(content)
    machine.has_run(after=2)
    machine.source()
    assert "getent" in machine.asked


@in_each_shell
@pytest.mark.parametrize(
    ("after", "properties"),
    [
        (-2, {}),
        (2, {"Result": "exit-code"}),
        (2, {"Result": ""}),
        (2, {"ActiveState": "inactive"}),
        (2, {"ActiveState": "activating"}),
        (2, {"ExecMainStartTimestamp": ""}),
        (2, {"ExecMainStartTimestamp": "n/a"}),
        (2, {"ExecMainStartTimestamp": "Sun 2037-11-22 09:30:58 CET"}),
        (2, {"Id": "other.service"}),
    ],
)
def test_what_may_have_to_run_is_looked_into(machine: LookedAt, after: float, properties: dict[str, Any]) -> None:
    machine.file.write_bytes(CLOUD_CONFIG)
    machine.has_run(after=after, **properties)
    assert not is_settled(machine)


# what 0.9, 1.10 and 1.14 say of a start
STYLES = ("Result of 'start b.service': {}", '2016/05/05 08:00:07 Result of "start" on "b.service": {}')


@in_each_shell
@pytest.mark.parametrize("style", [*STYLES, "Restarted systemd-networkd ({})"])
@pytest.mark.parametrize("result", ["done", "dependency", "failed", "timeout", "canceled", "skipped", "unknown"])
def test_a_run_whose_units_did_not_start_is_looked_into(machine: LookedAt, style: str, result: str) -> None:
    """Although the unit, and coreos-cloudinit, ended well."""
    machine.file.write_bytes(CLOUD_CONFIG)
    machine.has_run(after=2, ExecMainPID="8")
    machine.logs({7: "Set hostname to a", 8: style.format(result)})
    assert is_settled(machine) == (result == "done")
    if result != "done":
        found = judge(machine.source(), boot=BOOT)
        unit = "systemd-networkd" if "networkd" in style else "b"
        verb = "restart" if "networkd" in style else "start"
        assert found.name == "failed"
        assert f"its '{verb}' of {unit}.service ended with '{result}'" in found.why


@in_each_shell
def test_only_the_last_run_of_the_boot_counts(machine: LookedAt) -> None:
    machine.file.write_bytes(CLOUD_CONFIG)
    machine.has_run(after=2, ExecMainPID="8")
    machine.logs({7: STYLES[1].format("failed"), 8: STYLES[1].format("done")})
    assert is_settled(machine)
    run = machine.source(thorough=True).run
    assert run
    assert run.commands == [Command("start", "b.service", "done")]
    assert judge(machine.source(thorough=True), boot=BOOT).name == "current"
    machine.logs({8: STYLES[1].format("done"), 7: STYLES[1].format("failed")})
    machine.has_run(after=2, ExecMainPID="7")
    assert not is_settled(machine)


def test_of_a_unit_that_systemd_forgot_the_journal_tells(machine: LookedAt) -> None:
    machine.file.write_bytes(CLOUD_CONFIG)
    machine.has_run(after=2, ExecMainPID="0", ActiveState="inactive", ExecMainStartTimestamp="")
    machine.logs({7: "Set hostname to a", 8: STYLES[1].format("done")})
    source = machine.source()
    assert source.started
    assert source.run
    assert source.run.commands == [Command("start", "b.service", "done")]


@pytest.mark.parametrize("status", [1, 124])
def test_a_journal_that_fails_settles_nothing(machine: LookedAt, status: int) -> None:
    machine.file.write_bytes(CLOUD_CONFIG)
    machine.has_run(after=2)
    machine.say("journalctl", "", status)
    assert not is_settled(machine)


@in_each_shell
def test_a_run_that_the_journal_does_not_tell_of_settles_nothing(machine: LookedAt) -> None:
    machine.file.write_bytes(CLOUD_CONFIG)
    machine.has_run(after=2)
    machine.say("journalctl", "")
    assert not is_settled(machine)
    source = machine.source()
    assert not source.run
    assert judge(source, boot=BOOT).name == "current"


@in_each_shell
@pytest.mark.parametrize("style", ["{0} 'start b.service'{1}", '{0} "start" on "b.service"{1}'])
def test_a_call_whose_result_the_journal_does_not_tell_settles_nothing(machine: LookedAt, style: str) -> None:
    """journald leaves out what is too much at once."""
    machine.file.write_bytes(CLOUD_CONFIG)
    machine.has_run(after=2, ExecMainPID="8")
    call, result = style.format("Calling unit command", ""), style.format("Result of", ": done")
    machine.logs({8: call})
    assert not is_settled(machine)
    run = machine.source().run
    assert run
    assert run.commands == [Command("start", "b.service")]
    machine.logs({8: f"{call}\n{machine.began} a coreos-cloudinit[8]: {result}"})
    assert is_settled(machine)


def test_a_journal_that_the_shell_has_no_room_for_settles_nothing(machine: LookedAt) -> None:
    """Of lines that are more than a pipe holds bash makes a file."""
    machine.file.write_bytes(CLOUD_CONFIG)
    machine.has_run(after=2)
    call, result = 'Calling unit command "start" on "b.service"', 'Result of "start" on "b.service": failed'
    machine.say("journalctl", "\n".join([*[call] * 2000, result]))
    machine.shell = without_room(machine.root, "bash")
    assert not is_settled(machine)


def test_a_systemctl_that_fails_settles_nothing(machine: LookedAt) -> None:
    machine.file.write_bytes(CLOUD_CONFIG)
    machine.say("systemctl", "", 1)
    assert not is_settled(machine)


def in_the_middle_of_a_second(machine: LookedAt) -> None:
    while True:
        machine.file.write_bytes(CLOUD_CONFIG)
        if 0.1 < machine.file.stat().st_ctime % 1 < 0.9:
            return
        time.sleep(0.1)


@in_each_shell
@pytest.mark.parametrize("after", [7200, 7200.25])
def test_a_clock_that_was_set_back_settles_nothing(machine: LookedAt, after: float) -> None:
    machine.file.write_bytes(CLOUD_CONFIG)
    # by the clock of now it ran a minute before the file changed
    machine.has_run(after=after, set_back=after + 60)
    assert not is_settled(machine)
    assert judge(machine.source(), boot=BOOT).name == "stale"
    machine.has_run(after=after, set_back=after - 60)
    assert is_settled(machine)
    assert judge(machine.source(), boot=BOOT).name == "current"
    # the digest needs no clock
    machine.has_run(after=after, set_back=after + 60)
    machine.remembers(DIGEST, after=after + 1)
    assert judge(machine.source(), boot=BOOT).by_digest


@in_each_shell
def test_within_a_second_the_microsecond_decides(machine: LookedAt) -> None:
    in_the_middle_of_a_second(machine)
    machine.has_run(after=0.05)
    assert is_settled(machine)
    source = machine.source()
    assert source.file
    assert source.started
    assert source.started[0] == pytest.approx(source.file.changed + 0.05, abs=1e-3)
    assert judge(source, boot=BOOT).name == "current"
    machine.has_run(after=-0.05)
    assert not is_settled(machine)
    assert judge(machine.source(), boot=BOOT).name == "stale"


@in_each_shell
@pytest.mark.parametrize(("said", "status"), [("", 1), ("t x", 0), ("", 0), ("t 1795339858379649", 1)])
def test_without_the_microsecond_nothing_is_settled(machine: LookedAt, said: str, status: int) -> None:
    in_the_middle_of_a_second(machine)
    machine.has_run(after=0.05)
    machine.say("busctl", said, status)
    assert not is_settled(machine)


@in_each_shell
@pytest.mark.parametrize(
    ("digest", "after", "boot", "settled"),
    [
        (DIGEST, -1, BOOT, True),
        # somebody has run the unit since
        (DIGEST, -3, BOOT, False),
        (DIGEST, -1, "of an earlier boot", False),
        ("0" * 64, -1, BOOT, False),
    ],
)
def test_a_digest_that_is_remembered_settles_it_too(
    machine: LookedAt, digest: str, after: float, boot: str, settled: bool
) -> None:
    # the same content was put there once more
    machine.file.write_bytes(CLOUD_CONFIG)
    machine.has_run(after=-2)
    machine.remembers(digest, after=after, boot=boot)
    assert is_settled(machine) == settled
    found = judge(machine.source(), boot=BOOT)
    assert (found.name, found.by_digest) == ("current" if settled else "stale", boot == BOOT and after > -2)
