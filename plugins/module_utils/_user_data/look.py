# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""One read-only look at a host's user-data and what has run it, in one round trip: the script, and what it answers.

User-data holds secrets, and Ansible prints what a task says: the content never leaves the host. Nothing here judges:
`state` does.
"""

from __future__ import annotations

import hashlib
import re
import typing as t
from dataclasses import replace

from ansible_collections.container_linux.remediation.plugins.module_utils._host import (
    RemediationError,
    ask,
    missing,
    out_of,
    printable,
    uptime_of,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.env_file import parse_env_file
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import (
    escape_path,
    parse_show,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.access import (
    ACCESS_SH,
    parse_access,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.content import (
    CONTENT_SH,
    content_of,
    content_variables,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.log import HIDE_SH
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.memory import MEMORY, parse_memory
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.metadata import (
    METADATA_SH,
    metadata_variables,
    parse_metadata,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.run import (
    PROPERTIES,
    RUN_SH,
    STARTER_PROPERTIES,
    is_started_at_boot,
    object_of,
    run_of,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import (
    PLACES,
    File,
    Look,
    Place,
    Source,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.watch import (
    WATCH_LOOK_SH,
    look_variables,
    noted,
    watch_unit,
    watched,
    watched_places,
)

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._host import Answer, Host
    from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import Properties

TEMPORARY = "/run/container-linux-remediation.XXXXXX"
"""Where given user-data lies for as long as it is looked at, as mktemp has it."""

LIMIT = 10
"""Seconds that one command of the look may take."""

_LOOK_SH = (
    HIDE_SH
    + ACCESS_SH
    + CONTENT_SH
    + METADATA_SH
    + RUN_SH
    + r"""
LINE='
'
ROW_FORMAT='%s %a %u %Y %Z %z %d:%i %F %n'
TZ=UTC
export TZ

# recite FILE: what cat does, without a process
recite() {
  while IFS= read -r ROW || [ -n "$ROW" ]; do
    printf '%s\n' "$ROW"
  done <"$1"
}

# What is asked only of a host whose user-data may have to be applied.
prepare() {
  [ -z "$PREPARED" ] || return 0
  PREPARED=yes
  get_ready
  begin addresses
  [ ! -r /etc/environment ] || while IFS= read -r ROW || [ -n "$ROW" ]; do
    case $ROW in
      COREOS_*=?*) printf '%s\n' "${ROW%%=*}" ;;
    esac
  done </etc/environment
  finish addresses 0
  tell_access
}

# rows_of PATH...: a row of stat for each; TZ makes the time one of UTC
rows_of() {
  stat -L -c "$ROW_FORMAT" -- "$@"
}

