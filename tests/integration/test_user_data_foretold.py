# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What check mode and diff foretell of a user-data, held against what then happens on the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.container_linux.remediation.tests.integration.chain import pid
from ansible_collections.container_linux.remediation.tests.integration.user_data import (
    AS_ROOT,
    FILE,
    FINGERPRINT,
    config,
    rerun,
)

if TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.tests.integration.conftest import Machine, MachineFactory

LOCKSMITH = "locksmithd.service"
ENGINE = "update-engine.service"
REFUSED = "so that systemd refuses that, and the run stops there"

# The units as the operating system has them, but for what cannot be had and for what keeps them from a container.
UPDATES = r"""
cd /usr/lib/systemd/system
for NAME in locksmithd update-engine; do
  RUN=/usr/lib/coreos/$NAME-stand-in
  printf '#!/bin/sh\necho "stand-in for %s"\nexec sleep infinity\n' "$NAME" >"$RUN"
  chmod 755 "$RUN"
  printf '%s\n' '[Unit]' "Description=A stand-in for $NAME" 'ConditionPathExists=!/usr/.noupdate' \
    '[Service]' 'EnvironmentFile=-/usr/share/coreos/update.conf' 'EnvironmentFile=-/etc/coreos/update.conf' \
    "ExecStart=$RUN" 'Restart=on-failure' 'RestartSec=10s' '[Install]' 'WantedBy=multi-user.target' >"$NAME.service"
  mkdir -p multi-user.target.wants
  ln -sf "../$NAME.service" multi-user.target.wants/
done
systemctl daemon-reload
systemctl start locksmithd update-engine
"""


def app(version: int, command: str = "start") -> tuple[str, ...]:
    """A unit whose drop-in has a version."""
    return (
        "    - name: app.service",
        f"      command: {command}",
        "      content: |",
        "        [Service]",
        "        ExecStart=/usr/bin/sleep infinity",
        "      drop-ins:",
        "        - name: 10-version.conf",
        "          content: |",
        "            [Service]",
        f"            Environment=VERSION={version}",
    )


def update(*lines: str) -> tuple[str, ...]:
    return ("  update:", *(f"    {line}" for line in lines))


def calls(diff: dict[str, str]) -> list[str]:
    """What coreos-cloudinit is to call systemd for, by the right side of a diff."""
    told = [line.split(" ", 2)[2] for line in diff["after"].splitlines() if line.startswith("call: systemctl ")]
    own = [line for line in told if not line.endswith(", for its new files")]
    return [" ".join(line.split()[:2]).rstrip(",") for line in own if line != "daemon-reload"]


