# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pair that runs user-data again when its file has changed: when it does, and when it does not."""

from __future__ import annotations

import functools
import random
import re
import shlex
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ansible_collections.container_linux.remediation.plugins.module_utils._host import Completed, RemediationError, ask
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import escape_path, parse_show
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import (
    PLACES,
    Place,
    place_of,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.watch import (
    FILES,
    NAME,
    NOTES,
    SCRIPT,
    UNITS,
    WATCH_LOOK_SH,
    look_variables,
    set_watch,
    watch_unit,
    watched,
)
from ansible_collections.container_linux.remediation.tests.integration.user_data import AS_ROOT, rerun
from ansible_collections.container_linux.remediation.tests.machine.testmachine.paths import USER_DATA

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.container_linux.remediation.tests.integration.conftest import Machine, MachineFactory

MACHINE = USER_DATA.parent / "machine"
VAGRANT = PLACES[0]
LOCK = "/run/container-linux-remediation-user-data.lock"
SECRET = "hunter2-7d1f"
REMAINS = "find /etc /var /run /usr -xdev -name '*container-linux-remediation*' ! -name '*.lock'"


class Box:
    """A machine with a watch, and what has happened there in this boot."""

    def __init__(self, machine: Machine, place: Place = VAGRANT) -> None:
        self.machine = machine
        self.place = place
        self.path = shlex.quote(place.path)
        self.unit = shlex.quote(place.unit)
        self.watch = shlex.quote(watch_unit(place))
        self.service = shlex.quote(watch_unit(place).replace(".path", ".service"))

    def run(self, script: str) -> Completed:
        return self.machine.run(script)

    def provision(self, text: str, *options: str, patience: int = 40) -> None:
        """As `vagrant provision` does, or `vagrant reload --provision`."""
        file = self.machine.folder / "user-data"
        file.write_text(text)
        words: list[str | Path] = [MACHINE, "provision", self.machine.name, *options, "--user-data", file]
        subprocess.run(words, stdin=subprocess.DEVNULL, check=True, capture_output=True, timeout=120)
        self.rest(patience)

    def write(self, text: str) -> None:
        """Somebody puts another file in the place of the one that is there."""
        self.change(f"cat >{self.path}.new <<'EOF'\n{text}EOF\nmv {self.path}.new {self.path}\n")

    def change(self, script: str) -> None:
        self.machine.sh(script)
        self.rest()

    def rest(self, seconds: int = 40) -> None:
        """Wait until the watch and the unit have nothing more to do."""
        self.machine.sh(
            f"""
            sleep 1
            tries={seconds * 5}
            while systemctl is-active {self.service} {self.unit} | grep -q 'activating'; do
              tries=$((tries - 1))
              [ "$tries" -gt 0 ] || exit 1
              sleep 0.2
            done
            """
        )

    def runs(self) -> int:
        """How often coreos-cloudinit has fetched this user-data in this boot."""
        said = self.machine.sh(f"journalctl --sync; journalctl -b -q -o cat _SYSTEMD_UNIT={self.unit}")
        return said.count("Fetching user-data from datasource")

    def sentences(self) -> list[str]:
        return self.machine.sh(f"journalctl --sync; journalctl -b -q -o cat -t {NAME}").splitlines()

    def state(self, unit: str) -> str:
        return self.machine.sh(f"systemctl is-active {unit}", check=False).strip()

    def in_force(self, name: str) -> bool:
        return self.machine.sh(f"cat /etc/watched/{name} 2>/dev/null", check=False) == f"{SECRET}\n"

    def is_current(self) -> bool:
        """Whether what ran last is what is there."""
        note = f"{NOTES}/{shlex.quote(escape_path(self.place.path))}"
        noted, there = self.machine.sh(f"cat {note}; sha256sum <{self.path}").splitlines()
        return noted == there.split()[0]

    def watched(self) -> bool | None:
        body = f"LIMIT=10\n{WATCH_LOOK_SH}\nsection shown 10 systemctl show -p Id -p ActiveState -- {self.watch}"
        answer = ask(self, body, variables=look_variables([*PLACES, self.place]))
        return watched(answer, self.place, parse_show(answer["shown"].out)[0])


def asks(name: str) -> str:
    """A user-data whose effect is a file of this name."""
    return f"#cloud-config\nwrite_files:\n  - path: /etc/watched/{name}\n    content: |\n      {SECRET}\n"


@pytest.fixture(scope="module")
def boxes(machine: MachineFactory) -> Callable[[str], Box]:
    """A box of each release: watched, current, and at rest; each test leaves it so."""

    @functools.cache
    def bring_up(release: str) -> Box:
        box = Box(machine("user-data-fresh", release=release))
        assert box.watched() is None
        done = set_watch(box, VAGRANT, wanted=True)
        assert done[-3:] == ["daemon-reload", f"enable {watch_unit(VAGRANT)}", f"start {watch_unit(VAGRANT)}"]
        assert set_watch(box, VAGRANT, wanted=True) == []
        assert box.watched() is True
        box.rest()
        assert box.runs() == 1, "installing it is no reason to run anything"
        assert box.sentences() == []
        return box

    return bring_up


@pytest.fixture
def box(boxes: Callable[[str], Box]) -> Box:
    return boxes("1010")


@pytest.fixture(params=["1010", "2512"])
def each_box(request: pytest.FixtureRequest, boxes: Callable[[str], Box]) -> Box:
    """For what depends on the release: the order of its boot, and its coreos-cloudinit."""
    return boxes(request.param)


def test_each_of_three_reloads_is_right_in_the_same_boot(each_box: Box) -> None:
    for name in ("first", "second", "third"):
        assert not each_box.in_force(name)
        each_box.provision(asks(name), "--reload")
        assert each_box.in_force(name)
        assert each_box.runs() == 2, "one for the boot, with what was there, and one for what came"
        assert each_box.is_current()
        (sentence,) = each_box.sentences()
        assert re.fullmatch(
            f"{VAGRANT.path}: it has changed since user-cloudinit@.*, so that was restarted .*", sentence
        )
    assert each_box.state("user-config.target multi-user.target").split() == ["active", "active"]
    assert "No jobs running" in each_box.machine.sh("systemctl list-jobs")
    assert (
        each_box.machine.sh(
            f"systemd-analyze verify {each_box.watch} {each_box.service} {each_box.unit} 2>&1 | grep -F {NAME}; :"
        )
        == ""
    )


def test_boot_with_nothing_new_runs_it_once(each_box: Box) -> None:
    subprocess.run([MACHINE, "reboot", each_box.machine.name], check=True, capture_output=True, timeout=120)
    each_box.machine.sh(f"until systemctl is-active -q {each_box.unit}; do sleep 0.2; done; sleep 3")
    assert (each_box.runs(), each_box.sentences()) == (1, [])
    assert each_box.is_current()


def test_first_up_runs_it_once_though_both_paths_fire(each_box: Box) -> None:
    """At this boot even the directory comes later than the watch."""
    each_box.machine.sh("rm -rf /var/lib/coreos-vagrant")
    subprocess.run([MACHINE, "reboot", each_box.machine.name], check=True, capture_output=True, timeout=120)
    each_box.machine.sh("until systemctl is-active -q coreos-cloudinit-vagrant-user.path; do sleep 0.2; done")
    assert each_box.runs() == 0
    each_box.provision(asks("up"))
    assert each_box.in_force("up")
    assert each_box.runs() == 1
    assert [line for line in each_box.sentences() if "has run what is there, so nothing is to be done" in line]


def test_who_places_it_and_restarts_the_unit_is_left_to_it(box: Box) -> None:
    before = box.runs()
    box.machine.sh(f"cat >/run/new <<'EOF'\n{asks('placed')}EOF\n")
    box.change(f"flock {LOCK} sh -c {shlex.quote(f'mv /run/new {box.path}; sleep 5; systemctl restart {box.unit}')}")
    assert box.in_force("placed")
    assert box.runs() == before + 1
    assert box.sentences()[-1].endswith("so nothing is to be done.")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        ("#cloud-config\n\twrite_files: [\n", "coreos-cloudinit finds an error in it (line "),
        ("#!/bin/sh\ntouch /etc/watched/script\n", "it is a script, which the next boot runs"),
        ('{"ignition": {"version": "2.0.0"}}\n', "it looks like a config for Ignition"),
        (f"{SECRET}: 1\n", "it does not begin with '#cloud-config'"),
        ("#cloud-config\nhostname: [&a b" + ", *a" * 21 + "]\n", "it has more than 20 aliases"),
        ("#cloud-config\n#" + "x" * 1048576 + "\n", "it is not smaller than 1048576 bytes"),
    ],
    ids=["empty", "invalid", "script", "ignition", "headless", "aliases", "huge"],
)
def test_what_cannot_run_is_not_run(box: Box, text: str, why: str) -> None:
    before, said = box.runs(), len(box.sentences())
    box.provision(text)
    assert box.runs() == before
    (sentence,) = box.sentences()[said:]
    assert sentence.startswith(f"{VAGRANT.path}: it has changed, and nothing is run: {why}")
    assert SECRET not in sentence
    assert [box.state(unit) for unit in (box.unit, box.watch, box.service)] == ["active", "active", "inactive"]
    name = f"after-{random.getrandbits(32):x}"
    box.write(asks(name))
    assert box.in_force(name)
    assert box.runs() == before + 1


