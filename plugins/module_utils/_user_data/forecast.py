# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""Which units would run with what their files said before, once a user-data is applied, and which be restarted then.

The functions that decide that after a run decide it here, on the files as they would be. What only the new files tell,
such as a dependency that they bring, is not known to either systemd or this.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.sections import all_units
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import is_unit_name, words
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.compare import UNWRITTEN
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.left import (
    EMPTY,
    Snapshot,
    changed_units,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.restart import foretell_restart
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.targets import (
    host_path,
    is_network,
    masked,
)

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.asked import Asked
    from ansible_collections.container_linux.remediation.plugins.module_utils._host import Host
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.compare import (
        Comparison,
        Item,
    )
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.left import ChangedUnit

# What stands for the digest of a file that is not there yet.
_NEW = "new"


@dataclass(frozen=True)
class Forecast:
    """What would be restarted.

    Attributes:
        restarts: the names of the units, and of those that are always restarted with them.
        refused: why others would not be, in sentences.
        doubtful: the units of which it is not known whether a file of theirs would change.
    """

    restarts: t.Sequence[str] = ()
    refused: t.Sequence[str] = ()
    doubtful: t.Sequence[str] = ()


def forecast(host: Host, asked: Asked, comparison: Comparison, *, allow_container_restart: bool) -> Forecast:
    """Return what would be restarted; a round trip where that may be anything, and nothing is changed.

    Args:
        host: the host.
        asked: what the user-data asks for.
        comparison: how the host stands to that now, with a snapshot.
        allow_container_restart: whether containers may be stopped by it.
    """
    if comparison.snapshot is None:
        raise AssertionError("a forecast needs a comparison with a snapshot")
    changed, doubtful = outdated(asked, comparison, comparison.snapshot)
    names = [unit.name for unit in doubtful]
    if not changed:
        return Forecast(doubtful=names)
    called = sorted(filter(is_unit_name, _restarted_by_calls(asked, comparison.snapshot)))
    told = foretell_restart(host, changed, called=called, allow_container_restart=allow_container_restart)
    return Forecast(told.done, told.refused, [name for name in names if name not in told.done])


def outdated(asked: Asked, comparison: Comparison, before: Snapshot) -> tuple[list[ChangedUnit], list[ChangedUnit]]:
    """Return the units that would run on with what their files said before, and those that perhaps would.

    Args:
        asked: what the user-data asks for.
        comparison: how the host stands to that now.
        before: the units that it writes to, and their files, as they are now.
    """
    written = [item for item in comparison.items if item.kind != "file" and item.why != UNWRITTEN]
    sure = [item.path for item in written if _changes(item)]
    unclear = [item.path for item in written if item.state == "not_compared"]
    masks = masked(asked)
    unmasked = [host_path("/run/systemd/system", name) for name in comparison.masks if name not in masks]
    gone = _restarted_by_calls(asked, before)
    units = {
        name: unit
        for name, unit in before.units.items()
        if name not in gone and not gone.intersection(words(unit.get("Names", "")))
    }

    def after(paths: t.Sequence[str]) -> Snapshot:
        digests = {path: digest for path, digest in before.digests.items() if path not in unmasked}
        digests.update(dict.fromkeys(paths, _NEW))
        digests.update(dict.fromkeys(masks.values(), EMPTY))
        return Snapshot(units, digests)

    changed = changed_units(before, after(sure))
    known = {unit.name for unit in changed}
    perhaps = changed_units(before, after([*sure, *unclear]))
    return changed, [unit for unit in perhaps if unit.name not in known]


def _changes(item: Item) -> bool:
    """Whether a file would have another content, as far as is known; another mode is nothing to a unit."""
    return item.state == "missing" or (item.state == "differs" and not item.why.startswith(("mode", "owner")))


def _restarted_by_calls(asked: Asked, before: Snapshot) -> set[str]:
    """Return the units that coreos-cloudinit itself would stop or restart."""
    reloadable = {
        name
        for unit in before.units.values()
        if unit.get("CanReload") == "yes"
        for name in (unit["Id"], *words(unit.get("Names", "")))
    }
    found = set()
    for unit in all_units(asked):
        reloads = unit.command.startswith("reload") and unit.name in reloadable
        if unit.command not in ("", "start", "reload") and not reloads and not is_network(unit.name):
            found.add(unit.name)
    return found
