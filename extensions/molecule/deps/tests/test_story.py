# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the update changed, and what makes docker require flanneld: as told, and as the two machines have it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import testinfra
from testinfra.host import Host

INVENTORY = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "inventory"
OLD = "molecule-deps-old"
NEW = "molecule-deps-new"
DROP_IN = "/etc/systemd/system/docker.service.d/40-flannel.conf"

# this is about both machines, so it is not run for each
testinfra_hosts = ["local://"]

Told = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def old() -> Host:
    return machine(OLD)


@pytest.fixture(scope="module")
def new() -> Host:
    return machine(NEW)


def test_drop_in_is_what_makes_docker_require_flanneld(old: Host, new: Host, told: Told) -> None:
    """Its lines, and no others, are what the new machine has beyond its release and beyond the old machine."""
    lines = new.check_output("cat %s", DROP_IN).splitlines()
    edges = {
        ("docker.service", type_, "flanneld.service", f"{DROP_IN}:{lines.index(line) + 1}", "yours")
        for type_, line in (("After", "After=flanneld.service"), ("Requires", "Requires=flanneld.service"))
    }
    assert requirements(new) - requirements(old) == {"flanneld.service"}
    for task in ("Compare with what the host's release ships", "Compare the hosts"):
        difference = told[task, NEW]["msg"]
        assert {flat(edge) for edge in difference["edges"]["added"] if edge["from"] == "docker.service"} == edges
        assert difference["edges"]["removed"] == difference["edges"]["moved"] == []
        assert change(difference, "docker.service", "drop_ins") == ([], [DROP_IN])


def test_old_machine_is_as_its_release_ships_it(old: Host, told: Told) -> None:
    assert old.run("test -e %s", DROP_IN).rc == 1
    difference = told["Compare with what the host's release ships", OLD]["msg"]
    assert difference["before"]["stock"] == "899"
    assert difference["edges"] == {"added": [], "removed": [], "moved": []}


def test_update_changed_none_of_docker_s_edges(old: Host, new: Host, told: Told) -> None:
    """It gave flanneld an [Install] section; the units of the cloud-config are another matter."""
    shipped = "cat /usr/lib/systemd/system/docker.service /usr/lib/systemd/system/docker.socket"
    assert old.check_output(shipped) == new.check_output(shipped)
    assert [host.run("systemctl is-enabled flanneld").stdout.strip() for host in (old, new)] == ["static", "disabled"]
    difference = told["Compare the releases", NEW]["msg"]
    assert {"docker.service", "docker.socket", "early-docker.target"} <= set(difference["nodes"]["unchanged"])
    assert change(difference, "flanneld.service", "install") == ({}, {"WantedBy": ["multi-user.target"]})
    for edge in difference["edges"]["added"] + difference["edges"]["removed"]:
        assert edge["from"].startswith(("user-", "system-c")), edge


def test_docker_waits_for_flanneld(old: Host, new: Host, told: Told) -> None:
    assert old.check_output("systemctl is-active docker.service") == "active"
    for unit in ("docker.service", "flanneld.service"):
        assert new.run("systemctl is-active %s", unit).stdout.strip() != "active"
    assert blocked_by(told, OLD) == []
    docker, flanneld = blocked_by(told, NEW)
    assert docker["unit"] == "docker.service"
    assert (flanneld["unit"], flanneld["kind"]) == ("flanneld.service", "requirement")
    assert {place.rpartition(":")[0] for place in flanneld["declared_by"]} == {DROP_IN}


def machine(name: str) -> Host:
    (found,) = testinfra.get_hosts([f"ansible://{name}"], ansible_inventory=str(INVENTORY))
    assert isinstance(found, Host)
    return found


def requirements(host: Host) -> set[str]:
    (line,) = host.check_output("systemctl show docker.service --property=Requires").splitlines()
    return set(line.removeprefix("Requires=").split())


def flat(edge: dict[str, Any]) -> tuple[str, ...]:
    return (edge["from"], edge["type"], edge["to"], *edge["declared_by"], edge["origin"])


def change(difference: dict[str, Any], unit: str, field: str) -> tuple[Any, Any]:
    """Return what a field of a unit was, and what it is."""
    (found,) = (each for each in difference["nodes"]["changed"] if (each["unit"], each["field"]) == (unit, field))
    return found["before"], found["after"]


def blocked_by(told: Told, name: str) -> list[dict[str, Any]]:
    facts = told["Gather the dependencies of docker.service", name]["ansible_facts"]["container_linux_unit_deps"]
    chain: list[dict[str, Any]] = facts["blocked_by"]["docker.service"]
    return chain
