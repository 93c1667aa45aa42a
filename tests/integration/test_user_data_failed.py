# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run that fails tells of what it has done, and what it takes down with it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from ansible_collections.container_linux.remediation.tests.integration.user_data import (
    AS_ROOT,
    FILE,
    INSTALL,
    MEMORY,
    UNIT,
    WATCH,
    config,
    place,
    rerun,
)

if TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.tests.integration.conftest import MachineFactory


def app(*settings: str) -> str:
    return config(
        1,
        *("coreos:", "  units:", "    - name: app.service", "      command: start", "      content: |"),
        *("        [Service]", *(f"        {line}" for line in settings), "        ExecStart=/usr/bin/sleep infinity"),
    )


def test_a_unit_that_does_not_come_up_again_hides_nothing_of_the_run(machine: MachineFactory) -> None:
    host = machine("user-data-fresh")
    host.sh(place(app()))
    assert host.play([rerun()], options=AS_ROOT).rc == 0
    # not the process itself: a simple service is up until that has ended, however soon
    host.sh(place(app("ExecStartPre=/usr/bin/false")))
    failed = host.play([rerun(restart_changed_units=True)], options=AS_ROOT).last.result
    assert failed["msg"].startswith("app.service did not restart"), failed
    assert failed["changed"] and failed["actions"]
    assert failed["sources"][FILE]["state"] == "stale"
    assert failed["applied"][FILE]["commands"] == [{"verb": "start", "unit": "app.service", "result": "done"}]
    assert failed["msg"].endswith(f"The last one that was proven is kept as {MEMORY}.good."), failed
    # what was given is not left in its place
    host.sh(place(app()))
    assert host.play([rerun()], options=AS_ROOT).rc == 0
    bad = app("ExecStartPre=/usr/bin/false")
    failed = host.play([rerun(content=bad, restart_changed_units=True)], options=AS_ROOT).last.result
    assert failed["msg"].startswith("app.service did not restart"), failed
    assert failed["msg"].endswith(f"What was at {FILE} before was put back, and nothing of it was run."), failed
    assert host.sh(f"cat {FILE}") == app()


def test_a_unit_that_does_not_stay_up_after_its_restart_is_not_proven(machine: MachineFactory) -> None:
    host = machine("user-data-fresh")
    host.sh(place(app()))
    assert host.play([rerun()], options=AS_ROOT).rc == 0
    # restarted, it is up for a second
    dying = app().replace("/usr/bin/sleep infinity", "/bin/sh -c 'sleep 1; exit 1'")
    host.sh(place(dying))
    for state in ("stale", "unproven"):
        failed = host.play([rerun(restart_changed_units=True)], options=AS_ROOT).last.result
        assert "app.service should be started and is not" in failed["msg"], failed
        assert failed["sources"][FILE]["state"] == state
    host.sh(place(config(1)))


def test_a_unit_that_dies_again_and_again_is_not_proven(machine: MachineFactory) -> None:
    host = machine("user-data-fresh")
    dying = app("Restart=always", "RestartSec=100ms", "StartLimitInterval=0")
    host.sh(place(dying.replace("/usr/bin/sleep infinity", "/bin/sh -c 'sleep 1; exit 1'")))
    failed = host.play([rerun()], options=AS_ROOT).last.result
    assert "app.service should be started and is not" in failed["msg"], failed
    host.sh(place(config(1)) + "; systemctl stop app.service")


def test_what_needs_the_path_unit_stays_up_when_that_is_stopped(machine: MachineFactory) -> None:
    host = machine("user-data-fresh")
    assert "user-config.target" in host.sh(
        r"systemctl show -p RequiredBy 'user-cloudinit@var-lib-coreos\x2dinstall-user_data.path'"
    )
    host.sh("systemctl start user-config.target")
    bad = config(1, "  - path: /etc/hostname/none", "    content: a")
    failed = host.play([rerun(path=INSTALL, content=bad)], options=AS_ROOT).last.result
    assert f"There was no {INSTALL} before, so it was removed again." in failed["msg"], failed
    assert host.sh("systemctl is-active user-config.target", check=False).strip() == "active"


