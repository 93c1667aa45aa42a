# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role user_data and the playbook reapply-user-data.yml: what they do and tell, and what they leave alone."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import PLACES
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.watch import watch_unit
from ansible_collections.container_linux.remediation.tests.integration.chain import (
    CANARY,
    changed,
    container_runs,
    one_sentence,
    pid,
    recap,
    sudo_calls,
    watched,
)
from ansible_collections.container_linux.remediation.tests.integration.user_data import (
    AS_ROOT,
    FILE,
    FINGERPRINT,
    MEMORY,
    REAPPLY,
    UNIT,
    WATCH,
    config,
    in_force,
    place,
    rerun,
    runs,
    standing,
    untouched,
)
from ansible_collections.container_linux.remediation.tests.machine.testmachine.paths import USER_DATA

if TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.tests.integration.conftest import (
        Machine,
        MachineFactory,
        Play,
    )

MACHINE = USER_DATA.parent / "machine"
FIX = "container_linux.remediation.fix_docker"
SECRET = "Geheim-7f3a"

UNITS = ("coreos:", "  units:")


def app(version: int) -> tuple[str, ...]:
    return (
        "    - name: app.service",
        "      command: start",
        "      content: |",
        "        [Service]",
        f"        Environment=VERSION={version}",
        "        ExecStart=/usr/bin/sleep infinity",
    )


OLD = (
    "    - name: old.service",
    "      command: start",
    "      enable: true",
    "      content: |",
    "        [Service]",
    "        ExecStart=/usr/bin/sleep infinity",
    "        [Install]",
    "        WantedBy=multi-user.target",
)
FAILS = (
    "    - name: fails.service",
    "      command: start",
    "      content: |",
    "        [Service]",
    "        Type=oneshot",
    "        ExecStart=/usr/bin/false",
)
REFUSED = ("    - name: none-such.service", "      command: start")


def provision(host: Machine, name: str) -> None:
    words: list[str | Path] = [MACHINE, "provision", host.name, "--user-data", USER_DATA / name]
    subprocess.run(words, stdin=subprocess.DEVNULL, check=True, capture_output=True, timeout=120)


# the success path


def test_the_playbook_brings_it_up_to_date_and_then_leaves_it(machine: MachineFactory) -> None:
    host = machine("user-data-fresh")
    host.sh(place(config(1)))
    before, count = host.sh(FINGERPRINT), runs(host)
    predicted = host.playbook(REAPPLY, check=True, diff=True)
    assert predicted.rc == 0 and recap(predicted)["changed"] == 1, predicted.output
    assert "To do: systemctl restart" in predicted.output and "/etc/luck.txt" in predicted.output
    assert "number-1" not in predicted.output
    assert host.sh(FINGERPRINT) == before

    calls = sudo_calls(host)
    done = host.playbook(REAPPLY)
    # to know, to act, to prove, and the first count itself
    assert sudo_calls(host) - calls == 4
    assert done.rc == 0 and recap(done)["changed"] == 1, done.output
    assert "Done: systemctl restart" in done.output and "Proved: " in done.output
    assert standing(host) == in_force(1) and runs(host) == count + 1

    before, calls = host.sh(FINGERPRINT), sudo_calls(host)
    for check in (False, True):
        untouched(host, host.playbook(REAPPLY, check=check, diff=True), before)
    # two runs of one round trip each, the two looks here, and the first count itself
    assert sudo_calls(host) - calls == 5
    assert runs(host) == count + 1


