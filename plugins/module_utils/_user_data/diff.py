# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""What applying a user-data would write and call, for diff mode: a line for each thing, and no content.

What would stay as it is has the same line on both sides.
"""

from __future__ import annotations

import typing as t

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.sections import all_units
from ansible_collections.container_linux.remediation.plugins.module_utils._host import printable
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import is_active, state_words
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.compare import UNWRITTEN
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.refusal import (
    of_call,
    of_enabling,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.targets import (
    is_network,
    masked,
    targets,
)

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.asked import (
        Asked,
        AskedUnit,
    )
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.compare import Comparison, Item
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.forecast import Forecast
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.refusal import Refusal
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.targets import Target
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.units import UnitState

_Sides = t.Tuple[t.Optional[str], t.Optional[str]]
"""A line before and after; None: there is none."""


def predict(path: str, asked: Asked, comparison: Comparison, forecast: Forecast) -> dict[str, str]:
    """Return a diff, as Ansible shows it, of a host before and after its user-data is applied.

    Args:
        path: where that user-data lies, or will.
        asked: what it asks for.
        comparison: how the host stands to that now.
        forecast: what would be restarted after that.
    """
    sides = [
        *_identity(asked, comparison),
        *_files(asked, comparison),
        *_lasting(asked, comparison),
        *_calls(asked, comparison),
        *_restarts(forecast),
        *((f"not known: {doubt.sentence}",) * 2 for doubt in asked.unclear),
    ]
    before = [printable(line) for line, _after in sides if line is not None]
    after = [printable(line) for _before, line in sides if line is not None]
    return {
        "before_header": "the host as it is",
        "after_header": f"the host with {printable(path)} applied",
        "before": "".join(f"{line}\n" for line in before),
        "after": "".join(f"{line}\n" for line in after),
    }


def _same(line: str) -> _Sides:
    return line, line


def _identity(asked: Asked, comparison: Comparison) -> t.Iterator[_Sides]:
    if asked.hostname:
        yield f"hostname: {comparison.hostname or 'not known'}", f"hostname: {asked.hostname}"
    for name in dict.fromkeys(asked.users):
        if name in comparison.users:
            # of a user that exists, only password and keys are set
            yield _same(f"user {name}: exists")
        else:
            yield f"user {name}: absent", f"user {name}: created"
    if asked.ssh_keys:
        yield _same(f"SSH keys of the cloud-config: {sum(asked.ssh_keys.values())}")
    if asked.metadata_keys:
        yield _same(f"SSH keys of the config drive's meta_data.json: {asked.metadata_keys}")


def _files(asked: Asked, comparison: Comparison) -> t.Iterator[_Sides]:
    items = {item.path: item for item in comparison.items}
    for target in targets(asked):
        item = items.get(target.path)
        if item and item.why != UNWRITTEN:
            yield _file(target, item)


def _file(target: Target, item: Item) -> _Sides:
    written = f"{item.path}: mode 0{target.mode:o}, owner {target.owner or 'root'}, content: "
    if item.state == "same":
        return _same(f"{written}unchanged")
    if target.made:
        content = f"{target.made}, not shown"
    else:
        count = target.text.lines if target.text else 0
        content = f"{count} line{'s' * (count != 1)}{f' of {target.encoding}' * bool(target.encoding)}, not shown"
    before = {
        "missing": f"{item.path}: absent",
        "differs": f"{item.path}: differs in {item.why}" if "place" not in item.why else f"{item.path}: {item.why}",
    }
    return before.get(item.state, f"{item.path}: there, not compared"), written + content


def _lasting(asked: Asked, comparison: Comparison) -> t.Iterator[_Sides]:
    refusals = {unit.name: of_enabling(unit, asked, comparison) for unit in reversed(asked.units) if unit.enable}
    for unit in comparison.units:
        if unit.asked in ("enabled", "masked"):
            refusal = refusals.get(unit.name) if unit.asked == "enabled" else None
            if unit.as_asked and not refusal:
                yield _same(f"{unit.name}: {unit.wanted}{f' ({unit.why})' * bool(unit.why)}")
            else:
                known = unit.properties.get("UnitFileState") or f"not {unit.asked}"
                yield f"{unit.name}: {known}", f"{unit.name}: {unit.wanted}{_refused(refusal)}"
    for name in comparison.masks:
        if name not in masked(asked):
            yield f"{name}: masked in /run", f"{name}: not masked in /run"


def _calls(asked: Asked, comparison: Comparison) -> t.Iterator[_Sides]:
    changing = [item for item in comparison.items if item.kind != "file" and item.state != "same"]
    if any(item.why != UNWRITTEN for item in changing):
        yield None, "call: systemctl daemon-reload"
    if any(is_network(unit.name) for unit in asked.units):
        yield None, "call: systemctl restart systemd-networkd.service"
    states = {unit.name: unit for unit in comparison.units if unit.asked not in ("enabled", "masked")}
    for unit in all_units(asked):
        if unit.command and not is_network(unit.name):
            state = states.get(unit.name)
            refusal = of_call(unit, asked, comparison)
            yield (None, f"{_called(unit)}{_refused(refusal)}") if refusal else _call(unit, state)


def _restarts(forecast: Forecast) -> t.Iterator[_Sides]:
    """What is restarted once the user-data is applied, not by coreos-cloudinit."""
    for name in forecast.restarts:
        yield None, f"call: systemctl restart {name}, for its new files"
    for sentence in forecast.refused:
        yield _same(sentence)
    for name in forecast.doubtful:
        yield _same(f"not known: whether {name} is restarted, for not all of its files could be compared")


def _call(unit: AskedUnit, state: UnitState | None) -> _Sides:
    call = _called(unit)
    properties = state.properties if state else {}
    if properties and (
        (unit.command == "start" and is_active(properties))
        or (unit.command == "stop" and properties.get("ActiveState") == "inactive")
        or (unit.command in ("try-restart", "reload-or-try-restart") and not is_active(properties))
    ):
        return _same(f"{call} (it is {state_words(properties)}, and stays so)")
    return None, call


def _called(unit: AskedUnit) -> str:
    return f"call: systemctl {unit.command} {unit.name}{f', for coreos.{unit.section}' * bool(unit.section)}"


def _refused(refusal: Refusal | None) -> str:
    return f" ({refusal.why}, {refusal.outcome})" if refusal else ""
