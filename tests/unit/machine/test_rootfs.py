# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The small scripts of the machine that stand in for parts of the real one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ansible_collections.container_linux.remediation.tests.machine.testmachine.paths import ROOTFS, USER_DATA

SETUP_ENVIRONMENT = ROOTFS / "usr/share/oem/bin/coreos-setup-environment"
FLANNEL_RUN = ROOTFS / "usr/lib/coreos/flannel-run"


def run(options: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(FLANNEL_RUN), f"--env-file={options}", "/usr/bin/env"],
        env={"PATH": "/usr/bin:/bin"},
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("value", ["plain", "two words", '"quoted"', "$(id)", "a=b"])
def test_flannel_run_takes_values_literally(tmp_path: Path, value: str) -> None:
    options = tmp_path / "options.env"
    options.write_text(f"# a comment\n\nFLANNELD_IFACE={value}")
    assert f"FLANNELD_IFACE={value}" in run(options).stdout.splitlines()


def test_flannel_run_fails_without_its_options(tmp_path: Path) -> None:
    done = run(tmp_path / "missing.env")
    assert done.returncode != 0
    assert done.stdout == ""


def wait_for_addresses(file: Path, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    # The script waits by `sleep`, and a test has no minute for it.
    (tmp_path / "sleep").write_text("#!/bin/sh\n")
    (tmp_path / "sleep").chmod(0o755)
    return subprocess.run(
        ["sh", str(SETUP_ENVIRONMENT), str(file)],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_setup_environment_leaves_what_vagrant_has_said(tmp_path: Path) -> None:
    file = tmp_path / "environment"
    file.write_text("COREOS_PUBLIC_IPV4=198.51.100.2\n")
    assert wait_for_addresses(file, tmp_path).returncode == 0
    assert file.read_text() == "COREOS_PUBLIC_IPV4=198.51.100.2\n"


def test_setup_environment_makes_do_without_vagrant(tmp_path: Path) -> None:
    file = tmp_path / "environment"
    file.write_text("OTHER=1\n")
    done = wait_for_addresses(file, tmp_path)
    assert done.stderr == "No network configuration provided by Vagrant!\n"
    assert file.read_text() == "OTHER=1\nCOREOS_PUBLIC_IPV4=127.0.0.1\nCOREOS_PRIVATE_IPV4=127.0.0.1\n"


@pytest.mark.parametrize("suffix", ["", "-without-etcd"])
def test_the_second_user_data_of_the_story_is_the_first_with_its_end_no_longer_commented_out(suffix: str) -> None:
    first, second = (
        (USER_DATA / f"seed-{number}{suffix}.yml").read_text().partition("coreos:\n")[2] for number in (1, 2)
    )
    head, mark, tail = first.partition("#write_files:")
    assert mark
    assert second == head + (mark + tail).replace("\n#", "\n")[1:]
