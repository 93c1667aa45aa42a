# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.container_linux.remediation.tests.machine.testmachine.console import MachineError
from ansible_collections.container_linux.remediation.tests.machine.testmachine.parts import CLOUDINIT_VERSIONS
from ansible_collections.container_linux.remediation.tests.machine.testmachine.paths import ROOTFS
from ansible_collections.container_linux.remediation.tests.machine.testmachine.release import (
    read_release,
    release_names,
    render_files,
    render_unit,
)

UNITS = "/usr/lib/systemd/system"
TORCX = "/usr/share/torcx/docker/lib/systemd/system"


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


def test_a_list_of_values_is_a_line_each() -> None:
    lines = {"Service": {"EnvironmentFile": ["/one", "-/two"]}}
    assert render_unit("", lines) == "[Service]\nEnvironmentFile=/one\nEnvironmentFile=-/two\n"


def test_releases_are_listed_in_the_order_of_time() -> None:
    names = release_names()
    assert names == ["899", "1010", "1235", "2512"]


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
@pytest.mark.parametrize(
    ("name", "path", "line"),
    [
        ("899", f"{UNITS}/docker.service", b"After=docker.socket early-docker.target network.target"),
        ("899", f"{UNITS}/user-cloudinit@.service", b"After=coreos-setup-environment.service"),
        ("1010", f"{UNITS}/user-cloudinit@.service", b"After=coreos-setup-environment.service system-config.target"),
        ("1235", f"{UNITS}/flanneld.service", b"Before=docker.service flannel-docker-opts.service"),
        ("1235", f"{UNITS}/user-cloudinit@.service", b"TimeoutSec=10min"),
        ("2512", f"{TORCX}/docker.service", b"EnvironmentFile=/run/metadata/torcx"),
        ("2512", f"{TORCX}/docker.service", b"EnvironmentFile=-/run/flannel/flannel_docker_opts.env"),
    ],
)
def test_a_unit_has_the_lines_of_its_release(name: str, path: str, line: bytes) -> None:
    files = {file.path: file.content for file in render_files(read_release(name))}
    assert line in files[path].splitlines()


@pytest.mark.parametrize(("name", "target"), [("899", "default"), ("1235", "default"), ("2512", "multi-user")])
@pytest.mark.parametrize("config", ["system-config.target", "user-config.target"])
def test_the_configs_are_loaded_by_the_target_of_the_release(name: str, target: str, config: str) -> None:
    links = {file.path: file.link for file in render_files(read_release(name)) if file.link}
    assert links[f"{UNITS}/{target}.target.wants/{config}"] == f"../{config}"


@pytest.mark.parametrize("name", release_names())
def test_every_release_has_a_cloudinit_that_can_be_built_and_layers_that_exist(name: str) -> None:
    release = read_release(name)
    assert release.cloudinit in CLOUDINIT_VERSIONS
    for layer in release.layers:
        assert ROOTFS.with_name(f"rootfs-{layer}").is_dir()


@pytest.mark.parametrize(("name", "enabled"), [("899", False), ("1010", True)])
def test_flanneld_can_be_enabled_from_991_on(name: str, enabled: bool) -> None:
    files = {file.path: file.content for file in render_files(read_release(name))}
    assert (b"[Install]" in files[f"{UNITS}/flanneld.service"]) is enabled


def test_no_release_makes_docker_require_flanneld() -> None:
    for name in release_names():
        files = [file for file in render_files(read_release(name)) if file.path.endswith("/docker.service")]
        assert files, name
        assert not any(b"flanneld" in file.content for file in files), name
