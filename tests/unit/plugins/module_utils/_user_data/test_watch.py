# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The watch of user-data, as far as it needs no systemd; the rest is in tests/integration/test_user_data_watch.py."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.container_linux.remediation.plugins.module_utils._host import (
    Answer,
    Completed,
    RemediationError,
    Section,
    ask,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import escape_path
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import (
    ALIAS_LIMIT,
    PLACES,
    SIZE_LIMIT,
    Place,
    place_of,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.watch import (
    NOTES,
    USER_DATA_WATCH_SH,
    WATCH_LOOK_SH,
    _digests,
    look_variables,
    set_watch,
    unwatchable,
    watch_unit,
    watched,
    watched_places,
)

VAGRANT = PLACES[0]


class Here:
    """This machine's shell."""

    def run(self, script: str) -> Completed:
        done = subprocess.run(["/bin/sh"], input=script, capture_output=True, text=True, check=False)
        return Completed(done.returncode, done.stdout, done.stderr)


class Nowhere:
    """A host that must not be asked."""

    def run(self, script: str) -> Completed:
        raise AssertionError(script)


def settings() -> dict[str, str]:
    """What the script sets its names to, by its own shell."""
    beginning = USER_DATA_WATCH_SH.partition("say() {")[0]
    shown = subprocess.run(["/bin/sh", "-c", f"{beginning}\nset", "-"], capture_output=True, text=True, check=True)
    return {
        name: value.strip("'") for name, _equals, value in (line.partition("=") for line in shown.stdout.split("\n"))
    }


def test_script_has_the_limits_of_the_look() -> None:
    found = settings()
    assert int(found["SIZE_LIMIT"]) == SIZE_LIMIT
    assert int(found["ALIAS_LIMIT"]) == ALIAS_LIMIT
    assert found["NOTES"] == NOTES


@pytest.mark.parametrize("place", [*(place for place in PLACES if not unwatchable(place)), place_of("/etc/my data")])
def test_script_restarts_the_unit_of_the_source(place: Place) -> None:
    beginning = USER_DATA_WATCH_SH.partition("say() {")[0]
    words = ["follow", escape_path(place.path), place.path]
    said = subprocess.run(
        ["/bin/sh", "-c", f'{beginning}\nprintf %s "$UNIT"', "-", *words], capture_output=True, text=True, check=True
    )
    assert said.stdout == place.unit


def script(tmp_path: Path, *words: str) -> str:
    """Run the script with all that it writes below a directory."""
    text = USER_DATA_WATCH_SH.replace("/run/", f"{tmp_path}/run/")
    done = subprocess.run(["/bin/sh", "-c", text, "-", *words], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


def test_note_is_the_digest_and_for_root_alone(tmp_path: Path) -> None:
    file, note = tmp_path / "user-data", tmp_path / "run/container-linux-remediation/user-data/a\\x2db"
    file.write_text("#cloud-config\n")
    assert script(tmp_path, "note", "a\\x2db", str(file)) == ""
    assert note.read_text() == hashlib.sha256(file.read_bytes()).hexdigest() + "\n"
    assert note.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in note.parent.iterdir()] == [note.name]


@pytest.mark.parametrize("what", ["nothing", "directory", "fifo", "loop"])
def test_what_is_no_file_is_neither_noted_nor_run(tmp_path: Path, what: str) -> None:
    path = tmp_path / "user-data"
    if what == "directory":
        path.mkdir()
    elif what == "fifo":
        os.mkfifo(path)
    elif what == "loop":
        path.symlink_to(path)
    script(tmp_path, "note", "x", str(path))
    assert not (tmp_path / "run").exists()
    why = "it is no regular file" if what in ("directory", "fifo") else "there is no such file now"
    assert script(tmp_path, "follow", "x", str(path)).startswith(f"{path}: it has changed, and nothing is run: {why}")


@pytest.mark.parametrize("name", ["a", "-a"])
def test_what_its_aliases_may_blow_up_is_not_even_validated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for program in ("systemctl", "coreos-cloudinit"):
        (tmp_path / program).write_text("#!/bin/sh\n")
        (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    path = tmp_path / "user-data"
    path.write_text(f"#cloud-config\na: &{name} [x]\nb: [{','.join([f'*{name}'] * (ALIAS_LIMIT + 1))}]\n")
    said = script(tmp_path, "follow", "x", str(path))
    assert said == f"{path}: it has changed, and nothing is run: it has more than {ALIAS_LIMIT} aliases of YAML.\n"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/media/configdrive/openstack/latest/user_data", "no change of a config drive"),
        ("/media/configvirtfs/openstack/latest/user_data", "no change of a config drive"),
        ("/etc/$HOME", "systemd would read"),
        ("/etc/100%", "systemd would read"),
        ("/etc/user-data", ""),
    ],
)
def test_what_cannot_be_watched_is_refused_before_anything_is_touched(path: str, reason: str) -> None:
    place = place_of(path)
    assert unwatchable(place).startswith(reason)
    assert bool(unwatchable(place)) == bool(reason)
    if reason:
        with pytest.raises(RemediationError, match=f"cannot be watched: {reason}"):
            set_watch(Nowhere(), place, wanted=True)


