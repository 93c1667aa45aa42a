# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""One look at user-data: on this machine's shell and files, with a systemctl and a coreos-cloudinit that are told
what to say; its parts have tests of their own, and whole hosts are in test__user_data_state.py."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.container_linux.remediation.plugins.module_utils._host import Completed, RemediationError
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import escape_path
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data import look as user_data_look
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data import watch as user_data_watch
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.log import Finding
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.look import look
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.memory import MEMORY
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import PLACES, Content, Place
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.state import judge
from ansible_collections.container_linux.remediation.tests.unit.plugins.module_utils.unit_machine import Saying
from ansible_collections.container_linux.remediation.tests.unit.plugins.module_utils.user_data_machine import (
    BOOT,
    CLOUD_CONFIG,
    DIGEST,
    KNOWN,
    LOOK_SH,
    SETTLED,
    VAGRANT,
    LookedAt,
    in_each_shell,
)


@pytest.mark.parametrize("status", [0, 1])
def test_a_file_that_is_still_being_written_is_told(
    machine: LookedAt, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr(user_data_look, "_LOOK_SH", LOOK_SH)
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


def test_a_host_without_coreos_cloudinit(machine: LookedAt) -> None:
    (machine.root / "bin/coreos-cloudinit").unlink()
    seen = look(machine, [Place("given", "/nowhere", VAGRANT)])
    assert (seen.cloudinit, seen.sources[0].file, seen.sources[0].error) == ("", None, "")


@in_each_shell
def test_what_is_no_file_is_told(machine: LookedAt) -> None:
    loop = machine.root / "loop"
    loop.symlink_to(loop)
    places = [Place("given", str(path), VAGRANT) for path in (loop, machine.root)]
    looped, folder = look(machine, places).sources
    assert "Too many levels of symbolic links" in looped.error
    assert folder.file
    assert folder.file.type == "directory"
    assert not folder.sha256


@in_each_shell
def test_a_link_is_as_young_as_where_it_leads_to(machine: LookedAt) -> None:
    real = machine.root / "real"
    real.write_bytes(CLOUD_CONFIG)
    time.sleep(0.05)
    machine.file.symlink_to(real)
    for after, name in ((0.02, "stale"), (60, "current")):
        machine.has_run(after=after)
        source = machine.source()
        assert judge(source, boot=BOOT).name == name
        assert source.file
        assert source.file.changed == pytest.approx(machine.file.lstat().st_ctime, abs=0.001)
        assert source.file.size == len(CLOUD_CONFIG)
        assert not source.moving


def linked(machine: LookedAt) -> list[Place]:
    """Two places that are one file: the directory of the first leads to that of the second."""
    folder, link = machine.root / "flatcar", machine.root / "coreos"
    folder.mkdir()
    link.symlink_to(folder)
    machine.lies_at(folder / "user_data")
    machine.file.write_bytes(CLOUD_CONFIG)
    return [Place("install", str(link / "user_data"), "other.service"), Place("install", str(machine.file), VAGRANT)]


OTHER = "Id=other.service\nLoadState=loaded\nActiveState=inactive\nResult=success"


@in_each_shell
@pytest.mark.parametrize("thorough", [False, True])
def test_places_that_are_one_file_are_one(machine: LookedAt, thorough: bool) -> None:
    """The one whose unit has run it, at no more cost than if there were no other."""
    places = linked(machine)
    machine.has_run(after=2, others=OTHER)
    seen = look(machine, places, thorough=thorough)
    other, one = seen.sources
    assert (other.file, other.content, other.unit) == (None, None, {})
    assert judge(other, boot=BOOT).name == "absent"
    assert judge(one, boot=BOOT).name == "current"
    assert one.content
    assert bool(one.content.form) == thorough
    if not thorough:
        assert not {"coreos-cloudinit", "getent"} & machine.asked
    # and where it has changed since
    machine.has_run(after=-2, others=OTHER)
    other, one = look(machine, places).sources
    assert (other.file, judge(one, boot=BOOT).name) == (None, "stale")


@in_each_shell
def test_of_places_that_are_one_file_the_one_that_the_boot_runs_counts(machine: LookedAt) -> None:
    """Nothing has run it: its path unit is about to."""
    places = linked(machine)
    machine.say("journalctl", "")
    watch = f"{path_unit('b.path')}\nActiveState=active"
    machine.has_run(after=2, others=f"{OTHER}\n\n{watch}", ExecMainStartTimestamp="", ActiveState="inactive")
    for order in (places, places[::-1]):
        sources = {source.place: source for source in look(machine, order).sources}
        assert sources[places[0]].file is None
        assert judge(sources[places[1]], boot=BOOT).name == "unapplied"


@in_each_shell
def test_two_files_with_the_same_content_are_two(machine: LookedAt) -> None:
    other = machine.root / "other"
    for file in (machine.file, other):
        file.write_bytes(CLOUD_CONFIG)
    machine.has_run(after=2, others=OTHER)
    places = [Place("install", str(machine.file), VAGRANT), Place("install", str(other), "other.service")]
    assert all(source.content for source in look(machine, places).sources)


SHOWN = f"Id={VAGRANT}\nLoadState=loaded\nActiveState=inactive\nResult=success\nExecMainStartTimestamp="
PATH = VAGRANT.replace(".service", ".path")


def path_unit(name: str, *, starts: str = VAGRANT, load: str = "loaded") -> str:
    return f"Id={name}\nUnit={starts}\nLoadState={load}"


QUOTED = '"' + PATH.replace("\\", "\\\\") + '"'


@in_each_shell
@pytest.mark.parametrize(
    ("starters", "state"),
    [
        (SHOWN, "not_applicable"),
        (f"{SHOWN}\nRequiredBy=user-config.target", "unapplied"),
        (f"{SHOWN}\nWantedBy=multi-user.target", "unapplied"),
        (f"{SHOWN}\nTriggeredBy=nightly.timer", "unapplied"),
        # there is one for any path, and nothing wants it
        (f"{SHOWN}\nTriggeredBy={QUOTED}\n\n{path_unit(PATH)}\nActiveState=inactive", "not_applicable"),
        (f"{SHOWN}\n\n{path_unit(PATH)}\nActiveState=inactive\nRequiredBy=user-config.target", "unapplied"),
        (f"{SHOWN}\n\n{path_unit(PATH)}\nActiveState=failed", "unapplied"),
        # somebody has brought one, and stopped or masked it
        (f"{SHOWN}\n\n{path_unit('a.path')}\nActiveState=inactive", "unapplied"),
        (f"{SHOWN}\n\n{path_unit('a.path', load='masked')}\nActiveState=inactive", "not_applicable"),
        (f"{SHOWN}\n\n{path_unit('a.path', starts='other.service')}\nActiveState=active", "not_applicable"),
        # nobody knows
        ("", "unapplied"),
    ],
)
def test_what_nothing_starts_is_left_alone(machine: LookedAt, starters: str, state: str) -> None:
    shown = machine.root / "starters"
    shown.write_text(starters)
    machine.program(
        "systemctl", f"case $* in *RequiredBy*) cat {shown} ;; *) printf '%s\\n' {shlex.quote(SHOWN)} ;; esac"
    )
    machine.say("journalctl", "")
    machine.file.write_bytes(CLOUD_CONFIG)
    (source,) = look(machine, [Place("install", str(machine.file), VAGRANT)]).sources
    assert judge(source, boot=BOOT).name == state
    # unless somebody asks for it
    assert judge(source, boot=BOOT, wanted=True).name == "unapplied"
    # a device starts the unit of a config drive
    (source,) = look(machine, [Place("configdrive", str(machine.file), VAGRANT)]).sources
    assert judge(source, boot=BOOT).name == "unapplied"
    # what brings the path unit of Vagrant has not run itself
    oem = Place("oem", str(machine.root / "oem"), "oem.service")
    Path(oem.path).write_bytes(CLOUD_CONFIG)
    source, _oem = look(machine, [Place("vagrant", str(machine.file), VAGRANT), oem]).sources
    assert judge(source, boot=BOOT).name == "unapplied"


def test_who_starts_what_has_run_is_not_asked(machine: LookedAt) -> None:
    machine.file.write_bytes(CLOUD_CONFIG)
    machine.has_run(after=-2)
    machine.source()
    assert "begin starters" not in machine.stdout
    machine.say("systemctl", SHOWN)
    machine.source()
    assert "begin starters" in machine.stdout


@in_each_shell
def test_units_and_what_starts_them(machine: LookedAt) -> None:
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
def test_whether_it_is_watched(machine: LookedAt, monkeypatch: pytest.MonkeyPatch) -> None:
    """What watches it is of this version and at work; of another, or at rest; or not there at all."""
    units, script = machine.root / "units", machine.root / "watch"
    monkeypatch.setattr(user_data_watch, "UNITS", str(units))
    monkeypatch.setattr(user_data_watch, "SCRIPT", str(script))
    texts = [user_data_watch.USER_DATA_WATCH_SH, user_data_watch.PATH_UNIT, user_data_watch.SERVICE_UNIT]
    shared = [script, units / f"{user_data_watch.NAME}@.path", units / f"{user_data_watch.NAME}@.service"]
    files = {str(file): text for file, text in zip(shared, texts, strict=True)}
    monkeypatch.setattr(user_data_watch, "FILES", files)
    place = Place("given", str(machine.file), VAGRANT)
    path_unit = user_data_watch.watch_unit(place)
    machine.file.write_bytes(CLOUD_CONFIG)
    machine.has_run(after=2)
    assert machine.source().watched is None

    for name, text in {**files, **user_data_watch._files_of(place)}.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)
    assert machine.source().watched is False
    machine.has_run(after=2, others=f"Id={path_unit}\nActiveState=active\nUnit={user_data_watch.NAME}@x.service")
    found = machine.source()
    assert found.watched is True
    # it does not start the unit at boot
    assert found.watches == []
    # and what it notes is read where it is needed
    monkeypatch.setattr(user_data_watch, "NOTES", str(machine.root))
    note = machine.root / escape_path(place.path)
    note.write_text(f"{DIGEST}\n")
    assert machine.source().noted == ""
    assert machine.source(thorough=True).noted == DIGEST
    note.write_text("no digest\n")
    assert machine.source(thorough=True).noted == ""
    script.write_text("of another version")
    assert machine.source().watched is False
    # of another user-data
    assert look(machine, [Place("given", "/nowhere", "other.service")]).sources[0].watched is None


