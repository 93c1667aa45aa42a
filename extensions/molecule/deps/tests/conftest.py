# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the play told."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(scope="session")
def told(runs: list[list[dict[str, Any]]]) -> dict[tuple[str, str], dict[str, Any]]:
    """The results of the run in earnest, by task and machine."""
    return {(result["task"], result["host"]): result["result"] for result in runs[1]}
