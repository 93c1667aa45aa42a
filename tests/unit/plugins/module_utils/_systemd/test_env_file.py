# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.env_file import parse_env_file


def test_an_environment_file_may_hold_anything() -> None:
    text = '\x00\x1b[0m\n=\n;A=1\nB = "two words" \nC=\nD=a=b\n'
    assert parse_env_file(text) == {"": "", "B": "two words", "C": "", "D": "a=b"}
