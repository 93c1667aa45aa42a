# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""systemd_unit against the systemd of test machines."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.container_linux.remediation.tests.integration.chain import sudo_calls

if TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.tests.integration.conftest import (
        Machine,
        MachineFactory,
        Play,
        Task,
    )

MODULE = "container_linux.remediation.systemd_unit"

# Where vendors put unit files, so that these can be masked.
UNITS = {
    "lab-ok.service": """
        [Service]
        ExecStart=/bin/sleep infinity
        [Install]
        WantedBy=multi-user.target
        Alias=lab-alias.service
    """,
    "lab-static.service": """
        [Service]
        ExecStart=/bin/sleep infinity
    """,
    "lab-fails.service": """
        [Service]
        Type=oneshot
        ExecStart=/bin/sh -c 'echo out of luck; exit 3'
    """,
    "lab-behind.service": """
        [Unit]
        Requires=lab-between.service
        After=lab-between.service
        [Service]
        ExecStart=/bin/sleep infinity
    """,
    "lab-between.service": """
        [Unit]
        Requires=lab-fails.service
        After=lab-fails.service
        [Service]
        ExecStart=/bin/sleep infinity
    """,
    "lab-dies.service": """
        [Service]
        ExecStart=/bin/false
    """,
    "lab-once.service": """
        [Service]
        Type=oneshot
        ExecStart=/bin/true
    """,
    "lab-skipped.service": """
        [Unit]
        ConditionPathExists=/nonexistent
        [Service]
        ExecStart=/bin/sleep infinity
    """,
    # as flanneld waits for its key, in attempts that systemd cuts short
    "lab-waits.service": """
        [Service]
        Type=notify
        NotifyAccess=all
        Restart=always
        RestartSec=1
        TimeoutStartSec=2
        ExecStart=/bin/sh -c 'until test -e /run/lab-key; do echo no key; sleep 0.2; done; \\
            systemd-notify --ready; exec sleep infinity'
    """,
    "lab-slow.service": """
        [Service]
        Type=oneshot
        RemainAfterExit=yes
        ExecStart=/bin/sh -c 'until test -e /run/lab-key; do sleep 0.2; done'
    """,
}


def write_units(machine: Machine) -> None:
    script = ""
    for name, text in UNITS.items():
        lines = "\n".join(line.strip() for line in text.strip().splitlines())
        script += f"cat >/usr/lib/systemd/system/{name} <<'END'\n{lines}\nEND\n"
    machine.sh(script + "systemctl daemon-reload")


@pytest.fixture(scope="module")
def healthy(machine: MachineFactory) -> Iterator[Machine]:
    """A machine with the units above; it has no Python."""
    made = machine("healthy")
    assert made.sh("command -v python3 python || echo none") == "none\n"
    write_units(made)
    yield made
    made.sh(
        f"cd /usr/lib/systemd/system && systemctl unmask {' '.join(UNITS)}; systemctl disable lab-ok.service; "
        f"systemctl stop {' '.join(UNITS)}; rm -rf {' '.join(UNITS)} lab-*.d /run/lab-key; systemctl daemon-reload"
    )


@pytest.fixture
def lab(healthy: Machine) -> Machine:
    """The same with all those units stopped, disabled and unmasked."""
    healthy.sh(
        f"systemctl unmask {' '.join(UNITS)}; systemctl disable lab-ok.service; rm -f /run/lab-key; "
        f"systemctl stop {' '.join(UNITS)}; systemctl reset-failed"
    )
    return healthy


@pytest.fixture(scope="module")
def broken(machine: MachineFactory) -> Machine:
    """A machine on which flanneld never becomes ready, and docker therefore does not start."""
    return machine("key-is-directory")


def run(machine: Machine, *, check: bool = False, diff: bool = True, **options: Any) -> Play:
    return machine.play([{MODULE: options}], check=check, diff=diff)


def twice(machine: Machine, **options: Any) -> tuple[Task, Task]:
    """Run the module two times in a row."""
    first, second = machine.play([{MODULE: options}] * 2, diff=True).tasks
    return first, second


def state(machine: Machine, name: str, what: str = "ActiveState") -> str:
    shown: str = machine.sh(f"systemctl show -p {what} {name}")
    return shown.strip().partition("=")[2]


@contextmanager
def key_later(machine: Machine, seconds: int) -> Iterator[None]:
    """Meanwhile, put the key there so long after a task has begun to act, which nobody knows when it will."""
    # of that count, of what is below, of the task's look, and of its acting
    trips = sudo_calls(machine) + 4
    acts = f'[ "$(journalctl -q -o cat _COMM=sudo | grep -c COMMAND=)" -ge {trips} ]'
    script = f"timeout 120 sh -c 'until {acts}; do sleep 0.2; done'; sleep {seconds}; touch /run/lab-key"
    key = threading.Thread(target=machine.sh, args=[script])
    key.start()
    try:
        yield
    finally:
        key.join()


