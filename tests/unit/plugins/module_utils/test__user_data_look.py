# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""One look at user-data: on this machine's shell and files, with a systemctl and a coreos-cloudinit that are told
what to say; whole hosts are in test__user_data_state.py."""

from __future__ import annotations

import base64
import contextlib
import datetime
import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.container_linux.remediation.plugins.module_utils import _user_data_look, _user_data_watch
from ansible_collections.container_linux.remediation.plugins.module_utils._cloudinit_log import Command, Finding
from ansible_collections.container_linux.remediation.plugins.module_utils._host import Completed, RemediationError
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd import escape_path
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data_look import look
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data_memory import MEMORY, parse_memory
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data_seen import (
    PLACES,
    Access,
    Content,
    Look,
    Memory,
    Place,
    Source,
    Written,
    place_of,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data_state import judge

VAGRANT = "user-cloudinit@var-lib-coreos\\x2dvagrant-vagrantfile\\x2duser\\x2ddata.service"
SCRIPT = _user_data_look._LOOK_SH
BOOT = Path("/proc/sys/kernel/random/boot_id").read_text().strip()


class Machine:
    """This machine and a shell of it, with programs of its own before those on PATH; `core` has logged in."""

    def __init__(self, root: Path, shell: str) -> None:
        self.root = root
        self.shell = shell
        self.file = root / "user dätä"
        self.memory = root / "memory" / escape_path(str(self.file))
        self.home = root / "home"
        self.environment = {**os.environ, "PATH": f"{root / 'bin'}:{os.environ['PATH']}", "SUDO_USER": "core"}
        self.stdout = self.stderr = ""
        for folder in ("bin", "memory", "home", "run"):
            (root / folder).mkdir()
        for program in ("systemctl", "journalctl", "coreos-cloudinit"):
            self.say(program, "")
        self.say("busctl", "", 1)
        self.say("getent", f"core:x:500:500:Core:{self.home}:/bin/sh")
        if os.getuid():
            self.be_seen_as(0)

    def be_seen_as(self, uid: int) -> None:
        real = shutil.which("stat")
        self.program("stat", f'{real} "$@" | sed "s/^\\([0-9]* [0-7]* \\){os.getuid()} /\\1{uid} /"')

    def program(self, name: str, lines: str) -> None:
        path = self.root / "bin" / name
        path.write_text(f"#!/bin/sh\necho {name} >>{self.root}/asked\n{lines}\n")
        path.chmod(0o755)

    def say(self, program: str, text: str, status: int = 0) -> None:
        self.program(program, f"[ $1 != --version ] || exit 0\ncat <<'END'\n{text}\nEND\nexit {status}")

    @property
    def asked(self) -> set[str]:
        """The programs that were run."""
        return set((self.root / "asked").read_text().split())

    def run(self, script: str) -> Completed:
        done = subprocess.run(
            [self.shell, "-s"],
            input=script.encode(),
            capture_output=True,
            check=False,
            env=self.environment,
            timeout=60,
        )
        self.stdout, self.stderr = (
            done.stdout.decode("utf-8", "surrogateescape"),
            done.stderr.decode("utf-8", "replace"),
        )
        return Completed(done.returncode, self.stdout, self.stderr)

    def look(self, content: bytes | None = None, **options: Any) -> Look:
        if content is not None:
            self.file.write_bytes(content)
        return look(self, [Place("given", str(self.file), VAGRANT)], **options)

    def source(self, content: bytes | None = None, **options: Any) -> Source:
        return self.look(content, **options).sources[0]

    def content(self, content: bytes) -> Content:
        found = self.source(content).content
        assert found
        return found

    def has_run(
        self, *, after: float, others: str = "Id=b.path\nResult=exit-code", set_back: float = 0, **properties: str
    ) -> None:
        """Have the unit's last run begin so many seconds after the file changed, by a clock that is set back since."""
        began = self.file.stat().st_ctime_ns // 1000 + int(after * 1e6)
        clock = datetime.datetime.fromtimestamp(began // 1000000, datetime.UTC)
        unit = {"Result": "success", "Id": VAGRANT, "LoadState": "loaded", "ActiveState": "active"}
        uptime = float(Path("/proc/uptime").read_text().split()[0])
        since_boot = int((uptime - time.time() - set_back) * 1e6) + began
        unit |= {"ExecMainStartTimestamp": f"{clock:%a %Y-%m-%d %H:%M:%S} UTC"}
        unit |= {"ExecMainStartTimestampMonotonic": str(since_boot), **properties}
        blocks = [
            "ExecMainStartTimestamp=Sun 2037-11-22 09:30:58 UTC\nResult=success\nId=a.path\nActiveState=active",
            "\n".join(f"{name}={value}" for name, value in unit.items() if value),
            others,
        ]
        self.say("systemctl", "\n\n".join(blocks))
        self.say("busctl", f"t {began}")
        self.began = f"{clock:%b %d %H:%M:%S}.{began % 1000000:06}"

    def logs(self, lines: dict[int, str]) -> None:
        """Have each process log a line, as journalctl shows it for people, and by itself if it is asked for one."""
        one = "\n".join(f"    _PID={pid}) echo {shlex.quote(line)} && exit ;;" for pid, line in lines.items())
        every = "\n".join(f"{self.began} a coreos-cloudinit[{pid}]: {line}" for pid, line in lines.items())
        self.program("journalctl", f"for word; do\n  case $word in\n{one}\n  esac\ndone\necho {shlex.quote(every)}")

    def remembers(self, digest: str, *, after: float, boot: str = BOOT) -> None:
        applied = self.file.stat().st_ctime + after
        known = {"sha256": digest, "boot": boot, "applied": 0, "written": WRITTEN}
        self.memory.write_text(json.dumps(known).replace(": 0,", f": {applied:.9f},"))
        self.memory.chmod(0o600)


WRITTEN: dict[str, list[str]] = {"files": ["/a"], "units": ["b.service"], "drop_ins": [], "enabled": [], "masked": []}


@pytest.fixture
def machine(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    # every file of a test has only just been written
    assert "sleep 1" in SCRIPT
    monkeypatch.setattr(_user_data_look, "_LOOK_SH", SCRIPT.replace("sleep 1", ":"))
    monkeypatch.setattr(_user_data_look, "MEMORY", str(tmp_path / "memory"))
    monkeypatch.setattr(_user_data_look, "TEMPORARY", str(tmp_path / "run/given.XXXXXX"))
    return Machine(tmp_path, f"/bin/{getattr(request, 'param', 'sh')}")


# the hosts' sh is bash
in_each_shell = pytest.mark.parametrize("machine", ["sh", "bash"], indirect=True)


@in_each_shell
@pytest.mark.parametrize(
    ("content", "form"),
    [
        (b"#cloud-config\n", "cloud-config"),
        (b"#cloud-config \t\r\nhostname: a\r\n", "cloud-config"),
        (b"#cloud-config", "cloud-config"),
        (b"#cloud-config2\n", "other"),
        (b"\n#cloud-config\n", "other"),
        (b"\xef\xbb\xbf#cloud-config\n", "other"),
        (b"#!/bin/sh\nexit\n", "script"),
        (b'\n { "ignition": {} }', "ignition"),
        (b'{ "ignitionVersion" : 1 }', "ignition"),
        (b'{ "other": 1 }', "other"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"\x7fELF\x00", "binary"),
        (b"#cloud-config\0\n", "binary"),
        (b"hello", "other"),
        (b"", "empty"),
    ],
)
def test_the_first_line_tells_the_form(machine: Machine, content: bytes, form: str) -> None:
    assert machine.source(content).form == form


@in_each_shell
def test_what_is_told_of_a_file(machine: Machine) -> None:
    content = b"#cloud-config\r\na: $public_ipv4\r\nb: \\$private_ipv4 $private_ipv6$public_ipv6\n\ta: *b\nc: &d e\n"
    source = machine.source(content)
    path = machine.file
    assert source.file
    assert (source.file.size, source.file.type) == (len(content), "regular file")
    assert source.file.mode == f"{path.stat().st_mode & 0o7777:o}"
    assert source.file.modified == int(path.stat().st_mtime)
    assert source.file.changed == pytest.approx(path.stat().st_ctime, abs=1e-5)
    assert source.sha256 == hashlib.sha256(content).hexdigest()
    assert source.content
    assert source.content.size == len(content)
    assert source.content.counts == {"crlf": 2, "tabs": 1, "anchors": 1, "aliases": 1, "bom": 0}
    assert source.content.variables == ["private_ipv6", "public_ipv4", "public_ipv6"]
    assert not source.moving
    assert machine.content(b"\xef\xbb\xbfa").counts["bom"] == 1
    # what grep takes for a binary file
    assert machine.content(b"#cloud-config\na: *b\n\0\nc: *b\n").counts["aliases"] == 2


@pytest.mark.parametrize("status", [0, 1])
def test_a_file_that_is_still_being_written_is_told(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr(_user_data_look, "_LOOK_SH", SCRIPT)
    machine.say("coreos-cloudinit", "line 1: info: x" if status else "", status)
    ended = threading.Event()

    def write() -> None:
        while not ended.wait(0.3):
            with machine.file.open("a") as file:
                file.write("# more\n")

    upload = threading.Thread(target=write)
    upload.start()
    try:
        assert machine.source(b"#cloud-config\n").moving
    finally:
        ended.set()
        upload.join()


@in_each_shell
def test_the_content_stays_on_the_host(machine: Machine) -> None:
    machine.say(
        "journalctl",
        "Nov 22 08:00:07.000001 a coreos-cloudinit[7]: Command 'useradd --password SECRET SECRET b' failed: x\n"
        "Nov 22 08:00:07.000001 a coreos-cloudinit[7]: useradd --password *SECRET SECRET\n"
        "Nov 22 08:00:07.000001 a coreos-cloudinit[7]: Authorizing SSH keys for CoreOS user 'b' from 'https://SECRET'\n"
        "Nov 22 08:00:07.000001 a coreos-cloudinit[7]: Failed to parse user-data: cannot decode !!str `SECRET\n"
        "                                              SECRET` as a !!int\n"
        "                                              useradd: user 'b' already exists\n"
        "Nov 22 08:00:07.000001 a coreos-cloudinit[7]: URL S SECRET does not have a valid HTTP scheme. Skipping.\n"
        "Nov 22 08:00:07.000001 a coreos-cloudinit[7]: Fetching data from ftp://SECRET@example.org/. Attempt #1",
    )
    machine.say(
        "coreos-cloudinit",
        "2026/11/22 08:00:07 line 2: error: Unknown anchor 'SECRET' referenced\n"
        "2026/11/22 08:00:07 line 3: error: cannot decode !!str `SE`CRET` as a !!int\n"
        "2026/11/22 08:00:07 line 4: error: invalid value SECRET\nline of SECRET\n"
        "2026/11/22 08:00:07 line 5: error: Anchor 'SECRET' value contains itself\n"
        '2026/11/22 08:00:07 line 6: error: invalid map key: map[interface {}]interface {}{"SECRET":interface {}(nil)}',
        1,
    )
    source = machine.source(
        b"#cloud-config\npasswd: *SECRET\nfoo: SECRET\nwrite_files:\n- content: |\n    SECRET\n# SECRET\n"
    )
    assert "SECRET" not in machine.stdout + machine.stderr
    content = source.content
    assert content
    assert content.findings == [
        Finding(2, "error", "Unknown anchor '...' referenced"),
        Finding(3, "error", "cannot decode !!str ... as a !!int"),
        Finding(4, "error", "invalid value ..."),
        Finding(5, "error", "Anchor '...' value contains itself"),
        Finding(6, "error", "invalid map key: ..."),
    ]
    assert content.validation == 1
    assert source.run
    assert len(source.run.errors) == 2
    assert source.run.errors[1].endswith("cannot decode !!str ... | useradd: user 'b' already exists")
    assert content.skeleton
    assert content.skeleton.tree == {"passwd": "_alias", "foo": "_text", "write_files": [{"content": "_\n"}]}


def test_what_could_make_validation_explode_is_not_validated(machine: Machine) -> None:
    bomb = "#cloud-config\na: &a [x]\n" + "".join(f"b{n}: [*a, *a, *a]\n" for n in range(8))
    content = machine.content(bomb.encode())
    assert content.counts["aliases"] == 24
    assert content.validation is None
    huge = machine.content(b"#cloud-config\n" + b"# x\n" * 300000)
    assert huge.sha256
    assert (huge.form, huge.skeleton, huge.validation) == ("", None, None)


def test_a_host_without_coreos_cloudinit(machine: Machine) -> None:
    (machine.root / "bin/coreos-cloudinit").unlink()
    seen = look(machine, [Place("given", "/nowhere", VAGRANT)])
    assert (seen.cloudinit, seen.sources[0].file, seen.sources[0].error) == ("", None, "")


@in_each_shell
def test_what_is_no_file_is_told(machine: Machine) -> None:
    loop = machine.root / "loop"
    loop.symlink_to(loop)
    places = [Place("given", str(path), VAGRANT) for path in (loop, machine.root)]
    looped, folder = look(machine, places).sources
    assert "Too many levels of symbolic links" in looped.error
    assert folder.file
    assert folder.file.type == "directory"
    assert not folder.sha256


@in_each_shell
def test_units_and_what_starts_them(machine: Machine) -> None:
    """What systemd calls TriggeredBy is only what it had loaded before the unit."""
    machine.program(
        "systemctl",
        """set -f
for name; do
  case $name in
    user-cloudinit@*)
      printf 'Id=%s\\nTriggeredBy=e.path c.timer\\nExecMainPID=7\\n\\n' "$name"
      printf 'Id=%s\\nActiveState=active\\nUnit=%s\\n\\n' 'a\\x2db.path' "$name" c.path "$name" e.path other.service
      ;;
    '*.path') printf 'Id=%s\\nActiveState=active\\n\\n' d.path ;;
    *.timer) exit 1 ;;
  esac
done""",
    )
    source = machine.source(b"#cloud-config\n")
    assert source.unit["Id"] == VAGRANT
    assert [watch["Id"] for watch in source.watches] == [r"a\x2db.path", "c.path"]


@in_each_shell
def test_whether_it_is_watched(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """What watches it is of this version and at work; of another, or at rest; or not there at all."""
    units, script = machine.root / "units", machine.root / "watch"
    monkeypatch.setattr(_user_data_watch, "UNITS", str(units))
    monkeypatch.setattr(_user_data_watch, "SCRIPT", str(script))
    texts = [_user_data_watch.USER_DATA_WATCH_SH, _user_data_watch.PATH_UNIT, _user_data_watch.SERVICE_UNIT]
    shared = [script, units / f"{_user_data_watch.NAME}@.path", units / f"{_user_data_watch.NAME}@.service"]
    files = {str(file): text for file, text in zip(shared, texts, strict=True)}
    monkeypatch.setattr(_user_data_watch, "FILES", files)
    place = Place("given", str(machine.file), VAGRANT)
    path_unit = _user_data_watch.watch_unit(place)
    machine.file.write_bytes(CLOUD_CONFIG)
    machine.has_run(after=2)
    assert machine.source().watched is None

    for name, text in {**files, **_user_data_watch._files_of(place)}.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)
    assert machine.source().watched is False
    machine.has_run(after=2, others=f"Id={path_unit}\nActiveState=active\nUnit={_user_data_watch.NAME}@x.service")
    found = machine.source()
    assert found.watched is True
    # it does not start the unit at boot
    assert found.watches == []
    script.write_text("of another version")
    assert machine.source().watched is False
    # of another user-data
    assert look(machine, [Place("given", "/nowhere", "other.service")]).sources[0].watched is None


def test_a_unit_is_asked_for_where_it_may_have_to_run(machine: Machine) -> None:
    machine.program("systemctl", f'echo "$*" >>{machine.root}/words')
    words = machine.root / "words"
    machine.source()
    assert VAGRANT not in words.read_text()
    assert "*.path" in words.read_text()
    machine.source(given="#cloud-config\n")
    assert VAGRANT in words.read_text()


def test_a_journal_that_cannot_be_read_is_told(machine: Machine) -> None:
    machine.program("journalctl", "echo 'no rights' >&2; exit 3")
    seen = machine.look(b"#cloud-config\n")
    assert seen.partial == [
        f"journalctl for {machine.file} ended with status 3 and said 'no rights'; what it would have told is missing."
    ]


def test_a_systemctl_that_hangs_is_not_asked_twice(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_user_data_look, "LIMIT", 1)
    machine.program("systemctl", "exec sleep 60")
    path = machine.root / "empty"
    path.touch()
    seen = look(machine, [Place("given", str(path), VAGRANT)])
    assert seen.sources[0].form == "empty"
    assert seen.partial == ["systemctl show did not end within 1 s; what it would have told is missing."]


CLOUD_CONFIG = b"#cloud-config\nhostname: a\n"
DIGEST = hashlib.sha256(CLOUD_CONFIG).hexdigest()
SETTLED = Content(len(CLOUD_CONFIG), DIGEST, variables=[], keys=[])


def is_settled(machine: Machine, **options: Any) -> bool:
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
def test_what_has_run_after_it_changed_is_not_looked_into(machine: Machine) -> None:
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
def test_only_a_cloud_config_can_be_settled(machine: Machine, content: bytes) -> None:
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
def test_what_may_have_to_run_is_looked_into(machine: Machine, after: float, properties: dict[str, Any]) -> None:
    machine.file.write_bytes(CLOUD_CONFIG)
    machine.has_run(after=after, **properties)
    assert not is_settled(machine)


# what 0.9, 1.10 and 1.14 say of a start
STYLES = ("Result of 'start b.service': {}", '2016/05/05 08:00:07 Result of "start" on "b.service": {}')


@in_each_shell
@pytest.mark.parametrize("style", [*STYLES, "Restarted systemd-networkd ({})"])
@pytest.mark.parametrize("result", ["done", "dependency", "failed", "timeout", "canceled", "skipped", "unknown"])
def test_a_run_whose_units_did_not_start_is_looked_into(machine: Machine, style: str, result: str) -> None:
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
def test_only_the_last_run_of_the_boot_counts(machine: Machine) -> None:
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


@pytest.mark.parametrize("status", [1, 124])
def test_a_journal_that_fails_settles_nothing(machine: Machine, status: int) -> None:
    machine.file.write_bytes(CLOUD_CONFIG)
    machine.has_run(after=2)
    machine.say("journalctl", "", status)
    assert not is_settled(machine)


@in_each_shell
def test_what_is_settled_is_looked_into_beside_what_is_not(machine: Machine) -> None:
    """What another user-data asks for may be in the way of one that is applied."""
    other = machine.root / "other"
    other.write_bytes(b"#cloud-config\nhostname: b\n")
    machine.file.write_bytes(CLOUD_CONFIG)
    machine.has_run(after=2)
    machine.logs({7: "Set hostname to a"})
    places = [Place("given", str(machine.file), VAGRANT), Place("given", str(other), "other.service")]
    settled, stale = look(machine, places).sources
    assert judge(settled, boot=BOOT).name == "current"
    for source, hostname in ((settled, "a"), (stale, "b")):
        assert source.run
        assert source.run.said == ["Set hostname to a"]
        assert source.content
        assert source.content.skeleton
        assert source.content.skeleton.tree == {"hostname": hostname}
    assert settled.sha256 == DIGEST


@in_each_shell
def test_what_is_given_and_in_force_costs_no_more(machine: Machine) -> None:
    machine.file.write_bytes(CLOUD_CONFIG)
    machine.has_run(after=2)
    (machine.root / "asked").unlink(missing_ok=True)
    seen = machine.look(given=CLOUD_CONFIG.decode())
    assert seen.given == Content(0, DIGEST, variables=[], keys=[])
    assert seen.sources[0].content == SETTLED
    assert not {"coreos-cloudinit", "getent"} & machine.asked
    assert not list((machine.root / "run").iterdir())
    # where it has to run, it is no news either, but looked into
    machine.has_run(after=-2)
    seen = machine.look(given=CLOUD_CONFIG.decode())
    assert seen.given
    assert seen.given == seen.sources[0].content


def test_a_systemctl_that_fails_settles_nothing(machine: Machine) -> None:
    machine.file.write_bytes(CLOUD_CONFIG)
    machine.say("systemctl", "", 1)
    assert not is_settled(machine)


def in_the_middle_of_a_second(machine: Machine) -> None:
    while True:
        machine.file.write_bytes(CLOUD_CONFIG)
        if 0.1 < machine.file.stat().st_ctime % 1 < 0.9:
            return
        time.sleep(0.1)


@in_each_shell
@pytest.mark.parametrize("after", [7200, 7200.25])
def test_a_clock_that_was_set_back_settles_nothing(machine: Machine, after: float) -> None:
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
def test_within_a_second_the_microsecond_decides(machine: Machine) -> None:
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
def test_without_the_microsecond_nothing_is_settled(machine: Machine, said: str, status: int) -> None:
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
    machine: Machine, digest: str, after: float, boot: str, settled: bool
) -> None:
    # the same content was put there once more
    machine.file.write_bytes(CLOUD_CONFIG)
    machine.has_run(after=-2)
    machine.remembers(digest, after=after, boot=boot)
    assert is_settled(machine) == settled
    found = judge(machine.source(), boot=BOOT)
    assert (found.name, found.by_digest) == ("current" if settled else "stale", boot == BOOT and after > -2)


def test_what_is_remembered(machine: Machine) -> None:
    machine.file.write_bytes(CLOUD_CONFIG)
    machine.remembers(DIGEST, after=0.25)
    found = machine.source().memory
    assert found
    assert found.applied == pytest.approx(machine.file.stat().st_ctime + 0.25, abs=1e-5)
    written = Written(files=["/a"], units=["b.service"], drop_ins=[], enabled=[], masked=[])
    assert found == Memory(DIGEST, found.applied, BOOT, written)


def test_what_others_could_have_written_is_not_remembered(machine: Machine) -> None:
    machine.file.write_bytes(CLOUD_CONFIG)
    machine.remembers(DIGEST, after=1)
    for mode in (0o644, 0o660, 0o4600):
        machine.memory.chmod(mode)
        assert machine.source().memory is None
    machine.memory.chmod(0o600)
    assert machine.source().memory
    other = machine.memory.rename(machine.root / "other")
    machine.memory.symlink_to(other)
    assert machine.source().memory is None


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_a_memory_of_somebody_else_s_is_none(machine: Machine) -> None:
    machine.file.write_bytes(CLOUD_CONFIG)
    machine.remembers(DIGEST, after=1)
    os.chown(machine.memory, 500, 500)
    assert machine.source().memory is None


_KNOWN: dict[str, Any] = {"sha256": DIGEST, "applied": 1795339858.5, "boot": BOOT, "written": WRITTEN}


_WRONG: list[dict[str, Any]] = [
    {"sha256": 1},
    {"sha256": [DIGEST]},
    {"sha256": DIGEST + "\n"},
    {"sha256": DIGEST.upper()},
    {"applied": "1"},
    {"applied": None},
    {"applied": [1]},
    {"applied": 10**400},
    {"boot": 1},
    {"boot": None},
    {"written": None},
    {"written": []},
    {"written": {}},
    {"written": {**WRITTEN, "files": "/a"}},
    {"written": {**WRITTEN, "files": [1]}},
    {"written": {**WRITTEN, "files": {"/a": 1}}},
]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100000,
        '{"a":' * 50000,
        "null",
        "[]",
        '"x"',
        "SHA256=0",
        "\0\x1b\xff",
        *(json.dumps({**_KNOWN, **wrong}) for wrong in _WRONG),
        *(json.dumps({key: value for key, value in _KNOWN.items() if key != missing}) for missing in _KNOWN),
    ],
)
def test_what_makes_no_sense_is_not_remembered(text: str) -> None:
    assert parse_memory(json.dumps(_KNOWN))
    assert parse_memory(text) is None


