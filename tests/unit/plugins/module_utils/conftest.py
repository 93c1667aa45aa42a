# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machine whose user-data is looked at. Tests of anything else have a `machine` of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.container_linux.remediation.tests.unit.plugins.module_utils.user_data_machine import (
    LookedAt,
    look_below,
)


@pytest.fixture
def shell(request: pytest.FixtureRequest) -> str:
    """The shell of a host's user, see `in_each_shell`."""
    return f"/bin/{getattr(request, 'param', 'sh')}"


@pytest.fixture
def machine(shell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LookedAt:
    look_below(monkeypatch, tmp_path)
    return LookedAt(tmp_path, shell)