def test_start_and_stop(lab: Machine) -> None:
    predicted = run(lab, name="lab-ok", state="started", check=True).last
    assert predicted.changed and predicted.result["actions"] == ["start lab-ok.service"]
    assert state(lab, "lab-ok") == "inactive"

    done, again = twice(lab, name="lab-ok", state="started")
    assert done.changed and state(lab, "lab-ok") == "active"
    assert done.result["diff"] == predicted.result["diff"]
    assert done.result["diff"]["before"] == {"lab-ok.service": {"active": "inactive", "job": None}}
    assert done.result["diff"]["after"] == {"lab-ok.service": {"active": "active", "job": None}}
    assert done.result["units"]["lab-ok.service"]["active_state"] == "active"
    assert not again.changed and again.result["actions"] == []

    assert run(lab, name="lab-ok", state="stopped", check=True).last.changed
    assert state(lab, "lab-ok") == "active"
    done, again = twice(lab, name="lab-ok", state="stopped")
    assert done.changed and state(lab, "lab-ok") == "inactive"
    assert not again.changed


def test_a_converged_unit_costs_one_round_trip_and_a_change_two(lab: Machine) -> None:
    def trips(**options: Any) -> int:
        output: str = lab.play([{MODULE: options}], options=["-vvv"]).output
        return output.count("SSH: EXEC ssh")

    assert trips(name="lab-ok", state="started", enabled=True, masked=False) == 2
    assert trips(name="lab-ok", state="started", enabled=True, masked=False) == 1


def test_restart(lab: Machine) -> None:
    assert run(lab, name="lab-ok", state="restarted").last.changed
    first = state(lab, "lab-ok", "MainPID")
    assert run(lab, name="lab-ok", state="restarted", check=True).last.changed
    assert state(lab, "lab-ok", "MainPID") == first
    assert run(lab, name="lab-ok", state="restarted").last.changed
    assert state(lab, "lab-ok", "MainPID") not in ("0", first)


def test_enable_and_disable(lab: Machine) -> None:
    predicted = run(lab, name="lab-ok", enabled=True, check=True).last
    assert predicted.changed and state(lab, "lab-ok", "UnitFileState") == "disabled"
    done, again = twice(lab, name="lab-ok", enabled=True)
    assert done.changed and state(lab, "lab-ok", "UnitFileState") == "enabled"
    assert done.result["diff"] == predicted.result["diff"]
    assert state(lab, "lab-ok") == "inactive"
    assert not again.changed

    done, again = twice(lab, name="lab-ok", enabled=False)
    assert done.changed and state(lab, "lab-ok", "UnitFileState") == "disabled"
    assert not again.changed


def test_enabled_only_until_the_next_boot_is_neither(lab: Machine) -> None:
    lab.sh("systemctl enable --runtime lab-ok")
    assert run(lab, name="lab-ok", enabled=True).last.changed
    assert state(lab, "lab-ok", "UnitFileState") == "enabled"
    lab.sh("systemctl disable lab-ok; systemctl enable --runtime lab-ok")
    assert run(lab, name="lab-ok", enabled=False).last.changed
    assert state(lab, "lab-ok", "UnitFileState") == "disabled"


def test_a_unit_that_cannot_be_enabled_is_refused_though_systemctl_would_not(lab: Machine) -> None:
    lab.sh("systemctl enable lab-static.service")
    failed = run(lab, name="lab-static", enabled=True, state="started").last
    assert failed.outcome == "failed" and "'static' and cannot be enabled" in failed.message
    assert state(lab, "lab-static") == "inactive"
    assert not run(lab, name="lab-static", enabled=False).last.changed


def test_mask_and_unmask(lab: Machine) -> None:
    predicted = run(lab, name="lab-ok", masked=True, state="stopped", check=True).last
    assert predicted.changed and state(lab, "lab-ok", "LoadState") == "loaded"
    done, again = twice(lab, name="lab-ok", masked=True, state="stopped")
    assert done.changed and state(lab, "lab-ok", "LoadState") == "masked"
    assert done.result["diff"] == predicted.result["diff"]
    assert not again.changed

    wanted: list[dict[str, Any]] = [
        {"name": ["lab-static", "lab-ok"], "state": "started"},
        {"name": ["lab-static", "lab-ok"], "state": "restarted"},
        {"name": "lab-ok", "enabled": True},
    ]
    for failed in lab.play([{MODULE: options, "ignore_errors": True} for options in wanted]).tasks:
        assert failed.outcome == "failed" and "'masked: false'" in failed.message
        assert not failed.changed
    assert state(lab, "lab-static") == "inactive"

    assert run(lab, name="lab-ok", masked=False, enabled=True, state="started", check=True).last.changed
    assert state(lab, "lab-ok", "LoadState") == "masked"
    assert run(lab, name="lab-ok", masked=False, enabled=True, state="started").last.changed
    assert [state(lab, "lab-ok", what) for what in ("ActiveState", "UnitFileState")] == ["active", "enabled"]