@pytest.mark.parametrize("how", ["content", "src"])
def test_the_role_puts_a_given_one_in_place(machine: MachineFactory, tmp_path: Path, how: str) -> None:
    host = machine("user-data-fresh")
    host.sh(place(config("old")) + f"; chown core {FILE}; chmod 640 {FILE}")
    assert host.play([rerun()], options=AS_ROOT).rc == 0
    (tmp_path / "user-data").write_text(config(how))
    given = {"user_data_content": config(how)} if how == "content" else {"user_data_src": str(tmp_path / "user-data")}
    before, count = host.sh(FINGERPRINT), runs(host)
    predicted = host.playbook(REAPPLY, check=True, diff=True, variables=given)
    assert predicted.rc == 0 and recap(predicted)["changed"] == 1, predicted.output
    assert f"To do: put the given user-data at {FILE}" in predicted.output
    assert f"number-{how}" not in predicted.output.replace(str(given), "")
    assert host.sh(FINGERPRINT) == before

    done = host.playbook(REAPPLY, variables=given)
    assert done.rc == 0 and recap(done)["changed"] == 1, done.output
    assert standing(host) == in_force(how) and runs(host) == count + 1
    assert host.sh(f"cat {FILE}") == config(how)
    assert host.sh(f"stat -c '%U %a' {FILE}").strip() == "core 640"
    assert host.sh(f"stat -c '%U %a' '{MEMORY}' '{MEMORY}.good'").split() == ["root", "600"] * 2
    before = host.sh(FINGERPRINT)
    for variables in (given, {}):
        untouched(host, host.playbook(REAPPLY, variables=variables), before)
    assert runs(host) == count + 1


def test_both_ways_at_once_are_refused(machine: MachineFactory) -> None:
    host = machine("user-data-fresh")
    before = host.sh(FINGERPRINT)
    both = {"user_data_content": config(1), "user_data_src": "/etc/hostname"}
    one_sentence(host.playbook(REAPPLY, variables=both), "user_data_content and user_data_src are both given")
    assert host.sh(FINGERPRINT) == before


def test_what_it_does_not_do_is_told_and_done_on_demand(machine: MachineFactory) -> None:
    host = machine("user-data-fresh")
    first = config(1, "  - path: /etc/old.txt", "    content: old", *UNITS, *app(1), *OLD)
    assert host.play([rerun(content=first)], options=AS_ROOT).rc == 0
    process = pid(host, "app.service")

    second = host.play([rerun(content=config(2, *UNITS, *app(2)))], options=AS_ROOT)
    assert second.rc == 0, second.output
    left = second.last.result["left_behind"]
    assert [unit["name"] for unit in left["changed_units"]] == ["app.service"]
    assert {(item["kind"], item["name"]) for item in left["no_longer_asked_for"]} == {
        ("file", "/etc/old.txt"),
        ("unit", "old.service"),
        ("enabled", "old.service"),
    }
    assert pid(host, "app.service") == process
    assert host.sh("systemctl is-active old.service").strip() == "active"

    third = host.playbook(
        REAPPLY,
        variables={"user_data_content": config(3, *UNITS, *app(3)), "user_data_restart_changed_units": True},
    )
    assert third.rc == 0 and "Done: systemctl restart app.service" in third.output, third.output
    now = pid(host, "app.service")
    assert now != process
    assert "VERSION=3" in host.sh(f"tr '\\0' '\\n' </proc/{now}/environ").split()


def test_what_is_only_to_be_said_is_a_warning(machine: MachineFactory) -> None:
    host = machine("user-data-fresh")
    given = config(4, "write_file: []", "coreos:", "  flannel:", "    etcd_endpoint: http://127.0.0.1:2379")
    play = host.playbook(REAPPLY, variables={"user_data_content": given})
    assert play.rc == 0 and standing(host) == in_force(4), play.output
    warnings = " ".join(" ".join(task.result.get("warnings", [])) for task in play.tasks)
    for word in ("line 5: ", "'write_file'", "'write_files'", "line 8: ", "'etcd_endpoint'", "'etcd_endpoints'"):
        assert word in warnings


def test_a_script_runs_where_that_is_allowed(machine: MachineFactory) -> None:
    host = machine("user-data-fresh")
    given = {"user_data_content": "#!/bin/sh\necho ran >/run/script\nexit 7\n", "user_data_allow_scripts": True}
    play = host.playbook(REAPPLY, variables=given)
    assert play.rc == 0 and recap(play)["changed"] == 1, play.output
    # what becomes of it nobody has seen, and its unit tells
    assert "Proved" not in play.output
    (warning,) = (warning for task in play.tasks for warning in task.result.get("warnings", []))
    name = warning.removeprefix("The given user-data is a script, which ").partition(" runs, and nobody has waited")[0]
    wait = f"until [ $(systemctl show -p ExecMainStatus '{name}') = ExecMainStatus=7 ]; do sleep 0.1; done"
    host.sh(f"timeout 60 sh -c {shlex.quote(wait)}")
    host.sh("timeout 60 sh -c 'until [ -s /run/script ]; do sleep 0.1; done'")
    again = host.playbook(REAPPLY, variables=given)
    assert again.rc == 0 and recap(again)["changed"] == 0, again.output


