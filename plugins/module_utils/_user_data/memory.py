# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""What is remembered on a host of the user-data that was applied last: how it is written, and how it is read."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, fields

from ansible_collections.container_linux.remediation.plugins.module_utils._host import printable
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import Memory, Written

MEMORY = "/var/lib/container-linux-remediation/user-data"
"""Where it is remembered what was applied last: JSON of a `Memory` for each source, in a file of mode 0600 and root's
own, which is named after the source's path as systemd escapes it. It is one line and begins with sha256, boot and
applied, this to the nanosecond, as `json.dumps` has it: the look compares that without a parser."""

UNPROVEN = ', "proven": false}'
"""How the text of a `Memory` ends until it is known that all is there that was asked for; then it ends with `}`."""


def memory_text(sha256: str, boot: str, written: Written) -> tuple[str, str]:
    """Return the text of a `Memory` that is not proven, before and after the time, which the host fills in."""
    mark = "@"
    text = json.dumps({"sha256": sha256, "boot": boot, "applied": mark, "written": asdict(written), "proven": False})
    head, _mark, tail = text.partition(f'"{mark}"')
    return head, tail


def parse_memory(text: str) -> Memory | None:
    """Return what is remembered; None where that makes no sense."""
    try:
        told = json.loads(text)
        sha256, applied, boot, written = told["sha256"], told["applied"], told["boot"], told["written"]
        names = {name.name: written[name.name] for name in fields(Written)}
        if not re.match(r"[0-9a-f]{64}\Z", sha256) or not isinstance(applied, (int, float)):
            return None
        if not all(isinstance(items, list) for items in names.values()):
            return None
        return Memory(
            sha256=sha256,
            applied=float(applied),
            boot=printable(boot, limit=40),
            written=Written(**{name: [printable(item, limit=4096) for item in items] for name, items in names.items()}),
            proven=told.get("proven") is not False,
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