def answer(*without: str, spoilt: str = "") -> Answer:
    """What the host answers that has all files of the watch, but for some."""
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data import watch

    files = {**watch.FILES, **watch._files_of(VAGRANT)}
    lines = []
    for path in look_variables([VAGRANT])["WATCH_FILES"].split("\n"):
        text = files.pop(path) + ("# older\n" if spoilt and spoilt in path else "")
        if not any(word in path for word in without):
            mark, name = ("\\", path.replace("\\", "\\\\")) if "\\" in path else ("", path)
            lines.append(f"{mark}{hashlib.sha256(text.encode()).hexdigest()}  {name}\n")
    assert not files
    return {"watch": Section(1 if without else 0, "".join(lines), "")}


@pytest.mark.parametrize(
    ("told", "state", "is_watched"),
    [
        ({}, "inactive", None),
        (answer(), "active", True),
        (answer(), "inactive", False),
        (answer(), "failed", False),
        (answer(spoilt="user-data-watch"), "active", False),
        (answer(spoilt="@.path"), "active", False),
        (answer(".wants/"), "active", False),
        (answer(".service.d/"), "active", False),
        # what another source has left in common
        (answer(".wants/", ".service.d/"), "inactive", None),
        (answer(".wants/", ".service.d/"), "", None),
    ],
)
def test_watched_is_what_this_version_would_install(told: Answer, state: str, is_watched: bool | None) -> None:
    assert watched(told, VAGRANT, {"ActiveState": state} if state else {}) is is_watched


@given(st.text(st.characters(exclude_characters="\n\r\0", codec="ascii"), min_size=1))
def test_digests_are_read_under_any_name(name: str) -> None:
    """GNU's sha256sum marks a name with a backslash, and doubles that."""
    digest = "0" * 63 + "a"
    line = f"\\{digest}  {name.replace(chr(92), chr(92) * 2)}" if "\\" in name else f"{digest}  {name}"
    found = _digests(f"{line}\nsha256sum: WARNING\n")
    assert list(found.values()) in ([digest], [])
    if name.isprintable():
        assert found == {name: digest}


def test_look_reads_real_files(tmp_path: Path) -> None:
    there = tmp_path / "a\\x2db c"
    there.write_text("text")
    files = f"{there}\n{tmp_path}/missing"
    body = f"LIMIT=10\n{WATCH_LOOK_SH}"
    links = f"{tmp_path}/of us@"
    (tmp_path / "of us@a\\x2db.path").symlink_to(there)
    variables = {"WATCH_SCRIPT": str(there), "WATCH_FILES": files, "WATCH_LINKS": links}
    seen = ask(Here(), body, variables=variables)
    digest = hashlib.sha256(b"text").hexdigest()
    assert _digests(seen["watch"].out) == {str(there): digest, f"{links}a\\x2db.path": digest}
    assert ask(Here(), body, variables={**variables, "WATCH_SCRIPT": f"{tmp_path}/missing"}).keys() == {"whole"}


NAMES = st.text(st.characters(exclude_characters="/\n\0", codec="utf-8"), min_size=1, max_size=6)


@given(st.lists(NAMES, min_size=1, max_size=2))
def test_a_path_is_that_of_its_watch(parts: list[str]) -> None:
    path = f"/{'/'.join(parts)}"
    if not any(part in (".", "..") for part in parts):
        assert watched_places({}, [watch_unit(place_of(path))]) == [place_of(path)]


def test_what_is_watched_is_found_by_its_links_and_by_what_is_up() -> None:
    odd, stopped = place_of("/opt/-x/.hidden"), place_of("/opt/ü d/x\\y.yml")
    link = f"/etc/systemd/system/multi-user.target.wants/{watch_unit(stopped)}".replace("\\", "\\\\")
    told = {"watch": Section(1, f"{answer()['watch'].out}\\{'0' * 64}  {link}\n", "")}
    units = ["a.path", watch_unit(odd), watch_unit(VAGRANT), "container-linux-remediation-user-data@.path"]
    assert watched_places(told, units) == [VAGRANT, stopped, odd]
    # none that we could have made
    assert watched_places({}, [f"container-linux-remediation-user-data@{name}.path" for name in ("-", "a-..-b")]) == []


def test_names_are_those_of_systemd() -> None:
    assert watch_unit(VAGRANT) == (
        r"container-linux-remediation-user-data@var-lib-coreos\x2dvagrant-vagrantfile\x2duser\x2ddata.path"
    )