def both(host: Machine, **params: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The results of check mode, which may change nothing, and of the run itself."""
    before = host.sh(FINGERPRINT)
    foretold = host.play([rerun(**params)], check=True, diff=True, options=AS_ROOT)
    assert foretold.rc == 0, foretold.output
    assert host.sh(FINGERPRINT) == before
    done = host.play([rerun(**params)], diff=True, options=AS_ROOT)
    return foretold.last.result, done.last.result


def hold(foretold: dict[str, Any], done: dict[str, Any]) -> None:
    """What was foretold is what was done, told and called."""
    assert "msg" not in done, done["msg"]
    assert foretold["actions"] == done["actions"]
    assert foretold["diff"] == done["diff"]
    assert foretold["changed"] == done["changed"]
    warnings = [text.replace("would not be restarted", "was not restarted") for text in foretold.get("warnings", [])]
    assert warnings == done.get("warnings", [])
    (run,) = done["applied"].values()
    assert calls(foretold["diff"][0]) == [f"{command['verb']} {command['unit']}" for command in run["commands"]]


def proved(done: dict[str, Any]) -> dict[tuple[str, str], bool]:
    (proof,) = done["proof"].values()
    return {(unit["name"], unit["asked"]): unit["as_asked"] for unit in proof["units"]}


@pytest.mark.parametrize("release", ["1010", "2512"])
def test_the_seeds_own(machine: MachineFactory, release: str) -> None:
    host = machine("user-data-one-boot-late", release=release, fresh=True)
    foretold, done = both(host, restart_changed_units=True)
    hold(foretold, done)
    (diff,) = foretold["diff"]
    assert "/etc/test.txt: absent" in diff["before"]
    doubts = [line.split()[3] for line in diff["after"].splitlines() if line.startswith("not known: whether ")]
    assert doubts == (["etcd.service", "fleet.service"] if release == "1010" else [])
    assert done["left_behind"]["changed_units"] == []


@pytest.mark.parametrize("release", ["1010", "2512"])
def test_what_is_masked_while_it_runs(machine: MachineFactory, release: str) -> None:
    """No restart can help it, and systemd has not even noticed the mask."""
    host = machine("user-data-fresh", release=release, fresh=True)
    first = config(1, "coreos:", "  units:", *app(1))
    assert host.play([rerun(content=first)], options=AS_ROOT).rc == 0
    process = pid(host, "app.service")
    for number, restarts in ((2, True), (3, False)):
        content = config(number, "coreos:", "  units:", "    - name: app.service", "      mask: true")
        foretold, done = both(host, content=content, restart_changed_units=restarts)
        hold(foretold, done)
        masked = "it is masked now, though it still runs; stop it, or lift the mask"
        assert done.get("warnings", []) == [f"app.service was not restarted, for {masked}."] * restarts
        (left,) = done["left_behind"]["changed_units"]
        assert (left["name"], left["hindrance"]) == ("app.service", masked)
        assert pid(host, "app.service") == process
        host.sh("rm /etc/systemd/system/app.service; systemctl daemon-reload")


@pytest.mark.parametrize("release", ["1010", "2512"])
def test_updates_and_a_drop_in_that_changes(machine: MachineFactory, release: str) -> None:
    host = machine("user-data-fresh", release=release, fresh=True)
    host.sh(UPDATES)

    def put(number: int, *lines: str, **params: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        content = config(number, "coreos:", *lines)
        foretold, done = both(host, content=content, restart_changed_units=True, **params)
        hold(foretold, done)
        return foretold, done

    strategy = "best-effort" if release == "1010" else "etcd-lock"
    first = pid(host, LOCKSMITH), pid(host, ENGINE)
    foretold, done = put(1, *update(f"reboot-strategy: {strategy}", "group: beta"), "  units:", *app(1))
    assert calls(foretold["diff"][0]) == ["start app.service", f"restart {LOCKSMITH}", f"restart {ENGINE}"]
    assert all(proved(done).values()) and (LOCKSMITH, "restarted for coreos.update") in proved(done)
    assert pid(host, LOCKSMITH) != first[0] and pid(host, ENGINE) != first[1]

    # the drop-in of what runs, and no reboots any more; only user-data calls for the first
    process = pid(host, "app.service")
    foretold, done = put(2, *update('reboot-strategy: "off"'), "  units:", *app(2))
    assert foretold["actions"][-1] == "systemctl restart app.service"
    assert calls(foretold["diff"][0])[1:] == [f"stop {LOCKSMITH}"]
    assert f"{LOCKSMITH}: masked for coreos.update" in foretold["diff"][0]["after"]
    assert proved(done)[LOCKSMITH, "masked for coreos.update"] and proved(done)[LOCKSMITH, "stopped for coreos.update"]
    assert host.sh(f"systemctl is-enabled {LOCKSMITH} || :").strip() == "masked-runtime"
    assert pid(host, "app.service") != process

    # user-data restarts it by itself, and systemd notices that locksmithd is not masked any more
    foretold, done = put(3, *update("reboot-strategy: reboot"), "  units:", *app(3, "restart"))
    assert not any("restart app" in action for action in foretold["actions"])
    assert f"{LOCKSMITH}: masked in /run\n" in foretold["diff"][0]["before"]
    assert done["left_behind"] == {"changed_units": [], "no_longer_asked_for": []}
    assert host.sh(f"systemctl is-active {LOCKSMITH}").strip() == "active"

    # what a section makes is new for sure only where nothing is there yet
    foretold, done = put(4, "  locksmith:", "    window_start: '1:00'", "  units:", *app(3))
    assert foretold["actions"][-1] == f"systemctl restart {LOCKSMITH}"
    foretold, done = put(5, "  locksmith:", "    window_start: '1:00'", "  units:", *app(3))
    assert f"not known: whether {LOCKSMITH} is restarted" in foretold["diff"][0]["after"]


@pytest.mark.parametrize("release", ["1010", "2512"])
def test_what_systemd_refuses_is_foretold(machine: MachineFactory, release: str) -> None:
    host = machine("user-data-fresh", release=release, fresh=True)

    def put(strategy: str) -> tuple[str, str]:
        """What is foretold of the last call, and why the task failed."""
        foretold, done = both(host, content=config(1, "coreos:", *update(f"reboot-strategy: {strategy}")))
        return foretold["diff"][0]["after"].splitlines()[-1], done.get("msg", "")

    call = f"call: systemctl restart {LOCKSMITH}, for coreos.update"
    told, said = put("reboot")
    assert told == f"{call} (it is not-found, {REFUSED})"
    assert f"Unit {LOCKSMITH} not found" in said
    host.sh(UPDATES)
    told, said = put("'off'")
    assert (told, said) == (f"call: systemctl stop {LOCKSMITH}, for coreos.update", "")
    # systemd notices the mask, and then not that it is lifted
    host.sh("systemctl daemon-reload")
    told, said = put("reboot")
    assert told == f"{call} (it is masked until systemd reads its files anew, so that the run may stop there)"
    assert f"Unit {LOCKSMITH} is masked" in said


NO_SUCH = "no-such.service"
ABSENT = f"and it is not-found, {REFUSED}; leave that out, or bring the unit with 'content'."


@pytest.mark.parametrize(
    ("lines", "told", "warned", "said"),
    [
        (
            (f"    - name: {NO_SUCH}", "      command: start"),
            f"call: systemctl start {NO_SUCH} (it is not-found, {REFUSED})",
            f"The given user-data, line 7: '{NO_SUCH}' is to start, {ABSENT}",
            f"Unit {NO_SUCH} not found.'. Take what calls for {NO_SUCH} out of the user-data, or bring the",
        ),
        (
            (f"    - name: {NO_SUCH}", "      command: stop"),
            f"call: systemctl stop {NO_SUCH} (it is not-found, {REFUSED})",
            f"The given user-data, line 7: '{NO_SUCH}' is to stop, {ABSENT}",
            f"Unit {NO_SUCH} not loaded.'. Take what calls for {NO_SUCH} out of the user-data, or bring the",
        ),
        (
            (f"    - name: {NO_SUCH}", "      enable: true", *app(1)),
            f"{NO_SUCH}: enabled (it is not-found, {REFUSED})",
            f"The given user-data, line 7: '{NO_SUCH}' is to be enabled, {ABSENT}",
            f"Unit file {NO_SUCH} does not exist.'. Take what calls for {NO_SUCH} out of the user-data, or bring the",
        ),
        (
            ("    - name: blocked.service", "      command: try-restart"),
            f"call: systemctl try-restart blocked.service (it is masked, {REFUSED})",
            f"The given user-data, line 7: 'blocked.service' is to try-restart, and it is masked, {REFUSED}; leave "
            f"that out, or lift the mask with 'systemctl unmask'.",
            "Unit blocked.service is masked.'. Take what calls for blocked.service out of the user-data, or lift its",
        ),
    ],
)
def test_what_systemd_refuses_to_the_user_is_foretold(
    machine: MachineFactory, lines: tuple[str, ...], told: str, warned: str, said: str
) -> None:
    host = machine("user-data-fresh")
    host.sh("ln -sf /dev/null /etc/systemd/system/blocked.service; systemctl daemon-reload")
    content = config(1, "coreos:", "  units:", *lines)
    foretold, failed = both(host, content=content)
    assert told in foretold["diff"][0]["after"].splitlines()
    assert said in failed["msg"]
    # nobody but the reader can tell whether something else brings it by then
    plain = host.play([rerun(content=content)], check=True, options=AS_ROOT)
    for result in (foretold, failed, plain.last.result):
        assert result["warnings"] == [warned]


def test_what_is_brought_is_not_warned_of(machine: MachineFactory) -> None:
    """By an item further down, as an instance, by write_files, or by what takes the place of a mask."""
    host = machine("user-data-fresh", fresh=True)
    host.sh("ln -sf /dev/null /etc/systemd/system/masked.service; systemctl daemon-reload")
    called = ("late.service", "of@1.service", "file.service", "masked.service")
    lines = ["  - path: /etc/systemd/system/file.service", "    content: |"]
    lines += ["      [Service]", "      ExecStart=/usr/bin/sleep infinity", "coreos:", "  units:"]
    for name in called:
        lines += [f"    - name: {name}", "      command: start"]
    for name in ("late.service", "of@.service", "masked.service"):
        lines += [f"    - name: {name}", "      content: |"]
        lines += ["        [Service]", "        ExecStart=/usr/bin/sleep infinity"]
    foretold, done = both(host, content=config(1, *lines))
    hold(foretold, done)
    assert not done.get("warnings")
    assert all(proved(done)[name, "started"] for name in called)


def test_containers_are_spared_as_foretold(machine: MachineFactory) -> None:
    host = machine("healthy", fresh=True)
    host.sh("docker load -qi /usr/share/oem/busybox.tar && docker run -d --name canary busybox sleep 1000")

    def drop_ins(number: int) -> str:
        units = [
            line
            for name in ("docker.service", "flanneld.service", "etcd2.service", "ssh.service")
            for line in (
                f"    - name: {name}",
                "      drop-ins:",
                "        - name: 20-new.conf",
                "          content: |",
                "            [Unit]",
                f"            Documentation=man:number-{number}",
            )
        ]
        return config(number, "coreos:", "  units:", *units)

    foretold, done = both(host, content=drop_ins(1), restart_changed_units=True)
    hold(foretold, done)
    assert foretold["actions"][-1] == "systemctl restart etcd2.service"
    assert len(foretold["warnings"]) >= 3
    host.sh("docker kill canary")
    given = rerun(content=drop_ins(2), restart_changed_units=True)
    without_diff = host.play([given], check=True, options=AS_ROOT).last.result["actions"]
    foretold, done = both(host, content=drop_ins(2), restart_changed_units=True)
    hold(foretold, done)
    assert foretold["actions"] == without_diff
    assert "systemctl restart docker.service" in foretold["actions"]
    assert FILE in done["applied"]