def test_a_mask_until_the_next_boot_is_removed_too(lab: Machine) -> None:
    lab.sh("systemctl mask --runtime lab-ok")
    assert "masked" in run(lab, name="lab-ok", state="started").last.message
    assert run(lab, name="lab-ok", masked=False).last.changed
    assert state(lab, "lab-ok", "LoadState") == "loaded"


def test_a_unit_whose_own_file_is_where_the_mask_goes_is_refused(lab: Machine) -> None:
    lab.sh("cp /usr/lib/systemd/system/lab-static.service /etc/systemd/system/lab-own.service; systemctl daemon-reload")
    failed = run(lab, name="lab-own", masked=True, check=True).last
    lab.sh("rm /etc/systemd/system/lab-own.service; systemctl daemon-reload")
    assert failed.outcome == "failed" and "/etc/systemd/system/lab-own.service" in failed.message


def test_a_unit_that_does_not_exist(lab: Machine) -> None:
    failed = run(lab, name=["lab-ok", "lab-none"], state="started").last
    assert failed.outcome == "failed" and "lab-none.service does not exist" in failed.message
    assert state(lab, "lab-ok") == "inactive"

    assert [task.changed for task in twice(lab, name="lab-none", masked=True)] == [True, False]
    assert "masked" in run(lab, name="lab-none", state="started").last.message
    failed = run(lab, name="lab-none", masked=False, state="started").last
    assert "Unit lab-none.service not found" in failed.message
    assert not run(lab, name="lab-none", masked=False).last.changed


def test_a_unit_file_that_systemd_cannot_use_is_named(lab: Machine) -> None:
    lab.sh("printf '[Service]\\nUser=core\\n' >/etc/systemd/system/lab-bad.service")
    failed = run(lab, name=["lab-ok", "lab-bad"], state="started").last
    lab.sh("rm /etc/systemd/system/lab-bad.service")
    assert failed.outcome == "failed" and "Correct /etc/systemd/system/lab-bad.service" in failed.message
    assert state(lab, "lab-ok") == "inactive"


def test_two_names_of_one_unit_are_one_unit(lab: Machine) -> None:
    lab.sh("systemctl enable lab-ok")
    done = run(lab, name=["lab-alias", "lab-ok"], state="started").last
    assert done.result["actions"] == ["start lab-ok.service"]
    assert done.result["aliases"] == {"lab-alias.service": "lab-ok.service"}
    assert done.result["units"]["lab-alias.service"] == done.result["units"]["lab-ok.service"]

    gone = run(lab, name="lab-alias", enabled=False, state="stopped").last
    assert gone.changed and gone.result["units"]["lab-alias.service"]["unit_file_state"] == "disabled"


def test_a_failed_start_is_told_with_the_last_journal_lines(lab: Machine) -> None:
    failed = run(lab, name="lab-fails", state="started").last
    assert failed.outcome == "failed"
    assert "its job ended with result 'failed', and it is failed, result 'exit-code'" in failed.message
    assert failed.result["failures"] == [{"unit": "lab-fails.service", "job_result": "failed", "waits_for": []}]
    journal = failed.result["journal"]["lab-fails.service"]
    assert any("out of luck" in line for line in journal) and len(journal) <= 10


def test_the_deepest_unit_is_blamed_though_others_are_down_too(lab: Machine) -> None:
    failed = run(lab, name="lab-behind", state="started").last
    [failure] = failed.result["failures"]
    assert failure["job_result"] == "dependency"
    assert failure["waits_for"] == ["lab-between.service", "lab-fails.service"]
    assert "because of lab-fails.service, which is failed" in failed.message
    assert any("out of luck" in line for line in failed.result["journal"]["lab-fails.service"])


def test_one_that_fails_does_not_keep_the_others_back(lab: Machine) -> None:
    failed = run(lab, name=["lab-fails", "lab-ok", "lab-once"], state="started").last
    assert [failure["unit"] for failure in failed.result["failures"]] == ["lab-fails.service"]
    assert failed.changed and state(lab, "lab-ok") == "active"