OURS = f"""
find / /run -xdev \\( -name '*container-linux-remediation*' -o -lname '*container-linux-remediation*' \\) | sort
find /etc /run/systemd/system /var/lib/container-linux-remediation /run/container-linux-remediation* | sort
systemctl list-units --all --no-legend '*container-linux-remediation*'
systemctl show -p DropInPaths -p TriggeredBy '{UNIT}'
sha256sum {FILE}
"""
"""All that is there of ours and where it could be, and the user-data."""


def watch_applies(host: Machine, text: str) -> None:
    """Have another user-data come, and wait until the watch has brought that about, and watches again."""
    is_done = f"grep -q number-{text} /etc/luck.txt && systemctl list-jobs | grep -q 'No jobs'"
    wait = shlex.quote(f"until {is_done}; do sleep 0.2; done")
    host.sh(f"{place(config(text))}; timeout 60 sh -c {wait}")


def test_a_watch_comes_and_goes_by_the_role(machine: MachineFactory) -> None:
    host = machine("user-data-fresh")
    host.sh(place(config(1)))
    assert host.play([rerun()], options=AS_ROOT).rc == 0
    # that its path unit has nothing more to do in this boot is the watch's doing
    host.sh(f"systemctl stop {WATCH}")
    there = host.sh(OURS)
    before = host.sh(FINGERPRINT)
    predicted = host.playbook(REAPPLY, check=True, variables={"user_data_watch": True})
    assert predicted.rc == 0 and "To do: install container-linux-remediation-user-data@" in predicted.output
    assert host.sh(FINGERPRINT) == before
    count = runs(host)
    assert recap(host.playbook(REAPPLY, variables={"user_data_watch": True}))["changed"] == 1
    before = host.sh(FINGERPRINT)
    untouched(host, host.playbook(REAPPLY, variables={"user_data_watch": True}), before)
    assert runs(host) == count and "container-linux-remediation-user-data@" in host.sh(OURS)

    since = host.sh("date +%s").strip()
    watch_applies(host, SECRET)
    said = host.sh(f"journalctl --sync; journalctl -q --since=@{since} -t container-linux-remediation-user-data")
    assert f"{FILE}: it has changed since {UNIT} ran last, so that was restarted to run it." in said
    assert SECRET not in said
    watch_applies(host, "1")

    before, user_data, count = host.sh(FINGERPRINT), host.sh(f"stat {FILE}"), runs(host)
    predicted = host.playbook(REAPPLY, check=True, variables={"user_data_watch": False})
    assert predicted.rc == 0 and "To do: remove container-linux-remediation-user-data@" in predicted.output
    assert host.sh(FINGERPRINT) == before
    done = host.playbook(REAPPLY, variables={"user_data_watch": False})
    assert done.rc == 0 and recap(done)["changed"] == 1, done.output
    assert (host.sh(f"stat {FILE}"), runs(host)) == (user_data, count)
    assert host.sh(OURS) == there
    before = host.sh(FINGERPRINT)
    untouched(host, host.playbook(REAPPLY, variables={"user_data_watch": False}), before)
    host.sh(f"systemctl start {WATCH}")


# failure


