# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""`vagrant reload --provision`, three times in a row, each with another user-data."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import testinfra
from testinfra.host import Host

MACHINE = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"]).parent / "tests" / "machine" / "machine"
INVENTORY = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "inventory"
UNIT = r"user-cloudinit@var-lib-coreos\x2dvagrant-vagrantfile\x2duser\x2ddata.service"
NAMES = ("first", "second", "third")


def machine(host: Host) -> str:
    return str(host.backend.get_pytest_id()).rpartition("/")[2]


def reload(host: Host, name: str, folder: Path) -> Host:
    """Return the machine after its reload; to the one before, the connection is gone."""
    user_data = folder / "user-data"
    user_data.write_text(f"#cloud-config\nwrite_files:\n  - path: /etc/{name}\n    content: |\n      {name}\n")
    command = [str(MACHINE), "provision", machine(host), "--reload", "--user-data", str(user_data)]
    subprocess.run(command, stdin=subprocess.DEVNULL, check=True, timeout=120)
    (again,) = testinfra.get_hosts([f"ansible://{machine(host)}"], ansible_inventory=str(INVENTORY))
    assert isinstance(again, Host)
    return again


def runs(host: Host) -> int:
    log = host.check_output("sudo journalctl --sync && sudo journalctl -b -q --no-pager -o cat _SYSTEMD_UNIT=%s", UNIT)
    return str(log).count("Fetching user-data from datasource")


def test_each_reload_is_right_in_the_same_boot(host: Host, tmp_path: Path) -> None:
    boots = {host.check_output("cat /proc/sys/kernel/random/boot_id")}
    for name in NAMES:
        assert host.run("test -e %s", f"/etc/{name}").rc == 1
        host = reload(host, name, tmp_path)
        # and until what has run it has ended
        is_done = f"test -e /etc/{name} && systemctl list-jobs | grep -q 'No jobs running'"
        host.run("timeout 60 sh -c %s", f"until {is_done}; do sleep 0.2; done")
        assert host.check_output("cat %s", f"/etc/{name}").strip() == name
        # once for what was there at boot, once for what came
        assert runs(host) == 2
        boots.add(host.check_output("cat /proc/sys/kernel/random/boot_id"))
    assert len(boots) == len(NAMES) + 1


@pytest.mark.parametrize("unit", ["user-config.target", "multi-user.target", UNIT])
def test_boot_came_to_its_end(host: Host, unit: str) -> None:
    assert host.run("systemctl is-active %s", unit).stdout.strip() == "active"
    assert "No jobs running" in host.check_output("systemctl list-jobs")
