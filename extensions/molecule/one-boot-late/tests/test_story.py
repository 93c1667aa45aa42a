# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each item of the story's second user-data, as the machine has it, and what the play told of that machine."""

from __future__ import annotations

import datetime
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from testinfra.host import Host

USER_DATA = Path(__file__).resolve().parents[4] / "tests" / "machine" / "user-data"
FILE = "/var/lib/coreos-vagrant/vagrantfile-user-data"
INSTANCE = r"var-lib-coreos\x2dvagrant-vagrantfile\x2duser\x2ddata"
UNIT = f"user-cloudinit@{INSTANCE}.service"
MEMORY = f"/var/lib/container-linux-remediation/user-data/{INSTANCE}"
TASK = "Have the user-data in force"

# what the sections etcd and fleet become, and the programs that stand in for those that can no longer be had
DROP_INS = {
    "etcd.service": 'Environment="ETCD_ADDR={ip}:4001"\nEnvironment="ETCD_PEER_ADDR={ip}:7001"\n',
    "fleet.service": 'Environment="FLEET_PUBLIC_IP={ip}"\n',
}
STAND_INS = {
    "etcd.service": "/usr/lib/coreos/etcd-0.4-stand-in",
    "fleet.service": "/usr/lib/coreos/fleetd-stand-in",
}

Told = dict[str, Any]


@pytest.fixture
def text(host: Host) -> str:
    """The user-data that came late: the story's own wherever etcd 0.4 and fleet are."""
    name = "seed-2" if file_of(host, "/usr/lib/systemd/system/fleet.service").exists else "seed-2-without-etcd"
    return (USER_DATA / f"{name}.yml").read_text()


@pytest.fixture
def asked(text: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text)
    return found


