# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a machine's user-data stands, from one `vagrant` command to the next."""

from __future__ import annotations

import json
import shlex
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import escape_path
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.look import look
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.memory import MEMORY
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import Source, Written
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.state import judge
from ansible_collections.container_linux.remediation.tests.integration.user_data import Heard
from ansible_collections.container_linux.remediation.tests.machine.testmachine.paths import USER_DATA

if TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.tests.integration.conftest import MachineFactory

MACHINE = USER_DATA.parent / "machine"
SERVICE = r"'user-cloudinit@var-lib-coreos\x2dvagrant-vagrantfile\x2duser\x2ddata.service'"


class Box(Heard):
    """A machine as Vagrant handles it."""

    def provision(self, name: str, *options: str) -> None:
        words: list[str | Path] = [MACHINE, "provision", self.machine.name, *options, "--user-data", USER_DATA / name]
        subprocess.run(words, stdin=subprocess.DEVNULL, check=True, capture_output=True, timeout=120)

    def state(self) -> tuple[str, bool]:
        seen = look(self)
        found = judge(seen.sources[0], boot=seen.boot)
        assert judge(seen.sources[-1], boot=seen.boot).name == "current"
        assert not seen.partial
        return found.name, found.by_digest

    def source(self, *, thorough: bool = False) -> Source:
        return look(self, thorough=thorough).sources[0]

    def remember(self) -> None:
        """What is to be done after each apply."""
        seen = look(self)
        source = seen.sources[0]
        known = {"sha256": source.sha256, "boot": seen.boot, "applied": "@", "written": asdict(Written())}
        text = shlex.quote(json.dumps(known).replace('"@"', "%s"))
        file = shlex.quote(f"{MEMORY}/{escape_path(source.place.path)}")
        self.machine.sh(f'umask 077; mkdir -p {MEMORY}; printf {text} "$(date +%s.%N)" >{file}')


@pytest.mark.parametrize("release", ["1010", "2512"])
def test_user_data_from_one_vagrant_command_to_the_next(machine: MachineFactory, release: str) -> None:
    box = Box(machine("user-data-fresh", release=release, fresh=True))
    first, second = "seed-1-without-etcd.yml", "seed-2-without-etcd.yml"
    assert box.state() == ("current", False)

    box.provision(second)
    assert box.state() == ("stale", False)
    box.machine.sh(f"systemctl restart {SERVICE}")
    assert box.state() == ("current", False)
    settled, known = box.source(), box.source(thorough=True)
    assert settled.content
    assert (settled.run, settled.content.skeleton) == (None, None)
    run = known.run
    assert run
    assert "/etc/test.txt" in run.files
    assert not run.failed_commands
    for word in ("hello, write_files", "ListenStream=2375", "Docker Socket"):
        assert word not in box.said

    box.remember()
    assert box.state() == ("current", True)
    box.provision(second)
    assert box.state() == ("current", True)
    assert box.source().form == ""
    box.provision(first)
    assert box.state() == ("stale", True)
    assert box.source().form == "cloud-config"

    # what is to be applied next is looked at there, too, and leaves nothing behind
    text = (USER_DATA / second).read_text()
    seen = look(box, given=text)
    given = seen.given
    assert given
    assert given.sha256 == settled.sha256
    assert (given.size, given.validation, given.findings) == (len(text.encode()), 0, [])
    assert known.content
    assert given.skeleton == known.content.skeleton
    # beside it, all that is there, with what has run it
    assert [(source.place.kind, source.form, bool(source.run)) for source in seen.sources if source.file] == [
        ("vagrant", "cloud-config", True),
        ("oem", "cloud-config", True),
    ]
    assert [watch["Id"] for watch in seen.sources[0].watches] == ["coreos-cloudinit-vagrant-user.path"]
    assert "container-linux-remediation." not in box.machine.sh("ls -a /run")

    # the next boot runs it; what is remembered is of the one before
    box.provision(second, "--reload")
    box.machine.sh(f"until systemctl is-active -q {SERVICE}; do sleep 0.2; done")
    assert box.state() == ("stale", False)
    box.machine.sh(f"systemctl restart {SERVICE}")
    assert box.state() == ("current", False)
    # what is given and in force is asked for no more
    seen = look(box, given=text)
    assert seen.given
    assert (seen.given.sha256, seen.given.form, seen.sources[0].form) == (settled.sha256, "", "")
