# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machine on which everything was running."""

from __future__ import annotations

testinfra_hosts = ["ansible://molecule-site-healthy"]


def test_healthy_machine_was_left_alone(differences: list[str]) -> None:
    assert differences == []