# next_row PATH: takes its row from ROWS, which is the first one unless the file is gone by now
next_row() {
  ROW=${ROWS%%"$LINE"*}
  [ "${ROW% "$1"}" != "$ROW" ] || return 1
  ROWS=${ROWS#*"$LINE"}
}

# first_look: whether it is settled; what else there is to know of it can wait until all are seen
first_look() {
  if [ ! -e "$FILE" ]; then
    # a link that leads nowhere
    begin "stat-$NUMBER"
    rows_of "$FILE"
    finish "stat-$NUMBER" "$?"
    return
  fi
  next_row "$FILE" || return
  # shellcheck disable=SC2086 # size, mode, owner, mtime, ctime, and that once more for people, device and inode
  set -- $ROW
  SIZE=$1
  CHANGED=$5
  DATE=$6
  TIME=$7
  IDENTITY=$9
  # what leads elsewhere since it was changed itself is another file since
  if [ -L "$FILE" ]; then
    begin "link-$NUMBER"
    ROW=$(stat -c "$ROW_FORMAT" -- "$FILE")
    printf '%s\n' "$ROW"
    finish "link-$NUMBER" 0
    # shellcheck disable=SC2086
    set -- $ROW
    if [ "$5${7#*.}" -gt "$CHANGED${TIME#*.}" ]; then
      CHANGED=$5
      DATE=$6
      TIME=$7
    fi
  fi
  REMEMBERED=
  if next_row "$MEMORY/$NAME"; then
    begin "memory-$NUMBER"
    IFS= read -r REMEMBERED <"$MEMORY/$NAME"
    printf '%s\n' "$REMEMBERED"
    finish "memory-$NUMBER" 0
  fi
  if is_settled 2>/dev/null; then
    begin "digest-$NUMBER"
    DIGEST=$(sha256sum -- "$FILE")
    STATUS=$?
    printf '%s\n' "$DIGEST"
    finish "digest-$NUMBER" "$STATUS"
    SETTLED="$SETTLED$LINE$FILE$LINE$UNIT$LINE$NUMBER"
    DIGESTS="$DIGESTS${DIGEST%% *} "
    RUN_ALREADY="$RUN_ALREADY$IDENTITY "
    return
  fi
  UNSETTLED="$UNSETTLED$LINE$FILE$LINE$UNIT$LINE$NAME$LINE$NUMBER$LINE$CHANGED$LINE$IDENTITY"
}

# second_look: all that there is to know of what may have to run
second_look() {
  # what changed a moment ago may still be on its way
  if [ "$((NOW - CHANGED))" -ge -2 ] && [ "$((NOW - CHANGED))" -le 2 ]; then
    YOUNG=yes
  fi
  prepare
  tell_run "$UNIT" "$NUMBER"
  if [ -f "$NOTES/$NAME" ]; then
    begin "note-$NUMBER"
    recite "$NOTES/$NAME"
    finish "note-$NUMBER" 0
  fi
  if find_unit; then
    value ExecMainStartTimestamp
    [ -n "$VALUE" ] || IDLE="$IDLE$LINE$UNIT"
  fi
  if [ -f "$FILE" ]; then
    look_into "$FILE" "$NUMBER"
  fi
}

# What is to take a file's place, in a file of our own for as long as it takes to look at it.
look_at_given() {
  GIVEN_FILE=
  trap 'rm -f -- ${GIVEN_FILE:+"$GIVEN_FILE"}' EXIT
  trap 'exit 1' HUP INT PIPE TERM
  begin given
  GIVEN_FILE=$(mktemp "$TEMPORARY") && printf '%s' "$GIVEN" >"$GIVEN_FILE"
  STATUS=$?
  finish given "$STATUS"
  DIGEST=
  [ "$STATUS" -ne 0 ] || DIGEST=$(sha256sum <"$GIVEN_FILE")
  DIGEST=${DIGEST%% *}
  case " $DIGESTS" in
    *" ${DIGEST:-none} "*)
      # it is in force already
      begin digest-given
      printf '%s  -\n' "$DIGEST"
      finish digest-given 0
      ;;
    *)
      if [ -n "$DIGEST" ]; then
        prepare
        look_into "$GIVEN_FILE" given
      fi
      ;;
  esac
  rm -f -- ${GIVEN_FILE:+"$GIVEN_FILE"}
}

begin os
[ ! -r /etc/os-release ] || recite /etc/os-release
finish os 0
begin boot
BOOT=$(recite /proc/sys/kernel/random/boot_id)
printf '%s\n' "$BOOT"
finish boot 0
set -f
IFS=$LINE
# shellcheck disable=SC2086 # sources are a list of lines, four for each
set -- $SOURCES
UNITS=
PRESENT=
while [ "$#" -gt 0 ]; do
  if [ -e "$1" ] || [ -n "$HAS_GIVEN" ]; then
    UNITS="$UNITS$LINE$2"
  fi
  if [ -e "$1" ]; then
    PRESENT="$PRESENT$LINE$1"
    if [ -f "$MEMORY/$3" ] && [ ! -L "$MEMORY/$3" ]; then
      PRESENT="$PRESENT$LINE$MEMORY/$3"
    fi
  fi
  shift 4
