# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be done about the user-data of a host, before anything is."""

from __future__ import annotations

from ansible_collections.container_linux.remediation.plugins.module_utils._cloudinit_rerun import _tasks
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data_look import (
    PLACES,
    Access,
    Content,
    File,
    Look,
    Source,
)


def test_the_oems_runs_before_what_overrides_it() -> None:
    loaded = {"LoadState": "loaded", "ActiveState": "failed", "SubState": "failed", "Result": "exit-code"}
    sources = [
        Source(
            place,
            file=File("regular file", 9, "644", 0, 1, 1.0),
            content=Content(9, "0" * 64, form="cloud-config"),
            unit={"Id": place.unit, **loaded},
        )
        for place in PLACES
    ]
    seen = Look({}, "1.11.0", "boot", (), Access(), sources)
    tasks = _tasks(seen, {"content": None, "path": None})
    assert [task.source for task in tasks] == [sources[-1], *sources[:-1]]
