# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a host has user-data, and which of several places it runs itself."""

from __future__ import annotations

import json
import shlex
import subprocess
from typing import TYPE_CHECKING, Any

from ansible_collections.container_linux.remediation.tests.integration.chain import recap
from ansible_collections.container_linux.remediation.tests.integration.user_data import (
    FILE,
    FINGERPRINT,
    INSTALL,
    REAPPLY,
    WATCH,
    config,
    place,
    untouched,
)
from ansible_collections.container_linux.remediation.tests.machine.testmachine.paths import USER_DATA

if TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.tests.integration.conftest import (
        Machine,
        MachineFactory,
        Play,
    )

CONFIG_DRIVE = "/media/configdrive/openstack/latest/user_data"
KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIE7x1Yw0DhPcPVQrsTw9iOVIqRtIBcHKhZ6eIoUVJ0Zr"
FLATCAR = "/var/lib/flatcar-install/user_data"
FLATCAR_UNIT = r"user-cloudinit@var-lib-flatcar\x2dinstall-user_data.service"
INSTALL_UNIT = r"user-cloudinit@var-lib-coreos\x2dinstall-user_data.service"
LEFT_ALONE = (
    f"{INSTALL} is left alone: nothing on this host runs it: its unit {INSTALL_UNIT} has not run in this boot, and "
    f"neither a path unit nor a target starts it; remove it, or name it with 'path' (in the role 'user_data_path') to "
    f"have it applied."
)
# What the update script of Flatcar does.
LINK = "rm -r /var/lib/coreos-install; ln -sn /var/lib/flatcar-install /var/lib/coreos-install"


def result(play: Play) -> dict[str, Any]:
    """What the playbook's module has returned."""
    (found,) = [task.result for task in play.tasks if task.name.endswith(": Have the user-data in force")]
    return found


def states(play: Play) -> dict[str, str]:
    return {path: source["state"] for path, source in result(play)["sources"].items() if "/oem/" not in path}


def warnings(play: Play) -> list[str]:
    return list(result(play).get("warnings", []))


def reapply(host: Machine, *, changed: bool, **variables: Any) -> Play:
    """The playbook, which does what it has foretold."""
    foretold = host.playbook(REAPPLY, check=True, diff=True, variables=variables)
    play = host.playbook(REAPPLY, variables=variables)
    assert play.rc == 0, play.output
    assert recap(play)["changed"] == recap(foretold)["changed"] == int(changed), play.output
    # of a watch the steps are known once they are done
    assert "user_data_watch" in variables or result(play)["actions"] == result(foretold)["actions"]
    assert warnings(play) == warnings(foretold)
    return play


def in_force(host: Machine) -> str:
    return host.sh("cat /etc/luck.txt")


def settle(host: Machine, condition: str) -> None:
    """Wait until that holds, and systemd is at rest."""
    wait = f"until {condition} && systemctl list-jobs | grep -q 'No jobs'; do sleep 0.2; done"
    host.sh(f"timeout 60 sh -c {shlex.quote(wait)}")


def reboot(host: Machine) -> None:
    machine = USER_DATA.parent / "machine"
    subprocess.run([machine, "reboot", host.name], check=True, capture_output=True, timeout=120)
    settle(host, f"systemctl is-active -q '{FLATCAR_UNIT}'")


def test_the_config_drive_is_found(machine: MachineFactory) -> None:
    host = machine("user-data-fresh", release="2512")
    host.sh(place("#cloud-config\nwrite_files:\n  - path: /etc/drive.txt\n    content: drive\n", CONFIG_DRIVE))
    done = reapply(host, changed=True)
    found = result(done)["sources"][CONFIG_DRIVE]
    assert (found["kind"], found["unit"], found["state"]) == ("configdrive", "user-configdrive.service", "unapplied")
    assert f"Proved: 1 of 1 files are as {CONFIG_DRIVE} asks for" in done.output
    assert host.sh("cat /etc/drive.txt") == "drive"