def test_a_watch_that_cannot_be_installed_is_no_host_that_nothing_happened_to(machine: MachineFactory) -> None:
    host = machine("user-data-fresh")
    assert host.play([rerun()], options=AS_ROOT).rc == 0
    host.sh("mkdir /etc/systemd/system/container-linux-remediation-user-data@.service")
    failed = host.play([rerun(watch=True)], options=AS_ROOT).last.result
    host.sh("rm -rf /etc/systemd/system/container-linux-remediation-user-data@.service")
    assert "could not be installed" in failed["msg"], failed
    assert failed["changed"] and FILE in failed["sources"]


SPOILT = config(
    1,
    *("coreos:", "  units:", "    - name: spoil.service", "      command: restart"),
    *("      content: |", "        [Service]", "        Type=oneshot"),
    "        ExecStart=/bin/sh -c 'test ! -e /etc/spoil || echo spoilt >/etc/luck.txt'",
)


def test_what_was_not_proven_is_applied_again(machine: MachineFactory) -> None:
    host = machine("user-data-fresh")
    host.sh("touch /etc/spoil;" + place(SPOILT))
    for state in ("stale", "unproven"):
        failed = host.play([rerun()], options=AS_ROOT).last.result
        assert "not all that it asks for is there: file /etc/luck.txt differs (content)" in failed["msg"], failed
        assert failed["sources"][FILE]["state"] == state
    host.sh("rm /etc/spoil")
    for state, changed in (("unproven", True), ("current", False)):
        done = host.play([rerun()], options=AS_ROOT).last.result
        assert (done["sources"][FILE]["state"], done["changed"]) == (state, changed), done


LOOPING = config(
    1,
    *("coreos:", "  units:", "    - name: fine.service", "      content: |", "        [Service]"),
    *("        ExecStart=/usr/bin/sleep infinity", "    - name: none-such.service", "      command: start"),
)


@pytest.mark.parametrize("release", ["1010", "2512"])
def test_what_fails_is_not_run_again_and_again(machine: MachineFactory, release: str) -> None:
    """What reloads systemd, as each run does that writes a unit, hits no limit of starts."""
    host = machine("user-data-fresh", release=release, fresh=True)
    host.sh(place(LOOPING))
    failed = host.play([rerun()], options=AS_ROOT).last.result
    assert "none-such.service" in failed["msg"], failed
    assert f"Lest it be run again and again, {WATCH} was stopped; the next boot starts it." in failed["msg"], failed
    runs = f"journalctl -b -q -o cat _SYSTEMD_UNIT='{UNIT}' | grep -c 'Failed to apply'"
    quiet = f"journalctl --sync; before=$({runs}); sleep 3; journalctl --sync; echo $(($({runs}) - before))"
    assert host.sh(quiet).strip() == "0"
    # one that somebody else has set going is ended, and told by its own reason
    host.sh(f"systemctl start {WATCH} || true; systemctl --no-block restart '{UNIT}'; sleep 1")
    failed = host.play([rerun()], options=AS_ROOT).last.result
    assert "none-such.service" in failed["msg"], failed
    assert host.sh(quiet).strip() == "0"


def oneshot(name: str, command: str) -> str:
    return config(
        1,
        *("coreos:", "  units:", f"    - name: {name}", "      command: start", "      content: |"),
        *("        [Service]", "        Type=oneshot", f"        ExecStart={command}"),
    )


