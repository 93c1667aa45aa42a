# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts with a user-data: this machine's shell and files, with a systemctl, a journalctl and whatever else it takes
that are told what to say.

`LookedAt` is for what a look asks, `Applying` for what applies.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.container_linux.remediation.plugins.module_utils._host import Completed
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import escape_path
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data import apply as user_data_apply
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data import look as user_data_look
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.apply import (
    Applied,
    apply,
    restore,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.compare import Question
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.look import look
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import (
    PLACES,
    Content,
    File,
    Look,
    Place,
    Source,
    Written,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.watch import watch_unit

BOOT = Path("/proc/sys/kernel/random/boot_id").read_text().strip()

# the hosts' sh is bash
in_each_shell = pytest.mark.parametrize("shell", ["sh", "bash"], indirect=True)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def without_room(root: Path, shell: str) -> str:
    """A shell that can write no file of more than 64 KiB."""
    path = root / f"{shell}-without-room"
    path.write_text(f"#!/bin/sh\ntrap '' XFSZ\nulimit -f 128\nexec {shell} \"$@\"\n")
    path.chmod(0o755)
    return str(path)


class Machine:
    """This machine and a shell of it, with programs of its own before those on PATH; `core` has logged in."""

    def __init__(self, root: Path, shell: str) -> None:
        self.root = root
        self.shell = shell
        self.environment = {**os.environ, "PATH": f"{root / 'bin'}:{os.environ['PATH']}", "SUDO_USER": "core"}
        self.script = self.stdout = self.stderr = ""
        for folder in ("bin", "run"):
            (root / folder).mkdir()
        self.lies_at(root / "user dätä")

    def lies_at(self, file: Path) -> None:
        """Have the user-data there."""
        self.file = file
        self.memory = self.root / "memory" / escape_path(str(file))
        self.good, self.before = (self.memory.with_name(f"{self.memory.name}.{kind}") for kind in ("good", "before"))

    def be_seen_as(self, uid: int) -> None:
        real = shutil.which("stat")
        self.program("stat", f'{real} "$@" | sed "s/^\\([0-9]* [0-7]* \\){os.getuid()} /\\1{uid} /"')

    def program(self, name: str, lines: str) -> None:
        path = self.root / "bin" / name
        path.write_text(f"#!/bin/sh\n{lines}\n")
        path.chmod(0o755)

    def run(self, script: str) -> Completed:
        self.script = script
        done = subprocess.run(
            [self.shell, "-s"],
            input=script.encode("utf-8", "surrogateescape"),
            capture_output=True,
            check=False,
            env=self.environment,
            timeout=60,
        )
        self.stdout = done.stdout.decode("utf-8", "surrogateescape")
        self.stderr = done.stderr.decode("utf-8", "replace")
        return Completed(done.returncode, self.stdout, self.stderr)


VAGRANT = PLACES[0].unit
CLOUD_CONFIG = b"#cloud-config\nhostname: a\n"
DIGEST = hashlib.sha256(CLOUD_CONFIG).hexdigest()
SETTLED = Content(len(CLOUD_CONFIG), DIGEST, variables=[], keys=[])
"""What is told of that where nothing has to run."""

KNOWN: dict[str, Any] = {
    "sha256": DIGEST,
    "boot": BOOT,
    "applied": 1795339858.5,
    "written": {"files": ["/a"], "units": ["b.service"], "drop_ins": [], "enabled": [], "masked": []},
}
"""What a host remembers of it."""

LOOK_SH = user_data_look._LOOK_SH


def look_below(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    """Have the look keep to a directory, and wait for nothing: every file of a test has only just been written."""
    assert "sleep 1" in LOOK_SH
    monkeypatch.setattr(user_data_look, "_LOOK_SH", LOOK_SH.replace("sleep 1", ":"))
    monkeypatch.setattr(user_data_look, "MEMORY", str(root / "memory"))
    monkeypatch.setattr(user_data_look, "TEMPORARY", str(root / "run/given.XXXXXX"))


class LookedAt(Machine):
    """A host that is looked at, and which notes what it is asked."""

    def __init__(self, root: Path, shell: str) -> None:
        super().__init__(root, shell)
        self.home = root / "home"
        for folder in ("memory", "home"):
            (root / folder).mkdir()
        for program in ("systemctl", "coreos-cloudinit"):
            self.say(program, "")
        self.say("journalctl", "Set hostname to a")
        self.say("busctl", "", 1)
        self.say("getent", f"core:x:500:500:Core:{self.home}:/bin/sh")
        if os.getuid():
            self.be_seen_as(0)

    def program(self, name: str, lines: str) -> None:
        super().program(name, f"echo {name} >>{self.root}/asked\n{lines}")

    def say(self, program: str, text: str, status: int = 0) -> None:
        self.program(program, f"[ $1 != --version ] || exit 0\ncat <<'END'\n{text}\nEND\nexit {status}")

    @property
    def asked(self) -> set[str]:
        """The programs that were run."""
        return set((self.root / "asked").read_text().split())

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
        known = json.dumps({**KNOWN, "sha256": digest, "boot": boot, "applied": 0})
        self.memory.write_text(known.replace(": 0,", f": {applied:.9f},"))
        self.memory.chmod(0o600)


UNIT = "user-cloudinit@x.service"
WATCH = r"a\x2db.path"
OLD = "#cloud-config\nhostname: old\n"
NEW = "#cloud-config\nhostname: 'new $(id) \\n %s'\n"
WRITTEN = Written(
    files=["/a b", "/ü\u2028'\"\\n%s"], units=["b.service"], drop_ins=["c.service/1.conf"], enabled=[], masked=[]
)
PROOF = Question('begin proved\nfinish proved "$WHAT"\n', {"WHAT": "7"})
VARIABLES = ("ASKED_UNITS", "SHOWN_UNITS", "LEFT_FILES", "LEFT_UNITS", "LEFT_DROP_INS", "LEFT_ENABLED", "LEFT_MASKED")

# `restart` runs what it is told to, notes what it has been given to run, and so do the others
_SYSTEMCTL = r"""cd "$(dirname "$0")/.."
printf '%s\n' "systemctl $*" >>asked
case $* in
  *RequiredBy*) ;;
  *is-active*) grep -q -x -F -e "${*##* }" watching 2>/dev/null || exit 3 ;;
  *restart*) cat place >>ran 2>/dev/null; . ./restart ;;
  'show -p ActiveState '*) [ ! -e going-on ] || { . ./going-on; echo "ActiveState=$STATE"; } ;;
  *show*) cat shown ;;
esac
"""


def apply_below(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    """Have what applies keep to a directory, and wait no longer than it must."""
    monkeypatch.setattr(user_data_apply, "MEMORY", str(root / "memory"))
    monkeypatch.setattr(user_data_apply, "LOCK", str(root / "lock"))
    monkeypatch.setattr(user_data_apply, "_PATIENCE", 1)


@contextlib.contextmanager
def locked(machine: Machine) -> Iterator[None]:
    with (machine.root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Applying(Machine):
    """A host with a unit that runs its user-data."""

    def __init__(self, root: Path, shell: str) -> None:
        super().__init__(root, shell)
        self.watches: list[str] = [WATCH]
        self.program("systemctl", _SYSTEMCTL)
        self.program("coreos-cloudinit", "exit 1")
        self.restart_does("exit 0")
        self.shows()
        self.logs('Result of "start" on "b.service": done')

    def lies_at(self, file: Path) -> None:
        super().lies_at(file)
        place = self.root / "place"
        place.unlink(missing_ok=True)
        place.symlink_to(file)

    def restart_does(self, lines: str) -> None:
        (self.root / "restart").write_text(f"{lines}\n")

    def shows(self, **properties: str) -> None:
        unit = {"Id": UNIT, "ActiveState": "active", "Result": "success", "ConditionResult": "yes", "ExecMainPID": "7"}
        (self.root / "shown").write_text("".join(f"{key}={value}\n" for key, value in {**unit, **properties}.items()))

    def logs(self, *lines: str, status: int = 0) -> None:
        text = "\n".join(f"Nov 22 08:00:07.000001 a coreos-cloudinit[7]: {line}" for line in lines)
        self.program(
            "journalctl",
            f'echo "journalctl $*" >>{self.root}/asked\n[ "$1" != --sync ] || exit 0\n'
            # nothing is logged before anything has run
            f"[ -e {self.root}/ran ] || ! grep -q '^ExecMainPID=0$' {self.root}/shown || exit 0\n"
            f"echo {shlex.quote(text)}\n[ {status} -eq 0 ] || echo 'no rights' >&2\nexit {status}\n",
        )

    def is_watched(self) -> tuple[str, str]:
        """Have our own watch be active: its path unit and its service."""
        watch = watch_unit(self.source().place)
        (self.root / "watching").write_text(f"{watch}\n")
        return watch, f"{watch[: -len('path')]}service"

    @property
    def asked(self) -> list[str]:
        path = self.root / "asked"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def ran(self) -> str:
        """What the unit has run."""
        path = self.root / "ran"
        return path.read_text() if path.exists() else ""

    def source(self) -> Source:
        """What a look has seen."""
        there = self.file.exists()
        return Source(
            Place("given", str(self.file), UNIT),
            file=File("regular file", 1, "644", 0, 1, 1.0) if there else None,
            content=Content(1, digest(self.file.read_text())) if there else None,
            watches=[{"Id": name} for name in self.watches],
        )

    def apply(self, given: str | None = None, *, source: Source | None = None, **options: Any) -> Applied:
        source = source or self.source()
        variables = options.pop("variables", dict.fromkeys(VARIABLES, ""))
        wanted = {"timeout": 20, "wait": False, "written": WRITTEN, "boot": BOOT, "proof": PROOF, **options}
        sha256 = source.sha256 if given is None else digest(given)
        return apply(self, source, given=given, sha256=sha256, variables=variables, **wanted)

    def restore(self, source: Source, **options: Any) -> str:
        return restore(self, source, **{"sha256": digest(NEW), "in_force": False, "stopped": False, **options})

    def parts(self) -> list[Path]:
        """What was written and has not come to its place."""
        return list(self.root.rglob(".container-linux-remediation.*"))