def drive(host: Machine, user_data: str, **metadata: Any) -> None:
    """Have it lie on a config drive with this meta-data."""
    host.sh(
        place(f"#cloud-config\n{user_data}", CONFIG_DRIVE)
        + "\n"
        + place(json.dumps(metadata), f"{CONFIG_DRIVE.rpartition('/')[0]}/meta_data.json")
    )


def test_what_a_config_drive_sets_beside_its_user_data_is_foretold_and_may_lock_out(machine: MachineFactory) -> None:
    host = machine("user-data-fresh", release="2512", fresh=True)
    # a container's own, which can only be written to in place
    host.sh("umount /etc/hostname")
    [own, *_others] = host.sh("cat /home/core/.ssh/authorized_keys.d/coreos-cloudinit").splitlines()
    other = f"ssh-ed25519 {KEY} other"
    drive(host, "write_files:\n  - path: /etc/drive.txt\n", hostname="drive-01", public_keys={"a": f"{other}\n"})
    before = host.sh(FINGERPRINT)
    for check in (True, False):
        play = host.playbook(REAPPLY, check=check, diff=True)
        assert play.rc != 0
        assert (
            f"{CONFIG_DRIVE}: the SSH keys of 'meta_data.json' beside it would replace the one that lets 'core' in "
            "now; add yours to them, or allow it with 'allow_lockout: true'. Nothing was changed."
        ) in play.output
        assert KEY not in play.output
        assert host.sh(FINGERPRINT) == before

    # what its user-data adds is merged with that
    drive(host, f"ssh_authorized_keys:\n  - {own}\n", hostname="drive-01", public_keys={"a": f"{other}\n"})
    foretold = host.playbook(REAPPLY, check=True, diff=True)
    assert "+hostname: drive-01" in foretold.output
    assert " SSH keys of the config drive's meta_data.json: 1" in foretold.output
    reapply(host, changed=True)
    assert host.sh("hostname").strip() == "drive-01"
    assert sorted(host.sh("cat /home/core/.ssh/authorized_keys.d/coreos-cloudinit").splitlines()) == sorted(
        [own, other]
    )

    # nor is it any loss where a key of the drive's is one's own
    drive(host, f"hostname: own-01\nssh_authorized_keys:\n  - {other}\n", hostname="x", public_keys={"a": own})
    foretold = host.playbook(REAPPLY, check=True, diff=True)
    assert "+hostname: own-01" in foretold.output
    reapply(host, changed=True)
    assert host.sh("hostname").strip() == "own-01"

    # what coreos-cloudinit cannot read either stops its run
    drive(host, "hostname: own-02\n")
    host.sh(place("{", f"{CONFIG_DRIVE.rpartition('/')[0]}/meta_data.json"))
    play = host.playbook(REAPPLY, check=True)
    assert play.rc != 0
    assert "'meta_data.json' beside it could not be read (it is no JSON), and the run may stop" in play.output


def test_what_the_host_ran_when_it_was_another_is_left_alone(machine: MachineFactory) -> None:
    host = machine("user-data-of-before", release="2512", fresh=True)
    settle(host, "true")
    for _boot in range(2):
        before = host.sh(FINGERPRINT)
        for check in (True, False):
            play = host.playbook(REAPPLY, check=check, diff=True)
            untouched(host, play, before)
            assert warnings(play) == [LEFT_ALONE]
            assert states(play) == {INSTALL: "not_applicable", FLATCAR: "current"}
        reboot(host)

    # what the host does run is still kept up to date; what the other asks for is in nobody's way
    host.sh(place(config(1), INSTALL) + "\n" + place(config(2), FLATCAR))
    done = reapply(host, changed=True)
    assert warnings(done) == [LEFT_ALONE]
    assert states(done) == {INSTALL: "not_applicable", FLATCAR: "stale"}
    assert in_force(host) == "number-2"

    # it is not the one that is meant where one is
    done = reapply(host, changed=True, user_data_content=config(3), user_data_watch=True)
    assert result(done)["proof"].keys() == {FLATCAR}
    assert (in_force(host), host.sh(f"cat {INSTALL}")) == ("number-3", config(1))
    reapply(host, changed=True, user_data_watch=False)

    # who names it gets it
    done = reapply(host, changed=True, user_data_path=INSTALL)
    assert (states(done), warnings(done)) == ({INSTALL: "unapplied"}, [])
    assert in_force(host) == "number-1"


