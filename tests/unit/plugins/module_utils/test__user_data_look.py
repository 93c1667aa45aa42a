# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""One look at user-data: on this machine's shell and files, with a systemctl and a coreos-cloudinit that are told
what to say; whole hosts are in test__user_data_state.py."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.container_linux.remediation.plugins.module_utils import _user_data_look
from ansible_collections.container_linux.remediation.plugins.module_utils._cloudinit_log import Finding
from ansible_collections.container_linux.remediation.plugins.module_utils._host import Completed, RemediationError
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data_look import (
    PLACES,
    Place,
    Source,
    escape_path,
    look,
    place_of,
)

VAGRANT = "user-cloudinit@var-lib-coreos\\x2dvagrant-vagrantfile\\x2duser\\x2ddata.service"
SCRIPT = _user_data_look._LOOK_SH


class Machine:
    """This machine, with programs of its own before those on PATH."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "bin").mkdir()
        self.say("systemctl", "")
        self.say("journalctl", "")
        self.say("coreos-cloudinit", "")
        self.stdout = self.stderr = ""

    def say(self, program: str, text: str, status: int = 0) -> None:
        path = self.root / "bin" / program
        path.write_text(f"#!/bin/sh\n[ $1 != --version ] || exit 0\ncat <<'END'\n{text}\nEND\nexit {status}\n")
        path.chmod(0o755)

    def run(self, script: str) -> Completed:
        environment = {**os.environ, "PATH": f"{self.root / 'bin'}:{os.environ['PATH']}"}
        done = subprocess.run(
            ["/bin/sh", "-s"], input=script.encode(), capture_output=True, check=False, env=environment
        )
        self.stdout, self.stderr = (
            done.stdout.decode("utf-8", "surrogateescape"),
            done.stderr.decode("utf-8", "replace"),
        )
        return Completed(done.returncode, self.stdout, self.stderr)

    def source(self, content: bytes, unit: str = VAGRANT) -> Source:
        path = self.root / "user data"
        path.write_bytes(content)
        return look(self, [Place("given", str(path), unit)]).sources[0]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    # every file of a test has only just been written
    assert "sleep 1" in SCRIPT
    monkeypatch.setattr(_user_data_look, "_LOOK_SH", SCRIPT.replace("sleep 1", ":"))
    monkeypatch.setattr(_user_data_look, "MEMORY", str(tmp_path / "memory"))
    return Machine(tmp_path)


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
        (b"hello", "other"),
        (b"", "empty"),
    ],
)
def test_the_first_line_tells_the_form(machine: Machine, content: bytes, form: str) -> None:
    assert machine.source(content).form == form


def test_what_is_told_of_a_file(machine: Machine) -> None:
    content = b"#cloud-config\r\na: $public_ipv4\r\nb: \\$private_ipv4 $private_ipv6$public_ipv6\n\ta: *b\nc: &d e\n"
    source = machine.source(content)
    path = machine.root / "user data"
    assert source.file
    assert (source.file.size, source.file.owner, source.file.type) == (len(content), os.getuid(), "regular file")
    assert source.file.mode == f"{path.stat().st_mode & 0o7777:o}"
    assert source.file.modified == int(path.stat().st_mtime)
    assert source.file.changed == pytest.approx(path.stat().st_ctime, abs=1e-5)
    assert source.sha256 == hashlib.sha256(content).hexdigest()
    assert source.counts == {"crlf": 2, "tabs": 1, "anchors": 1, "aliases": 1, "bom": 0}
    assert source.variables == ["private_ipv6", "public_ipv4", "public_ipv6"]
    assert not source.moving
    assert machine.source(b"\xef\xbb\xbfa").counts["bom"] == 1


@pytest.mark.parametrize("status", [0, 1])
def test_a_file_that_is_still_being_written_is_told(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr(_user_data_look, "_LOOK_SH", SCRIPT)
    machine.say("coreos-cloudinit", "line 1: info: x" if status else "", status)
    ended = threading.Event()

    def write() -> None:
        while not ended.wait(0.3):
            with (machine.root / "user data").open("a") as file:
                file.write("# more\n")

    upload = threading.Thread(target=write)
    upload.start()
    try:
        assert machine.source(b"#cloud-config\n").moving
    finally:
        ended.set()
        upload.join()


def test_the_content_stays_on_the_host(machine: Machine) -> None:
    machine.say(
        "journalctl",
        "Nov 22 08:00:07.000001 a coreos-cloudinit[7]: Command 'useradd --password SECRET b' failed: x\n"
        "Nov 22 08:00:07.000001 a coreos-cloudinit[7]: Authorizing SSH keys for CoreOS user 'b' from 'https://SECRET'",
    )
    machine.say(
        "coreos-cloudinit",
        "2026/11/22 08:00:07 line 2: error: Unknown anchor 'SECRET' referenced\n"
        "2026/11/22 08:00:07 line 3: error: cannot decode !!str `SE`CRET` as a !!int",
        1,
    )
    source = machine.source(
        b"#cloud-config\npasswd: *SECRET\nfoo: SECRET\nwrite_files:\n- content: |\n    SECRET\n# SECRET\n"
    )
    assert "SECRET" not in machine.stdout + machine.stderr
    assert source.findings == [
        Finding(2, "error", "Unknown anchor '...' referenced"),
        Finding(3, "error", "cannot decode !!str ... as a !!int"),
    ]
    assert source.validation == 1
    assert source.run
    assert len(source.run.errors) == 1
    assert source.skeleton
    assert source.skeleton.tree == {"passwd": "_alias", "foo": "_text", "write_files": [{"content": "_\n"}]}


def test_what_could_make_validation_explode_is_not_validated(machine: Machine) -> None:
    bomb = "#cloud-config\na: &a [x]\n" + "".join(f"b{n}: [*a, *a, *a]\n" for n in range(8))
    source = machine.source(bomb.encode())
    assert source.counts["aliases"] == 24
    assert source.validation is None
    huge = machine.source(b"#cloud-config\n" + b"# x\n" * 300000)
    assert huge.sha256
    assert (huge.form, huge.skeleton, huge.validation) == ("", None, None)


def test_a_host_without_coreos_cloudinit(machine: Machine) -> None:
    (machine.root / "bin/coreos-cloudinit").unlink()
    seen = look(machine, [Place("given", "/nowhere", VAGRANT)])
    assert (seen.cloudinit, seen.sources[0].file, seen.sources[0].error) == ("", None, "")


def test_what_is_no_file_is_told(machine: Machine) -> None:
    loop = machine.root / "loop"
    loop.symlink_to(loop)
    places = [Place("given", str(path), VAGRANT) for path in (loop, machine.root)]
    looped, folder = look(machine, places).sources
    assert "Too many levels of symbolic links" in looped.error
    assert folder.file
    assert folder.file.type == "directory"
    assert not folder.sha256


def test_units_and_what_starts_them(machine: Machine) -> None:
    path = machine.root / "bin/systemctl"
    path.write_text(
        """#!/bin/sh
