# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""What systemd would refuse to do for a user-data, at which a run of coreos-cloudinit stops: it has done nothing then
of what it would do next.

First all files are written, and each unit is masked and enabled in turn; then each is called in turn. What is told here
is no more than a warning: a generator, or another unit, may bring what is missing.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.lint import Remark
from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.sections import all_units
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.compare import UNWRITTEN
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.targets import (
    host_path,
    is_network,
    masked,
)

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.asked import (
        Asked,
        AskedUnit,
    )
    from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import Properties
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.compare import Comparison


class Refusal(t.NamedTuple):
    """Why something would be refused: how the unit stands, what comes of that, and what to do next."""

    why: str
    outcome: str
    advice: str


_STOPS = "so that systemd refuses that, and the run stops there"
_LIFT = "leave that out, or lift the mask with 'systemctl unmask'"
_ABSENT = Refusal("it is not-found", _STOPS, "leave that out, or bring the unit with 'content'")
_MASKED = Refusal("it is masked", _STOPS, _LIFT)
_MASKED_BY_ITSELF = Refusal("this user-data masks it", _STOPS, "leave out one of both")
# a mask in /run is lifted: systemd notices that when it reads its files anew, and of what it has forgotten
_STILL_MASKED = Refusal("it is masked until systemd reads its files anew", "so that the run may stop there", _LIFT)


def refusals(asked: Asked, comparison: Comparison) -> list[Remark]:
    """Return a warning for each thing that systemd would refuse.

    Args:
        asked: what the user-data asks for.
        comparison: how the host stands to that now.
    """
    found = []
    for unit in all_units(asked):
        refused = (
            ("be enabled", of_enabling(unit, asked, comparison)),
            (unit.command, of_call(unit, asked, comparison)),
        )
        line = asked.sections.get(unit.section, 0) if unit.section else unit.line
        called = f"'{unit.name}' is to {{}}{f' for coreos.{unit.section}' * bool(unit.section)}"
        found += [
            Remark(line, f"{called.format(what)}, and {', '.join(refusal[:2])}; {refusal.advice}.", "warning")
            for what, refusal in refused
            if refusal
        ]
    return found


def of_call(unit: AskedUnit, asked: Asked, comparison: Comparison) -> Refusal | None:
    """Return why systemd would refuse the command of a unit; None where it would not, or nothing is known."""
    known = _properties(unit.name, comparison)
    load = known.get("LoadState")
    to_be_masked = unit.name in masked(asked)
    if not unit.command or is_network(unit.name):
        return None
    if unit.command == "stop":
        # of a unit that is not there, only what still runs can be stopped
        goes = load != "not-found" or to_be_masked or known.get("ActiveState") != "inactive"
        return None if goes or _brought(unit.name, asked.units, comparison) else _ABSENT
    if to_be_masked:
        # nor does systemd notice that mask before it reads its files anew
        return _MASKED if load == "masked" else _MASKED_BY_ITSELF if load and comparison.reloads else None
    brought = _brought(unit.name, asked.units, comparison)
    if load == "masked" and not _is_lifted(unit.name, known, brought, in_run=unit.name in comparison.masks):
        return _MASKED
    if load == "masked" and not comparison.reloads:
        return _STILL_MASKED
    return _ABSENT if load == "not-found" and not brought else None


def of_enabling(unit: AskedUnit, asked: Asked, comparison: Comparison) -> Refusal | None:
    """Return why systemd would refuse to enable a unit; None where it would not, or nothing is known.

    It goes by the files alone, as they are when it comes to that unit.
    """
    if not unit.enable or is_network(unit.name):
        return None
    known = _properties(unit.name, comparison)
    until = asked.units[: asked.units.index(unit) + 1]
    brought = _brought(unit.name, until, comparison)
    if known.get("LoadState") == "masked":
        unmasked = any(other.name == unit.name and other.runtime for other in until)
        in_run = unmasked and unit.name in comparison.masks
        return None if _is_lifted(unit.name, known, brought, in_run=in_run) else _MASKED
    return _ABSENT if known.get("LoadState") == "not-found" and not brought else None


def _properties(name: str, comparison: Comparison) -> Properties:
    return next((unit.properties for unit in comparison.units if unit.name == name), {})


def _brought(name: str, units: t.Sequence[AskedUnit], comparison: Comparison) -> list[str]:
    """Return the paths where `write_files`, or one of these units, puts a unit's file, or that of its template."""
    names = (name, re.sub(r"@.*\.", "@.", name))
    places = tuple(f"/systemd/system/{each}" for each in names)
    writing = {unit.name for unit in units if unit.text}
    return [
        item.path
        for item in comparison.items
        if item.path.endswith(places)
        and (item.kind == "file" or (item.kind == "unit" and item.name in writing and item.why != UNWRITTEN))
    ]


def _is_lifted(name: str, known: Properties, brought: t.Sequence[str], *, in_run: bool) -> bool:
    """Whether the run lifts the mask that a unit has.

    Args:
        name: the unit.
        known: its properties.
        brought: where files are put for it.
        in_run: whether a mask in /run is lifted.
    """
    if host_path("/etc/systemd/system", name) in brought:
        return True
    # what is in /run lifts no mask in /etc
    lifted = in_run or host_path("/run/systemd/system", name) in brought
    return lifted and known.get("UnitFileState") != "masked"
