# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""What requires the unit that runs user-data, such as system-config.target and, by it, user-config.target.

systemd stops it for each run, and starts it again once that has gone well. After one that failed it stays down, also
when a later one goes well.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.container_linux.remediation.plugins.module_utils._host import printable
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.failure import NAMES_SH
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import (
    REQUIREMENTS,
    STOPS,
    is_unit_name,
    shown,
)

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.asked import Asked
    from ansible_collections.container_linux.remediation.plugins.module_utils._host import Answer

DEPENDENTS_SH = (
    NAMES_SH
    + r"""
# find_dependents: what requires $UNIT, what requires that, and so on, in DEPENDENTS; the nearest first
find_dependents() {
  DEPENDENTS=
  NEAREST=$UNIT
  while [ -n "$NEAREST" ]; do
    # shellcheck disable=SC2086 # names of units hold no blanks
    TOLD=$(timeout -k 1 "$LIMIT" systemctl show --no-pager"""
    + shown(STOPS)
    + r""" -- $NEAREST)
    NEAREST=
    # nothing requires the unit of most user-data, and that is known without another process
    case $TOLD in
      *=[!"$LINE"]*) TOLD=$(printf '%s\n' "$TOLD" | named) ;;
      *) break ;;
    esac
    for NAME in $TOLD; do
      case $LINE$UNIT$DEPENDENTS$LINE in
        *"$LINE$NAME$LINE"*) ;;
        *)
          DEPENDENTS=$DEPENDENTS$LINE$NAME
          NEAREST="$NEAREST $NAME"
          ;;
      esac
    done
  done
  WERE=
  [ -z "$DEPENDENTS" ] || WERE=$(states)
}

# states: a row for each of them, and another one for what has a job
states() {
  # shellcheck disable=SC2086
  timeout -k 1 "$LIMIT" systemctl show --no-pager -p Id -p ActiveState -p Job -- $DEPENDENTS | sed -n \
    -e '/^Id=/{ s/^Id=//; h; }' \
    -e '/^ActiveState=/{ s/^ActiveState=//; G; s/\n/ /; p; }' \
    -e '/^Job=[1-9]/{ s/.*/job/; G; s/\n/ /; p; }'
}

# is_lost NAME: whether it is down for what it requires: by systemd's log that it did not start for that is the last of
# it. What an operator has stopped is no matter of ours, nor is what the user-data itself calls.
is_lost() {
  if ! is_among "inactive $1" "$ARE" || is_among "job $1" "$ARE" || is_among "$1" "$CALLED"; then
    return 1
  fi
  # the message ids of a unit that was started, was stopped, and could not be started
  case $(timeout -k 1 "$LIMIT" journalctl -b -q --no-pager -o cat -n 1 _PID=1 UNIT="$1" \
    MESSAGE_ID=39f53479d3a045ac8e11786248231fbf MESSAGE_ID=9d1aaa27d60140bd96365438aad20286 \
    MESSAGE_ID=be02cf6855d2428ba40df7e9d022f03d) in
    'Dependency failed for '*) return 0 ;;
  esac
  return 1
}

# lack NAME: what else it requires that is down
lack() {
  NEEDED=$(timeout -k 1 "$LIMIT" systemctl show --no-pager"""
    + shown(REQUIREMENTS)
    + r""" -- "$1" | named | grep -v -x -F -e "$UNIT")
  for NAME in $NEEDED; do
    # one whose condition is not met will do
    case $(timeout -k 1 "$LIMIT" systemctl show -p ActiveState -p ConditionResult -p ConditionTimestampMonotonic \
      -- "$NAME") in
      *ActiveState=active* | *ActiveState=reloading*) ;;
      *ConditionTimestampMonotonic=0*) printf '%s ' "$NAME" ;;
      *ActiveState=inactive*ConditionResult=no* | *ConditionResult=no*ActiveState=inactive*) ;;
      *) printf '%s ' "$NAME" ;;
    esac
  done
}

# revive NAME: starts it, and nothing else: what it requires may have been stopped on purpose
revive() {
  LACK=$(lack "$1")
  LEFT=$((BEGAN + TIMEOUT - $(date +%s)))
  [ "$LEFT" -ge "$LIMIT" ] || LEFT=$LIMIT
  if [ -z "$LACK" ] &&
    timeout -k 1 "$LEFT" systemctl --no-ask-password --job-mode=ignore-requirements start -- "$1"; then
    printf 'up %s\n' "$1"
  else
    printf 'down %s %s\n' "$1" "$LACK"
  fi
}

# tell_dependents [revive]: which of them are down for what they require, and were started again
tell_dependents() {
  [ -n "$DEPENDENTS" ] || return 0
  ARE=$(states)
  begin dependents
  for NAME in $DEPENDENTS; do
    if is_lost "$NAME"; then
      if [ -n "$1" ]; then (revive "$NAME"); else printf 'down %s\n' "$NAME"; fi
    elif is_among "active $NAME" "$WERE" && is_among "failed $NAME" "$ARE"; then
      printf 'failed %s\n' "$NAME"
    fi
  done
  finish dependents 0
}
"""
)
"""Defines `find_dependents`, for before a run of $UNIT, and `tell_dependents`, with the section `dependents`, for after
it. They read $CALLED (see `dependents_variables`) and what the script that applies has set."""