for name; do
  case $name in
    user-cloudinit@*) printf 'Id=%s\\nTriggeredBy="a\\\\\\\\x2db.path" c.path c.timer\\nExecMainPID=7\\n\\n' "$name" ;;
    *.path) printf 'Id=%s\\nActiveState=active\\n\\n' "$name" ;;
    *.timer) exit 1 ;;
  esac
done
"""
    )
    source = machine.source(b"#cloud-config\n")
    assert source.unit["Id"] == VAGRANT
    assert [watch["Id"] for watch in source.watches] == [r"a\x2db.path", "c.path"]


def test_a_systemctl_that_hangs_is_not_asked_twice(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_user_data_look, "LIMIT", 1)
    (machine.root / "bin/systemctl").write_text("#!/bin/sh\nexec sleep 60\n")
    path = machine.root / "empty"
    path.touch()
    seen = look(machine, [Place("given", str(path), VAGRANT)])
    assert seen.sources[0].form == "empty"
    assert seen.partial == [
        "systemctl show (of the units that run user-data) did not end within 1 s; what it would have told is missing."
    ]


def test_what_is_remembered_counts_only_when_nobody_else_could_have_written_it(machine: Machine) -> None:
    memory = machine.root / "memory" / escape_path(str(machine.root / "user data"))
    memory.parent.mkdir()
    digest = "0" * 64
    memory.write_text(f"SHA256={digest}\nAPPLIED=1795335695.25\nBOOT=abc\n")
    memory.chmod(0o644)
    assert machine.source(b"#cloud-config\n").memory is None
    memory.chmod(0o600)
    found = machine.source(b"#cloud-config\n").memory
    assert found
    assert (found.sha256, found.applied, found.boot) == (digest, 1795335695.25, "abc")
    memory.write_text(f"SHA256=x\nAPPLIED=1\nBOOT={digest}\n")
    assert machine.source(b"#cloud-config\n").memory is None


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


_PARTS = ("stat", "again", "form", "variables", "skeleton", "report", "journal", "digest", "memory")
_NAMES = ["os", "version", "boot", "addresses", "units", "watches", "now", *(f"{part}-2" for part in _PARTS)]
_LINES = [
    "9 644 0 1795335697 2026-11-22 08:21:37.370315000 +0000 regular file",
    "9 644 0 1795335697 2026-13-32 08:21:37.370315000 +0000 regular file",
    "9 644 0 1795335697 0000-01-01 08:21:37 +0000 regular file",
    f'Id={VAGRANT}\nTriggeredBy=a.path "\nExecMainStartTimestamp=Sun 2026-11-22 08:21:35 UTC\nExecMainPID=7',
    "Nov 22 08:00:07.000001 a coreos-cloudinit[7]: line 3: error: x",
    "Feb 30 08:00:07.000001 a coreos-cloudinit[7]: Failed ",
    "600 0\nSHA256=" + "0" * 64 + "\nAPPLIED=99999999999\nBOOT=x",
    "class=cloud-config\naliases=x\ntabs=\u0663",
    "99999999999",
    "1795335697",
    "- " * 50,
    "a: *a",
]


@given(
    st.dictionaries(
        st.sampled_from(_NAMES), st.tuples(st.text() | st.sampled_from(_LINES), st.sampled_from([0, 0, 1, 124]))
    )
)
def test_no_answer_makes_it_fail(sections: dict[str, tuple[str, int]]) -> None:
    seen = look(Saying(sections), PLACES[:1])
    assert len(seen.sources) == 1