def test_a_unit_is_asked_for_where_it_may_have_to_run(machine: LookedAt) -> None:
    machine.program("systemctl", f'echo "$*" >>{machine.root}/words')
    words = machine.root / "words"
    machine.source()
    assert VAGRANT not in words.read_text()
    assert "*.path" in words.read_text()
    machine.source(given="#cloud-config\n")
    assert VAGRANT in words.read_text()


def test_a_journal_that_cannot_be_read_is_told(machine: LookedAt) -> None:
    machine.program("journalctl", "echo 'no rights' >&2; exit 3")
    seen = machine.look(b"#cloud-config\n")
    assert seen.partial == [
        f"journalctl for {machine.file} ended with status 3 and said 'no rights'; what it would have told is missing."
    ]


def test_a_systemctl_that_hangs_is_not_asked_twice(machine: LookedAt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_data_look, "LIMIT", 1)
    machine.program("systemctl", "exec sleep 60")
    path = machine.root / "empty"
    path.touch()
    seen = look(machine, [Place("given", str(path), VAGRANT)])
    assert seen.sources[0].form == "empty"
    assert seen.partial == ["systemctl show did not end within 1 s; what it would have told is missing."]


@in_each_shell
def test_what_is_settled_is_looked_into_beside_what_is_not(machine: LookedAt) -> None:
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
def test_what_is_given_and_in_force_costs_no_more(machine: LookedAt) -> None:
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
def test_what_is_given_arrives_as_it_is(machine: LookedAt, text: str) -> None:
    seen = machine.look(given=text)
    assert seen.sources[0].file is None
    assert seen.given
    assert seen.given.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert seen.given.size == len(text.encode())
    assert seen.given.form == ("empty" if not text else seen.given.form) != ""
    assert machine.look().given is None
    assert not list((machine.root / "run").iterdir())