done
# units that have nothing to run are not asked for: systemd would load each
begin units
# shellcheck disable=SC2086 # options and units are lists of lines
SHOWN=$(timeout -k 1 "$LIMIT" systemctl show --no-pager $PROPERTIES -- $UNITS '*.path')
STATUS=$?
printf '%s\n' "$SHOWN"
finish units "$STATUS"
# the first row is that of stat's own process: who we are, and the time
begin stat
# shellcheck disable=SC2086 # paths are a list of lines
ROWS=$(rows_of /proc/self $PRESENT)
STATUS=$?
printf '%s\n' "$ROWS"
finish stat "$STATUS"
unset IFS
next_row /proc/self
# shellcheck disable=SC2086 # size, mode, owner, mtime, ctime
set -- $ROW
NOW=$5
begin uptime
read -r UPTIME ROW </proc/uptime
printf '%s\n' "$UPTIME"
finish uptime 0
UPTIME=${UPTIME%.*}
IFS=$LINE
# shellcheck disable=SC2086 # sources are a list of lines, four for each
set -- $SOURCES
unset IFS
PREPARED=
YOUNG=
SETTLED=
UNSETTLED=
RUN_ALREADY=
DIGESTS=
NUMBER=0
while [ "$#" -gt 0 ]; do
  FILE=$1
  UNIT=$2
  NAME=$3
  OBJECT=$4
  shift 4
  if [ -e "$FILE" ] || [ -L "$FILE" ]; then
    first_look
  fi
  NUMBER=$((NUMBER + 1))
done
IFS=$LINE
# shellcheck disable=SC2086 # six lines for each
set -- $UNSETTLED
unset IFS
IDLE=
while [ "$#" -gt 0 ]; do
  FILE=$1
  UNIT=$2
  NAME=$3
  NUMBER=$4
  CHANGED=$5
  case " $RUN_ALREADY" in
    # another place leads to this very file
    *" $6 "*) ;;
    *) second_look ;;
  esac
  shift 6
done
if [ -n "$IDLE" ]; then
  IFS=$LINE
  # shellcheck disable=SC2086 # units are a list of lines
  set -- $IDLE
  unset IFS
  tell_starters "$@"
fi
if [ -n "$HAS_GIVEN" ]; then
  look_at_given
fi
if [ -n "$PREPARED" ]; then
  IFS=$LINE
  # shellcheck disable=SC2086 # three lines for each
  set -- $SETTLED
  unset IFS
  # what another user-data asks for may be in the way of one that is applied
  while [ "$#" -gt 0 ]; do
    tell_run "$2" "$3"
    look_into "$1" "$3"
    shift 3
  done
  IFS=$LINE
  # shellcheck disable=SC2086 # sources are a list of lines, four for each
  set -- $SOURCES
  unset IFS
  NUMBER=0
  while [ "$#" -gt 0 ]; do
    case $2 in
      user-config*) tell_metadata "${1%/*}/meta_data.json" "$NUMBER" ;;
    esac
    NUMBER=$((NUMBER + 1))
    shift 4
  done
  if [ -n "$YOUNG" ]; then
    sleep 1
  fi
  IFS=$LINE
  begin again
  # shellcheck disable=SC2086 # paths are a list of lines
  rows_of /proc/self $PRESENT
  finish again "$?"
  unset IFS