@pytest.fixture
def units(asked: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {unit["name"]: unit for unit in asked["coreos"]["units"]}


@pytest.fixture
def address(host: Host) -> str:
    return host.check_output("hostname -i").split()[0]


@pytest.fixture
def told(host: Host, runs: list[list[dict[str, Any]]]) -> list[Told]:
    """What the task told of this machine: in check mode, in earnest, and once more."""
    name = str(host.backend.get_pytest_id()).rpartition("/")[2]
    mine = [result for run in runs for result in run if result["host"] == name and result["task"].endswith(TASK)]
    assert [result["outcome"] for result in mine] == ["ok"] * 3
    return [result["result"] for result in mine]


# --- what the user-data asks for


def test_file_is_the_one_that_vagrant_brought(host: Host, text: str) -> None:
    assert file_of(host, FILE).content_string == text


def test_written_file_is_there(host: Host, asked: dict[str, Any]) -> None:
    (written,) = asked["write_files"]
    file = file_of(host, written["path"])
    assert (written["path"], file.content_string) == ("/etc/test.txt", "hello, write_files\n")
    assert file.content_string == written["content"]
    assert (file.mode, file.user, file.group) == (0o644, "root", "root")


def test_docker_tcp_socket_is_as_asked(host: Host, units: dict[str, dict[str, Any]]) -> None:
    file = file_of(host, "/etc/systemd/system/docker-tcp.socket")
    assert file.content_string == units["docker-tcp.socket"]["content"]
    assert "ListenStream=2375" in file.content_string
    assert host.check_output("systemctl is-enabled docker-tcp.socket") == "enabled"
    link = file_of(host, "/etc/systemd/system/sockets.target.wants/docker-tcp.socket")
    assert link.linked_to == "/etc/systemd/system/docker-tcp.socket"
    # ":0947" is port 2375, and "0A" a socket that listens; Docker itself may still be down, and stays so
    assert re.search(r":0947 [0:]+ 0A ", host.check_output("cat /proc/net/tcp6"))
    assert host.check_output("systemctl is-active docker-tcp.socket") == "active"


def test_sections_are_drop_ins_with_the_public_address(host: Host, asked: dict[str, Any], address: str) -> None:
    sections = [f"{name}.service" for name in asked["coreos"] if name != "units"]
    assert sections in ([], list(DROP_INS))
    for unit in sections:
        lines = DROP_INS[unit].format(ip=address)
        assert file_of(host, f"/run/systemd/system/{unit}.d/20-cloudinit.conf").content_string == f"[Service]\n{lines}"
        # the daemon knows them, too, and not only the disk
        environment = host.check_output("systemctl show --property=Environment %s", unit)
        assert set(re.findall(r"[A-Z_]+=[\d.:]+", lines)) <= set(environment.removeprefix("Environment=").split())


def test_every_unit_is_up(host: Host, units: dict[str, dict[str, Any]]) -> None:
    assert len(units) in (1, 3)
    for name, unit in units.items():
        assert unit["command"] == "start"
        assert host.check_output("systemctl is-active %s", name) == "active"
        if name in STAND_INS:
            assert f"path={STAND_INS[name]} " in host.check_output("systemctl show --property=ExecStart %s", name)


def test_environment_is_intact(host: Host, address: str) -> None:
    """A run by hand, without its unit, would have lost the addresses."""
    lines = file_of(host, "/etc/environment").content_string.splitlines()
    assert sorted(lines) == [f"COREOS_PRIVATE_IPV4={address}", f"COREOS_PUBLIC_IPV4={address}"]


# --- how it came to that


def test_unit_ran_exactly_once_more(host: Host) -> None:
    """At boot, and by the play in earnest: neither check mode nor the play once more ran it."""
    lines = journal(host)
    assert len([line for line in lines if "Fetching user-data from datasource" in line]) == 2
    assert len([line for line in lines if 'Wrote file to "/etc/test.txt"' in line]) == 1


def test_what_was_applied_is_remembered(host: Host, text: str) -> None:
    digest = hashlib.sha256(text.encode()).hexdigest()
    memory = json.loads(file_of(host, MEMORY).content_string)
    assert (memory["sha256"], memory["boot"]) == (digest, host.check_output("cat /proc/sys/kernel/random/boot_id"))
    assert memory["written"]["files"] == ["/etc/test.txt"]
    assert file_of(host, f"{MEMORY}.good").content_string == text
    for path in (MEMORY, f"{MEMORY}.good"):
        assert (file_of(host, path).mode, file_of(host, path).user) == (0o600, "root")


def test_nothing_else_was_left_on_the_machine(host: Host) -> None:
    assert not host.check_output("find / -xdev -path '*/bin/python*' -o -xdev -path '*/bin/pypy*'")
    assert not host.check_output("find /etc /home /opt /root /run/systemd -name '*container-linux-remediation*'")
    kept = host.check_output("find /var/lib/container-linux-remediation -type f").splitlines()
    assert sorted(kept) == [MEMORY, f"{MEMORY}.good"]


# --- what was told of it


def test_it_was_stale_by_evidence(host: Host, told: list[Told], text: str) -> None:
    changed = float(host.check_output(f"stat --format=%.3Z {FILE}"))
    for result in told[:2]:
        source = result["sources"][FILE]
        assert (source["kind"], source["unit"], source["state"]) == ("vagrant", UNIT, "stale")
        assert source["sha256"] == hashlib.sha256(text.encode()).hexdigest()
        why = re.fullmatch(
            r"its unit began its last run at (.+) UTC, and the file changed at (.+) UTC, after it", source["why"]
        )
        assert why, source["why"]
        assert seconds(why[1]) < seconds(why[2])
        assert abs(seconds(why[2]) - changed) < 0.002


def test_check_mode_told_what_the_play_then_did(told: list[Told]) -> None:
    predicted, done, again = told
    assert predicted["actions"] == done["actions"] == [f"systemctl restart '{UNIT}'"]
    assert predicted["changed"] and done["changed"] and not again["changed"]
    assert again["actions"] == [] and not {"applied", "proof"} & (predicted.keys() | again.keys())


def test_every_command_was_done(told: list[Told], units: dict[str, dict[str, Any]]) -> None:
    run = told[1]["applied"][FILE]
    assert {(each["verb"], each["unit"], each["result"]) for each in run["commands"]} == {
        (unit["command"], name, "done") for name, unit in units.items()
    }
    assert len(run["commands"]) == len(units)
    assert "/etc/test.txt" in run["files"]
    assert run["errors"] == [] and run["doing"] == ""


def test_every_item_was_proved(told: list[Told], asked: dict[str, Any]) -> None:
    proof = told[1]["proof"][FILE]
    states = {item["path"]: item["state"] for item in proof["items"]}
    assert states["/etc/test.txt"] == states["/etc/systemd/system/docker-tcp.socket"] == "same"
    # what coreos-cloudinit makes of a section is its own affair, so that alone is not compared
    sections = {f"/run/systemd/system/{unit}.d/20-cloudinit.conf" for unit in DROP_INS}
    assert {path for path, state in states.items() if state != "same"} <= sections
    assert all(unit["as_asked"] for unit in proof["units"])
    assert {unit["name"] for unit in proof["units"]} == {unit["name"] for unit in asked["coreos"]["units"]}
    assert proof["partial"] == []


def test_afterwards_it_is_current(told: list[Told]) -> None:
    source = told[2]["sources"][FILE]
    assert source["state"] == "current"
    assert "which is the file that is there" in source["why"]


def test_no_content_was_told(runs: list[list[dict[str, Any]]], asked: dict[str, Any]) -> None:
    everything = json.dumps(runs)
    assert "hello, write_files" not in everything
    assert "BindIPv6Only" not in everything


def file_of(host: Host, path: str) -> Any:
    files: Any = host.file  # of which testinfra tells no types
    return files(path)


def journal(host: Host) -> list[str]:
    return host.check_output("journalctl -b -q --no-pager -o cat -u %s", UNIT).splitlines()


def seconds(clock: str) -> float:
    return datetime.datetime.fromisoformat(f"{clock}+00:00").timestamp()
