# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of user-data share: where it lies on a machine, how it gets there, and what may not change."""

from __future__ import annotations

import base64
import shlex
from typing import TYPE_CHECKING, Any

from ansible_collections.container_linux.remediation.plugins.module_utils._host import Completed
from ansible_collections.container_linux.remediation.tests.integration.chain import recap

if TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.tests.integration.conftest import Machine, Play

REAPPLY = "container_linux.remediation.reapply_user_data"
FILE = "/var/lib/coreos-vagrant/vagrantfile-user-data"
UNIT = r"user-cloudinit@var-lib-coreos\x2dvagrant-vagrantfile\x2duser\x2ddata.service"
WATCH = "coreos-cloudinit-vagrant-user.path"
MEMORY = r"/var/lib/container-linux-remediation/user-data/var-lib-coreos\x2dvagrant-vagrantfile\x2duser\x2ddata"
INSTALL = "/var/lib/coreos-install/user_data"
AS_ROOT = ("--become",)

_RUNS = f"""
ls -d /run/container-linux-remediation* 2>/dev/null
systemctl show -p ActiveState -p SubState -p Result -p ExecMainPID -p InvocationID '{UNIT}' {WATCH}
"""
FINGERPRINT = f"""
cd /var/lib
# the engine under the machine touches those that are its own at any moment
find /etc /opt /run/systemd/system coreos-vagrant coreos-install container-linux-remediation \\
  \\( -path /etc/hostname -o -path /etc/hosts -o -path /etc/resolv.conf \\) -o \\
  -printf '%p %y %m %U %s %T@ %C@ %l\\n' 2>/dev/null | sort
sha256sum /etc/hostname /etc/hosts /etc/resolv.conf
{_RUNS}
"""
"""What may not change on a machine whose user-data is refused: files, what is remembered, runs of the unit."""

UNTOUCHED = f"""
stat -c '%n %s %a %U:%G %Y %Z %i' {FILE} '{MEMORY}' '{MEMORY}.good' /etc/luck.txt
find {FILE.rpartition("/")[0]} {MEMORY.rpartition("/")[0]} -name '.container*'
{_RUNS}
"""
"""The part of it that holds where something was tried in vain in the folders of these files."""


class Heard:
    """A machine as a host whose scripts must all succeed, and what the last of them said."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.said = ""

    def run(self, script: str) -> Completed:
        self.said = self.machine.sh(script)
        return Completed(0, self.said, "")


def rerun(name: str = "Apply", **params: Any) -> dict[str, Any]:
    return {"name": name, "container_linux.remediation.cloudinit_rerun": params}


def role(name: str = "Apply", **variables: Any) -> dict[str, Any]:
    """The task that includes the role user_data."""
    included = {"name": "container_linux.remediation.user_data", "apply": {"ignore_errors": True}}
    return {"name": name, "ansible.builtin.include_role": included, "vars": variables}


def place(text: str | bytes, path: str = FILE) -> str:
    """The script that puts a file on the machine as Vagrant does: uploaded first, then moved."""
    data = base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()
    return (
        f"mkdir -p {shlex.quote(path.rpartition('/')[0])}; echo {data} | base64 -d >/tmp/uploaded; "
        f"rm -rf {shlex.quote(path)}; mv -T /tmp/uploaded {shlex.quote(path)}"
    )


def config(number: int | str, *lines: str) -> str:
    """A cloud-config that writes /etc/luck.txt, and what is given besides."""
    text = f"#cloud-config\nwrite_files:\n  - path: /etc/luck.txt\n    content: number-{number}\n"
    return text + "".join(f"{line}\n" for line in lines)


def runs(host: Machine) -> int:
    """How often the unit has run in this boot."""
    return int(host.sh(f"journalctl --sync; journalctl -b -q -o cat _PID=1 UNIT='{UNIT}' | grep -c '^Starting '"))


def untouched(host: Machine, play: Play, before: str) -> None:
    assert play.rc == 0 and recap(play)["changed"] == 0, play.output
    assert host.sh(FINGERPRINT) == before


def standing(host: Machine) -> list[str]:
    """Which config is at work and which is at its place, whether it is remembered, and what is half-done."""
    return host.sh(
        f"""
        cat /etc/luck.txt; echo
        grep -o 'number-.*' {FILE}
        [ "$(sha256sum <{FILE})" = "$(sha256sum <'{MEMORY}.good')" ] && echo good
        grep -q "$(sha256sum <{FILE} | cut -d ' ' -f 1)" '{MEMORY}' && echo remembered
        systemctl is-active '{UNIT}' {WATCH}
        find /var/lib/coreos-vagrant /var/lib/container-linux-remediation -name '.container*'
        find /run -maxdepth 1 -name 'container-linux-remediation.*'
        """,
        check=False,
    ).split()


def in_force(number: int | str) -> list[str]:
    """How a machine stands when the config of that number is applied and remembered, and nothing half-done is left."""
    return [f"number-{number}"] * 2 + ["good", "remembered", "active", "active"]