fi
"""
    + WATCH_LOOK_SH
)


def look(host: Host, places: t.Sequence[Place] = PLACES, *, given: str | None = None, thorough: bool = False) -> Look:
    """Look at a host's user-data, in one round trip.

    Args:
        host: the host.
        places: where to look.
        given: what is to take the place of the file at one of them; it is looked at on the host as well.
        thorough: whether to look into each content, and at each run. Else only where the unit did not run well
            after the file had changed, which is where it may have to run.

    Raises:
        RemediationError: the host could not be asked, or not as root.
    """
    variables = {
        **content_variables(),
        **metadata_variables(),
        **look_variables(places),
        "PROPERTIES": PROPERTIES,
        "STARTER_PROPERTIES": STARTER_PROPERTIES,
        "SOURCES": "\n".join(
            f"{place.path}\n{place.unit}\n{escape_path(place.path)}\n{object_of(place.unit)}" for place in places
        ),
        "HAS_GIVEN": "" if given is None else "yes",
        "GIVEN": given or "",
        "THOROUGH": "yes" if thorough else "",
        "MEMORY": MEMORY,
        "TEMPORARY": TEMPORARY,
        "LIMIT": str(LIMIT),
    }
    answer = ask(host, _LOOK_SH, variables=variables, needs=("systemctl", "journalctl", "sed", "grep", "sha256sum"))
    files = _files(answer, "stat")
    ourselves = files.get(_OURSELVES)
    if not ourselves or ourselves.owner:
        raise RemediationError(
            "Only root may read the host's user-data and run it again. Let the task become root ('become: true')."
        )
    _demand_whole(given, answer)
    units = {unit["Id"]: unit for unit in parse_show(out_of(answer, "units"))}
    version = re.search(r"(?:version |v)([0-9][0-9A-Za-z.+-]*)", out_of(answer, "version"))
    return Look(
        os=parse_env_file(out_of(answer, "os")),
        cloudinit=printable(version[1], limit=20) if version else "",
        boot=printable(out_of(answer, "boot"), limit=40),
        addresses=[name for name in out_of(answer, "addresses").split() if re.match(r"[A-Z0-9_]{1,60}\Z", name)],
        access=parse_access(out_of(answer, "access")),
        given=content_of(_own(answer, "given")),
        sources=_each_once(_sources(answer, places, units, files)),
        partial=_partial(answer, places),
        watches=watched_places(answer, units),
    )


def _demand_whole(given: str | None, answer: Answer) -> None:
    """Raise unless what is given, if anything, was there to be looked at."""
    if given is None:
        return
    seen = content_of(_own(answer, "given"))
    if not seen or seen.sha256 != hashlib.sha256(given.encode("utf-8", "surrogateescape")).hexdigest():
        said = printable(answer["given"].err) if "given" in answer else ""
        raise RemediationError(
            f"The given user-data could not be written to a temporary file in {TEMPORARY.rpartition('/')[0]} on the "
            f"host: '{said or 'it is not there as a whole'}'. Nothing was changed; make room there, then run again."
        )


def _sources(
    answer: Answer, places: t.Sequence[Place], units: t.Mapping[str, Properties], files: t.Mapping[str, File]
) -> list[Source]:
    again = _files(answer, "again")
    uptime = uptime_of(answer)
    oem_has_run = all(
        units.get(place.unit, {}).get("ActiveState") == "active"
        for place in places
        if place.kind == "oem" and place.path in files
    )
    sources = []
    for index, place in enumerate(places):
        unit = units.get(place.unit, {})
        own = _own(answer, str(index))
        bare = Source(
            place,
            file=files.get(place.path),
            moving=bool(again) and again.get(place.path) != files.get(place.path),
            unit=unit,
            watches=[other for other in units.values() if other.get("Unit") == place.unit],
            watched=watched(answer, place, units.get(watch_unit(place), {})),
            metadata=parse_metadata(own["metadata"].out) if "metadata" in own else None,
        )
        remembered = files.get(f"{MEMORY}/{escape_path(place.path)}")
        now = files[_OURSELVES].changed
        source = _source(bare, own, now=now, uptime=uptime, memory=remembered)
        sources.append(replace(source, runs_at_boot=_runs_at_boot(source, answer, oem_has_run=oem_has_run)))
    return sources


def _runs_at_boot(source: Source, answer: Answer, *, oem_has_run: bool) -> bool:
    """Whether anything on the host runs a user-data at boot, or when it changes, as far as is known."""
    # a config drive starts its unit by its device, and the OEM brings the path unit that Vagrant's waits for
    if source.place.kind not in ("vagrant", "install") or not oem_has_run:
        return True
    return bool(source.watches) or source.watched is not None or is_started_at_boot(answer, source.place.unit)


def _each_once(sources: t.Sequence[Source]) -> list[Source]:
    """Leave of several places that are one file the one that has run it; the others have no more than their watch."""
    chosen: dict[str, Source] = {}
    for source in sources:
        if source.file and _standing(source) > _standing(chosen.get(source.file.identity)):
            chosen[source.file.identity] = source
    return [
        source
        if not source.file or chosen[source.file.identity] is source
        else Source(source.place, watched=source.watched)
        for source in sources
    ]


def _standing(source: Source | None) -> tuple[t.Any, ...]:
    """How much speaks for a place among those that are one file, the least where there is none."""
    if not source:
        return ()
    began = source.started[0] if source.started else 0.0
    # what has run all that is there is told of alone
    return (source.content is not None, began, source.watched is not None, source.runs_at_boot)


def _own(answer: Answer, number: str) -> Answer:
    """The sections of one source, by name alone."""
    suffix = f"-{number}"
    return {name[: -len(suffix)]: section for name, section in answer.items() if name.endswith(suffix)}


def _source(bare: Source, own: Answer, *, now: float, uptime: float | None, memory: File | None) -> Source:
    """Return a source with what the host told of its content and its unit's last run, in sections of its own."""
    if not bare.file:
        said = printable(own["stat"].err) if "stat" in own else ""
        return replace(bare, error="" if "No such file or directory" in said else said)
    # what others could have written proves nothing
    is_ours = memory is not None and (memory.mode, memory.owner) == ("600", 0)
    run, started = run_of(own, bare.unit, now=now, uptime=uptime)
    link = _files(own, "link").get(bare.place.path, bare.file)
    return replace(
        bare,
        file=replace(bare.file, changed=max(bare.file.changed, link.changed)),
        is_link="link" in own,
        content=content_of(own, size=bare.file.size),
        run=run,
        started=started,
        memory=parse_memory(out_of(own, "memory")) if is_ours else None,
        # a unit that is not watched may have run since without a note
        noted=noted(out_of(own, "note")) if bare.watched else "",
    )