def test_a_unit_that_ends_at_once_or_is_skipped_has_not_started(lab: Machine) -> None:
    # a simple unit is up until its process has ended, for which a busy machine may take its time
    attempts = (run(lab, name="lab-dies", state="started").last for attempt in range(5))
    failed = next(task for task in attempts if task.outcome == "failed")
    assert "result 'exit-code'" in failed.message
    failed = run(lab, name="lab-skipped", state="started").last
    assert failed.outcome == "failed" and "or a condition of its unit file is not met" in failed.message


def test_a_unit_that_runs_something_once_starts_each_time(lab: Machine) -> None:
    for task in twice(lab, name="lab-once", state="started"):
        assert task.outcome == "ok" and task.changed


def test_a_unit_that_systemd_is_starting_is_waited_for_over_its_attempts(lab: Machine) -> None:
    lab.sh("systemctl start --no-block lab-waits")
    assert state(lab, "lab-waits") == "activating"
    with key_later(lab, 5):
        done = run(lab, name="lab-waits", state="started", timeout=60).last
    assert done.outcome == "ok" and done.changed and state(lab, "lab-waits") == "active"
    assert done.result["diff"]["before"]["lab-waits.service"]["active"] == "activating"
    assert int(state(lab, "lab-waits", "NRestarts")) > 0

    started = state(lab, "lab-waits", "MainPID")
    assert not run(lab, name="lab-waits", state="started").last.changed
    assert state(lab, "lab-waits", "MainPID") == started


def test_a_unit_that_does_not_get_ready_is_told_apart_from_one_not_waited_for_long_enough(lab: Machine) -> None:
    failed = run(lab, name="lab-waits", state="started").last
    assert "did not start: its job ended with result 'failed', and it is" in failed.message
    assert "result 'timeout'" in failed.message
    assert any("no key" in line for line in failed.result["journal"]["lab-waits.service"])

    failed = run(lab, name="lab-waits", state="started", timeout=4).last
    assert "did not start within 4 s" in failed.message and "goes on" in failed.message


def test_a_job_that_outlasts_the_time_limit_goes_on(lab: Machine) -> None:
    failed = run(lab, name="lab-slow", state="started", timeout=1).last
    assert failed.outcome == "failed" and "did not start within 1 s" in failed.message
    assert "goes on without Ansible" in failed.message
    assert "lab-slow.service" in lab.sh("systemctl list-jobs --no-legend")
    with key_later(lab, 1):
        assert run(lab, name="lab-slow", state="started").last.changed
    assert state(lab, "lab-slow") == "active"


def test_daemon_reload_only_where_files_changed(lab: Machine) -> None:
    assert not run(lab, name="lab-ok", daemon_reload=True, state="stopped").last.changed
    lab.sh("systemctl start lab-ok")
    lab.sh(
        "mkdir -p /usr/lib/systemd/system/lab-ok.service.d && "
        "printf '[Service]\\nEnvironment=A=B\\n' >/usr/lib/systemd/system/lab-ok.service.d/10-lab.conf"
    )
    stale = run(lab, name="lab-ok", state="started")
    assert stale.last.result["units"]["lab-ok.service"]["need_daemon_reload"]
    assert "changed on disk" in " ".join(stale.last.result["warnings"])

    predicted = run(lab, name="lab-ok", daemon_reload=True, check=True).last
    assert predicted.changed and state(lab, "lab-ok", "Environment") == ""
    done = run(lab, name="lab-ok", daemon_reload=True, state="restarted").last
    assert done.result["actions"] == ["daemon-reload", "restart lab-ok.service"]
    assert state(lab, "lab-ok", "Environment") == "A=B"
    assert done.result["units"]["lab-ok.service"]["drop_ins"] == [
        "/usr/lib/systemd/system/lab-ok.service.d/10-lab.conf"
    ]
    assert not run(lab, name="lab-ok", daemon_reload=True, state="started").last.changed


def test_a_name_that_no_unit_has_is_refused(lab: Machine) -> None:
    names = [
        "lab-ok; touch /run/lab-owned",
        "$(touch /run/lab-owned)",
        "`touch /run/lab-owned`",
        "lab-ok.service\ntouch /run/lab-owned",
        "lab-*.service",
        "lab-o[k].service",
        "--force",
        "-H evil",
        "'",
        "",
        "../lab-ok",
        "lab@.service",
        "x" * 300,
        "é",
    ]
    tasks = [{MODULE: {"name": ["lab-ok", name], "state": "started"}, "ignore_errors": True} for name in names]
    played = lab.play(tasks, options=["-vvv"])
    assert [task.outcome for task in played.tasks] == ["failed"] * len(names)
    for task in played.tasks:
        assert "is not the name of a unit" in task.message or "is a template" in task.message
    assert "SSH: EXEC ssh" not in played.output
    assert state(lab, "lab-ok") == "inactive"


