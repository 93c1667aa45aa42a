# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.container_linux.remediation.tests.machine.testmachine.console import MachineError
from ansible_collections.container_linux.remediation.tests.machine.testmachine.release import (
    read_release,
    release_names,
    render_files,
    render_unit,
)

UNITS = "/usr/lib/systemd/system"


def test_a_unit_joins_what_it_runs_with_the_lines_of_the_release() -> None:
    stand_in = "[Unit]\nDescription=A network\n\n[Service]\nExecStart=/opt/bin/flanneld\n"
    lines = {
        "Unit": {"After": "etcd.service etcd2.service"},
        "Service": {"Type": "notify"},
        "Install": {"WantedBy": "multi-user.target"},
        "enabled_in": "multi-user.target.wants",
    }
    assert render_unit(stand_in, lines) == (
        "[Unit]\nDescription=A network\nAfter=etcd.service etcd2.service\n\n"
        "[Service]\nExecStart=/opt/bin/flanneld\nType=notify\n\n"
        "[Install]\nWantedBy=multi-user.target\n"
    )


def test_releases_are_listed_in_the_order_of_time() -> None:
    names = release_names()
    assert names.index("899") < names.index("1010")


def test_an_unknown_release_is_refused_with_those_that_exist() -> None:
    with pytest.raises(MachineError, match=r"no release '0815'; there are .*1010"):
        read_release("0815")


@pytest.mark.parametrize("name", release_names())
def test_every_release_says_what_all_its_units_run(name: str) -> None:
    files = {file.path: file for file in render_files(read_release(name))}
    for path, file in files.items():
        if path.endswith(".service"):
            assert b"ExecStart=" in file.content, path
    assert b"NAME=" in files["/usr/lib/os-release"].content
    # The units that wait for each other are what a machine of ours is for.
    assert b"After=docker.socket early-docker.target" in files[f"{UNITS}/docker.service"].content


@pytest.mark.parametrize(("name", "enabled"), [("899", False), ("1010", True)])
def test_flanneld_can_be_enabled_from_991_on(name: str, enabled: bool) -> None:
    files = {file.path: file.content for file in render_files(read_release(name))}
    assert (b"[Install]" in files[f"{UNITS}/flanneld.service"]) is enabled


def test_no_release_makes_docker_require_flanneld() -> None:
    for name in release_names():
        files = {file.path: file.content for file in render_files(read_release(name))}
        assert b"flanneld" not in files[f"{UNITS}/docker.service"], name
