# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""What user-data brings and has brought, so that what it brings no more can be told."""

from __future__ import annotations

import typing as t
from dataclasses import fields

from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import Written
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.targets import masked, targets

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.asked import Asked
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.log import Run
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import Source


def was_written(source: Source) -> Written:
    """What the user-data before this one has brought, by its run in this boot, or by what is remembered."""
    run, memory = source.run, source.memory
    if memory and (run is None or source.started is None or source.started[0] <= memory.applied):
        return memory.written
    # a run since then may have failed, and removes nothing of what is remembered
    return together([memory.written if memory else Written(), brought(run) if run else Written()])


def brought(run: Run) -> Written:
    """What one run has put in place, by its log."""
    return Written(
        files=[path for path in run.files if not path.startswith("/etc/environment")],
        units=[name for name, _path in run.units],
        drop_ins=[_drop_in(path) for _name, path in run.drop_ins if path.count("/") > 1],
        enabled=list(run.enabled),
        masked=list(run.masked),
    )


def to_be_written(asked: Asked) -> Written:
    """What a cloud-config brings, to be remembered until the next one."""
    written = targets(asked)
    return Written(
        files=[target.name for target in written if target.kind == "file"],
        units=[target.name for target in written if target.kind == "unit"],
        drop_ins=[target.name for target in written if target.kind == "drop_in"],
        enabled=[unit.name for unit in asked.units if unit.enable],
        masked=list(masked(asked)),
    )


def together(parts: t.Sequence[Written]) -> Written:
    """All that several user-data bring."""
    return Written(
        **{each.name: [name for part in parts for name in getattr(part, each.name)] for each in fields(Written)}
    )


def _drop_in(path: str) -> str:
    """`/etc/systemd/system/docker.service.d/10.conf` as `docker.service/10.conf`."""
    folder, _slash, name = path.rpartition("/")
    return f"{folder.rpartition('/')[2][:-2]}/{name}"