def test_bad_options_are_refused(lab: Machine) -> None:
    refused: list[tuple[dict[str, Any], str]] = [
        ({"name": "lab-ok"}, "Give at least one of"),
        ({"name": [], "state": "started"}, "'name' is empty"),
        ({"name": "lab-ok", "state": "started", "masked": True}, "masked unit can be neither"),
        ({"name": "lab-ok", "state": "started", "timeout": 0}, "out of range"),
        ({"name": "lab-ok", "state": "running"}, "value of state must be one of"),
        ({"name": "lab-ok", "enabled": "maybe"}, "is not a valid boolean"),
        ({"name": "lab-ok", "state": "started", "no_block": True}, "Unsupported parameters"),
        ({"state": "started"}, "missing required arguments: name"),
    ]
    played = lab.play([{MODULE: options, "ignore_errors": True} for options, _words in refused], options=["-vvv"])
    assert [task.outcome for task in played.tasks] == ["failed"] * len(refused)
    for task, (_options, words) in zip(played.tasks, refused, strict=True):
        assert words in task.message
    assert "SSH: EXEC ssh" not in played.output


def test_a_user_who_may_not_is_told_to_become_root(lab: Machine) -> None:
    failed = lab.play([{MODULE: {"name": "lab-ok", "state": "started"}, "vars": {"ansible_become": False}}]).last
    assert failed.outcome == "failed" and "become: true" in failed.message
    assert state(lab, "lab-ok") == "inactive"


@contextmanager
def patient(machine: Machine, unit: str) -> Iterator[None]:
    """Meanwhile, a unit that is starting goes on with it: no time limit ends that at a moment nobody chose."""
    folder = f"/run/systemd/system/{unit}.service.d"
    machine.sh(
        f"mkdir -p {folder}; printf '[Service]\\nTimeoutStartSec=10min\\n' >{folder}/90-patient.conf; "
        "systemctl daemon-reload"
    )
    try:
        yield
    finally:
        machine.sh(f"rm -r {folder}; systemctl daemon-reload")


def test_docker_behind_a_flanneld_that_never_gets_ready(broken: Machine) -> None:
    broken.sh("systemctl stop docker.socket docker.service")

    with patient(broken, "flanneld"):
        failed = run(broken, name="docker", state="started", timeout=1).last
        assert failed.outcome == "failed"
        assert "still waits behind flanneld.service, which is activating" in failed.message
        assert "goes on without Ansible" in failed.message
        assert failed.result["units"]["docker.service"]["job"] == "start waiting"
        assert "docker.service" in broken.sh("systemctl list-jobs --no-legend")

    failed = run(broken, name="docker", state="started", timeout=60).last
    [failure] = failed.result["failures"]
    assert failure["job_result"] == "dependency" and failure["waits_for"][-1] == "flanneld.service"
    assert "its job ended with result 'dependency', because of flanneld.service, which is activating" in failed.message
    assert failed.result["journal"]["flanneld.service"]

    with patient(broken, "flanneld"):
        broken.sh("systemctl start --no-block docker")
        dropped = run(broken, name="docker", state="stopped").last
    assert dropped.changed and dropped.result["diff"]["before"]["docker.service"]["job"] == "start waiting"
    assert "docker.service" not in broken.sh("systemctl list-jobs --no-legend")


def test_the_module_itself_does_the_same_where_python_is(machine: MachineFactory) -> None:
    target = machine("healthy", python=True)
    write_units(target)

    def in_background(*, check: bool = False, **options: Any) -> Play:
        return target.play([{MODULE: options, "async": 60, "poll": 1}], check=check, diff=True)

    done = in_background(name="lab-ok", state="started", enabled=True).last
    assert done.changed and done.result["actions"] == ["enable lab-ok.service", "start lab-ok.service"]
    assert state(target, "lab-ok") == "active"
    assert not in_background(name="lab-ok", state="started", enabled=True).last.changed
    assert not run(target, name="lab-ok", state="started", enabled=True).last.changed

    failed = in_background(name="lab-behind", state="started").last
    assert failed.outcome == "failed" and "because of lab-fails.service, which is failed" in failed.message
    assert any("out of luck" in line for line in failed.result["journal"]["lab-fails.service"])
    assert "is not the name of a unit" in in_background(name="lab*", state="started").last.message