def test_flapping_file_runs_once_when_it_is_quiet(box: Box) -> None:
    before, said = box.runs(), len(box.sentences())
    box.change(
        f"""
        cat >/run/last <<'EOF'\n{asks("flapped")}EOF
        i=0
        while [ "$i" -lt 200 ]; do
          {{ cat /run/last; echo "# $i"; }} >{box.path}
          i=$((i + 1))
          sleep 0.1
        done
        """
    )
    assert box.in_force("flapped")
    assert box.runs() == before + 1
    assert len(box.sentences()) == said + 1
    assert box.is_current()
    assert box.state(box.watch) == "active"


def test_no_limit_of_starts_ends_it(box: Box) -> None:
    """By default systemd allows five in ten seconds, and the path unit fails with the service."""
    box.machine.sh(
        f"for i in 1 2 3 4 5 6 7 8 9; do systemctl start --no-block {box.service}; systemctl stop {box.service}; done"
    )
    box.write(asks("worn"))
    assert box.in_force("worn")
    assert box.state(box.watch) == "active"


def test_changes_while_it_works_are_not_lost(box: Box) -> None:
    wait = random.Random(5)
    for number in range(11):
        box.machine.sh(f"cat >{box.path} <<'EOF'\n{asks(f'busy-{number}')}EOF\n")
        time.sleep(wait.uniform(0.0, 3.5))
    # the last one when it has just begun: between its last look and systemd's watching a change may go unseen
    box.rest()
    box.machine.sh(
        f"""
        until systemctl is-active {box.service} | grep -q -x activating; do touch {box.path}; sleep 0.3; done
        cat >{box.path} <<'EOF'\n{asks("busy-last")}EOF
        """
    )
    box.rest()
    assert box.in_force("busy-last")
    assert box.is_current()


