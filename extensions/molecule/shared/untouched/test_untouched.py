# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds on every machine that nothing has changed yet."""

from __future__ import annotations


def test_check_mode_changed_nothing(differences: list[str]) -> None:
    assert differences == []