def test_two_places_that_are_one_file_are_one(machine: MachineFactory) -> None:
    host = machine("user-data-of-before", release="2512", fresh=True)
    host.sh(LINK)
    settle(host, "true")
    for _boot in range(2):
        before = host.sh(FINGERPRINT)
        play = host.playbook(REAPPLY)
        untouched(host, play, before)
        assert (states(play), warnings(play)) == ({FLATCAR: "current"}, [])
        reboot(host)

    done = reapply(host, changed=True, user_data_content=config(1), user_data_watch=True)
    assert (states(done), warnings(done)) == ({FLATCAR: "current"}, [])
    assert in_force(host) == "number-1"
    # one watch, which sees what comes by either way
    host.sh(place(config(2), INSTALL))
    settle(host, "grep -q number-2 /etc/luck.txt")
    assert states(reapply(host, changed=False, user_data_watch=True)) == {FLATCAR: "current"}
    reapply(host, changed=True, user_data_watch=False)
    assert (
        host.sh(
            "ls -d /etc/systemd/system/*container-linux-remediation* /etc/systemd/system/*.wants/*container-linux-"
            "remediation* /etc/systemd/system/user-cloudinit@*.d 2>/dev/null",
            check=False,
        )
        == ""
    )
    # of which nobody tells the other
    host.sh(place(config(3), INSTALL))
    done = reapply(host, changed=True)
    assert (states(done), warnings(done), in_force(host)) == ({FLATCAR: "stale"}, [], "number-3")
    assert host.sh(f"systemctl is-active '{INSTALL_UNIT}'", check=False).strip() == "inactive"


def test_a_path_unit_that_is_stopped_is_one_all_the_same(machine: MachineFactory) -> None:
    """Systemd has unloaded it, but its file is there, and the next boot starts it."""
    host = machine("user-data-of-before", release="2512", fresh=True)
    host.sh(f"rm -r /var/lib/coreos-install; systemctl stop {WATCH}\n{place(config(1))}")
    assert "coreos-cloudinit" not in host.sh("systemctl list-units --all --no-legend --plain '*.path'")
    done = reapply(host, changed=True)
    assert (states(done), warnings(done)) == ({FILE: "unapplied", FLATCAR: "current"}, [])
    assert in_force(host) == "number-1"


def test_a_host_without_user_data_says_so(machine: MachineFactory) -> None:
    """What came from elsewhere is not known to be in force."""
    host = machine("user-data-of-before", release="2512", fresh=True)
    host.sh("rm -r /var/lib/coreos-install /var/lib/flatcar-install")
    settle(host, "true")
    told = (
        "{} was found where the operating system looks for it; one that lies elsewhere needs its 'path' (in the role "
        "'user_data_path'), and what a host takes from a metadata service, from a URL or by Ignition is not looked at."
    ).format
    for oem in ("No user-data but the OEM's", "No user-data"):
        before = host.sh(FINGERPRINT)
        play = host.playbook(REAPPLY)
        untouched(host, play, before)
        assert (states(play), warnings(play)) == ({}, [told(oem)])
        host.sh("rm -f /usr/share/oem/cloud-config.yml")
    # who waits for one, or brings one, knows
    assert warnings(reapply(host, changed=True, user_data_watch=True)) == []
    assert warnings(reapply(host, changed=True, user_data_watch=False)) == []
    assert warnings(reapply(host, changed=True, user_data_content=config(1))) == []
    assert in_force(host) == "number-1"