def test_change_right_after_the_run_is_not_lost(box: Box) -> None:
    """Nothing sees it but the service's last look: the path unit does not watch yet."""
    folder = f"{UNITS}/{box.unit}.d"
    box.machine.sh(
        f"""
        cat >/run/racer <<'EOF'\n{asks("racer")}EOF
        command="/bin/sh -c '[ ! -e /run/racer ] || mv /run/racer %f'"
        printf '%s\\n' '[Service]' "ExecStartPost=$command" >{folder}/60-race.conf
        systemctl daemon-reload
        """
    )
    box.write(asks("raced"))
    box.machine.sh(f"[ ! -e /run/racer ] && rm {folder}/60-race.conf && systemctl daemon-reload")
    assert box.in_force("raced")
    assert box.in_force("racer")
    assert box.is_current()


def test_new_file_replaces_a_run_that_does_not_end(box: Box) -> None:
    stuck = asks("never") + (
        "coreos:\n  units:\n    - name: stuck.service\n      command: start\n      content: |\n"
        "        [Service]\n        Type=oneshot\n        ExecStart=/usr/bin/sleep infinity\n"
    )
    box.machine.sh(
        f"cat >{box.path} <<'EOF'\n{stuck}EOF\nuntil systemctl is-active stuck | grep -q ing; do sleep 0.2; done"
    )
    # the boot runs what is stuck, and user-config.target waits for that
    box.provision(asks("unstuck"), "--reload", patience=120)
    assert box.in_force("unstuck")
    assert box.runs() == 2
    assert box.sentences()[-1].endswith("which had not ended in 60 s, was cut off.")
    assert box.state("user-config.target") == "active"
    box.machine.sh("systemctl stop stuck; rm /etc/systemd/system/stuck.service; systemctl daemon-reload")