GIVEN = [
    "",
    "#cloud-config",
    "#cloud-config\n\n\n",
    "#cloud-config\r\na: 'b'\r\n",
    "#cloud-config\na: ' $(id) `id` \\\\ \\n %s \"\nEND\n",
    "#!/bin/sh\necho ü\n",
    "-n",
]


@in_each_shell
@pytest.mark.parametrize("text", GIVEN)
def test_what_is_given_arrives_as_it_is(machine: Machine, text: str) -> None:
    seen = machine.look(given=text)
    assert seen.sources[0].file is None
    assert seen.given
    assert seen.given.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert seen.given.size == len(text.encode())
    assert seen.given.form == ("empty" if not text else seen.given.form) != ""
    assert machine.look().given is None
    assert not list((machine.root / "run").iterdir())


def test_what_is_given_is_looked_at_beside_what_is_there(machine: Machine) -> None:
    body = base64.b64encode(b"\0\0\0\x0bssh-ed25519" + b"x" * 36).decode()
    text = f"#cloud-config\nssh_authorized_keys:\n  - ssh-ed25519 {body} SECRET\n  # - ssh-ed25519 {body}\n"
    machine.program(
        "coreos-cloudinit",
        f"""case $2 in
  --from-file={machine.root}/run/*) stat -c '%a' "${{2#*=}}" >>{machine.root}/modes ;;
esac
echo 'line 2: warning: x'""",
    )
    machine.file.write_bytes(CLOUD_CONFIG)
    machine.has_run(after=2)
    seen = machine.look(given=text)
    # what is settled may be at odds with it
    settled = seen.sources[0].content
    assert settled
    assert settled.skeleton
    assert settled.skeleton.tree == {"hostname": "a"}
    assert "journal-0" in machine.stdout
    assert judge(seen.sources[0], boot=seen.boot).name == "current"
    content = seen.given
    assert content
    assert (content.form, content.size) == ("cloud-config", len(text))
    assert content.skeleton
    assert content.skeleton.tree == {"ssh_authorized_keys": ["_ssh_key"]}
    assert content.validation == 0
    assert content.findings == [Finding(2, "warning", "x")]
    assert content.keys == [(3, hashlib.sha256(body.encode()).hexdigest())]
    assert (machine.root / "modes").read_text() == "600\n"
    assert not list((machine.root / "run").iterdir())
    assert machine.file.read_bytes() == CLOUD_CONFIG
    assert "SECRET" not in machine.stdout + machine.stderr
    assert body not in machine.stdout


