# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.container_linux.remediation.tests.machine.testmachine.cli import main


def test_user_data_that_cannot_be_read_is_refused_before_a_machine_is_touched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "user-data.yml"
    assert main(["provision", "core-01", "--reload", "--user-data", str(missing)]) == 1
    assert capsys.readouterr().err == f"machine: The user-data {missing} cannot be read: No such file or directory.\n"
