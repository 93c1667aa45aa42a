# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The small scripts of the machine that stand in for parts of the real one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ansible_collections.container_linux.remediation.tests.machine.testmachine.paths import ROOTFS

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
