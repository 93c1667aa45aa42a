# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An Ansible inventory of the machines that run."""

from __future__ import annotations

import shlex
from typing import Any

from .machines import Machine

__all__ = ["inventory"]


def inventory(machines: list[Machine]) -> dict[str, Any]:
    """The inventory as Ansible's YAML plugin reads it: one group, `machines`.

    No interpreter is named: the machines have no Python, and nothing of ours may ask for it.
    """
    return {
        "machines": {
            "hosts": {machine.name: _host(machine) for machine in machines},
            "vars": {
                "ansible_host": "127.0.0.1",
                "ansible_user": "core",
                "ansible_become": True,
            },
        }
    }


def _host(machine: Machine) -> dict[str, Any]:
    ways = machine.login
    return {
        "ansible_port": machine.port,
        "ansible_ssh_private_key_file": str(ways.identity),
        "ansible_ssh_common_args": shlex.join(ways.options),
    }