@contextlib.contextmanager
def amid_validation(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """The look while the host validates what is given."""
    scripts: list[str] = []

    class Reader:
        def run(self, script: str) -> Completed:
            scripts.append(script)
            return Completed(1, "", "")

    machine.program("coreos-cloudinit", "[ $1 = --version ] || exec sleep 0.5")
    with pytest.raises(RemediationError, match="did not run the script to its end"):
        look(Reader(), [Place("given", str(machine.file), VAGRANT)], given="#cloud-config\n")
    script = machine.root / "script"
    script.write_text(scripts[0])
    with subprocess.Popen(
        [machine.shell, str(script)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=machine.environment
    ) as process:
        deadline = time.monotonic() + 10
        asked = machine.root / "asked"
        while not asked.exists() or asked.read_text().count("coreos-cloudinit") < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert list((machine.root / "run").iterdir())
        yield process


@in_each_shell
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_what_was_given_goes_when_the_look_is_ended(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with amid_validation(machine, monkeypatch) as process:
        process.send_signal(signal.Signals[name])
        assert process.wait(10) == 1
    assert not list((machine.root / "run").iterdir())


@in_each_shell
def test_what_was_given_goes_when_nobody_listens(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    with amid_validation(machine, monkeypatch) as process:
        assert process.stdout
        process.stdout.close()
        assert process.wait(10)
    assert not list((machine.root / "run").iterdir())


def test_no_place_for_what_is_given(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_user_data_look, "TEMPORARY", str(machine.root / "none/given.XXXXXX"))
    with pytest.raises(RemediationError, match=r"could not be written to a temporary file .*/none .*No such file"):
        machine.source(given="#cloud-config\n")


@in_each_shell
def test_no_room_for_what_is_given(machine: Machine) -> None:
    machine.program("sha256sum", "exit 1")
    machine.program("mktemp", f"ln -s /dev/full {machine.root}/run/full && echo {machine.root}/run/full")
    for text in ("#cloud-config\n", "#cloud-config\n" + "# x\n" * 50000):
        with pytest.raises(
            RemediationError, match=r"could not be written to a temporary file .*(No space left|I/O error)"
        ):
            machine.source(given=text)
        # to read that would never come to an end
        assert "sha256sum" not in machine.asked
        assert not list((machine.root / "run").iterdir())


def test_a_part_of_what_is_given_will_not_do(machine: Machine) -> None:
    machine.program("sha256sum", f"echo {DIGEST} -")
    with pytest.raises(RemediationError, match="it is not there as a whole"):
        machine.source(given="#cloud-config\n")


def key(seed: str, comment: str = "a comment") -> tuple[str, str]:
    """A line of authorized_keys, and the digest of its key."""
    body = base64.b64encode(b"\0\0\0\x07ssh-rsa" + seed.encode() * 40).decode()
    return f"ssh-rsa {body} {comment}\n", hashlib.sha256(body.encode()).hexdigest()


@in_each_shell
def test_who_has_logged_in_and_the_keys_of_that_user(machine: Machine) -> None:
    (one, first), (two, second), (other, third) = key("1"), key("2"), key("3")
    file = machine.home / ".ssh/authorized_keys"
    file.parent.mkdir()
    assert machine.look(CLOUD_CONFIG).access == Access("core")
    file.write_text(f'# {other}\n{one}command="x" {two}not a key AAAA\n')
    assert machine.look().access == Access("core", {str(file): [first, second]})
    for line in (one, two, other):
        assert line.split()[1] not in machine.stdout

    folder = machine.home / ".ssh/authorized_keys.d"
    folder.mkdir()
    assert machine.look().access == Access("core", {str(file): [first, second]})
    (folder / "vagrant").write_text(one)
    (folder / "coreos-cloudinit").write_bytes(b"\0" + two.encode() + other.encode())
    (folder / "empty").touch()
    (folder / "folder").mkdir()
    assert machine.look().access.keys == {
        str(folder / "vagrant"): [first],
        str(folder / "coreos-cloudinit"): [second, third],
        str(folder / "empty"): [],
        # what is only there is lost as soon as update-ssh-keys runs
        str(file): [first, second],
    }


@in_each_shell
def test_file_names_are_no_keys(machine: Machine) -> None:
    (line, digest) = key("1")
    folder = machine.home / ".ssh/authorized_keys.d"
    folder.mkdir(parents=True)
    names = ["-n", "a b", "*", "$(touch pwned)", "\x1b[31m", "line\n1 " + "0" * 64, "line\nfile x"]
    for name in names:
        (folder / name).write_text(line)
    keys = machine.look(CLOUD_CONFIG).access.keys
    expected = ["-n", "a b", "*", "$(touch pwned)", "\ufffd[31m"]
    assert keys == {f"{folder}/{name}": [digest] for name in expected}


def test_a_user_whom_nobody_knows(machine: Machine) -> None:
    machine.say("getent", "", 2)
    assert machine.look(CLOUD_CONFIG).access == Access("core")
    del machine.environment["SUDO_USER"]
    machine.program("id", "echo joe")
    assert machine.look().access == Access("joe")


def test_addresses_are_told_by_name(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    file = machine.root / "environment"
    file.write_text("COREOS_PUBLIC_IPV4=SECRET\nCOREOS_PRIVATE_IPV4=\nOTHER=SECRET\nCOREOS_a b=c\nCOREOS_X=y")
    script = _user_data_look._LOOK_SH.replace("/etc/environment", str(file))
    monkeypatch.setattr(_user_data_look, "_LOOK_SH", script)
    assert machine.look(CLOUD_CONFIG).addresses == ["COREOS_PUBLIC_IPV4", "COREOS_X"]
    assert "SECRET" not in machine.stdout


def test_only_root_may_look(machine: Machine) -> None:
    machine.be_seen_as(500)
    with pytest.raises(RemediationError, match=r"Only root .*become: true"):
        machine.source(CLOUD_CONFIG)


@in_each_shell
def test_what_is_read_is_what_is_there(machine: Machine) -> None:
    seen = machine.look()
    assert seen.boot == BOOT
    told = shlex.split(Path("/etc/os-release").read_text(), comments=True)
    assert [f"{name}={value}" for name, value in seen.os.items()] == told


@pytest.mark.parametrize(
    "path",
    ["/", "//a//b/", "/.hidden/.x", "/usr/share/oem/cloud-config.yml", "/a b/ä", "/a:b_c.d@e", "/%i/\\x2d", "/-"],
)
def test_a_path_is_escaped_as_systemd_does(path: str) -> None:
    done = subprocess.run(["systemd-escape", "--path", "--", path], capture_output=True, text=True, check=True)
    assert escape_path(path) == done.stdout.rstrip("\n")


def test_the_places_have_their_units() -> None:
    assert PLACES[0].unit == VAGRANT
    assert place_of(PLACES[-1].path).unit == r"system-cloudinit@usr-share-oem-cloud\x2dconfig.yml.service"
    assert place_of("/etc/my data").unit == r"user-cloudinit@etc-my\x20data.service"
    for path in ("etc/x", "/etc/../x", "/etc/./x", "/a\nb", "/" + "x" * 250, ""):
        with pytest.raises(RemediationError, match="cannot be a user-data's path"):
            place_of(path)


class Saying:
    """A host that says what it is told to."""

    def __init__(self, sections: dict[str, tuple[str, int]]) -> None:
        self.sections = sections

    def run(self, script: str) -> Completed:
        found = re.search(r"^FENCE=(\S+)$", script, re.MULTILINE)
        assert found
        text = "".join(
            f"\n{found[1]} begin {name}\n{said}\n{found[1]} end {name} {rc}\n"
            for name, (said, rc) in {**self.sections, "whole": ("", 0)}.items()
        )
        return Completed(0, text, text)


_ROOT = "0 555 0 1795335697 1795335697 2026-11-22 08:21:37.370315000 +0000 directory /proc/self"
_PARTS = ("size", "form", "variables", "skeleton", "report", "journal", "digest", "memory", "began", "stat", "keys")
_NAMES = ["os", "version", "boot", "addresses", "units", "access", "stat", "again", *(f"{part}-0" for part in _PARTS)]
_LINES = [
    f"9 644 0 1795335697 1795335697 2026-11-22 08:21:37.370315000 +0000 regular file {PLACES[0].path}",
    f"9 644 0 1795335697 1795335697 2026-13-32 08:21:37 +0000 regular file {PLACES[0].path}",
    f"9 600 0 1 1 2026-11-22 08:21:37 +0000 regular file {MEMORY}/{escape_path(PLACES[0].path)}",
    f'Id={VAGRANT}\nTriggeredBy=a.path "\nExecMainStartTimestamp=Sun 2026-11-22 08:21:35 UTC\nExecMainPID=7',
    f"Id={VAGRANT}\nExecMainStartTimestamp=Sun 0000-13-22 08:21:35 UTC",
    "Nov 22 08:00:07.000001 a coreos-cloudinit[7]: line 3: error: x",
    "Feb 30 08:00:07.000001 a coreos-cloudinit[7]: Failed ",
    json.dumps(_KNOWN),
    f"{DIGEST}  x",
    "class=cloud-config\naliases=x\ntabs=\u0663",
    "99999999999",
    "t 99999999999999999",
    "user x\nfile y\n1 " + DIGEST,
    "- " * 50,
    "a: *a",
]


@given(
    st.dictionaries(
        st.sampled_from(_NAMES), st.tuples(st.text() | st.sampled_from(_LINES), st.sampled_from([0, 0, 1, 124]))
    )
)
def test_no_answer_makes_it_fail(sections: dict[str, tuple[str, int]]) -> None:
    said, status = sections.get("stat", ("", 0))
    seen = look(Saying({**sections, "stat": (f"{_ROOT}\n{said}", status)}), PLACES[:1])
    assert len(seen.sources) == 1
    assert judge(seen.sources[0], boot=seen.boot).why


@given(st.dictionaries(st.sampled_from(_NAMES), st.tuples(st.text(), st.sampled_from([0, 1]))))
def test_a_host_that_does_not_say_who_we_are_is_not_believed(sections: dict[str, tuple[str, int]]) -> None:
    with pytest.raises(RemediationError, match="Only root"):
        look(Saying(sections), PLACES[:1])
