# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""The runs of a user-data's unit: the last one, that is whether it settled what is there, what it has logged, and when
it began; and whether anything on the host would start one at boot.

Only the runs of this boot are asked for: what those before have put into /run is gone.
"""

from __future__ import annotations

import datetime
import re
import typing as t

from ansible_collections.container_linux.remediation.plugins.module_utils._host import out_of
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import parse_show, words
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.log import (
    last_run,
    parse_journal,
    parse_run,
)

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._host import Answer
    from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import Properties
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.log import Message, Run

_PROPERTIES = (
    "Id LoadState ActiveState SubState Result ConditionResult ConditionTimestampMonotonic ExecMainPID "
    "ExecMainStartTimestamp ExecMainStartTimestampMonotonic Unit"
)

PROPERTIES = "\n".join(f"-p{name}" for name in _PROPERTIES.split())
"""What systemctl is asked to show of a unit that runs user-data: an option a line."""

_STARTED_BY = ("WantedBy", "RequiredBy", "BoundBy", "UpheldBy", "TriggeredBy")

STARTER_PROPERTIES = "\n".join(f"-p{name}" for name in ("Id", "LoadState", "ActiveState", "Unit", *_STARTED_BY))
"""What systemctl is asked to show of a unit that nothing has started, and of what might: an option a line."""

RUN_SH = r"""
# digits DATE TIME: both as one number
digits() {
  IFS=-:.
  # shellcheck disable=SC2086 # it is to be split
  set -- $1 $2
  unset IFS
  DIGITS="$1$2$3$4$5$6"
}

# value NAME: of a property in BLOCK
value() {
  VALUE=
  case $BLOCK in
    *"$LINE$1="*)
      VALUE=${BLOCK#*"$LINE$1="}
      VALUE=${VALUE%%"$LINE"*}
      ;;
  esac
}

