# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the login user gets in, as the look tells it."""

from __future__ import annotations

import base64
import hashlib

from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import Access
from ansible_collections.container_linux.remediation.tests.unit.plugins.module_utils.user_data_machine import (
    CLOUD_CONFIG,
    LookedAt,
    in_each_shell,
)


def key(seed: str, comment: str = "a comment") -> tuple[str, str]:
    """A line of authorized_keys, and the digest of its key."""
    body = base64.b64encode(b"\0\0\0\x07ssh-rsa" + seed.encode() * 40).decode()
    return f"ssh-rsa {body} {comment}\n", hashlib.sha256(body.encode()).hexdigest()


@in_each_shell
def test_who_has_logged_in_and_the_keys_of_that_user(machine: LookedAt) -> None:
    (one, first), (two, second), (other, third) = key("1"), key("2"), key("3")
    file = machine.home / ".ssh/authorized_keys"
    file.parent.mkdir()
    assert machine.look(CLOUD_CONFIG).access == Access("core")
    file.write_text(f'# {other}\n{one}command="x" {two.rstrip()} # was {other}not a key AAAA\n')
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
def test_file_names_are_no_keys(machine: LookedAt) -> None:
    (line, digest) = key("1")
    folder = machine.home / ".ssh/authorized_keys.d"
    folder.mkdir(parents=True)
    names = ["-n", "a b", "*", "$(touch pwned)", "\x1b[31m", "line\n1 " + "0" * 64, "line\nfile x"]
    for name in names:
        (folder / name).write_text(line)
    keys = machine.look(CLOUD_CONFIG).access.keys
    expected = ["-n", "a b", "*", "$(touch pwned)", "\ufffd[31m"]
    assert keys == {f"{folder}/{name}": [digest] for name in expected}


def test_a_user_whom_nobody_knows(machine: LookedAt) -> None:
    machine.say("getent", "", 2)
    assert machine.look(CLOUD_CONFIG).access == Access("core")
    del machine.environment["SUDO_USER"]
    machine.program("id", "echo joe")
    assert machine.look().access == Access("joe")
