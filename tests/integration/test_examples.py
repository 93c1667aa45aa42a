# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The examples in docs/examples, each as it stands there, on machines that have nothing else of this collection."""

from __future__ import annotations

import itertools
import re
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.watch import FILES, NAME
from ansible_collections.container_linux.remediation.tests.machine.testmachine.paths import USER_DATA

if TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.tests.integration.conftest import Machine, MachineFactory

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
MACHINE = USER_DATA.parent / "machine"
UNIT = r"'user-cloudinit@var-lib-coreos\x2dvagrant-vagrantfile\x2duser\x2ddata.service'"
REST = f"""
sleep 1
until ! systemctl is-active {UNIT} '{NAME}@*.service' | grep -q activating; do sleep 0.2; done
"""


def provision(machine: Machine, text: str, *options: str) -> None:
    file = machine.folder / "user-data"
    file.write_text(text)
    words: list[str | Path] = [MACHINE, "provision", machine.name, *options, "--user-data", file]
    subprocess.run(words, stdin=subprocess.DEVNULL, check=True, capture_output=True, timeout=120)
    machine.sh(f"timeout 60 sh -c {shlex.quote(REST)}")


def wrote(machine: Machine, name: str) -> int:
    """How often coreos-cloudinit wrote a file of this name in this boot."""
    said = machine.sh(f"journalctl --sync; journalctl -b -q -o cat _SYSTEMD_UNIT={UNIT}")
    return said.count(f"Wrote file /etc/{name} to filesystem")


@pytest.mark.parametrize("release", ["1010", "2512"])
def test_cloud_config_applies_what_each_of_three_reloads_brings(machine: MachineFactory, release: str) -> None:
    snippet = (EXAMPLES / "user-data-watch.yml").read_text()

    def merged(name: str) -> str:
        file = f"  - path: /etc/{name}\n    content: |\n      {name}\n"
        return snippet.replace("write_files:\n", f"write_files:\n{file}")

    box = machine("user-data-fresh", release=release, fresh=True)
    # a box that is new
    box.sh("rm /var/lib/coreos-vagrant/vagrantfile-user-data")
    subprocess.run([MACHINE, "reboot", box.name], check=True, capture_output=True, timeout=120)
    box.sh("until systemctl is-active -q coreos-cloudinit-vagrant-user.path; do sleep 0.2; done")
    provision(box, merged("up"))
    assert wrote(box, "up") == 1
    for path, text in FILES.items():
        assert box.sh(f"cat {path}") == text

    names = ["up", "first", "second", "third"]
    for before, name in itertools.pairwise(names):
        provision(box, merged(name), "--reload")
        assert box.sh(f"cat /etc/{name}") == f"{name}\n"
        assert (wrote(box, before), wrote(box, name)) == (1, 1)
    provision(box, merged("third"))
    assert wrote(box, "third") == 1


def test_trigger_applies_what_a_reload_brings(machine: MachineFactory) -> None:
    found = re.search(r"inline: <<~'(\w+)'\n((?:.*\n)+?) *\1\n", (EXAMPLES / "Vagrantfile").read_text())
    assert found
    box = machine("user-data-fresh", fresh=True)
    provision(box, "#cloud-config\nwrite_files:\n  - path: /etc/triggered\n    content: yes\n", "--reload")
    assert wrote(box, "triggered") == 0
    box.sh(found[2])
    assert wrote(box, "triggered") == 1