# find_unit: its BLOCK of what systemctl shows
find_unit() {
  REST=$LINE$SHOWN$LINE$LINE
  while [ -n "$REST" ]; do
    BLOCK=${REST%%"$LINE$LINE"*}$LINE
    REST=${REST#*"$LINE$LINE"}
    [ -z "$REST" ] || REST=$LINE$REST
    value Id
    [ "$VALUE" != "$UNIT" ] || return 0
  done
  return 1
}

# went_well: whether all that the unit's last run called systemd for was done, as `has_undone` has it, but without a
# process. A journal does not tell where it has nothing, or has left something out since it was too much at once.
went_well() {
  value ExecMainPID
  JOURNAL=$(timeout -k 1 "$LIMIT" journalctl -b -q --no-pager -o cat -n 2000 _SYSTEMD_UNIT="$UNIT" _PID="$VALUE") &&
    [ -n "$JOURNAL" ] || return 1
  CALLS=0
  while IFS= read -r ROW; do
    case $ROW in
      *'Calling unit command '*) CALLS=$((CALLS + 1)) ;;
      *'Result of '*[\"\']': done'*) CALLS=$((CALLS - 1)) ;;
      *'Restarted systemd-networkd (done)'*) ;;
      *'Result of '*[\"\']': '* | *'Restarted systemd-networkd ('*) return 1 ;;
    esac
  done <<END || return 1
$JOURNAL
END
  [ "$CALLS" -le 0 ]
}

# Whether the unit's last run went well and took the cloud-config that is there: it began after the file had changed,
# or what is there has the digest that we remember of it.
is_settled() {
  if [ -n "$THOROUGH" ] || [ ! -f "$FILE" ] || [ "$SIZE" -ge "$SIZE_LIMIT" ] || ! find_unit; then
    return 1
  fi
  value Result
  [ "$VALUE" = success ] || return 1
  value ActiveState
  [ "$VALUE" = active ] || return 1
  value ExecMainStartTimestamp
  # shellcheck disable=SC2086 # Sun 2026-11-22 08:21:35 UTC
  set -- $VALUE
  [ "$#" -eq 4 ] && [ "$4" = UTC ] || return 1
  FIRST=
  IFS= read -r FIRST <"$FILE"
  case $FIRST in
    '#cloud-config'*) ;;
    *) return 1 ;;
  esac
  # beside a clock that has been set back since, any file looks older than the run
  value ExecMainStartTimestampMonotonic
  CLOCK=
  if [ -n "$VALUE" ] && [ "$CHANGED" -le "$((NOW - UPTIME + VALUE / 1000000 + 2))" ]; then
    CLOCK=believed
  fi
  digits "$2" "$3"
  BEGAN=$DIGITS
  digits "$DATE" "$TIME"
  if [ -n "$CLOCK" ] && [ "$DIGITS" -lt "$BEGAN" ]; then
    went_well
    return
  fi
  # systemctl shows no fraction of a second, and a path unit needs none
  begin "began-$NUMBER"
  BEGAN=$(timeout -k 1 "$LIMIT" busctl get-property org.freedesktop.systemd1 "$OBJECT" \
    org.freedesktop.systemd1.Service ExecMainStartTimestamp)
  STATUS=$?
  printf '%s\n' "$BEGAN"
  finish "began-$NUMBER" "$STATUS"
  BEGAN=${BEGAN#t }000
  [ "$STATUS" -eq 0 ] || return 1
  if [ -n "$CLOCK" ] && [ "$CHANGED${TIME#*.}" -lt "$BEGAN" ]; then
    went_well
    return
  fi
  [ -n "$REMEMBERED" ] || return 1
  DIGEST=$(sha256sum <"$FILE")
  SAME="{\"sha256\": \"${DIGEST%% *}\", \"boot\": \"$BOOT\", \"applied\": "
  APPLIED=${REMEMBERED#"$SAME"}
  [ "$APPLIED" != "$REMEMBERED" ] || return 1
  APPLIED=${APPLIED%%,*}
  [ "${APPLIED%.*}${APPLIED#*.}" -gt "$BEGAN" ]
}

# tell_run UNIT NUMBER: what its runs in this boot have logged
tell_run() {
  begin "journal-$2"
  JOURNAL=$(timeout -k 1 "$LIMIT" journalctl -b -q --no-pager -o short-precise -n 2000 _SYSTEMD_UNIT="$1")
  STATUS=$?
  printf '%s\n' "$JOURNAL" | hide
  finish "journal-$2" "$STATUS"
}

# tell_starters UNIT...: what would start these at boot. Of a path unit that is stopped systemd tells only by its name.
tell_starters() {
  for ROW; do
    set -- "$@" "${ROW%service}path"
  done
  set +f
  for ROW in /etc/systemd/system/*.path /run/systemd/system/*.path; do
    ROW=${ROW##*/}
    case $ROW in
      *@.path | *[!A-Za-z0-9:_.@\\-]*) ;;
      *) set -- "$@" "$ROW" ;;
    esac
  done
  set -f
  IFS=$LINE
  # shellcheck disable=SC2086 # options are a list of lines
  section starters "$LIMIT" systemctl show --no-pager $STARTER_PROPERTIES -- "$@"
  unset IFS
}
"""
"""Defines `is_settled`, with the section `began`, `tell_run`, which is the section `journal`, and `tell_starters`, with
the section `starters`. They read what the look has set, and call `hide`, see `HIDE_SH`."""


def object_of(unit: str) -> str:
    """Return what D-Bus calls a unit."""
    escaped = re.sub(r"[^A-Za-z0-9]", lambda match: f"_{ord(match[0]):02x}", unit)
    if escaped[:1].isdigit():
        escaped = f"_{ord(escaped[0]):02x}{escaped[1:]}"
    return f"/org/freedesktop/systemd1/unit/{escaped}"


def run_of(
    own: Answer, unit: Properties, *, now: float, uptime: float | None
) -> tuple[Run | None, tuple[float, float] | None]:
    """Return what the last run has logged, if that was told, and when it began: `Source.run` and `Source.started`.

    Args:
        own: the sections of one source, without the number in their names.
        unit: the properties of its unit.
        now: the host's clock, in seconds since 1970.
        uptime: the seconds since its boot, if they are known.
    """
    messages = last_run(parse_journal(out_of(own, "journal")))
    run = parse_run(message.text for message in messages) if messages else None
    started = _started(messages[0] if messages else None, unit, out_of(own, "began"), now)
    return run, _by_clock(started, unit, now, uptime)


def is_started_at_boot(answer: Answer, unit: str) -> bool:
    """Whether anything on the host starts a unit at boot, as far as was told; what was not asked is taken for so.

    A template has a path unit for any path, so that this one counts only where something wants it, or it is at work.
    """
    told = answer.get("starters")
    shown = {each["Id"]: each for each in parse_show(told.out)} if told and not told.rc else {}
    if unit not in shown:
        return True
    own = f"{unit[: -len('service')]}path"
    starters = [name for name in _started_by(shown[unit]) if name != own]
    for name, properties in shown.items():
        if name.endswith(".path") and properties.get("Unit") == unit and properties.get("LoadState") == "loaded":
            at_work = properties.get("ActiveState", "inactive") != "inactive"
            starters += [name] * (name != own or at_work) + _started_by(properties)
    return bool(starters)


def _started_by(unit: Properties) -> list[str]:
    return [name for kind in _STARTED_BY for name in words(unit.get(kind, ""))]


def _seconds(year: str, month: str, day: str, hour: str, minute: str, second: str, fraction: str = "") -> float | None:
    try:
        whole = datetime.datetime(
            int(year), int(month), int(day), int(hour), int(minute), int(second), tzinfo=datetime.timezone.utc
        ).timestamp()
    except ValueError:
        return None
    return whole + float(f"0{fraction or '.0'}")


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_AT = re.compile(r"([A-Z][a-z]{2}) ([ 0-9][0-9]) ([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]{1,6})?\Z")
_SHOWN = re.compile(r"[A-Z][a-z]{2} ([0-9]{4})-([0-9]{2})-([0-9]{2}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) UTC\Z")


def _started(first: Message | None, unit: Properties, told: str, now: float) -> tuple[float, float] | None:
    """When the last run began: by its first message, to the microsecond, if the journal has it; else by systemd."""
    match = _AT.match(first.at) if first else None
    # systemd forgets a unit that does not stay active, and has no process of it then
    if first and match and match[1] in _MONTHS and unit.get("ExecMainPID", "0") in ("0", str(first.pid)):
        # the journal tells no year: of this one and the one before, the one that is not in the future
        this_year = datetime.datetime.fromtimestamp(now, datetime.timezone.utc).year
        month, day, *time = match.groups(default="")
        for year in (this_year, this_year - 1):
            found = _seconds(str(year), str(_MONTHS.index(month) + 1), day, *time)
            if found is not None and found < now + 86400:
                return found, 0.0 if match[6] else 1.0
    exact = re.match(r"t ([0-9]{1,17})\s*\Z", told)
    if exact:
        return int(exact[1]) / 1e6, 0.0
    shown = _SHOWN.match(unit.get("ExecMainStartTimestamp", ""))
    found = _seconds(*shown.groups()) if shown else None
    return None if found is None else (found, 1.0)


# Seconds by which two clocks may differ before one of them has been set.
_STEP = 2.0


def _by_clock(
    started: tuple[float, float] | None, unit: Properties, now: float, uptime: float | None
) -> tuple[float, float] | None:
    """Return when a run began as the clock has it now, if that has been set back since; files go by the clock, too."""
    since_boot = unit.get("ExecMainStartTimestampMonotonic", "")
    if not started or uptime is None or not re.match(r"[1-9][0-9]{0,17}\Z", since_boot):
        return started
    began = now - uptime + int(since_boot) / 1e6
    return (began, _STEP) if began < started[0] - _STEP else started