def test_a_unit_is_told_of_by_the_name_that_it_has(machine: MachineFactory) -> None:
    host = machine("user-data-fresh")
    unit = r"foo\x2dbar.service"
    host.sh(place(oneshot(unit, "/bin/sh -c 'echo my last words; exit 3'")))
    failed = host.play([rerun()], options=AS_ROOT).last.result
    assert f"'start {unit}' with 'failed'. {unit} did not start: its job ended with result 'failed'" in failed["msg"]
    assert "and it is failed" in failed["msg"] and "not-found" not in failed["msg"], failed
    assert any("my last words" in line for line in failed["journal"][unit]), failed
    assert failed["applied"][FILE]["units"] == [{"name": unit, "path": f"/etc/systemd/system/{unit}"}]
    assert failed["applied"][FILE]["commands"] == [{"verb": "start", "unit": unit, "result": "failed"}]

    unit = r"slow\x2dbar.service"
    host.sh(place(oneshot(unit, "/usr/bin/sleep 300")))
    blocked = host.play([rerun(timeout=4)], options=AS_ROOT).last.result
    host.sh(f"systemctl stop '{unit}'; until systemctl is-active '{UNIT}'; do sleep 0.2; done; " + place(config(1)))
    assert f"""at 'Calling unit command "start" on "{unit}"', and goes on without Ansible.""" in blocked["msg"], blocked
    assert f"{unit} did not start within 4 s" in blocked["msg"], blocked
    assert blocked["applied"][FILE]["doing"].count("\\") == 1


@pytest.mark.parametrize("release", ["1010", "2512"])
def test_a_run_that_waits_for_the_boot_has_not_begun(machine: MachineFactory, release: str) -> None:
    """The unit requires one that waits until the host's addresses are known."""
    host = machine("user-data-fresh", release=release, fresh=True)
    waiting = "coreos-setup-environment.service"
    host.sh(
        f"""
        mkdir /etc/systemd/system/{waiting}.d
        printf '[Service]\\nExecStartPre=/bin/sh -c "until [ -e /run/known ]; do sleep 0.2; done"\\n' \\
          >/etc/systemd/system/{waiting}.d/slow.conf
        systemctl daemon-reload
        systemctl --job-mode=ignore-dependencies stop {WATCH}
        systemctl stop {waiting}
        """
    )
    failed = host.play([rerun(content=config(1), timeout=3)], options=AS_ROOT).last.result
    assert failed["msg"].startswith(f"{FILE} is not applied yet: {UNIT} has not begun after 3 s, and is inactive"), (
        failed
    )
    assert f"still waits behind {waiting}, which is activating" in failed["msg"]
    assert f"The given user-data stays at {FILE}, for its run is not over." in failed["msg"]
    assert [found["waits_for"] for found in failed["failures"]] == [[waiting]]
    assert host.sh("ls /etc/luck.txt", check=False) == ""
    # it is not run twice for that
    host.sh("touch /run/known")
    done = host.play([rerun(content=config(1))], options=AS_ROOT).last.result
    assert done["sources"][FILE]["state"] in ("current", "applying"), done
    assert host.sh("cat /etc/luck.txt") == "number-1"


def test_what_a_run_that_failed_has_brought_is_told(machine: MachineFactory) -> None:
    def asks(name: str, *more: str) -> str:
        files = "".join(f"  - path: {path}\n    content: {name}\n" for path in ("/etc/each", f"/etc/{name}"))
        return f"#cloud-config\nwrite_files:\n{files}" + "".join(f"{line}\n" for line in more)

    missing = ("coreos:", "  units:", "    - name: missing.service", "      command: start")
    host = machine("user-data-fresh", fresh=True)
    assert host.play([rerun(content=asks("one"))], options=AS_ROOT).rc == 0
    # the file is put back, and what it brings with it
    failed = host.play([rerun(content=asks("two", *missing))], options=AS_ROOT).last.result
    assert failed["msg"].endswith("What it had brought until then stays: /etc/two."), failed
    settle = f"until [ $(cat /etc/each) = one ] && [ $(systemctl is-active '{UNIT}') = active ]; do sleep 0.1; done"
    host.sh(f"timeout 60 sh -c {shlex.quote(settle)}; ls /etc/two")
    # one that Vagrant has put there stays; of the one that takes its place that is left which either has brought
    host.sh(place(asks("three", *missing)))
    failed = host.play([rerun()], options=AS_ROOT).last.result
    assert "Failed to apply cloud-config: Unit missing.service not found." in failed["msg"], failed
    host.sh(place(asks("four")))
    done = host.play([rerun()], options=AS_ROOT).last.result
    left = [item["path"] for item in done["left_behind"]["no_longer_asked_for"]]
    assert {"/etc/one", "/etc/three"} <= set(left), done
    assert len(left) == len(set(left))
