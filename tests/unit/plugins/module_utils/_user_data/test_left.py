# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run leaves behind: the scripts on this machine's shell and on files below a directory, with a systemctl that
is told what to say."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.asked import Asked, AskedUnit
from ansible_collections.container_linux.remediation.plugins.module_utils._host import Completed, ask
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.left import (
    LEFTOVERS_SH,
    SNAPSHOT_SH,
    Snapshot,
    changed_units,
    left_variables,
    no_longer,
    parse_leftovers,
    parse_snapshot,
    unsettled_sentences,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import Written

_SYSTEMCTL = r"""#!/bin/sh
cd "$(dirname "$0")/../told"
printf '%s\n' "$*" >>../asked
while [ "$1" != -- ]; do shift; done
shift
for name; do
  cat "$name" 2>/dev/null || printf 'Id=%s\nLoadState=not-found\nActiveState=inactive\n\n' "$name"
done
"""
RUNNING = {"LoadState": "loaded", "ActiveState": "active", "MainPID": "7", "InvocationID": "a"}


class Machine:
    """A host whose folders of units are below a directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "bin").mkdir()
        (root / "told").mkdir()
        path = root / "bin/systemctl"
        path.write_text(_SYSTEMCTL)
        path.chmod(0o755)

    def write(self, path: str, text: str = "") -> str:
        full = Path(f"{self.root}{path}")
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_text(text)
        return path

    def link(self, path: str, to: str) -> str:
        full = Path(f"{self.root}{path}")
        full.parent.mkdir(parents=True, exist_ok=True)
        full.symlink_to(to)
        return path

    def tell(self, told_as: str, **properties: str) -> None:
        text = "".join(f"{key}={value}\n" for key, value in {"Id": told_as, **properties}.items())
        (self.root / "told" / told_as).write_text(f"{text}\n")

    def asked(self) -> str:
        path = self.root / "asked"
        return path.read_text() if path.exists() else ""

    def run(self, script: str) -> Completed:
        script = re.sub(r"(?<=[ \"])(?=/(etc|run|usr|lib)/)", str(self.root), script)
        done = subprocess.run(
            ["/bin/sh", "-s"],
            input=script,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PATH": f"{self.root / 'bin'}:{os.environ['PATH']}"},
        )
        return Completed(done.returncode, done.stdout.replace(str(self.root), ""), done.stderr)

    def snapshot(self, *units: str) -> Snapshot:
        variables = left_variables(Asked(units=[AskedUnit(name) for name in units]), Written(), Written())
        # what is around it must not be touched by it
        body = (
            f"NAME=mine\nSECTION=mine\nIFS=:\n{SNAPSHOT_SH}\nsnapshot before\nsection kept 5 printf '%s' \"$NAME$IFS\""
        )
        answer = ask(self, body, variables=variables)
        assert answer["kept"].out.strip() == "mine:"
        return parse_snapshot(answer["before"].out)

    def leftovers(self, previous: Written, now: Written) -> list[tuple[str, str, str, str]]:
        variables = left_variables(Asked(), previous, now)
        # paths of files are given, and not the script's own
        variables["LEFT_FILES"] = "\n".join(
            f"{self.root}{path}" for path in variables["LEFT_FILES"].split("\n") if path
        )
        answer = ask(self, f"{LEFTOVERS_SH}\nleftovers", variables=variables)
        return [(item.kind, item.name, item.path, item.state) for item in parse_leftovers(answer["leftovers"].out)]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_snapshot_holds_every_file_of_a_unit(machine: Machine) -> None:
    name = r"a\x2db@c.service"
    there = {
        machine.write(r"/usr/lib/systemd/system/a\x2db@.service", "1"): "1",
        machine.write(r"/etc/systemd/system/a\x2db@.service.d/20 x.conf", "2"): "2",
        machine.write(r"/run/systemd/system/a\x2db@c.service.d/10.conf", "3"): "3",
        machine.link("/etc/systemd/system/masked.service", "/dev/null"): "",
        machine.link("/etc/systemd/system/linked.service", str(machine.root / "linked")): "4",
    }
    (machine.root / "linked").write_text("4")
    machine.write("/etc/systemd/system/other.service", "5")
    machine.write("/etc/systemd/system/masked.service.d/README", "6")
    machine.link("/etc/systemd/system/masked.service.d/gone.conf", "/nowhere")
    machine.tell(name, **RUNNING)
    seen = machine.snapshot(name, "masked.service", "linked.service", "00-eth0.network", "-p.service", "a b.service")
    assert seen.digests == {path: digest(text) for path, text in there.items()}
    assert {key: unit["ActiveState"] for key, unit in seen.units.items()} == {
        name: "active",
        "masked.service": "inactive",
        "linked.service": "inactive",
    }
    # one process for all
    assert machine.asked().count("\n") == 1


def test_a_template_stands_for_its_instances(machine: Machine) -> None:
    machine.tell(r"a\\x2db@*.service")
    (machine.root / r"told/a\\x2db@*.service").write_text("Id=a\\x2db@c.service\nActiveState=active\nMainPID=7\n\n")
    machine.write("/etc/systemd/system/a\\x2db@.service", "1")
    machine.write("/etc/systemd/system/a\\x2db@c.service.d/1.conf", "1")
    before = machine.snapshot(r"a\x2db@.service")
    machine.write("/etc/systemd/system/a\\x2db@.service", "2")
    machine.write("/etc/systemd/system/a\\x2db@c.service.d/1.conf", "2")
    (changed,) = changed_units(before, machine.snapshot(r"a\x2db@.service"))
    assert changed.name == r"a\x2db@c.service"
    assert changed.files == [r"/etc/systemd/system/a\x2db@.service", r"/etc/systemd/system/a\x2db@c.service.d/1.conf"]


def test_no_unit_is_asked_for_where_none_is_named(machine: Machine) -> None:
    assert machine.snapshot() == Snapshot({}, {})
    assert not machine.asked()


EMPTY = hashlib.sha256(b"").hexdigest()
ETC, RUN, USR = "/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system"


@pytest.mark.parametrize(
    ("before", "after", "files"),
    [
        ({f"{USR}/a.service": "1"}, {f"{USR}/a.service": "1"}, []),
        ({f"{USR}/a.service": "1"}, {f"{USR}/a.service": "2"}, [f"{USR}/a.service"]),
        ({f"{USR}/a.service": "1"}, {f"{USR}/a.service": "1", f"{ETC}/a.service": "2"}, [f"{ETC}/a.service"]),
        ({f"{USR}/a.service": "1"}, {f"{USR}/a.service": "1", f"{ETC}/a.service": "1"}, []),
        ({f"{USR}/a.service": "1"}, {}, [f"{USR}/a.service"]),
        ({f"{ETC}/a.service": "1"}, {f"{ETC}/a.service": "1", f"{RUN}/a.service": "2"}, []),
        ({}, {f"{RUN}/a.service.d/x.conf": "1"}, [f"{RUN}/a.service.d/x.conf"]),
        ({f"{RUN}/a.service.d/x.conf": "1"}, {}, [f"{RUN}/a.service.d/x.conf"]),
        ({f"{ETC}/a.service.d/x.conf": "1"}, {f"{ETC}/a.service.d/x.conf": "1", f"{RUN}/a.service.d/x.conf": "2"}, []),
        ({f"{ETC}/b.service": "1"}, {f"{ETC}/b.service": "2"}, []),
    ],
)
def test_only_content_that_is_in_force_counts(before: dict[str, str], after: dict[str, str], files: list[str]) -> None:
    units = {"a.service": {"Id": "a.service", **RUNNING}}
    changed = changed_units(Snapshot(units, before), Snapshot(units, after))
    assert [(unit.name, list(unit.files)) for unit in changed] == ([("a.service", files)] if files else [])


def changed_as(was: dict[str, str], now: dict[str, str], name: str = "a.service") -> bool:
    old, new = {f"{ETC}/{name}": "1"}, {f"{ETC}/{name}": "2"}
    units = [{name: {"Id": name, "LoadState": "loaded", **properties}} for properties in (was, now)]
    return bool(changed_units(Snapshot(units[0], old), Snapshot(units[1], new)))


TIMES = {"MainPID": "7", "ExecMainStartTimestampMonotonic": "5", "ActiveEnterTimestampMonotonic": "6"}


@pytest.mark.parametrize(
    ("was", "now", "old"),
    [
        (RUNNING, RUNNING, True),
        (RUNNING, {**RUNNING, "InvocationID": "b"}, False),
        (RUNNING, {**RUNNING, "ActiveState": "reloading"}, True),
        (RUNNING, {**RUNNING, "ActiveState": "inactive"}, False),
        ({**RUNNING, "ActiveState": "failed"}, RUNNING, False),
        # one that waits for its process to say that it is ready has that process
        ({**RUNNING, "ActiveState": "activating"}, RUNNING, True),
        ({**RUNNING, "ActiveState": "activating", "MainPID": "0"}, RUNNING, False),
        # systemd before 232
        ({"ActiveState": "active", **TIMES}, {"ActiveState": "active", **TIMES}, True),
        ({"ActiveState": "active", **TIMES}, {"ActiveState": "active", **TIMES, "MainPID": "8"}, False),
        (
            {"ActiveState": "active", **TIMES},
            {"ActiveState": "active", **TIMES, "ExecMainStartTimestampMonotonic": "9"},
            False,
        ),
        (
            {"ActiveState": "active", **TIMES},
            {"ActiveState": "active", **TIMES, "ActiveEnterTimestampMonotonic": "9"},
            False,
        ),
        (
            {"ActiveState": "activating", **TIMES, "ActiveEnterTimestampMonotonic": "0"},
            {"ActiveState": "active", **TIMES},
            True,
        ),
    ],
)
def test_only_what_goes_on_from_before_is_old(was: dict[str, str], now: dict[str, str], old: bool) -> None:
    assert changed_as(was, now) is old


def test_a_target_has_nothing_to_restart() -> None:
    assert not changed_as(RUNNING, RUNNING, "a.target")
    for kind in ("socket", "path", "timer", "mount"):
        assert changed_as(RUNNING, RUNNING, f"a.{kind}")


def only(name: str, **properties: str) -> dict[str, object]:
    units = {name: {"Id": name, **RUNNING, **properties}}
    old, new = {f"{ETC}/{name}": "1"}, {f"{ETC}/{name}": "2"}
    (unit,) = changed_units(Snapshot(units, old), Snapshot(units, new))
    return {"type": unit.type, "process": unit.process, "services": unit.services, "hindrance": unit.hindrance[:20]}


def test_what_is_told_of_a_changed_unit() -> None:
    plain = {"type": "service", "process": 7, "services": [], "hindrance": ""}
    assert only("a.service", Triggers="b.timer") == plain
    assert only("a.service", Type="oneshot", MainPID="0") == {**plain, "type": "oneshot", "process": 0}
    listening = {**plain, "type": "socket", "services": [r"b\x2dc.service"]}
    assert only("a.socket", Accept="no", Triggers=r'"b\\x2dc.service"') == listening
    assert only("a.socket", Accept="yes", Triggers="b@1.service") == {**listening, "services": []}
    assert only("a.service", LoadState="masked")["hindrance"] == "it is masked now, th"
    assert only("a.service", LoadState="not-found")["hindrance"] == "its unit file is gon"
    assert only("a.service", LoadState="bad-setting")["hindrance"] == "systemd could not lo"
    assert only("a.service", RefuseManualStop="yes")["hindrance"] == "its unit file forbid"


@pytest.mark.parametrize(
    ("after", "masked"),
    [
        ({f"{USR}/a.service": "1", f"{ETC}/a.service": EMPTY}, True),
        ({f"{USR}/a.service": "1", f"{RUN}/a.service": EMPTY}, True),
        ({f"{ETC}/a.service": "2", f"{RUN}/a.service": EMPTY}, False),
        ({f"{USR}/a.service": "1", f"{ETC}/a.service.d/x.conf": EMPTY}, False),
    ],
)
def test_a_mask_counts_before_systemd_has_noticed_it(after: dict[str, str], masked: bool) -> None:
    """Where it writes nothing but a mask, coreos-cloudinit has systemd read nothing anew."""
    units = {"a.service": {"Id": "a.service", "LoadState": "loaded", **RUNNING}}
    (unit,) = changed_units(Snapshot(units, {f"{USR}/a.service": "1"}), Snapshot(units, after))
    assert unit.hindrance == ("it is masked now, though it still runs; stop it, or lift the mask" if masked else "")
    assert unit.told()["hindrance"] == unit.hindrance


def test_what_is_left_is_found_where_it_lies(machine: Machine) -> None:
    previous = Written(
        files=["/opt/a b", "/opt/gone", "/opt/loop", "relative", "/opt/two\nlines"],
        units=["a.service", "b@.service", "00-eth.network", "gone.service", "../x", "masked.service"],
        drop_ins=["a.service/1.conf", "a.service/../../x", "gone.service/1.conf", "nothing"],
        enabled=["a.service", "b@.service", "vendor.service"],
        masked=["masked.service", "empty.service", "a.service"],
    )
    machine.write("/opt/a b")
    machine.link("/opt/loop", "loop")
    for path in (f"{ETC}/a.service", f"{RUN}/a.service", f"{ETC}/b@.service", f"{ETC}/a.service.d/1.conf"):
        machine.write(path, "x")
    machine.write("/etc/systemd/network/00-eth.network", "x")
    machine.write("/etc/systemd/x", "x")
    machine.link(f"{ETC}/masked.service", "/dev/null")
    machine.write(f"{RUN}/empty.service")
    machine.link(f"{ETC}/multi-user.target.wants/a.service", "../a.service")
    machine.link(f"{RUN}/b.target.requires/b@c.service", "../b@.service")
    machine.link(f"{USR}/multi-user.target.wants/vendor.service", "../vendor.service")
    machine.tell("a.service", ActiveState="active")
    found = machine.leftovers(previous, Written())
    assert sorted(found) == sorted(
        [
            ("file", "/opt/a b", "/opt/a b", ""),
            ("file", "/opt/loop", "/opt/loop", ""),
            ("unit", "a.service", f"{ETC}/a.service", "active"),
            ("unit", "a.service", f"{RUN}/a.service", "active"),
            ("unit", "b@.service", f"{ETC}/b@.service", ""),
            ("unit", "00-eth.network", "/etc/systemd/network/00-eth.network", "inactive"),
            ("drop_in", "a.service/1.conf", f"{ETC}/a.service.d/1.conf", ""),
            ("enabled", "a.service", f"{ETC}/multi-user.target.wants/a.service", ""),
            ("enabled", "b@.service", f"{RUN}/b.target.requires/b@c.service", ""),
            ("masked", "masked.service", f"{ETC}/masked.service", ""),
            ("masked", "empty.service", f"{RUN}/empty.service", ""),
        ]
    )
    assert machine.leftovers(previous, previous) == []


NAMES = st.lists(st.sampled_from(["/a", "/b", "//a", "c.service", "c.service/d"]), max_size=4)
WRITTEN = st.builds(Written, files=NAMES, units=NAMES, drop_ins=NAMES, enabled=NAMES, masked=NAMES)


@given(WRITTEN, WRITTEN)
def test_what_is_gone_was_there_and_is_asked_for_no_more(previous: Written, now: Written) -> None:
    gone = no_longer(previous, now)
    for name in ("files", "units", "drop_ins", "enabled", "masked"):
        was, are, left = (list(getattr(written, name)) for written in (previous, now, gone))
        assert set(left) <= set(was)
        assert not set(left) & set(are)
        assert set(was) - set(left) - set(are) <= {"/a", "//a"}
        assert len(left) == len(set(left))
    assert no_longer(previous, previous) == Written([], [], [], [], [])
    assert no_longer(gone, now) == gone


LINES = [
    *("Id=a.service", "Id=b@c.socket", "ActiveState=active", "MainPID=7", "MainPID=\u0663", 'Triggers="a', "Id=", ""),
    *("Names=a.service z", "LoadState=masked", f"{'0' * 64}  /etc/systemd/system/a.service", f"\\{'1' * 64}  /a\\"),
    *(f"{'2' * 64}  /run/systemd/system/a.service.d/", "file - /x", "unit a.service /x", "masked  /", "enabled x x"),
]


@given(*[st.lists(st.sampled_from(LINES) | st.text(), max_size=12).map("\n".join)] * 2)
def test_no_answer_makes_it_fail(first: str, second: str) -> None:
    before, after = parse_snapshot(first), parse_snapshot(second)
    for unit in changed_units(before, after):
        assert unit.name in before.units
        assert unit.files
    assert changed_units(before, before) == []
    for item in parse_leftovers(first):
        assert item.told()["path"].startswith("/")


def test_sections_of_the_user_data_name_units() -> None:
    asked = Asked(
        units=[AskedUnit("a.service"), AskedUnit("etcd2.service")], sections={"etcd2": 1, "flannel": 2, "oem": 3}
    )
    names = left_variables(asked, Written(), Written())["ASKED_UNITS"]
    assert names.split("\n") == ["a.service", "etcd2.service", "flanneld.service"]


def test_what_cannot_be_told_is_said_with_its_reason() -> None:
    unsettled = Written(["/etc/a"], ["b.service"], ["b.service/1.conf"], enabled=["b.service"])
    doubts = ["coreos.units (line 9) is no list that can be read.", "more"]
    assert unsettled_sentences(unsettled, path="/x", doubts=doubts) == [
        "Whether /x still asks for /etc/a, b.service, b.service/1.conf, which the one before it brought, cannot be "
        "told: coreos.units (line 9) is no list that can be read. Remove yourself what is not to stay."
    ]
    assert unsettled_sentences(Written(), path="/x", doubts=doubts) == []
    (cut,) = unsettled_sentences(Written(files=["/a\n" * 999]), path="/x", doubts=doubts)
    assert "\n" not in cut and len(cut) < 500
