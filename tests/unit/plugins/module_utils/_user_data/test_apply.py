# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Placing, applying and putting back user-data: the scripts on this machine's shell and files, with a systemctl and a
journalctl that are told what to say."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.container_linux.remediation.plugins.module_utils._host import Completed, RemediationError
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data import apply as user_data_apply
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.apply import (
    apply,
    confirm,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.compare import Question
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.log import Command
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.memory import parse_memory
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import (
    Memory,
    Written,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.watch import watch_unit
from ansible_collections.container_linux.remediation.tests.unit.plugins.module_utils.user_data_machine import (
    BOOT,
    NEW,
    OLD,
    PROOF,
    UNIT,
    VARIABLES,
    WATCH,
    WRITTEN,
    Applying,
    apply_below,
    digest,
    in_each_shell,
    locked,
)


@pytest.fixture
def machine(shell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Applying:
    apply_below(monkeypatch, tmp_path)
    return Applying(tmp_path, shell)


@in_each_shell
def test_what_is_there_is_run_and_remembered(machine: Applying) -> None:
    machine.file.write_text(OLD)
    began = int(time.time())
    applied = machine.apply()
    assert applied.job.rc == 0
    assert (applied.same, applied.remembered, applied.blocked, applied.logged) == (True, "", False, True)
    assert began <= int(applied.began) <= time.time()
    assert applied.unit["Id"] == UNIT
    assert applied.run.commands == [Command("start", "b.service", "done")]
    assert machine.ran == OLD
    asked = [line for line in machine.asked if line.startswith("systemctl") and " show " not in line]
    assert asked == [
        f"systemctl reset-failed -- {UNIT} {WATCH}",
        f"systemctl --no-ask-password restart -- {UNIT}",
        f"systemctl --no-ask-password start -- {WATCH}",
    ]
    assert not machine.before.exists()
    assert machine.memory.stat().st_mode & 0o777 == 0o600
    assert not machine.parts()


@in_each_shell
def test_what_is_remembered_is_what_the_look_reads(machine: Applying) -> None:
    machine.file.write_text(OLD)
    before = time.time()
    machine.apply()
    text = machine.memory.read_text()
    # the look reads one line, and compares its beginning without a parser
    assert text.count("\n") == 1
    assert text.startswith(f'{{"sha256": "{digest(OLD)}", "boot": "{BOOT}", "applied": ')
    found = parse_memory(text)
    assert found
    written = dataclasses.replace(WRITTEN, files=found.written.files)
    assert found == Memory(digest(OLD), found.applied, BOOT, written, proven=False)
    assert found.written.files[0] == "/a b"
    assert before <= found.applied <= time.time()
    assert re.search(r'"applied": [0-9]+\.[0-9]{9}, ', text)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8"))))
def test_whatever_is_written_is_remembered_in_one_line(machine: Applying, files: list[str]) -> None:
    machine.file.write_text(OLD)
    machine.apply(written=Written(files=files))
    text = machine.memory.read_text()
    assert text.count("\n") == 1
    assert json.loads(text)["written"]["files"] == files
    assert parse_memory(text)


@in_each_shell
def test_what_is_given_takes_the_place_of_what_is_there(machine: Applying) -> None:
    machine.file.write_text(OLD)
    machine.file.chmod(0o640)
    if os.getuid() == 0:
        os.chown(machine.file, 500, 501)
    was = machine.file.stat()
    applied = machine.apply(NEW)
    assert applied.same
    assert machine.ran == machine.file.read_text() == NEW
    now = machine.file.stat()
    assert (now.st_mode, now.st_uid, now.st_gid) == (was.st_mode, was.st_uid, was.st_gid)
    assert now.st_ino != was.st_ino
    # what was there before is kept, for root alone
    assert machine.before.read_text() == OLD
    assert machine.before.stat().st_mode & 0o777 == 0o600
    if os.getuid() == 0:
        assert machine.before.stat().st_uid == 0
    assert not machine.parts()
    machine.apply(OLD)
    assert machine.before.read_text() == NEW


@in_each_shell
def test_what_is_given_where_nothing_was(machine: Applying, tmp_path: Path) -> None:
    machine.lies_at(tmp_path / "var/lib/x/user-data")
    machine.memory.parent.mkdir()
    machine.before.write_text("of another time")
    applied = machine.apply(NEW)
    assert applied.same
    assert machine.file.read_text() == NEW
    assert machine.file.stat().st_mode & 0o777 == 0o600
    assert machine.file.parent.stat().st_mode & 0o777 == 0o755
    assert not machine.before.exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root may write there")
def test_a_file_just_below_the_root(machine: Applying) -> None:
    path = Path(f"/container-linux-remediation-test-{os.getpid()}")
    try:
        machine.lies_at(path)
        assert machine.apply(NEW).same
        assert path.read_text() == NEW
    finally:
        path.unlink(missing_ok=True)


@in_each_shell
@pytest.mark.parametrize("is_there", [True, False])
def test_a_link_stays_and_what_it_leads_to_is_replaced(machine: Applying, is_there: bool) -> None:
    real = machine.root / "else where/real"
    real.parent.mkdir()
    if is_there:
        real.write_text(OLD)
    machine.file.symlink_to(real)
    source = machine.source()
    assert machine.apply(NEW).same
    assert machine.file.is_symlink()
    assert real.read_text() == NEW
    assert machine.before.exists() == is_there
    told = machine.restore(source)
    assert machine.file.is_symlink()
    assert real.exists() == is_there
    assert not is_there or real.read_text() == OLD
    assert ("was put back" in told) == is_there


@in_each_shell
@pytest.mark.parametrize(
    "given_text", ["", "-n", "no line break", "#!/bin/sh\nx\n\n\n", "\\\\ \\n %s 'ü'\r\n", "x" * 900000]
)
def test_what_is_given_arrives_byte_for_byte(machine: Applying, given_text: str) -> None:
    machine.file.write_text(OLD)
    assert machine.apply(given_text).same
    assert machine.file.read_bytes() == given_text.encode()


@in_each_shell
@pytest.mark.parametrize("text", [None, NEW])
def test_who_holds_the_lock_keeps_others_away(machine: Applying, text: str | None) -> None:
    machine.file.write_text(OLD)
    with (
        locked(machine),
        pytest.raises(RemediationError, match=r"^Somebody else is applying .*nothing was changed. Wait"),
    ):
        machine.apply(text)
    assert machine.file.read_text() == OLD
    assert not machine.asked
    assert not machine.memory.parent.exists()
    # whoever held it has gone
    assert machine.apply(text).same


@in_each_shell
def test_a_lock_that_cannot_be_had_is_told(machine: Applying) -> None:
    machine.file.write_text(OLD)
    source = machine.source()
    (machine.root / "lock").mkdir()
    with pytest.raises(
        RemediationError, match=r"^The lock \S+/lock could not be taken .*nothing was changed\. Make room"
    ):
        machine.apply(NEW)
    assert machine.file.read_text() == OLD
    assert not machine.asked
    assert re.search("could not be put back; it is kept as", machine.restore(source))


@in_each_shell
@pytest.mark.parametrize("text", [None, NEW])
@pytest.mark.parametrize("change", ["other", "gone", "folder", "come"])
def test_what_changed_since_the_look_is_left_alone(machine: Applying, change: str, text: str | None) -> None:
    if change != "come":
        machine.file.write_text(OLD)
    source = machine.source()
    machine.file.unlink(missing_ok=True)
    if change in ("other", "come"):
        machine.file.write_text("#cloud-config\nhostname: other\n")
    elif change == "folder":
        machine.file.mkdir()
    with pytest.raises(RemediationError, match=r"changed after it had been looked at.*Nothing was changed; see who"):
        machine.apply(text, source=source)
    assert not machine.asked
    assert not machine.memory.parent.exists()
    assert machine.file.exists() == (change != "gone")


@in_each_shell
def test_no_room_for_what_is_given(machine: Applying) -> None:
    machine.file.write_text(OLD)
    machine.program("dd", "for w; do case $w in of=*) exec cat >/dev/full ;; esac; done")
    with pytest.raises(
        RemediationError, match=r"could not be put at .*No space left.*is still there, and nothing was run; cure that"
    ):
        machine.apply(NEW)
    assert machine.file.read_text() == OLD
    assert not machine.ran
    assert not machine.parts()
    assert not machine.memory.exists()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_full_disk_leaves_what_was_there(machine: Applying, small: Path) -> None:
    file = small / "user-data"
    file.write_text(OLD)
    machine.lies_at(file)
    with pytest.raises(RemediationError, match=r"could not be put at .*No space left on device"):
        machine.apply(NEW + "# x\n" * 50000)
    assert file.read_text() == OLD
    assert [path.name for path in small.iterdir()] == ["user-data"]
    assert not machine.ran
    # and there is room for the next
    assert machine.apply(NEW).same


def test_no_room_for_the_last_good_one_is_told(machine: Applying, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_data_apply, "MEMORY", str(small / "memory"))
    machine.file.write_text(OLD + "# x\n" * 50000)
    machine.apply()
    (memory,) = (small / "memory").iterdir()
    assert "No space left on device" in confirm(machine, machine.source(), sha256=machine.source().sha256)
    assert list((small / "memory").iterdir()) == [memory]
    found = parse_memory(memory.read_text())
    assert found
    assert not found.proven


FAILURES: Mapping[str, tuple[str, dict[str, str], str]] = {
    "restart": ("exit 1", {}, "done"),
    "result": ("exit 0", {"Result": "exit-code"}, "done"),
    "silence": ("exit 0", {"Result": ""}, "done"),
    "condition": ("exit 0", {"ConditionResult": "no"}, "done"),
    "dependency": ("exit 0", {}, "dependency"),
    "changed": ("echo changed >>place", {}, "done"),
}


@in_each_shell
@pytest.mark.parametrize("how", FAILURES)
@pytest.mark.parametrize("style", ["Result of 'start b.service': {}", 'Result of "start" on "b.service": {}'])
def test_only_a_success_is_remembered(machine: Applying, how: str, style: str) -> None:
    machine.file.write_text(OLD)
    machine.apply()
    assert confirm(machine, machine.source(), sha256=digest(OLD)) == ""
    known = machine.memory.read_text()
    lines, properties, result = FAILURES[how]
    machine.restart_does(lines)
    machine.shows(**properties)
    machine.logs(style.format(result))
    applied = machine.apply(NEW)
    assert not applied.remembered
    assert (machine.memory.read_text(), machine.good.read_text()) == (known, OLD)
    assert machine.before.read_text() == OLD
    assert applied.same == (how != "changed")
    assert applied.job.rc == (how == "restart")
    assert [command.result for command in applied.run.commands] == [result]


@in_each_shell
def test_what_starts_a_failed_unit_again_is_stopped(machine: Applying) -> None:
    machine.file.write_text(OLD)
    # it is still at it when the restart has failed
    (machine.root / "going-on").write_text("STATE=activating; echo STATE=failed >going-on")
    machine.restart_does("exit 1")
    applied = machine.apply(NEW)
    assert applied.stopped
    assert f"systemctl --no-ask-password --job-mode=ignore-dependencies stop -- {WATCH}" in machine.asked
    assert f"systemctl --no-ask-password start -- {WATCH}" not in machine.asked
    assert "failed" in (machine.root / "going-on").read_text()
    (machine.root / "asked").unlink()
    # also where nothing was given: a run that reloads systemd is started again without end
    assert machine.apply().stopped
    assert len([line for line in machine.asked if " stop " in line]) == 1


@in_each_shell
def test_a_run_that_begins_anew_each_time_it_has_failed_is_ended(machine: Applying) -> None:
    machine.file.write_text(OLD)
    # each look sees the next process
    (machine.root / "count").write_text("0\n")
    (machine.root / "going-on").write_text(
        "COUNT=$(($(cat count) + 1)); echo $COUNT >count; echo ExecMainPID=$COUNT; STATE=activating\n"
        "if grep -q ' stop ' asked; then STATE=failed; fi\n"
    )
    machine.shows(Result="exit-code", ActiveState="failed")
    applied = machine.apply(wait=True)
    assert applied.stopped
    assert not applied.blocked
    assert int((machine.root / "count").read_text()) < 9


@in_each_shell
@pytest.mark.parametrize("result", ["success", "exit-code"])
def test_a_run_that_somebody_else_began_and_that_fails_is_not_begun_again(machine: Applying, result: str) -> None:
    machine.file.write_text(OLD)
    (machine.root / "going-on").write_text("STATE=activating; echo STATE=inactive >going-on")
    machine.shows(Result=result)
    assert machine.apply(wait=True).stopped == (result != "success")


@in_each_shell
@pytest.mark.parametrize("status", [3, 0])
def test_a_journal_that_tells_nothing(machine: Applying, status: int) -> None:
    machine.file.write_text(OLD)
    machine.logs(status=status)
    machine.program("journalctl", f"[ $1 != --sync ] || exit 1\necho 'no rights' >&2\nexit {status}")
    applied = machine.apply()
    assert not applied.logged
    assert applied.job.rc == 0
    assert re.search(rf"^\S+ end journal {status}$", machine.stdout, re.MULTILINE)


@in_each_shell
def test_what_coreos_cloudinit_says_in_spite_of_itself_stays_on_the_host(machine: Applying) -> None:
    machine.file.write_text(OLD)
    machine.logs("Command 'useradd --password SECRET b' failed: x", "Failed to parse: cannot decode !!str `SECRET`")
    machine.apply(NEW + "# SECRET\n")
    assert "SECRET" not in machine.stdout
    assert "SECRET" not in "\n".join(machine.asked)
    assert "cannot decode" in machine.stdout


@in_each_shell
def test_the_log_is_that_of_this_run(machine: Applying) -> None:
    machine.file.write_text(OLD)
    applied = machine.apply()
    (read,) = [line for line in machine.asked if line.startswith("journalctl -b")]
    assert f" --since @{applied.began} " in read
    assert read.endswith(f" _PID=7 _SYSTEMD_UNIT={UNIT}")


@in_each_shell
@pytest.mark.parametrize("logged", [True, False])
def test_of_a_unit_that_systemd_forgot_the_log_tells(machine: Applying, logged: bool) -> None:
    machine.file.write_text(OLD)
    machine.shows(ExecMainPID="0", ConditionResult="no", ConditionTimestampMonotonic="0", ActiveState="inactive")
    if not logged:
        machine.program("journalctl", f'echo "journalctl $*" >>{machine.root}/asked\n')
    assert machine.apply().logged == logged
    assert not any("_PID" in line for line in machine.asked)
    assert machine.memory.exists() == logged


@in_each_shell
def test_a_run_that_goes_on_is_waited_for(machine: Applying) -> None:
    machine.file.write_text(OLD)
    # two looks at it: then it has ended
    (machine.root / "going-on").write_text("STATE=activating; echo STATE=active >going-on")
    applied = machine.apply(wait=True)
    assert (applied.job.rc, applied.blocked) == (0, False)
    assert not [line for line in machine.asked if "restart" in line]
    assert "--since" not in "\n".join(machine.asked)
    assert machine.memory.exists()


@in_each_shell
@pytest.mark.parametrize("wait", [True, False])
def test_the_time_limit_is_kept(machine: Applying, wait: bool) -> None:
    machine.file.write_text(OLD)
    (machine.root / "going-on").write_text("STATE=activating")
    machine.restart_does("exec sleep 30")
    began = time.monotonic()
    applied = machine.apply(wait=wait, timeout=2)
    assert time.monotonic() - began < 15
    assert applied.blocked
    assert not applied.stopped
    assert not machine.memory.exists()
    # it goes on, and so does what waits for the next file
    assert (f"systemctl --no-ask-password start -- {WATCH}" in machine.asked) == (not wait)


@in_each_shell
def test_no_limit_but_the_run_s_is_that_long(machine: Applying, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_data_apply, "LIMIT", 1)
    machine.file.write_text(OLD)
    machine.program("journalctl", "exec sleep 30\n")
    began = time.monotonic()
    assert not machine.apply(timeout=300).logged
    assert time.monotonic() - began < 15


@in_each_shell
def test_a_unit_that_nothing_watches(machine: Applying) -> None:
    machine.watches = []
    machine.file.write_text(OLD)
    assert machine.apply().job.rc == 0
    machine.restart_does("exit 1")
    source = machine.source()
    assert machine.apply(NEW).job.rc == 1
    assert machine.restore(source, in_force=True, stopped=True).endswith("was put back, and nothing of it was run.")
    assert not [line for line in machine.asked if " start " in line or " stop " in line]


@in_each_shell
def test_what_the_run_left_behind_is_told(machine: Applying) -> None:
    machine.file.write_text(OLD)
    variables = {**dict.fromkeys(VARIABLES, ""), "SHOWN_UNITS": "b.service", "LEFT_FILES": str(machine.file)}
    machine.restart_does("sed -i s/^Id=.*/Id=after.service/ shown")
    applied = machine.apply(variables=variables)
    assert f"Id={UNIT}" in applied.before
    assert "Id=after.service" in applied.after
    assert f"file - {machine.file}" in applied.leftovers


@in_each_shell
@pytest.mark.parametrize(("in_force", "stopped"), [(True, True), (True, False), (False, True)])
def test_what_was_there_is_put_back(machine: Applying, in_force: bool, stopped: bool) -> None:
    machine.file.write_text(OLD)
    machine.file.chmod(0o640)
    source = machine.source()
    machine.apply(NEW)
    (machine.root / "asked").unlink()
    told = machine.restore(source, in_force=in_force, stopped=stopped)
    assert machine.file.read_text() == OLD
    assert machine.file.stat().st_mode & 0o777 == 0o640
    assert not machine.parts()
    assert machine.asked.pop(0) == f"systemctl is-active -- {watch_unit(source.place)}"
    if in_force and stopped:
        assert told == f"What was at {machine.file} before was put back, and {WATCH} has it run again, as at boot."
        assert machine.asked[1:] == [
            f"systemctl reset-failed -- {UNIT} {WATCH}",
            f"systemctl --no-ask-password start -- {WATCH}",
        ]
    else:
        assert told == f"What was at {machine.file} before was put back, and nothing of it was run."
        assert not machine.asked[1:]


@in_each_shell
@pytest.mark.parametrize("in_force", [True, False])
def test_our_watch_runs_only_what_was_in_force(machine: Applying, in_force: bool) -> None:
    machine.file.write_text(OLD)
    source = machine.source()
    machine.apply(NEW)
    watch, service = machine.is_watched()
    (machine.root / "asked").unlink()
    told = machine.restore(source, in_force=in_force)
    assert machine.file.read_text() == OLD
    if in_force:
        assert "; its watch sees that, and 'journalctl -t container-linux-remediation-user-data' tells whether" in told
        assert not machine.asked[1:]
    else:
        assert told.endswith("was put back, and nothing of it was run.")
        assert machine.asked[1:] == [
            f"systemctl --no-ask-password stop -- {watch} {service}",
            f"systemctl --no-ask-password start -- {watch}",
        ]


@in_each_shell
def test_a_watch_that_does_not_come_up_again_is_told(machine: Applying) -> None:
    machine.file.write_text(OLD)
    source = machine.source()
    machine.apply(NEW)
    watch, _service = machine.is_watched()
    systemctl = machine.root / "bin/systemctl"
    machine.program("systemctl", f"case $* in *' start '*) echo 'no room' >&2; exit 1 ;; esac\n{systemctl.read_text()}")
    assert machine.restore(source).endswith(
        f"was put back, and nothing of it was run. {watch} could not be started again: 'no room'; start it, then run "
        f"again."
    )


@in_each_shell
def test_what_was_not_there_is_removed_again(machine: Applying) -> None:
    source = machine.source()
    machine.apply(NEW)
    with locked(machine):
        told = machine.restore(source)
    assert told == (
        f"There was no {machine.file} before, and the given user-data could not be removed again, for somebody else "
        f"holds the lock; remove it."
    )
    assert machine.restore(source) == f"There was no {machine.file} before, so it was removed again."
    assert not machine.file.exists()
    assert machine.restore(source) == f"Somebody has changed {machine.file} since, so it was left alone."


@in_each_shell
@pytest.mark.parametrize("is_gone", [True, False])
def test_what_somebody_else_has_put_there_since_is_theirs(machine: Applying, is_gone: bool) -> None:
    machine.file.write_text(OLD)
    source = machine.source()
    machine.apply(NEW)
    if is_gone:
        machine.file.unlink()
    else:
        machine.file.write_text("theirs")
    machine.is_watched()
    (machine.root / "asked").unlink()
    told = machine.restore(source)
    # our watch may be about to run it
    assert not machine.asked
    assert told == (
        f"Somebody has changed {machine.file} since, so nothing was put back; what was there before is kept as "
        f"{machine.before}."
    )
    assert machine.before.read_text() == OLD
    assert machine.file.exists() != is_gone
    assert is_gone or machine.file.read_text() == "theirs"


@in_each_shell
def test_what_cannot_be_put_back_is_told_with_where_it_is_kept(machine: Applying) -> None:
    machine.file.write_text(OLD)
    source = machine.source()
    machine.apply(NEW)
    with locked(machine):
        told = machine.restore(source)
    assert told.endswith(f"could not be put back, for somebody else holds the lock; it is kept as {machine.before}.")
    machine.program("dd", "echo 'No space left' >&2\nexit 1\n")
    told = machine.restore(source)
    assert told.endswith(f"could not be put back: 'No space left'; it is kept as {machine.before}.")
    machine.shell = "/bin/false"
    assert re.search(
        rf"could not be put back, it is kept as {re.escape(str(machine.before))}: The host's shell",
        machine.restore(source),
    )
    assert machine.file.read_text() == NEW
    assert machine.before.read_text() == OLD
    assert not machine.parts()


@in_each_shell
def test_what_is_applied_is_not_proven_until_it_is_confirmed(machine: Applying) -> None:
    machine.file.write_text(OLD)
    machine.apply()
    known = parse_memory(machine.memory.read_text())
    assert known
    assert not known.proven
    # nor is it the last good one
    assert not machine.good.exists()
    assert confirm(machine, machine.source(), sha256=digest(OLD)) == ""
    assert machine.good.read_text() == OLD
    assert machine.good.stat().st_mode & 0o777 == 0o600
    text = machine.memory.read_text()
    assert text.count("\n") == 1
    assert parse_memory(text) == dataclasses.replace(known, proven=True)
    assert machine.memory.stat().st_mode & 0o777 == 0o600
    assert not machine.parts()
    # that is of this apply alone
    applied = machine.apply(NEW)
    found = parse_memory(machine.memory.read_text())
    assert found
    assert not found.proven
    assert machine.good.read_text() == OLD
    assert applied.good == digest(OLD)


@in_each_shell
def test_what_cannot_be_confirmed_is_told(machine: Applying) -> None:
    machine.file.write_text(OLD)
    machine.apply()
    known = machine.memory.read_text()
    with locked(machine):
        assert confirm(machine, machine.source(), sha256=digest(OLD)) == "somebody else holds the lock"
    machine.program("dd", "echo 'No space left' >&2\nexit 1\n")
    assert confirm(machine, machine.source(), sha256=digest(OLD)) == "No space left"
    assert machine.memory.read_text() == known
    assert not machine.good.exists()
    assert not machine.parts()
    for text in ("", "not ours\n"):
        machine.memory.write_text(text)
        assert confirm(machine, machine.source(), sha256=digest(OLD)) == "what is remembered is not what was written"
    machine.memory.unlink()
    assert "No such file" in confirm(machine, machine.source(), sha256=digest(OLD))
    machine.shell = "/bin/false"
    assert confirm(machine, machine.source(), sha256=digest(OLD)).startswith("The host's shell did not run")


@in_each_shell
@pytest.mark.parametrize("held", [False, True])
def test_what_somebody_else_has_brought_since_is_found_out(machine: Applying, held: bool) -> None:
    machine.file.write_text(OLD)
    machine.apply()
    known = machine.memory.read_text()
    mine = machine.source()
    # theirs has come, and nobody has run it yet
    machine.file.write_text(NEW)
    with locked(machine) if held else contextlib.nullcontext(), pytest.raises(RemediationError) as failed:
        confirm(machine, mine, sha256=digest(OLD))
    begins = f"{machine.file} was applied, and somebody else has put another user-data there since"
    assert failed.value.message == (
        f"{begins}, so what is there is not what this run has brought. See who does, then run again."
    )
    assert (machine.memory.read_text(), machine.good.exists(), machine.parts()) == (known, False, [])
    machine.apply()
    theirs = machine.memory.read_text()
    for back in (NEW, OLD):
        machine.file.write_text(back)
        with locked(machine) if held else contextlib.nullcontext(), pytest.raises(RemediationError) as failed:
            confirm(machine, mine, sha256=digest(OLD))
        assert failed.value.message == (
            f"{begins} and applied it, so what this run has brought is in force no more. See who does, then run again."
        )
        assert (machine.memory.read_text(), machine.good.exists()) == (theirs, False)


@in_each_shell
def test_what_somebody_else_has_proven_since_is_proven(machine: Applying) -> None:
    machine.file.write_text(OLD)
    machine.apply()
    assert confirm(machine, machine.source(), sha256=digest(OLD)) == ""
    known = machine.memory.read_text()
    assert confirm(machine, machine.source(), sha256=digest(OLD)) == ""
    assert (machine.memory.read_text(), machine.good.read_text()) == (known, OLD)


@in_each_shell
@pytest.mark.parametrize("how", [*FAILURES, "well"])
def test_a_run_that_went_well_is_proven_in_the_same_round_trip(machine: Applying, how: str) -> None:
    machine.file.write_text(OLD)
    lines, properties, result = FAILURES.get(how, ("exit 0", {}, "done"))
    machine.restart_does(lines)
    machine.shows(**properties)
    machine.logs(f"Result of 'start b.service': {result}")
    machine.apply()
    ends = re.findall(r"^\S+ end proved (\d)$", machine.stdout, re.MULTILINE)
    assert ends == ["7"] * (how == "well")


@in_each_shell
def test_nobody_else_applies_anything_until_it_is_proven(machine: Applying) -> None:
    machine.file.write_text(OLD)
    tries = 'begin tried\nflock -n "$LOCK" true\nSTATUS=$?\nfinish tried "$STATUS"\n'
    machine.apply(proof=Question(tries, {}))
    assert re.findall(r"^\S+ end tried (\d)$", machine.stdout, re.MULTILINE) == ["1"]


@pytest.mark.parametrize("text", [None, NEW])
def test_a_script_that_is_cut_off_on_its_way_changes_nothing(machine: Applying, text: str | None) -> None:
    machine.file.write_text(OLD)
    source = machine.source()
    machine.apply(text)
    script = machine.script
    machine.file.write_text(OLD)
    for path in (machine.memory.parent, machine.root / "lock", machine.root / "asked", machine.root / "ran"):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    # not even its last line: what comes before it is a function that nobody calls
    cuts = [len(script) * part // 12 for part in range(12)] + [script.rindex("main </dev/null")]
    for cut in cuts:
        subprocess.run(
            [machine.shell, "-s"],
            input=script[:cut].encode(),
            capture_output=True,
            check=False,
            env=machine.environment,
            timeout=60,
        )
        assert machine.file.read_text() == OLD
        assert not machine.asked
        assert not (machine.root / "lock").exists()
        assert not machine.memory.parent.exists()
    assert machine.apply(text, source=source).same


@in_each_shell
def test_it_ends_what_it_has_begun_when_nobody_listens(machine: Applying) -> None:
    """The connection is lost in the middle of the run."""
    machine.file.write_text(OLD)
    machine.apply(NEW)
    script = machine.script.replace(digest(OLD), digest(NEW), 1)
    assert script != machine.script
    machine.memory.unlink()
    (machine.root / "ran").unlink()
    machine.restart_does("sleep 1")
    with subprocess.Popen(
        [machine.shell, "-s"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=machine.environment,
        start_new_session=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(script.encode())
        process.stdin.close()
        deadline = time.monotonic() + 20
        while not machine.ran and time.monotonic() < deadline:
            time.sleep(0.02)
        process.stdout.close()
        os.killpg(process.pid, signal.SIGHUP)
        process.wait(30)
    found = parse_memory(machine.memory.read_text())
    assert found
    assert found.sha256 == digest(NEW)


@in_each_shell
def test_what_a_killed_run_has_left_is_removed(machine: Applying) -> None:
    machine.file.write_text(OLD)
    (machine.root / ".container-linux-remediation.abcDEF").write_text("half")
    mine = machine.root / ".container-linux-remediation.mine"
    mine.write_text("not ours")
    machine.apply(NEW)
    assert machine.parts() == [mine]


@pytest.mark.parametrize("tool", ["flock", "coreos-cloudinit"])
def test_a_host_that_lacks_a_tool_is_left_alone(machine: Applying, tool: str) -> None:
    machine.file.write_text(OLD)
    (machine.root / "bin" / tool).unlink(missing_ok=True)
    folder = machine.root / "tools"
    folder.mkdir()
    for name in ("timeout", "systemctl", "journalctl", "coreos-cloudinit", "sed", "grep", "sha256sum", "mktemp", "dd"):
        real = shutil.which(name, path=machine.environment["PATH"])
        if name != tool and real:
            (folder / name).symlink_to(real)
    script = f"PATH={folder}\n"

    class Bare:
        def run(self, body: str) -> Completed:
            return machine.run(re.sub(r"^PATH=.*$", script, body, count=1, flags=re.MULTILINE))

    source = machine.source()
    with pytest.raises(RemediationError, match=f"has no '{tool}' on its PATH"):
        apply(
            Bare(),
            source,
            given=NEW,
            sha256=digest(NEW),
            boot=BOOT,
            proof=PROOF,
            written=WRITTEN,
            timeout=5,
            wait=False,
            variables=dict.fromkeys(VARIABLES, ""),
        )
    assert machine.file.read_text() == OLD
    assert not machine.asked
