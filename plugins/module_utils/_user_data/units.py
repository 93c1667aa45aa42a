# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""Whether the units that a cloud-config names are in the state that it asks for."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.sections import all_units
from ansible_collections.container_linux.remediation.plugins.module_utils._host import (
    out_of,
    printable,
    uptime_of,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import (
    is_active,
    is_unit_name,
    parse_show,
    state_words,
    was_skipped,
)
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
    from ansible_collections.container_linux.remediation.plugins.module_utils._host import Answer
    from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import Properties

_PROPERTIES = (
    "Id LoadState ActiveState SubState Result Type RemainAfterExit UnitFileState NeedDaemonReload FragmentPath "
    "ConditionResult ConditionTimestampMonotonic AssertResult AssertTimestampMonotonic InactiveExitTimestampMonotonic "
    "ExecMainCode ExecMainStatus ActiveEnterTimestamp ActiveEnterTimestampMonotonic"
)

# Seconds after which a process that began is taken for one that stays.
_YOUNG = 2.0

# The ids of what systemd logs of a unit: that it is up, that it is down, that it failed, that it was skipped.
_STARTED = ("39f53479d3a045ac8e11786248231fbf", "0e4284a0caca4bfc81c0bb6786972673")
_ENDED = ("9d1aaa27d60140bd96365438aad20286", "be02cf6855d2428ba40df7e9d022f03d")

UNITS_SH = r"""
if [ -n "$UNITS" ]; then
  begin units
  # shellcheck disable=SC2086 # properties and units are lists of words
  SHOWN=$(timeout -k 1 "$LIMIT" systemctl show --no-pager $UNIT_PROPERTIES -- $UNITS)
  STATUS=$?
  printf '%s\n' "$SHOWN"
  finish units "$STATUS"
  begin uptime
  read -r UPTIME REST </proc/uptime
  printf '%s\n' "$UPTIME"
  finish uptime 0
  case $SHOWN in
    *ActiveState=inactive*)
      # systemd forgets a unit that has ended, and that nothing refers to; what it logs is made of the unit's own
      # description, and stays on the host
      begin ends
      # shellcheck disable=SC2086 # fields are a list of words
      [ -z "$STARTED" ] ||
        timeout -k 1 "$LIMIT" journalctl -b -q --no-pager -o verbose -n 1000 $STARTED | sed -n \
          -e 's/^[^ ].*/-/p' -e 's/^ *\(UNIT\|MESSAGE_ID\)=/\1=/p' -e 's/^ *MESSAGE=.* skipped.*/SKIPPED=yes/p'
      finish ends 0
      ;;
  esac
fi
if [ -n "$LASTING" ]; then
  # systemd before 242 does not notice, until it is reloaded, that a unit it has loaded was enabled
  # shellcheck disable=SC2086 # units are a list of words
  section lasting "$LIMIT" systemctl is-enabled -- $LASTING
fi
begin masks
for NAME in $RUNTIME; do
  MASK=$RUNTIME_UNITS/$NAME
  # a link to /dev/null; an empty file does the same
  if [ -c "$MASK" ] || { [ -f "$MASK" ] && [ ! -s "$MASK" ]; }; then printf '%s\n' "$NAME"; fi
done
finish masks 0
"""
"""For a script: what systemd tells of units; reads `unit_variables` and `LIMIT` (seconds)."""


@dataclass(frozen=True)
class UnitState:
    """How a unit stands that the cloud-config names; one for each thing that it asks of that unit.

    Attributes:
        name: the unit's name, as given.
        properties: what `systemctl show` told; empty where it told nothing.
        asked: `started`, `restarted`, `reloaded`, `stopped`, `enabled`, `masked`, or empty where nothing is asked.
        as_asked: whether it is as asked.
        why: what is in the way; also where it is as asked, though not as one would expect.
        section: the section of `coreos` for whose sake coreos-cloudinit does that; empty where the user asks for it.
        is_young: whether it is up only since its process began, a moment ago: nothing has told that it stays.
    """

    name: str
    properties: Properties = field(default_factory=dict)
    asked: str = ""
    as_asked: bool = True
    why: str = ""
    section: str = ""
    is_young: bool = False

    @property
    def wanted(self) -> str:
        """What it should be, with the section behind it, for people."""
        return f"{self.asked} for coreos.{self.section}" if self.section else self.asked

    @property
    def is_to_stay(self) -> bool:
        """Whether it is to be up from now on; what a section brings along need not."""
        return self.asked in ("started", "restarted") and not self.section


_COMMANDS = {
    "start": "started",
    "restart": "restarted",
    "reload": "reloaded",
    "reload-or-restart": "restarted",
    "stop": "stopped",
    # these two do nothing to a unit that is not up
    "try-restart": "restarted if it ran",
    "reload-or-try-restart": "restarted if it ran",
}


def unit_variables(asked: Asked) -> dict[str, str]:
    """Return what `UNITS_SH` reads."""
    commanded = {unit.name for unit in asked.units if unit.command not in ("", "stop")}
    runtime = dict.fromkeys(unit.name for unit in all_units(asked) if unit.runtime)
    started = [name for name in _names(asked) if name in commanded]
    fields = [f"MESSAGE_ID={number}" for number in _STARTED + _ENDED] + [f"UNIT={name}" for name in started]
    return {
        "UNIT_PROPERTIES": " ".join(f"-p {name}" for name in _PROPERTIES.split()),
        "UNITS": " ".join(_names(asked)),
        "LASTING": " ".join(_lasting(asked)),
        "STARTED": " ".join(fields) if started else "",
        "RUNTIME": " ".join(filter(is_unit_name, runtime)),
        "RUNTIME_UNITS": host_path("/run/systemd", "system"),
    }


def _names(asked: Asked) -> list[str]:
    """Return the units whose properties can be asked for, each once; a template has none."""
    return [name for name in _states(asked) if is_unit_name(name) and "@." not in name]


def _states(asked: Asked) -> dict[str, list[AskedUnit]]:
    """Return the units of whose state something may be said, by name: not what is only added for its drop-in."""
    units = all_units(asked)
    names = dict.fromkeys(unit.name for unit in units if unit.command or not unit.section)
    return {name: [unit for unit in units if unit.name == name] for name in names}


def _lasting(asked: Asked) -> list[str]:
    names = dict.fromkeys(unit.name for unit in asked.units if unit.enable or unit.mask)
    return [name for name in names if is_unit_name(name)]


def unit_states(answer: Answer, asked: Asked) -> list[UnitState]:
    """Return how every unit stands that is named, from what the sections of `UNITS_SH` told."""
    names, lasting = _names(asked), _lasting(asked)
    blocks = parse_show(out_of(answer, "units"))
    # by the order asked for: of an alias, systemd tells the name of the unit that it stands for
    properties = dict(zip(names, blocks)) if len(blocks) == len(names) else {}
    words = out_of(answer, "lasting").split()
    enabling = dict(zip(lasting, words)) if len(words) == len(lasting) else {}
    ends = _ends(out_of(answer, "ends"))
    masks = runtime_masks(answer)
    to_be_masked = masked(asked)
    uptime = uptime_of(answer)
    found = []
    for name, same in _states(asked).items():
        known = properties.get(name, {})
        if name in enabling:
            known = {**known, "UnitFileState": printable(enabling[name], limit=40)}
        for what, section in _wishes(same, is_masked=name in to_be_masked):
            as_asked, why = _is_as_asked(known, what, ends.get(name, "")) if known else (False, _UNTOLD)
            if section and what == "masked" and name in masks:
                as_asked, why = True, ""
            elif section and what == "restarted" and known:
                # its job went well, or the run would have failed; whether it then stays up is not the user's wish
                as_asked, why = True, "" if is_active(known) else f"it is {state_words(known)}"
            is_young = what in ("started", "restarted") and _is_young(known, uptime)
            found.append(UnitState(name, known, what, as_asked, why, section, is_young))
        if is_network(name):
            found.append(UnitState(name, why="only its file is written; systemd-networkd reads it"))
        elif not found or found[-1].name != name:
            found.append(UnitState(name, known))
    return found


_UNTOLD = "systemd told nothing of it"


def runtime_masks(answer: Answer) -> list[str]:
    """Return the units that are masked in /run, of those that coreos-cloudinit deals with there."""
    return list(filter(is_unit_name, out_of(answer, "masks").split()))


def _ends(log: str) -> dict[str, str]:
    """Return what systemd logged last of each unit: that it was `started`, `skipped` or `ended`."""
    ends = {}
    for entry in log.split("-\n"):
        fields = dict(row.split("=", 1) for row in entry.splitlines() if "=" in row)
        if fields.get("MESSAGE_ID") in _ENDED:
            ends[fields.get("UNIT", "")] = "ended"
        elif fields.get("MESSAGE_ID") in _STARTED:
            ends[fields.get("UNIT", "")] = "skipped" if "SKIPPED" in fields else "started"
    return ends


def _wishes(same: t.Sequence[AskedUnit], *, is_masked: bool) -> list[tuple[str, str]]:
    """Return what is asked of a unit, which may have been named more than once, each with the section behind it."""
    if is_network(same[0].name):
        return []
    found = []
    if is_masked:
        found.append(("masked", [unit.section for unit in same if unit.mask][-1]))
    if any(unit.enable for unit in same):
        found.append(("enabled", ""))
    commanded = [unit for unit in same if unit.command in _COMMANDS]
    if commanded:
        # what the user calls for as well has to stay so
        own = any(not unit.section for unit in commanded)
        found.append((_COMMANDS[commanded[-1].command], "" if own else commanded[-1].section))
    return found


def _is_as_asked(unit: Properties, what: str, end: str) -> tuple[bool, str]:
    state = state_words(unit)
    lasting = unit.get("UnitFileState", "")
    if what == "masked":
        if unit.get("LoadState") == "masked" or lasting.startswith("masked"):
            return True, ""
        return False, f"it is {lasting or state}"
    if what == "enabled":
        if lasting in ("enabled", "enabled-runtime", "alias"):
            return True, ""
        if lasting in ("static", "indirect"):
            # that is all coreos-cloudinit could do, and it says nothing
            return True, "its unit file has no [Install] section of its own, so that enabling it does nothing"
        return False, f"it is {lasting or state}"
    active = unit.get("ActiveState", "")
    if what == "stopped":
        return active in ("inactive", "failed"), "" if active == "inactive" else f"it is {state}"
    if is_active(unit):
        return True, ""
    if is_between_starts(unit) and unit.get("Result") == "success":
        return True, "it has ended well, and systemd starts it again, as its unit file says"
    # the log is asked since systemd may have forgotten it
    if active == "inactive" and (was_skipped(unit) or end == "skipped"):
        return True, "a condition of its unit file is not met, and systemd skipped it"
    if active == "inactive" and end != "ended" and (_has_ended_well(unit) or (end and unit.get("Result") == "success")):
        return True, "" if unit.get("Type") == "oneshot" else "it has ended by itself, and well"
    if what == "restarted if it ran" and active == "inactive":
        return True, "it was not running, and stays so"
    return False, f"it is {state}"


def is_between_starts(unit: Properties) -> bool:
    """Whether a unit has ended, and systemd is about to start it again."""
    return unit.get("SubState") == "auto-restart"


def is_running(unit: Properties) -> bool:
    """Whether a unit is up by a process of its own."""
    return unit.get("SubState") == "running"


def _is_young(unit: Properties, uptime: float | None) -> bool:
    """Whether a unit that tells systemd nothing of itself is up since a moment ago."""
    since = unit.get("ActiveEnterTimestampMonotonic", "")
    if uptime is None or not re.match(r"[1-9][0-9]{0,17}\Z", since):
        return False
    # others tell when they are ready, or are what systemd itself makes
    is_silent = unit.get("Type") in ("simple", "exec", "idle") and is_running(unit)
    return is_silent and uptime - int(since) / 1e6 < _YOUNG


def _has_ended_well(unit: Properties) -> bool:
    has_run = unit.get("InactiveExitTimestampMonotonic", "0") not in ("", "0")
    # 1 is CLD_EXITED
    exited = unit.get("ExecMainCode") == "1" and unit.get("ExecMainStatus") == "0"
    is_oneshot = unit.get("Type") == "oneshot" and unit.get("RemainAfterExit") != "yes"
    return has_run and unit.get("Result") == "success" and (exited or is_oneshot)
