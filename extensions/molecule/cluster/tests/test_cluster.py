# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for the three members together, and how the play that cured them went."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import testinfra
from testinfra.host import Host

INVENTORY = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "inventory"
CREATE = "Create the config where there is none"

# these tests are about all hosts at once, so none is run for each
testinfra_hosts = ["local://"]


@pytest.fixture(scope="module")
def members() -> list[Host]:
    found = testinfra.get_hosts(["ansible://machines"], ansible_inventory=str(INVENTORY))
    assert len(found) == 3
    return list(found)


@pytest.fixture
def containers(members: list[Host]) -> Iterator[list[str]]:
    """The address of a container on each member."""
    for member in members:
        member.check_output("timeout 60 docker load --input /usr/share/oem/busybox.tar")
        member.check_output("timeout 60 docker run --detach --name molecule-peer busybox sleep 300")
    template = "{{.NetworkSettings.IPAddress}}"
    yield [member.check_output("docker inspect --format %s molecule-peer", template) for member in members]
    for member in members:
        member.run("timeout 60 docker rm --force molecule-peer")


def test_exactly_one_member_created_the_key(runs: list[list[dict[str, Any]]]) -> None:
    results = [result for result in runs[1] if result["task"].endswith(CREATE)]
    assert len({result["host"] for result in results}) == len(results) == 3
    assert [result["outcome"] for result in results] == ["ok"] * 3
    assert sorted(result["result"]["changed"] for result in results) == [False, False, True]


def test_check_mode_predicted_what_changed(runs: list[list[dict[str, Any]]]) -> None:
    predicted, changed = ({(r["host"], r["task"]) for r in run if r["result"].get("changed")} for run in runs[:2])
    assert changed
    assert changed <= predicted


def test_healthy_members_are_only_looked_at(runs: list[list[dict[str, Any]]]) -> None:
    tasks = [result["task"] for result in runs[2] if result["host"].startswith("molecule-")]
    assert tasks.count("Diagnose") == 3
    assert set(tasks) <= {"Diagnose", "Say what was found"}


def test_leases_differ(members: list[Host]) -> None:
    leases = [member.check_output("grep ^FLANNEL_SUBNET= /run/flannel/subnet.env") for member in members]
    assert len(set(leases)) == 3


def test_members_hold_one_store(members: list[Host]) -> None:
    for member in members:
        subnets = member.check_output("etcdctl ls /coreos.com/network/subnets").splitlines()
        assert len(subnets) == 3


def test_containers_of_different_members_reach_each_other(members: list[Host], containers: list[str]) -> None:
    for member in members:
        for address in containers:
            ping = member.run("timeout 20 docker exec molecule-peer ping -c 1 -W 10 %s", address)
            assert ping.rc == 0, f"{member.backend.get_pytest_id()} to {address}: {ping.stdout}{ping.stderr}"