def test_what_fails_runs_once(each_box: Box) -> None:
    """Nothing is wrong with it but that there is no such unit; the stock path unit would start it until it may not."""
    before = each_box.runs()
    each_box.write(asks("failing") + "coreos:\n  units:\n    - name: not-there.service\n      command: start\n")
    time.sleep(3)
    assert each_box.in_force("failing")
    assert each_box.runs() == before + 1
    assert [each_box.state(unit) for unit in (each_box.unit, each_box.watch)] == ["failed", "active"]
    each_box.write(asks("mended"))
    assert each_box.in_force("mended")
    assert each_box.state(each_box.unit) == "active"


def test_what_requires_the_stock_path_stays_up(box: Box) -> None:
    """user-config.target requires the path unit of coreos-install."""
    other = Box(box.machine, place_of("/var/lib/coreos-install/user_data"))
    other.machine.sh("mkdir -p /var/lib/coreos-install")
    other.write(asks("installed"))
    assert other.in_force("installed")
    set_watch(other, other.place, wanted=True)
    other.write(asks("reinstalled"))
    assert other.in_force("reinstalled")
    assert other.state("user-config.target") == "active"
    set_watch(other, other.place, wanted=False)
    other.machine.sh(f"rm -r /var/lib/coreos-install; systemctl stop {other.unit}")


def test_where_nothing_can_validate_it_is_run(box: Box) -> None:
    """As up to release 494."""
    old = """case $* in *-validate*) echo 'flag provided but not defined: -validate' >&2; exit 2 ;; esac"""
    box.machine.sh(
        f"""
        real=/var/lib/coreos-cloudinit-real old=/var/lib/coreos-cloudinit-old
        cp -p /usr/bin/coreos-cloudinit $real
        printf '%s\\n' '#!/bin/sh' {shlex.quote(old)} "exec $real \\"\\$@\\"" >$old
        chmod 755 $old
        mount --bind $old /usr/bin/coreos-cloudinit
        """
    )
    box.write(asks("old"))
    box.machine.sh("umount /usr/bin/coreos-cloudinit; rm /var/lib/coreos-cloudinit-*")
    assert box.in_force("old")


def test_stopped_it_does_nothing(box: Box) -> None:
    before, said = box.runs(), len(box.sentences())
    # in the middle of its work, and before a change
    box.machine.sh(f"cat >{box.path} <<'EOF'\n{asks('stopped')}EOF\nsleep 0.5; systemctl stop {box.watch}")
    box.rest()
    assert box.state(box.service) == "inactive"
    assert box.watched() is False
    box.provision(asks("stopped"))
    time.sleep(4)
    assert (box.runs(), len(box.sentences())) == (before, said)
    assert set_watch(box, VAGRANT, wanted=True) == [f"start {watch_unit(VAGRANT)}"]
    box.write(asks("started"))
    assert box.in_force("started")
    assert not box.in_force("stopped")


def test_content_counts_and_not_the_file(box: Box) -> None:
    before = box.runs()
    box.change(f"touch {box.path}; chmod 600 {box.path}")
    box.change(f"cp {box.path} /run/kept; rm {box.path}")
    assert box.sentences()[-1].endswith("there is no such file now, and what it asked for stays.")
    box.change(f"mv /run/kept {box.path}")
    assert box.runs() == before
    box.change(f"rm {box.path}")
    box.write(asks("anew"))
    assert box.in_force("anew")
    assert box.runs() == before + 1


def test_no_clock_is_believed(box: Box) -> None:
    """Neither the file's times nor the host's: what has run is known by its digest."""
    before = box.runs()
    box.machine.sh("mount --bind /bin/false /bin/date")
    for name, stamp in (("past", "2014-12-11"), ("future", "2036-01-01")):
        # within a file system mv keeps the mtime
        new = f"{box.path}.new"
        box.change(f"cat >{new} <<'EOF'\n{asks(name)}EOF\ntouch -d {stamp} {new}; mv {new} {box.path}")
        assert box.in_force(name)
    box.machine.sh("umount /bin/date")
    assert box.runs() == before + 2