def test_a_job_that_failed_at_boot(machine: MachineFactory) -> None:
    """The run itself went well, says its exit status."""
    host = machine("user-data-job-failed", fresh=True)
    failed = host.playbook(REAPPLY)
    one_sentence(
        failed,
        f"{FILE} was applied, but not all that it calls systemd for went well",
        "'start docker.service' with 'dependency'",
        "storage.service",
    )
    host.sh(f"sed 's|/usr/bin/false|/usr/bin/true|' {FILE} >/tmp/uploaded; mv /tmp/uploaded {FILE}")
    done = host.playbook(REAPPLY)
    assert done.rc == 0 and recap(done)["changed"] == 1, done.output
    assert container_runs(host)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (FAILS, ("'start fails.service' with 'failed'", "nothing of it was run")),
        (REFUSED, ("Unit none-such.service not found", "has it run again")),
    ],
)
def test_what_was_there_is_put_back(machine: MachineFactory, bad: tuple[str, ...], words: tuple[str, ...]) -> None:
    host = machine("user-data-fresh")
    host.sh(place(config(1)) + f"; chown core:daemon {FILE}; chmod 604 {FILE}")
    assert host.play([rerun()], options=AS_ROOT).rc == 0
    about = f"sha256sum {FILE}; stat -c '%U:%G %a %s' {FILE}; find {FILE.rpartition('/')[0]}; cat '{MEMORY}.good'"
    before = host.sh(about)
    given = {"user_data_content": config(2, *UNITS, *bad)}
    failed = host.playbook(REAPPLY, variables=given)
    one_sentence(failed, FILE, f"What was at {FILE} before was put back", *words)
    assert host.sh(about) == before
    # its path unit runs on a failure as often as systemd lets it
    host.sh(f"until systemctl is-active -q '{UNIT}'; do sleep 0.1; done")
    again = host.playbook(REAPPLY, variables=given)
    one_sentence(again, *words)
    assert host.play([rerun(content=config(3))], options=AS_ROOT).rc == 0
    assert standing(host) == in_force(3)


def test_what_was_there_is_put_back_under_a_watch(machine: MachineFactory) -> None:
    """That runs it again if it was in force, and else not: nobody has looked at it."""
    host = machine("user-data-fresh", fresh=True)
    host.sh(place(config(1)))
    assert host.play([rerun(watch=True)], options=AS_ROOT).rc == 0
    given = {"user_data_content": config(2, *UNITS, *FAILS)}
    one_sentence(
        host.playbook(REAPPLY, variables=given), f"What was at {FILE} before was put back; its watch sees that"
    )
    host.sh("timeout 60 sh -c 'until grep -q number-1 /etc/luck.txt; do sleep 0.2; done'")
    host.sh(f"until systemctl is-active -q '{UNIT}'; do sleep 0.1; done")
    again = host.play([rerun()], options=AS_ROOT)
    assert again.rc == 0 and not again.last.changed, again.output

    ours = shlex.quote(watch_unit(PLACES[0]))
    host.sh(f"systemctl stop {ours}; {place(config(3))}; systemctl start {ours}")
    count = runs(host)
    one_sentence(host.playbook(REAPPLY, variables=given), "was put back, and nothing of it was run")
    # it would wait for two seconds without a change
    host.sh("sleep 5")
    assert runs(host) == count + 1
    assert host.sh(f"grep -o 'number-.*' {FILE} /etc/luck.txt").split() == [
        f"{FILE}:number-3",
        "/etc/luck.txt:number-2",
    ]
    watch_applies(host, "4")


def test_where_nothing_was_nothing_is_left(machine: MachineFactory) -> None:
    host = machine("user-data-fresh", fresh=True)
    host.sh(f"rm {FILE}; systemctl stop '{UNIT}'; systemctl start coreos-cloudinit-vagrant-user.path")
    given = {"user_data_content": config(1, *UNITS, *REFUSED)}
    one_sentence(host.playbook(REAPPLY, variables=given), f"There was no {FILE} before, so it was removed again.")
    assert host.sh(f"ls -A {FILE.rpartition('/')[0]}") == ""
    # the host waits for it as it did before
    host.sh(place(config(2)) + f"; timeout 60 sh -c \"until systemctl is-active -q '{UNIT}'; do sleep 0.1; done\"")
    assert "number-2" in host.sh("cat /etc/luck.txt")


# the chain of both stories