@dataclass(frozen=True)
class Dependents:
    """What `tell_dependents` told of the units that need the one that runs user-data, by their names.

    Attributes:
        up: what was started again.
        down: what is down for what it requires, and what of that is down as well, other than user-data's unit.
        failed: what was up before the run, and has failed since.
        said: what systemctl said.
    """

    up: t.Sequence[str] = field(default_factory=list)
    down: t.Mapping[str, t.Sequence[str]] = field(default_factory=dict)
    failed: t.Sequence[str] = field(default_factory=list)
    said: str = ""


def dependents_variables(asked: Asked) -> dict[str, str]:
    """Return the variable that these functions read: `CALLED`, what the user-data has started, stopped or masked."""
    return {"CALLED": "\n".join(unit.name for unit in asked.units if unit.command or unit.mask)}


def parse_dependents(answer: Answer) -> Dependents:
    """Return what the section `dependents` tells; what makes no sense is left out."""
    section = answer.get("dependents")
    rows = [line.split() for line in section.out.splitlines()] if section else []
    told: dict[str, dict[str, list[str]]] = {"up": {}, "down": {}, "failed": {}}
    for row in rows:
        if len(row) > 1 and row[0] in told and all(map(is_unit_name, row[1:])):
            told[row[0]][row[1]] = row[2:]
    said = printable(section.err) if section else ""
    return Dependents(list(told["up"]), told["down"], list(told["failed"]), said)


def lost_with(dependents: Dependents, *, unit: str) -> list[str]:
    """Say after a run of a unit that failed what needs it and is down for that, if anything is."""
    names = [*dependents.down]
    if not names:
        return _failed_with(dependents, unit)
    listed = printable(" and ".join(filter(None, [", ".join(names[:-1]), names[-1]])), limit=300)
    need, are = ("needs", "is") if len(names) == 1 else ("need", "are")
    lost = f"{listed} {need} {unit}, and {are} down until a run of that goes well."
    return [lost, *_failed_with(dependents, unit)]


def still_down(dependents: Dependents, *, unit: str) -> list[str]:
    """Say after a run of a unit that went well what needs it and is down, if anything is."""
    sentences = []
    for name, lacks in dependents.down.items():
        if lacks:
            names = printable(", ".join(lacks), limit=300)
            why = f", for it requires {names} as well, which is down. Start it if it is to be up."
        else:
            said = f": systemctl said '{dependents.said}'" if dependents.said else ""
            why = f"{said}. {_ADVICE.format(name)}"
        sentences.append(f"{name} needs {unit}, is down since a run of that failed, and was not started again{why}")
    return [*sentences, *_failed_with(dependents, unit)]


def _failed_with(dependents: Dependents, unit: str) -> list[str]:
    return [
        f"{name} needs {unit}, was restarted with it, and failed. {_ADVICE.format(name)}" for name in dependents.failed
    ]


_ADVICE = "Find out why with 'systemctl status {}', then start it."