def test_what_is_given_is_looked_at_beside_what_is_there(machine: LookedAt) -> None:
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
def amid_validation(machine: LookedAt, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """The look while the host validates what is given, which ends with the context."""
    scripts: list[str] = []

    class Reader:
        def run(self, script: str) -> Completed:
            scripts.append(script)
            return Completed(1, "", "")

    end = machine.root / "end"
    machine.program("coreos-cloudinit", f"[ $1 = --version ] || until [ -e {end} ]; do sleep 0.05; done")
    with pytest.raises(RemediationError, match="did not run the script to its end"):
        look(Reader(), [Place("given", str(machine.file), VAGRANT)], given="#cloud-config\n")
    script = machine.root / "script"
    script.write_text(scripts[0])
    with subprocess.Popen(
        [machine.shell, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=machine.environment,
        # tests that run in the background are started with it ignored, and so a shell would ignore it for good
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        deadline = time.monotonic() + 10
        asked = machine.root / "asked"
        while not asked.exists() or asked.read_text().count("coreos-cloudinit") < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert list((machine.root / "run").iterdir())
        try:
            yield process
        finally:
            end.touch()


@in_each_shell
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_what_was_given_goes_when_the_look_is_ended(
    machine: LookedAt, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with amid_validation(machine, monkeypatch) as process:
        process.send_signal(signal.Signals[name])
    assert process.returncode == 1
    assert not list((machine.root / "run").iterdir())


@in_each_shell
def test_what_was_given_goes_when_nobody_listens(machine: LookedAt, monkeypatch: pytest.MonkeyPatch) -> None:
    with amid_validation(machine, monkeypatch) as process:
        assert process.stdout
        process.stdout.close()
    assert process.returncode
    assert not list((machine.root / "run").iterdir())


def test_no_place_for_what_is_given(machine: LookedAt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_data_look, "TEMPORARY", str(machine.root / "none/given.XXXXXX"))
    with pytest.raises(RemediationError, match=r"could not be written to a temporary file .*/none .*No such file"):
        machine.source(given="#cloud-config\n")


@in_each_shell
def test_no_room_for_what_is_given(machine: LookedAt) -> None:
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


def test_a_part_of_what_is_given_will_not_do(machine: LookedAt) -> None:
    machine.program("sha256sum", f"echo {DIGEST} -")
    with pytest.raises(RemediationError, match="it is not there as a whole"):
        machine.source(given="#cloud-config\n")


def test_addresses_are_told_by_name(machine: LookedAt, monkeypatch: pytest.MonkeyPatch) -> None:
    file = machine.root / "environment"
    file.write_text("COREOS_PUBLIC_IPV4=SECRET\nCOREOS_PRIVATE_IPV4=\nOTHER=SECRET\nCOREOS_a b=c\nCOREOS_X=y")
    script = user_data_look._LOOK_SH.replace("/etc/environment", str(file))
    monkeypatch.setattr(user_data_look, "_LOOK_SH", script)
    assert machine.look(CLOUD_CONFIG).addresses == ["COREOS_PUBLIC_IPV4", "COREOS_X"]
    assert "SECRET" not in machine.stdout


def test_only_root_may_look(machine: LookedAt) -> None:
    machine.be_seen_as(500)
    with pytest.raises(RemediationError, match=r"Only root .*become: true"):
        machine.source(CLOUD_CONFIG)


@in_each_shell
def test_what_is_read_is_what_is_there(machine: LookedAt) -> None:
    seen = machine.look()
    assert seen.boot == BOOT
    told = shlex.split(Path("/etc/os-release").read_text(), comments=True)
    assert [f"{name}={value}" for name, value in seen.os.items()] == told


_ROOT = "0 555 0 1795335697 1795335697 2026-11-22 08:21:37.370315000 +0000 7:1 directory /proc/self"


_PARTS = ("size", "form", "variables", "skeleton", "report", "journal", "digest", "memory", "began", "stat", "keys")


_WHOLE = ("os", "version", "boot", "addresses", "units", "starters", "access", "stat", "again")
_NAMES = [*_WHOLE, *(f"{part}-0" for part in _PARTS)]


_LINES = [
    f"9 644 0 1795335697 1795335697 2026-11-22 08:21:37.370315000 +0000 8:1 regular file {PLACES[0].path}",
    f"9 644 0 1795335697 1795335697 2026-13-32 08:21:37 +0000 8:1 regular file {PLACES[0].path}",
    f"9 600 0 1 1 2026-11-22 08:21:37 +0000 8:1 regular file {MEMORY}/{escape_path(PLACES[0].path)}",
    f'Id={VAGRANT}\nTriggeredBy=a.path "\nExecMainStartTimestamp=Sun 2026-11-22 08:21:35 UTC\nExecMainPID=7',
    f"Id={VAGRANT}\nExecMainStartTimestamp=Sun 0000-13-22 08:21:35 UTC",
    "Nov 22 08:00:07.000001 a coreos-cloudinit[7]: line 3: error: x",
    "Feb 30 08:00:07.000001 a coreos-cloudinit[7]: Failed ",
    json.dumps(KNOWN),
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
    seen = look(Saying({**sections, "stat": (f"{_ROOT}\n{said}", status)}, twice=True), PLACES[:1])
    assert len(seen.sources) == 1
    assert judge(seen.sources[0], boot=seen.boot).why


@given(st.dictionaries(st.sampled_from(_NAMES), st.tuples(st.text(), st.sampled_from([0, 1]))))
def test_a_host_that_does_not_say_who_we_are_is_not_believed(sections: dict[str, tuple[str, int]]) -> None:
    with pytest.raises(RemediationError, match="Only root"):
        look(Saying(sections, twice=True), PLACES[:1])