@pytest.mark.parametrize("release", ["1010", "2512"])
def test_a_run_that_waits_for_flannel_is_cured_by_the_other_playbook(machine: MachineFactory, release: str) -> None:
    host = machine("user-data-blocked", release=release, fresh=True)
    stuck = host.playbook(REAPPLY, variables={"user_data_timeout": 5})
    one_sentence(
        stuck,
        f"{FILE} is not applied whole",
        'at \'Calling unit command "start" on "flanneld.service"\'',
        "flanneld waits for a network config that nobody has written: /coreos.com/network/config",
        "Create the key",
    )
    assert stuck.last.result["failures"][0]["unit"] == "flanneld.service"
    cured = host.playbook(FIX)
    assert cured.rc == 0 and "Create the config where there is none" in changed(cured), cured.output
    host.sh(f"timeout 60 /bin/sh -c \"until systemctl is-active -q '{UNIT}'; do sleep 0.2; done\"")
    for _time in range(2):
        done = host.playbook(REAPPLY)
        assert done.rc == 0 and recap(done)["failed"] == 0, done.output
    assert recap(done)["changed"] == 0
    assert container_runs(host)


def test_a_run_that_waits_is_overtaken_by_the_next_user_data(machine: MachineFactory) -> None:
    """Nobody waits for the one that hangs: the new one writes the key, too, and does both in one go."""
    host = machine("user-data-blocked", fresh=True)
    provision(host, "flannel-with-key.yml")
    done = host.playbook(REAPPLY, variables={"user_data_timeout": 90})
    assert done.rc == 0 and recap(done)["changed"] == 1, done.output
    assert container_runs(host)
    again = host.playbook(REAPPLY)
    assert again.rc == 0 and recap(again)["changed"] == 0, again.output


# secrets


def test_no_content_is_told(machine: MachineFactory, tmp_path: Path) -> None:
    """Neither by Ansible at -vvv, nor in any argument list or line of the journal of the host."""
    host = machine("user-data-fresh")
    text = "".join(
        f"{line}\n"
        for line in (
            "#cloud-config",
            f"# {SECRET}",
            "users:",
            "  - name: guest",
            f"    passwd: {SECRET}",
            "coreos:",
            "  etcd2:",
            f"    discovery: https://discovery.etcd.io/{SECRET}",
            "  units:",
            "    - name: app.service",
            "      command: start",
            "      content: |",
            "        [Service]",
            f"        Environment=TOKEN={SECRET}",
            "        ExecStart=/usr/bin/sleep infinity",
            "write_files:",
            "  - path: /etc/luck.txt",
            f"    content: {SECRET}",
        )
    )
    source = tmp_path / "user-data"
    source.write_text(text)
    variables = tmp_path / "variables.json"
    variables.write_text(json.dumps({"user_data_content": text}))
    fails = tmp_path / "fails"
    fails.write_text(text + "\n".join(("  - path: /usr/nowhere/x", f"    content: {SECRET}", "")))
    options = ("-vvv",)
    plays: list[Play] = []
    since = host.sh("date +%s").strip()
    with watched(host, SECRET) as seen:
        for check, diff in ((True, True), (False, True), (False, False)):
            files = (*options, f"--extra-vars=@{variables}")
            plays.append(host.playbook(REAPPLY, options=files, check=check, diff=diff))
        assert [play.rc for play in plays] == [0, 0, 0], plays[1].output
        plays.append(host.playbook(REAPPLY, options=options, variables={"user_data_src": str(source)}))
        plays.append(host.playbook(REAPPLY, options=options, variables={"user_data_src": str(fails)}, diff=True))
        # coreos-cloudinit itself gives a user's password to useradd
        calls = seen()
        assert CANARY in calls
        assert [line for line in calls.splitlines() if SECRET in line and "useradd" not in line] == []
    assert [play.rc for play in plays] == [0, 0, 0, 0, 2]
    for play in plays:
        assert [line for line in play.output.splitlines() if SECRET in line] == []
        assert SECRET not in json.dumps([task.result for task in play.tasks])
    called = host.sh(f"journalctl --sync; journalctl -q --since=@{since} _COMM=sudo")
    assert "COMMAND=" in called and SECRET not in called
