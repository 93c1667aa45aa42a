# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machine on which only docker.service was not running."""

from __future__ import annotations

testinfra_hosts = ["ansible://molecule-site-left-behind"]


def test_only_docker_was_started(differences: list[str]) -> None:
    assert len(differences) == 2
    assert all(line.startswith("docker.service ") for line in differences)