_OURSELVES = "/proc/self"
_STAT = re.compile(
    r"([0-9]{1,15}) ([0-7]{1,5}) ([0-9]{1,10}) (-?[0-9]{1,11}) ([0-9]{1,11}) "
    r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}(\.[0-9]{1,9})? \+0000 ([0-9]{1,20}:[0-9]{1,20}) ([a-z -]+) (/.*)\Z"
)


def _files(answer: Answer, name: str) -> dict[str, File]:
    """Return what stat told, by path."""
    files = {}
    for line in out_of(answer, name).split("\n"):
        match = _STAT.match(line)
        if match:
            files[match[9]] = File(
                type=match[8],
                size=int(match[1]),
                mode=match[2],
                owner=int(match[3]),
                modified=int(match[4]),
                changed=int(match[5]) + float(f"0{match[6] or '.0'}"),
                identity=match[7],
            )
    return files


_ASKED = {
    "units": "systemctl show",
    "starters": "systemctl show (of what would start them)",
    "digest": "sha256sum",
    "journal": "journalctl",
    "skeleton": "sed (over the user-data)",
    "report": "coreos-cloudinit --validate",
}


def _partial(answer: Answer, places: t.Sequence[Place]) -> list[str]:
    sentences = []
    for name, section in answer.items():
        what, _dash, number = name.partition("-")
        # validation ends with 1 where it found something, with 2 where it is older than that
        if what not in _ASKED or not section.rc or (what == "report" and not section.timed_out):
            continue
        of = f" for {printable(places[int(number)].path)}" if number.isdecimal() and int(number) < len(places) else ""
        sentences.append(missing(f"{_ASKED[what]}{of}", section, limit=LIMIT))
    return sentences