def test_before_the_first_note_the_time_tells(box: Box) -> None:
    before = box.runs()
    box.machine.sh(f"rm -r /run/container-linux-remediation; systemctl start {box.service}")
    assert box.runs() == before
    assert box.sentences()[-1].endswith("has run what is there, so nothing is to be done.")
    box.machine.sh(f"chmod 640 {box.path}; rm -rf /run/container-linux-remediation")
    box.rest()
    assert box.runs() == before + 1, "the file changed after the run, and nobody knows in what"
    assert box.is_current()


def test_each_source_is_watched_by_itself(box: Box) -> None:
    other = Box(box.machine, place_of("/var/lib/two words/user-data.yml"))
    before = box.runs()
    assert f"write {UNITS}/{other.place.unit}.d/50-container-linux-remediation.conf" in set_watch(
        other, other.place, wanted=True
    )
    other.machine.sh("mkdir '/var/lib/two words'")
    other.write(asks("other"))
    assert other.in_force("other")
    assert (other.runs(), box.runs()) == (1, before)
    assert (other.watched(), box.watched()) == (True, True)

    done = set_watch(other, other.place, wanted=False)
    assert f"remove {SCRIPT}" not in done
    assert (other.watched(), box.watched()) == (None, True)


def test_oem_has_a_unit_of_its_own(box: Box) -> None:
    oem = Box(box.machine, PLACES[-1])
    set_watch(oem, oem.place, wanted=True)
    before = oem.runs()
    oem.change(f"echo '# changed' >>{oem.path}")
    assert oem.runs() == before + 1
    set_watch(oem, oem.place, wanted=False)


def test_older_pair_is_renewed(box: Box) -> None:
    box.machine.sh(f"echo '# older' >>{SCRIPT}; echo '# older' >>{UNITS}/{NAME}@.path; systemctl daemon-reload")
    assert box.watched() is False
    done = set_watch(box, VAGRANT, wanted=True)
    assert done == [f"write {SCRIPT}", f"write {UNITS}/{NAME}@.path", "daemon-reload", f"start {watch_unit(VAGRANT)}"]
    assert box.watched() is True
    box.write(asks("renewed"))
    assert box.in_force("renewed")


def test_without_a_path_each_is_removed(each_box: Box) -> None:
    """Also what lies at a path of one's own, and also what was stopped."""
    places = [place_of(path) for path in ("/opt/-x/.hidden", "/opt/ü d/x.yml")]
    for place in places:
        set_watch(each_box, place, wanted=True)
    each_box.machine.sh(f"systemctl stop {shlex.quote(watch_unit(places[0]))}")
    done = each_box.machine.play([rerun(watch=False)], options=AS_ROOT)
    assert done.rc == 0, done.output
    assert each_box.machine.sh(REMAINS) == ""
    disabled = {f"disable {watch_unit(place)}" for place in (VAGRANT, *places)}
    assert disabled == {action for action in done.last.result["actions"] if action.startswith("disable ")}
    again = each_box.machine.play([rerun(watch=False)], options=AS_ROOT)
    assert again.rc == 0 and not again.last.changed, again.output
    set_watch(each_box, VAGRANT, wanted=True)
    each_box.rest()


def test_removed_it_leaves_nothing(box: Box) -> None:
    done = set_watch(box, VAGRANT, wanted=False)
    assert done[:2] == [f"stop {watch_unit(VAGRANT)}", f"disable {watch_unit(VAGRANT)}"]
    assert {f"remove {path}" for path in FILES} <= set(done)
    assert set_watch(box, VAGRANT, wanted=False) == []
    assert box.watched() is None
    assert box.machine.sh(REMAINS) == ""
    assert NAME not in box.machine.sh("systemctl list-units --all --no-legend; systemctl list-unit-files --no-legend")
    before = box.runs()
    box.write(asks("unwatched"))
    time.sleep(3)
    assert box.runs() == before


def test_what_cannot_be_installed_is_said(box: Box) -> None:
    box.machine.sh(f"mount --bind {UNITS} {UNITS}; mount -o remount,bind,ro {UNITS}")
    with pytest.raises(RemediationError) as failed:
        set_watch(box, VAGRANT, wanted=True)
    box.machine.sh(f"umount {UNITS}")
    step = f"'write {UNITS}/{NAME}@.service' ended with exit status 1 and said "
    assert f"could not be installed: the step {step}" in failed.value.message
    assert "Read-only file system" in failed.value.message
    assert box.watched() is None
    assert set_watch(box, VAGRANT, wanted=True)
    assert box.watched() is True
