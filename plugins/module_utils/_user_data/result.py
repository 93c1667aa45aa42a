# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""What was seen of user-data and done about it, as plain data for a module's result. Content has no place in it."""

from __future__ import annotations

import typing as t
from dataclasses import asdict

from ansible_collections.container_linux.remediation.plugins.module_utils._host import clean

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.compare import Comparison
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.log import Run
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import Source
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.state import State


def of_source(source: Source, state: State) -> dict[str, t.Any]:
    """How one user-data stands."""
    content = source.content
    return {
        "kind": source.place.kind,
        "unit": source.place.unit,
        "state": state.name,
        "why": clean(state.why),
        "sha256": source.sha256,
        "findings": [asdict(finding) for finding in content.findings] if content else [],
    }


def of_run(run: Run) -> dict[str, t.Any]:
    """What a run of coreos-cloudinit has done, in the order in which it logged it."""
    return {
        "files": list(run.files),
        "units": [{"name": name, "path": path} for name, path in run.units],
        "drop_ins": [{"name": name, "path": path} for name, path in run.drop_ins],
        "enabled": list(run.enabled),
        "masked": list(run.masked),
        "commands": [asdict(command) for command in run.commands],
        "scripts": list(run.scripts),
        "said": list(run.said),
        "errors": list(run.errors),
        "doing": run.doing,
    }


def of_proof(proof: Comparison) -> dict[str, t.Any]:
    """What is there now of what the user-data asks for."""
    return {
        "items": [asdict(item) for item in proof.items],
        "units": [
            {"name": unit.name, "asked": unit.wanted, "as_asked": unit.as_asked, "why": unit.why}
            for unit in proof.units
        ],
        "partial": list(proof.partial),
    }
