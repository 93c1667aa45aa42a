# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""Reading environment files: what systemd and Docker take variables from, and os-release."""

from __future__ import annotations


def parse_env_file(text: str, *, raw: bool = False) -> dict[str, str]:
    """Return the variables of an environment file.

    Args:
        text: lines `NAME=value`; comments and empty lines are passed over.
        raw: keep quotes as a part of the value, as `docker run --env-file` does; systemd takes them off.
    """
    variables = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith(("#", ";")):
            variables[name.strip()] = value if raw else unquoted(value.strip())
    return variables


def unquoted(value: str) -> str:
    """Return a value without the quotes that stand around it."""
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value
