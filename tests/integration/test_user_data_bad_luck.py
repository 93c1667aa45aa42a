# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""User-data, bad input and bad luck: one clear sentence, the last good one still there, nothing half-written."""

from __future__ import annotations

import gzip
import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.container_linux.remediation.tests.integration.user_data import (
    AS_ROOT,
    FILE,
    FINGERPRINT,
    MEMORY,
    UNIT,
    UNTOUCHED,
    WATCH,
    config,
    in_force,
    place,
    rerun,
    role,
    standing,
)

if TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.tests.integration.conftest import (
        Machine,
        MachineFactory,
        Play,
        Task,
    )

MACHINE = Path(__file__).parents[1] / "machine" / "machine"
SECRET = "Geheim-7f3a"
HEADER = "#cloud-config\n"
NESTED = f"{HEADER}a: &a [x, x]\n" + "".join(
    f"{b}: &{b} [*{a}, *{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIE7x1Yw0DhPcPVQrsTw9iOVIqRtIBcHKhZ6eIoUVJ0Zr"
UNIT_IS = f"{HEADER}coreos:\n  units:\n    - name: luck.service\n"

BAD = {
    "empty": ("", "it is empty"),
    "huge": (f"{HEADER}# {SECRET}{'#' * 1048576}\n", "1048576 "),
    "NUL": (f"{HEADER}hostname: {SECRET}\0\n", "is no text: line 2 has a NUL character"),
    "control characters": (f"{HEADER}hostname: {SECRET}\x1b[2J\n", "control characters are not allowed"),
    "byte order mark": (f"\ufeff{HEADER}hostname: {SECRET}\n", "line 1: it begins with a byte order mark"),
    "same key twice": (f"{HEADER}hostname: a\nhostname: b\n# {SECRET}\n", "line 3: 'hostname' is there again"),
    "tabs": (f"{HEADER}write_files:\n\t- path: /etc/x\n\t  content: {SECRET}\n", "line 3: coreos-cloudinit cannot"),
    "bomb": (NESTED, "it has 24 aliases, each of which may stand for many more"),
    "bomb of dashes": (re.sub(r"([&*])", r"\1-", NESTED), "it has 24 aliases, each of which may stand for many more"),
    "another header": (f"# cloud-config\nhostname: {SECRET}\n", "line 1: the first line must be '#cloud-config'"),
    "header late": (f"\n{HEADER}hostname: {SECRET}\n", "line 1: the first line must be '#cloud-config'"),
    "no YAML": (f"{HEADER}hostname: [{SECRET}\n", "cannot read it as YAML"),
    "a list": (f"{HEADER}- {SECRET}\n", "line 1: it has no keys at its top level"),
    "script": (f"#!/bin/sh\ntouch /etc/{SECRET}\n", "line 1: it is a script", "'allow_scripts: true'"),
    "Ignition": (json.dumps({"ignition": {"version": "2.0.0"}, "x": SECRET}), "it is a config for Ignition"),
    "another key": (
        f"{HEADER}ssh_authorized_keys:\n  - ssh-ed25519 {KEY} {SECRET}\n",
        "line 2: these SSH keys would replace the one that lets 'core' in now",
        "'allow_lockout: true'",
    ),
    "another key in brackets": (
        f"{HEADER}users: [{{name: core, ssh-authorized-keys: ['ssh-ed25519 {KEY} {SECRET}']}}]\n",
        "line 2: 'users' is written in brackets, and SSH keys in it may replace all that let 'core' in now",
        "'allow_lockout: true'",
    ),
    "another key merged": (
        f"{HEADER}x: &x\n  ssh_authorized_keys:\n    - ssh-ed25519 {KEY} {SECRET}\n<<: *x\n",
        "line 5: '<<' merges something in here, and SSH keys in it may replace all that let 'core' in now",
    ),
    "another key merged by a dash": (
        f"{HEADER}x: &-x\n  ssh_authorized_keys:\n    - ssh-ed25519 {KEY} {SECRET}\n<<: *-x\n",
        "line 5: '<<' merges something in here, and SSH keys in it may replace all that let 'core' in now",
    ),
    "another name": (
        f'{HEADER}users:\n  - name: "c\\x6fre"\n    ssh_authorized_keys:\n      - ssh-ed25519 {KEY} {SECRET}\n',
        "line 3: the name of this user could not be read, and SSH keys in it may replace all that let 'core' in now",
    ),
    "sshd stopped": (f"{UNIT_IS}    - name: sshd.socket\n      command: stop\n", "'sshd.socket'", "allow_lockout"),
    "no unit": (f"{UNIT_IS}      content: |\n        {SECRET}\n", "line 6: 'luck.service' has text before its first"),
    "unknown command": (f"{UNIT_IS}      command: {SECRET}\n", "line 5: its value is nothing", "'reload-or-restart'"),
}  # fmt: skip
"""What is refused where it is given, and words of the sentence that says so."""

FILES = {
    "huge": (f"{HEADER}# {SECRET}".encode() + b"#" * 30000, ""),
    "NUL": (HEADER.encode() + b"hostname: a\0" + SECRET.encode(), "control characters are not allowed"),
    "no UTF-8": (HEADER.encode() + b"hostname: \xff\xfe" + SECRET.encode(), "invalid leading UTF-8 octet"),
    "gzip": (gzip.compress(f"{HEADER}hostname: {SECRET}\n".encode()), "it is compressed"),
    "program": (b"\x7fELF\0\1\2" * 1000, "it is no text"),
    **{name: (BAD[name][0].encode(), BAD[name][1]) for name in ("bomb", "script")},
}
PLACED = {
    **{name: (place(text), words) for name, (text, words) in FILES.items() if words},
    "huge": (f"{{ echo '#cloud-config'; head -c 1048576 /dev/zero | tr '\\0' '#'; }} >{FILE}", "1048576 is the limit"),
    "directory": (f"rm -f {FILE}; mkdir {FILE}", "it is a directory and no file"),
    "loop": (f"rm -rf {FILE}; ln -s vagrantfile-user-data {FILE}", "Too many levels of symbolic links"),
    "FIFO": (f"rm -rf {FILE}; mkfifo {FILE}", "it is a fifo and no file"),
}
"""What is refused where Vagrant has put it; the machine's user-data has run in this boot, and so its path sleeps."""


def refused(task: Task, *words: str) -> None:
    """Require that a task failed and changed nothing, with one clear sentence that has these words, and no secret."""
    failed(task, *words)
    assert not task.changed, task


def failed(task: Task, *words: str) -> None:
    """Require that a task failed with one clear sentence that has these words, and no secret."""
    assert task.outcome == "failed", task
    message = task.message.strip()
    assert message and "\n" not in message and "Traceback" not in message
    for word in words:
        assert word in message, f"{task.name}: {message}"
    assert SECRET not in json.dumps(task.result)


def every(play: Play, count: int) -> list[Task]:
    """The tasks of a play that had to go on to its end."""
    found = [task for task in play.tasks if "Validating" not in task.name and task.outcome != "skipped"]
    assert len(found) == count, play.output
    return found


def settled(host: Machine) -> int:
    """The number of the config that is in force; a good one is, else it is put there."""
    found = standing(host)
    number = int(found[0].partition("-")[2]) if found and found[0].startswith("number-") else 0
    if found != in_force(number):
        number += 1
        applied(host, number)
    return number


def applied(host: Machine, number: int) -> None:
    """Apply a good one, and see that it is there."""
    play = host.play([rerun(content=config(number))], options=AS_ROOT)
    assert play.rc == 0, play.output
    assert standing(host) == in_force(number)


# bad input


def test_bad_content_is_refused_and_nothing_is_touched(machine: MachineFactory, tmp_path: Path) -> None:
    host = machine("user-data-fresh")
    now = settled(host)
    before = host.sh(FINGERPRINT)
    # not in the play, which Ansible cites
    given = tmp_path / "given.json"
    given.write_text(json.dumps({"given": {name: text for name, (text, *_words) in BAD.items()}}))
    tasks = [{**rerun(name, content=f"{{{{ given['{name}'] }}}}"), "ignore_errors": True} for name in BAD]
    play = host.play(tasks, options=(*AS_ROOT, "-vvv", f"--extra-vars=@{given}"))
    for task, (_text, *words) in zip(every(play, len(BAD)), BAD.values(), strict=True):
        refused(task, *words)
    assert [line for line in play.output.splitlines() if SECRET in line] == []
    assert host.sh(FINGERPRINT) == before
    applied(host, now + 1)


def test_the_own_key_in_a_comment_lets_nobody_in(machine: MachineFactory) -> None:
    host = machine("user-data-fresh")
    now = settled(host)
    before = host.sh(FINGERPRINT)
    [own, *_others] = host.sh("cat /home/core/.ssh/authorized_keys.d/coreos-cloudinit").splitlines()
    keys = f"{HEADER}ssh_authorized_keys:\n  - ssh-ed25519 {KEY} {SECRET}"
    play = host.play([rerun(content=f"{keys} # was {own}\n")], options=AS_ROOT)
    [task] = every(play, 1)
    refused(task, *BAD["another key"][1:])
    assert host.sh(FINGERPRINT) == before
    # an item of its own does, and the last one leaves what was there before
    alone = f"ssh_authorized_keys:\n  - {own} # mine"
    for content in (f"{keys}\n  - {own} # mine\n", config(now + 1, alone)):
        play = host.play([rerun(content=content)], options=AS_ROOT)
        assert play.rc == 0, play.output
    assert standing(host) == in_force(now + 1)


def test_a_bad_file_of_the_controller(machine: MachineFactory, tmp_path: Path) -> None:
    host = machine("user-data-fresh")
    settled(host)
    before = host.sh(FINGERPRINT)
    tasks = []
    for name in ("NUL", "no UTF-8", "gzip", "program"):
        path = tmp_path / name
        path.write_bytes(FILES[name][0])
        tasks.append(role(name, user_data_src=str(path)))
    play = host.play(tasks, options=(*AS_ROOT, "-vvv"))
    found = [task for task in play.tasks if task.outcome == "failed"]
    assert len(found) == len(tasks), play.output
    for task in found:
        refused(task, "The given user-data is no text: line ", "give it as UTF-8 and unpacked")
    assert SECRET not in play.output
    assert host.sh(FINGERPRINT) == before


def test_bad_files_are_refused_and_nothing_is_touched(machine: MachineFactory) -> None:
    host = machine("user-data-fresh")
    now = settled(host)
    tasks = []
    for name, (script, _words) in PLACED.items():
        looks = f"{{ {FINGERPRINT}\n}}; echo PLACED; {script}; {FINGERPRINT}"
        tasks += [{"ansible.builtin.raw": looks}, {**rerun(name), "ignore_errors": True}]
    play = host.play([*tasks, {"ansible.builtin.raw": FINGERPRINT}], options=AS_ROOT)
    found = every(play, len(tasks) + 1)
    for index, (_script, words) in enumerate(PLACED.values()):
        before, task, after = found[2 * index : 2 * index + 3]
        refused(task, FILE, words)
        placed = before.result["stdout"].replace("\r", "").partition("PLACED\n")[2]
        assert placed == after.result["stdout"].replace("\r", "").partition("PLACED\n")[0], task.name
    host.sh(place(config(now + 1)))
    assert host.play([rerun()], options=AS_ROOT).last.changed
    assert standing(host) == in_force(now + 1)


def test_a_file_that_not_even_root_may_read(machine: MachineFactory) -> None:
    """As with a share or a disk that refuses it. Of a sysfs of its own the file is new: no run was after it."""
    host = machine("user-data-fresh")
    now = settled(host)
    share = (
        "mkdir /run/share && unshare -n mount -t sysfs sysfs /run/share && "
        f"mount --bind /run/share/bus/platform/drivers_probe {FILE}"
    )
    with undone(host, share, by=f"umount {FILE}; umount /run/share; rmdir /run/share"):
        assert host.run(f"cat {FILE}").stderr == f"cat: {FILE}: Permission denied\n"
        before = host.sh(UNTOUCHED)
        refused(
            host.play([rerun()], options=AS_ROOT).last, f"{FILE} could not be read on the host", "Nothing was changed"
        )
        given = host.play([rerun(content=config(now + 1))], options=AS_ROOT)
        refused(given.last, f"could not be put at {FILE}", "Permission denied", "What was there is still there")
        assert host.sh(UNTOUCHED) == before
    assert standing(host) == in_force(now)
    applied(host, now + 1)


ONLY = "cannot be a user-data's path: give an absolute path without '.', '..' and '//' in it"
PATHS = {
    "user-data.yml": ONLY,
    "/var/lib/../user-data.yml": ONLY,
    f"/{'x' * 250}": ONLY,
    "/a\nb": "'/a | b' cannot be a user-data's path",
    "/opt": "/opt cannot be applied: it is a directory and no file",
    "/dev/null": "/dev/null cannot be applied: it is a character special file and no file",
    "/etc/hostname/user-data": "The given user-data could not be put at /etc/hostname/user-data: 'mkdir: cannot create",
    "/proc/luck/user-data": "The given user-data could not be put at /proc/luck/user-data: 'mkdir: cannot create",
}


def test_paths(machine: MachineFactory) -> None:
    host = machine("user-data-fresh")
    now = settled(host)
    before = host.sh(UNTOUCHED)
    tasks = [{**rerun(path=path, content=config(now + 1)), "ignore_errors": True} for path in PATHS]
    tasks.append({**rerun(path="/opt/nothing"), "ignore_errors": True})
    play = host.play(tasks, options=AS_ROOT)
    for task, words in zip(
        every(play, len(tasks)), [*PATHS.values(), "There is no user-data at /opt/nothing"], strict=True
    ):
        # those below a file and in /proc are tried
        assert task.outcome == "failed" and words in task.message and "\n" not in task.message.strip(), task
    assert host.sh(UNTOUCHED) == before

    # with blanks and worse; a link is followed, and one that leads nowhere is replaced
    folder = "/opt/luck $(id)"
    paths = [f"{folder}/it's; user\\data*.yml", f"{folder}/link", f"{folder}/nowhere"]
    quoted = [shlex.quote(path) for path in (folder, *paths)]
    host.sh(f"mkdir -p {quoted[0]}; touch {quoted[0]}/real; ln -s real {quoted[2]}; ln -s /nowhere/at/all {quoted[3]}")
    play = host.play([rerun(path=path, content=config(now + 2 + n)) for n, path in enumerate(paths)], options=AS_ROOT)
    assert play.rc == 0 and [task.changed for task in play.tasks] == [True] * 3, play.output
    said = host.sh(f"grep -o 'number-.*' {quoted[1]} {quoted[0]}/real {quoted[3]} /etc/luck.txt; readlink {quoted[2]}")
    numbers = [line.rpartition("-")[2] for line in said.split("\n")]
    assert numbers == [str(now + 2), str(now + 3), str(now + 4), str(now + 4), "real", ""]
    host.sh(f"rm -r {quoted[0]} /var/lib/container-linux-remediation/user-data/opt-*")


@pytest.mark.parametrize("text", ["", BAD["Ignition"][0]])
def test_what_would_do_nothing_is_said_and_left(machine: MachineFactory, text: str) -> None:
    host = machine("user-data-fresh")
    now = settled(host)
    host.sh(place(text))
    before = host.sh(FINGERPRINT)
    play = host.play([rerun()], options=AS_ROOT)
    assert play.rc == 0 and not play.last.changed, play.output
    assert play.last.result["sources"][FILE]["state"] == "not_applicable"
    assert any(FILE in warning for warning in play.last.result["warnings"])
    assert host.sh(FINGERPRINT) == before
    applied(host, now + 1)


def test_windows_line_ends_do_no_harm_and_are_told(machine: MachineFactory) -> None:
    host = machine("user-data-fresh")
    now = settled(host)
    block = ("  - path: /etc/block.txt", "    content: |", "      one", "", "      two", *SLOW)
    given = config(now + 1, *block).replace("\n", "\r\n").replace("sleep 3", "true")
    play = host.play([rerun(content=given)], options=AS_ROOT)
    assert play.rc == 0 and play.last.changed, play.output
    (warning,) = play.last.result["warnings"]
    assert warning.startswith("The given user-data: it has lines that end as on Windows")
    assert {item["state"] for item in play.last.result["proof"][FILE]["items"]} == {"same"}
    assert standing(host) == in_force(now + 1)
    assert host.sh("cat /etc/block.txt") == "one\n\ntwo\n"
    again = host.play([rerun(content=given)], options=AS_ROOT)
    assert again.rc == 0 and not again.last.changed, again.output


# bad luck


@contextmanager
def playing(host: Machine, *tasks: dict[str, Any], **options: Any) -> Iterator[Future[Play]]:
    """Run a play while something else happens."""
    with ThreadPoolExecutor() as pool:
        yield pool.submit(host.play, tasks, options=AS_ROOT, **options)


def command(verb: str, host: Machine, *words: str) -> None:
    """Have the machine's own tool do something to it."""
    subprocess.run(
        [MACHINE, verb, host.name, *words], stdin=subprocess.DEVNULL, check=True, capture_output=True, timeout=120
    )


def wait_until(host: Machine, script: str, *, then: str = "", check: bool = True) -> None:
    """Wait, and do something then in the same session, because another one may come seconds later."""
    host.sh(f"timeout 120 /bin/sh -c {shlex.quote(f'until {script}; do sleep 0.1; done')} || exit\n{then}", check=check)


@contextmanager
def undone(host: Machine, script: str, *, by: str) -> Iterator[None]:
    """Do something to the machine for a while."""
    host.sh(script)
    try:
        yield
    finally:
        host.sh(by)


def small(folder: str, *, options: str = "size=16k") -> tuple[str, str]:
    """Scripts that put a small file system in a folder's place, with all that is in it, and take it away again."""
    return (
        f"mkdir -p {folder} /run/full; mount -t tmpfs -o size=64k tmpfs /run/full; cp -a {folder}/. /run/full; "
        f"mount --move /run/full {folder}; mount -o remount,{options} {folder}; cat /dev/zero >{folder}/filler; true",
        f"umount {folder}; rm -f {folder}/filler",
    )


@pytest.mark.parametrize(
    ("folder", "options"),
    [
        (FILE.rpartition("/")[0], "size=16k"),
        (FILE.rpartition("/")[0], "ro"),
        (MEMORY.rpartition("/")[0], "size=16k"),
    ],
)
def test_no_room_for_it(machine: MachineFactory, folder: str, options: str) -> None:
    host = machine("user-data-fresh")
    now = settled(host)
    mount, umount = small(folder, options=options)
    with undone(host, mount, by=umount):
        before = host.sh(UNTOUCHED)
        play = host.play([rerun(content=config(now + 1, f"#{'x' * 20000}"))], options=AS_ROOT)
        said = "Read-only file system" if options == "ro" else "No space left on device"
        refused(play.last, f"could not be put at {FILE}: '", said, "What was there is still there", "run again")
        assert host.sh(UNTOUCHED) == before
    applied(host, now + 1)


def test_no_room_to_remember(machine: MachineFactory) -> None:
    """What is applied is applied; the next run tells by the times of file and unit."""
    host = machine("user-data-fresh")
    now = settled(host)
    mount, umount = small(MEMORY.rpartition("/")[0])
    with undone(host, mount, by=umount):
        host.sh(place(config(now + 1, f"#{'x' * 20000}")))
        play = host.play([rerun()], options=AS_ROOT)
        assert play.rc == 0 and play.last.changed, play.output
        assert any("could not be remembered: " in w and "No space left" in w for w in play.last.result["warnings"])
        again = host.play([rerun()], options=AS_ROOT)
        assert again.rc == 0 and not again.last.changed, again.output
    applied(host, now + 2)


def test_no_room_to_look_at_it(machine: MachineFactory) -> None:
    host = machine("user-data-fresh")
    now = settled(host)
    used = host.sh("df -k /run | tail -n 1").split()
    fill = f"mount -o remount,size={int(used[2]) + 16}k /run; cat /dev/zero >/run/filler; true"
    with undone(host, fill, by=f"rm /run/filler; mount -o remount,size={used[1]}k /run"):
        before = host.sh(FINGERPRINT)
        play = host.play([rerun(content=config(now + 1))], options=AS_ROOT)
        refused(play.last, "could not be written to a temporary file in /run", "Nothing was changed; make room there")
        assert host.sh(FINGERPRINT) == before
    applied(host, now + 1)


SLOW = (
    "coreos:",
    "  units:",
    "    - name: slow.service",
    "      command: restart",
    "      content: |",
    "        [Service]",
    "        Type=oneshot",
    "        ExecStart=/bin/sh -c 'sleep 3'",
)
HELD = (*SLOW[:-1], "        ExecStart=/bin/sh -c 'until [ -e /run/go-on ]; do sleep 0.1; done'")
IS_SLOW = "systemctl is-active slow.service | grep -q activating"


def test_two_controllers_at_once(machine: MachineFactory) -> None:
    """One wins, and the other says so; or they come one after the other."""
    host = machine("user-data-fresh")
    for _time in range(2):
        now = settled(host)
        texts = {number: config(number, *SLOW) for number in (now + 1, now + 2)}
        with ThreadPoolExecutor() as pool:
            racing = {n: pool.submit(host.play, [rerun(content=text)], options=AS_ROOT) for n, text in texts.items()}
        plays = {number: future.result() for number, future in racing.items()}
        won = [number for number, play in plays.items() if not play.rc]
        for play in plays.values():
            if play.rc:
                failed(play.last, "omebody ", "run again")
        assert won
        assert standing(host) in [in_force(number) for number in won]


@pytest.mark.parametrize("same", [False, True])
def test_a_second_controller_comes_before_the_first_has_confirmed(machine: MachineFactory, same: bool) -> None:
    host = machine("user-data-fresh")
    now = settled(host)
    host.sh("rm -f /run/go-on")
    texts = [config(now + 1, *HELD), config(now + 1 if same else now + 2, *HELD)]
    with playing(host, rerun(content=texts[0])) as first:
        wait_until(host, IS_SLOW)
        with playing(host, rerun(content=texts[1])) as second:
            # it has seen what the first one is doing, and waits for its end
            wait_until(host, "pgrep -x flock", then="touch /run/go-on")
            plays = [first.result(), second.result()]
    if same:
        assert [play.rc for play in plays] == [0, 0], plays
        assert not any("warnings" in play.last.result for play in plays)
    else:
        failed(plays[0].last, f"{FILE} was applied, and somebody else has put another user-data there since")
        assert plays[1].rc == 0 and "warnings" not in plays[1].last.result, plays[1].output
    assert standing(host) == in_force(now + 1 if same else now + 2)


def test_a_file_that_is_replaced_while_it_is_applied(machine: MachineFactory) -> None:
    host = machine("user-data-fresh")
    for given in (True, False):
        now = settled(host)
        host.sh("rm -f /run/go-on")
        if not given:
            host.sh(place(config(now + 1, *HELD)))
        with playing(host, rerun(**({"content": config(now + 1, *HELD)} if given else {}))) as future:
            wait_until(host, IS_SLOW, then=f"{place(config(now + 2))}\ntouch /run/go-on")
            play = future.result()
        message = play.last.message
        assert play.rc == 2 and f"{FILE} was changed by somebody else while it was applied" in message, play.output
        assert "nothing was put back" in message or not given
        assert host.sh(f"cat {FILE}") == config(now + 2)
        assert host.play([rerun()], options=AS_ROOT).last.changed
        assert standing(host) == in_force(now + 2)


def cut_off(host: Machine, content: str) -> None:
    """Apply it, with SSH lost during the run; the host goes on until it has remembered that."""
    host.sh("rm -f /run/go-on")
    with playing(host, rerun(content=content)) as future:
        # all connections, also that of this command
        wait_until(host, IS_SLOW, then="kill -9 $(pgrep -f 'sshd: core')", check=False)
        assert future.result().rc == 4, future.result().output
    host.sh("touch /run/go-on")
    wait_until(host, f"grep -q \"$(sha256sum <{FILE} | cut -d ' ' -f 1)\" '{MEMORY}'")


def test_ssh_is_lost_while_it_is_applied(machine: MachineFactory) -> None:
    """The host ends what it has begun, and the next run proves it without another."""
    host = machine("user-data-fresh")
    now = settled(host)
    cut_off(host, config(now + 1, *HELD))
    for state in ("unproven", "current"):
        again = host.play([rerun(content=config(now + 1, *HELD))], options=AS_ROOT)
        assert again.rc == 0 and not again.last.changed, again.output
        assert again.last.result["sources"][FILE]["state"] == state
    assert standing(host) == in_force(now + 1)


def test_ssh_is_lost_before_the_proof(machine: MachineFactory) -> None:
    """What would not have been proven is not taken for in force by the next run."""
    host = machine("user-data-fresh")
    now = settled(host)
    cut_off(host, config(now + 1, *HELD))
    host.sh("echo spoilt >/etc/luck.txt")
    again = host.play([rerun()], options=AS_ROOT)
    assert again.rc == 0 and again.last.changed, again.output
    assert standing(host) == in_force(now + 1)


def test_the_script_is_killed_before_the_run(machine: MachineFactory) -> None:
    """The file is there as a whole and has not run: the next one makes it right."""
    host = machine("user-data-fresh")
    now = settled(host)
    # one that was killed earlier has left something, too
    host.sh(f"for f in {FILE} '{MEMORY}'; do echo half >${{f%/*}}/.container-linux-remediation.AbCdEf; done")
    killer = (
        "#!/bin/sh\\ncase $* in *restart*)\\n"
        "read -r _ _ _ parent _ </proc/$PPID/stat; kill -9 $parent $PPID; exit 1 ;;\\n"
        'esac\\nexec systemctl.real "$@"\\n'
    )
    instead = (
        f"cd /usr/bin && mv systemctl systemctl.real && printf {shlex.quote(killer)} >systemctl && chmod 755 systemctl"
    )
    with undone(host, instead, by="cd /usr/bin && mv systemctl.real systemctl"):
        play = host.play([rerun(content=config(now + 1))], options=AS_ROOT)
        assert play.rc == 2 and "did not run the script to its end: exit status 137" in play.last.message, play.output
    assert host.sh(f"grep -o 'number-.*' {FILE} /etc/luck.txt '{MEMORY}.good'").split() == [
        f"{FILE}:number-{now + 1}", f"/etc/luck.txt:number-{now}", f"{MEMORY}.good:number-{now}",
    ]  # fmt: skip
    assert host.play([rerun()], options=AS_ROOT).last.changed
    assert standing(host) == in_force(now + 1)


def test_the_host_reboots_in_the_middle(machine: MachineFactory) -> None:
    """It runs at boot what was put there; the last good one is still kept, and a better one ends right."""
    host = machine("user-data-fresh", fresh=True)
    now = settled(host)
    with playing(host, rerun(content=config(now + 1, *SLOW).replace("sleep 3", "sleep 1000"), timeout=60)) as future:
        wait_until(host, IS_SLOW)
        command("reboot", host)
        play = future.result()
    assert play.rc in (2, 4), play.output
    assert host.sh(f"cat '{MEMORY}.good'") == config(now)
    # the last that was heard of it may be that what was there before was put back
    assert host.sh(f"cat {FILE}") in (config(now), config(now + 1, *SLOW).replace("sleep 3", "sleep 1000"))
    applied(host, now + 2)


def test_systemd_is_busy_with_an_empty_file(machine: MachineFactory) -> None:
    """Its path unit starts without end what its condition skips; systemd 252 and later would give that up."""
    host = machine("user-data-empty", fresh=True)
    refused(
        host.play([rerun(content=config(1))], options=AS_ROOT).last,
        "systemd told nothing of the units that run user-data",
        f"{FILE} is empty",
        "remove it, then run again",
    )
    host.sh(f"rm {FILE}; until timeout 5 systemctl is-active {WATCH}; do sleep 0.5; done")
    assert host.play([rerun(content=config(1))], options=AS_ROOT).rc == 0
    assert standing(host) == in_force(1)


def test_no_journal(machine: MachineFactory) -> None:
    """Then nobody knows how its calls of systemd ended, and the proof alone tells."""
    host = machine("user-data-fresh")
    now = settled(host)
    sockets = "systemd-journald.socket systemd-journald-dev-log.socket systemd-journald-audit.socket"
    stop = f"systemctl stop {sockets} systemd-journald.service 2>/dev/null; systemctl is-active systemd-journald; true"
    with undone(host, stop, by=f"systemctl start {sockets} systemd-journald"):
        play = host.play([rerun(content=config(now + 1))], options=AS_ROOT)
        assert play.rc == 0 and play.last.changed, play.output
        assert play.last.result["warnings"], play.last.result
    applied(host, now + 2)


def test_no_coreos_cloudinit(machine: MachineFactory) -> None:
    host = machine("user-data-fresh")
    now = settled(host)
    with undone(host, "mv /usr/bin/coreos-cloudinit /usr/bin/away", by="mv /usr/bin/away /usr/bin/coreos-cloudinit"):
        before = host.sh(FINGERPRINT)
        play = host.play([rerun(content=config(now + 1))], options=AS_ROOT)
        refused(play.last, "coreos-cloudinit")
        assert host.sh(FINGERPRINT) == before
    applied(host, now + 1)


def test_its_unit_is_masked(machine: MachineFactory) -> None:
    host = machine("user-data-fresh")
    now = settled(host)
    with undone(host, f"systemctl mask --runtime '{UNIT}'", by=f"systemctl unmask --runtime '{UNIT}'"):
        before = host.sh(FINGERPRINT)
        play = host.play([rerun(content=config(now + 1))], options=AS_ROOT)
        refused(play.last, FILE, UNIT, "masked", "Nothing was changed")
        assert host.sh(FINGERPRINT) == before
    applied(host, now + 1)


def test_a_start_limit_was_hit(machine: MachineFactory) -> None:
    host = machine("user-data-invalid", fresh=True)
    assert host.sh(f"systemctl is-failed '{UNIT}' {WATCH}").split() == ["failed"] * 2
    before = host.sh(FINGERPRINT)
    refused(host.play([rerun()], options=AS_ROOT).last, FILE, "line 10: ", "cannot read it as YAML")
    assert host.sh(FINGERPRINT) == before
    applied(host, 1)


def test_a_file_that_is_still_being_written(machine: MachineFactory) -> None:
    host = machine("user-data-half-uploaded", fresh=True)
    refused(
        host.play([rerun()], options=AS_ROOT).last, f"{FILE} is not whole yet", "run again when it has been written"
    )
    assert host.sh("ls /etc/luck.txt /etc/last.txt 2>/dev/null; true") == ""


def test_an_address_that_nobody_knows(machine: MachineFactory) -> None:
    """And one that was lost by a run without the unit's environment: the next run of the unit has it again."""
    host = machine("user-data-addresses-lost", fresh=True)
    assert host.sh("systemctl show -p Environment app.service").strip() == "Environment=ADDRESS="
    host.sh(f"echo >>{FILE}; mv /etc/environment /run/environment")
    before = host.sh(FINGERPRINT)
    refused(host.play([rerun()], options=AS_ROOT).last, FILE, "$public_ipv4", "COREOS_PUBLIC_IPV4 in /etc/environment")
    assert host.sh(FINGERPRINT) == before
    host.sh("mv /run/environment /etc/environment")
    assert host.play([rerun()], options=AS_ROOT).last.changed
    address = host.sh("hostname -i").split()[0]
    assert host.sh("systemctl show -p Environment app.service").strip() == f"Environment=ADDRESS={address}"
