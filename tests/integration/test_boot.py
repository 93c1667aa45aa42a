# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""That a test machine boots, reboots and gets user-data as a Vagrant box does.

The states assert their own symptoms; here is what one can do with a machine after that.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from ansible_collections.container_linux.remediation.tests.machine.testmachine import cli
from ansible_collections.container_linux.remediation.tests.machine.testmachine.machines import machines
from ansible_collections.container_linux.remediation.tests.machine.testmachine.paths import MACHINES, USER_DATA
from ansible_collections.container_linux.remediation.tests.machine.testmachine.release import release_names

if TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.tests.integration.conftest import Machine, MachineFactory

MACHINE = USER_DATA.parent / "machine"
SERVICE = r"'user-cloudinit@var-lib-coreos\x2dvagrant-vagrantfile\x2duser\x2ddata.service'"
APPLIED = f"until systemctl is-active -q {SERVICE}; do sleep 0.2; done\n"


def command(*words: str | Path) -> None:
    subprocess.run([MACHINE, *words], stdin=subprocess.DEVNULL, check=True, capture_output=True, timeout=120)


def said(text: str, machine: Machine) -> bool:
    return text in machine.sh(f"journalctl --sync; journalctl -b -q --no-pager -o cat -u {SERVICE}")


@pytest.mark.parametrize("release", release_names())
def test_what_came_one_boot_late_is_applied_by_the_next_boot(machine: MachineFactory, release: str) -> None:
    box = machine("user-data-one-boot-late", release=release, fresh=True)
    before = box.sh("cat /proc/sys/kernel/random/boot_id; ls /etc/test.txt 2>&1 || :; touch /run/gone /kept")
    assert "No such file" in before
    command("reboot", box.name)
    after = box.sh(f"{APPLIED} cat /proc/sys/kernel/random/boot_id /etc/test.txt; ls /kept; ls /run/gone 2>&1 || :")
    assert before.split()[0] != after.split()[0]
    assert "hello, write_files" in after
    assert "/kept\n" in after
    assert "'/run/gone': No such file" in after
    # The journal of all three boots is there: vagrant up, reload, and this one.
    assert len(box.sh("journalctl --list-boots -q --no-pager").splitlines()) == 3


def test_user_data_is_provisioned_as_vagrant_does(machine: MachineFactory, tmp_path: Path) -> None:
    box = machine("user-data-fresh", fresh=True)
    command("provision", box.name, "--user-data", USER_DATA / "seed-2.yml")
    assert box.sh("cat /var/lib/coreos-vagrant/vagrantfile-user-data") == (USER_DATA / "seed-2.yml").read_text()
    assert not said("/etc/test.txt", box)

    # A reload applies what is there; what it brings itself comes too late again.
    other = tmp_path / "other.yml"
    other.write_text("#cloud-config\nwrite_files:\n  - path: /etc/other.txt\n    content: hello\n")
    command("provision", box.name, "--reload", "--user-data", other)
    box.sh(APPLIED)
    assert said('Wrote file to "/etc/test.txt"', box)
    assert not said("/etc/other.txt", box)
    assert box.sh("cat /var/lib/coreos-vagrant/vagrantfile-user-data") == other.read_text()


def test_user_data_with_another_key_locks_vagrant_out(machine: MachineFactory, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    public = (tmp_path / "key.pub").read_text().strip()
    user_data = tmp_path / "user-data.yml"
    user_data.write_text(f"#cloud-config\nssh_authorized_keys:\n  - {public}\n")
    box = machine("user-data-fresh", fresh=True)
    command("provision", box.name, "--user-data", user_data)
    # In one session, which is the last one.
    keys = box.sh(f"systemctl restart {SERVICE}; grep -v '^#' /home/core/.ssh/authorized_keys")
    assert keys.split() == public.split()


def test_a_machine_that_goes_while_it_is_listed_is_in_no_inventory(
    machine: MachineFactory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, gone = (machine("user-data-fresh", fresh=True).name for _number in range(2))

    def and_then_it_goes(*args: Any) -> Any:
        listed = [each for each in machines(*args) if each.name in (kept, gone)]
        command("down", gone)
        return listed

    monkeypatch.setattr(cli, "machines", and_then_it_goes)
    assert cli.main(["inventory"]) == 0
    assert list(yaml.safe_load(capsys.readouterr().out)["machines"]["hosts"]) == [kept]
    assert not (MACHINES / gone).exists()
