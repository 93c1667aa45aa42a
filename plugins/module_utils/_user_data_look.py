# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""One read-only look at a host's user-data and what has run it, in one round trip: the script, and what it answers.

User-data holds secrets, and Ansible prints what a task says: the content never leaves the host. Nothing here judges:
`_user_data_state` does.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import re
import typing as t
from dataclasses import fields, replace

from ansible_collections.container_linux.remediation.plugins.module_utils._cloudinit_log import (
    last_run,
    parse_findings,
    parse_journal,
    parse_run,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._env_file import parse_env_file
from ansible_collections.container_linux.remediation.plugins.module_utils._host import (
    RemediationError,
    ask,
    missing,
    out_of,
    printable,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd import (
    escape_path,
    parse_show,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data_seen import (
    ALIAS_LIMIT,
    MEMORY,
    PLACES,
    SIZE_LIMIT,
    Access,
    Content,
    File,
    Look,
    Memory,
    Place,
    Source,
    Written,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data_skeleton import (
    SKELETON_SED,
    parse_skeleton,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data_watch import (
    WATCH_LOOK_SH,
    look_variables,
    watch_unit,
    watched,
)

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._cloudinit_log import Message
    from ansible_collections.container_linux.remediation.plugins.module_utils._host import Answer, Host
    from ansible_collections.container_linux.remediation.plugins.module_utils._systemd import Properties


TEMPORARY = "/run/container-linux-remediation.XXXXXX"
"""Where given user-data lies for as long as it is looked at, as mktemp has it."""


LIMIT = 10
"""Seconds that one command of the look may take."""

_PROPERTIES = (
    "Id LoadState ActiveState SubState Result ConditionResult ConditionTimestampMonotonic ExecMainPID "
    "ExecMainStartTimestamp ExecMainStartTimestampMonotonic Unit"
)

PROPERTIES = "\n".join(f"-p{name}" for name in _PROPERTIES.split())
"""What systemctl is asked to show of a unit that runs user-data: an option a line."""

HIDE_SH = r"""
# What coreos-cloudinit says in spite of itself: a password's digest, a password that begins with * or & and so is the
# name of an anchor to YAML, a value that does not fit its tag or its key or stands for one, a token in a URL.
# Each may have many lines, of which journalctl indents all but the first.
hide() {
  sed -e '/^[[:space:]]\{1,\}useradd: /b' -e '/^[[:space:]]/d' \
    -e "s/\(--password \).*\(' failed\)/\1* ...\2/" -e "/' failed/!s/\(--password \).*/\1* .../" \
    -e "s/\([Aa]nchor \)'.*'/\1'...'/" -e 's/\x60.*\x60/.../' -e 's/\x60.*/.../' \
    -e 's/\(invalid value \).*/\1.../' -e 's/\(invalid map key: \).*/\1.../' \
    -e 's/\(URL \).*\( does not have\)/\1...\2/' -e 's|\([A-Za-z]://\)[^ ]*|\1...|g'
}
"""
"""Defines the filter `hide`, through which all must pass that coreos-cloudinit has said."""

UNDONE_SH = r"""
# has_undone: whether a log, in the words of 0.9 to 1.14, tells of a call of systemd that did not end with `done`
has_undone() {
  grep -q -E "(Result of .*[\"']: |Restarted systemd-networkd \\()([^d]|d[^o])"
}
"""
"""Defines `has_undone`, which reads a log of coreos-cloudinit; the exit status of that does not tell."""

# Only the runs of this boot are asked for: what those before have put into /run is gone.
_LOOK_SH = (
    HIDE_SH
    + UNDONE_SH
    + r"""
LINE='
'
TZ=UTC
export TZ

# recite FILE: what cat does, without a process
recite() {
  while IFS= read -r ROW || [ -n "$ROW" ]; do
    printf '%s\n' "$ROW"
  done <"$1"
}

# The first bytes decide, as they do for coreos-cloudinit.
classify() {
  case $START in
    '#cloud-config') CLASS=cloud-config ;;
    '#!'*) CLASS=script ;;
    *)
      if [ "$(head -c 2 "$FILE" | tr '\037\213' 'gz')" = gz ]; then
        CLASS=gzip
      elif [ "$(head -c 65536 "$FILE" | tr -d '\0' | wc -c)" -ne "$(head -c 65536 "$FILE" | wc -c)" ]; then
        CLASS=binary
      elif [ "$(tr -d ' \t\r\n' <"$FILE" | head -c 1)" = '{' ] &&
        grep -q '"ignition\(Version\)\{0,1\}"[[:space:]]*:' "$FILE"; then
        CLASS=ignition
      else
        CLASS=other
      fi
      ;;
  esac
}

# count PATTERN: how often it is there
count() {
  grep -a -o -E "$1" "$FILE" | wc -l
}

# keys_of FILE: line and digest of each public key; a digest tells them apart as well, and tells no more
keys_of() {
  sed -e 's/^[[:space:]]*#.*//' -- "$1" | grep -a -n -o 'AAAA[A-Za-z0-9+/]\{40,\}' | head -n 100 |
    while IFS=: read -r AT BODY; do
      printf '%s %s\n' "$AT" "$(printf '%s' "$BODY" | sha256sum)"
    done
}

# look_into FILE NUMBER: what a user-data is made of
look_into() {
  FILE=$1
  PART=$2
  section "digest-$PART" "$LIMIT" sha256sum -- "$FILE"
  begin "size-$PART"
  SIZE=$(wc -c <"$FILE")
  printf '%s\n' "$SIZE"
  finish "size-$PART" 0
  if [ "$SIZE" -eq 0 ] || [ "$SIZE" -ge "$SIZE_LIMIT" ]; then
    return
  fi
  START=$(head -c 256 "$FILE" | tr '\0' '\1')
  START=${START%%"$LINE"*}
  while [ "${START%[[:space:]]}" != "$START" ]; do
    START=${START%[[:space:]]}
  done
  classify
  case $START in
    "$BOM"*) MARKED=1 ;;
    *) MARKED=0 ;;
  esac
  ALIASES=$(count '(^|[[:space:]{[,:-])[*][A-Za-z0-9_]+')
  begin "form-$PART"
  printf '%s\n' "class=$CLASS" "aliases=$ALIASES" "anchors=$(count '(^|[[:space:]{[,:-])&[A-Za-z0-9_]+')" \
    "crlf=$(grep -a -c "$RETURN\$" "$FILE")" "tabs=$(grep -a -c "^ *$TAB" "$FILE")" "bom=$MARKED"
  finish "form-$PART" 0
  begin "variables-$PART"
  # shellcheck disable=SC2016 # a variable of coreos-cloudinit's
  grep -a -o -E '\\?\$(public|private)_ipv[46]' "$FILE" | sort -u
  finish "variables-$PART" 0
  if [ "$CLASS" = cloud-config ]; then
    section "skeleton-$PART" "$LIMIT" sed -e "$SKELETON" "$FILE"
    begin "keys-$PART"
    ! grep -a -q AAAA "$FILE" || keys_of "$FILE"
    finish "keys-$PART" 0
  fi
  if [ "$VERSION" -eq 0 ] && [ "$ALIASES" -le "$ALIAS_LIMIT" ]; then
    begin "report-$PART"
    REPORT=$(timeout -k 1 "$LIMIT" coreos-cloudinit --validate --from-file="$FILE" 2>&1)
    STATUS=$?
    printf '%s\n' "$REPORT" | grep -a -E '^([0-9/]+ [0-9:]+ )?line [0-9]+: ' | hide
    finish "report-$PART" "$STATUS"
  fi
}

# What is asked only of a host whose user-data may have to be applied.
prepare() {
  [ -z "$PREPARED" ] || return 0
  PREPARED=yes
  TAB=$(printf '\t')
  RETURN=$(printf '\r')
  BOM=$(printf '\357\273\277')
  section version "$LIMIT" coreos-cloudinit --version
  VERSION=$STATUS
  begin addresses
  [ ! -r /etc/environment ] || while IFS= read -r ROW || [ -n "$ROW" ]; do
    case $ROW in
      COREOS_*=?*) printf '%s\n' "${ROW%%=*}" ;;
    esac
  done </etc/environment
  finish addresses 0
  begin access
  LOGIN=${SUDO_USER:-$(id -un)}
  printf 'user %s\n' "$LOGIN"
  FOLDER=$(timeout -k 1 "$LIMIT" getent passwd "$LOGIN")
  FOLDER=${FOLDER%:*}
  FOLDER=${FOLDER##*:}/.ssh
  set +f
  set -- "$FOLDER"/authorized_keys.d/* "$FOLDER/authorized_keys"
  set -f
  for KEYS in "$@"; do
    if [ -f "$KEYS" ] && [ "${KEYS#*"$LINE"}" = "$KEYS" ]; then
      printf 'file %s\n' "$KEYS"
      keys_of "$KEYS"
    fi
  done
  finish access 0
}

# rows_of PATH...: a row of stat for each; TZ makes the time one of UTC
rows_of() {
  stat -L -c '%s %a %u %Y %Z %z %F %n' -- "$@"
}

# next_row PATH: takes its row from ROWS, which is the first one unless the file is gone by now
next_row() {
  ROW=${ROWS%%"$LINE"*}
  [ "${ROW% "$1"}" != "$ROW" ] || return 1
  ROWS=${ROWS#*"$LINE"}
}

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

# went_well: whether all that the unit's last run called systemd for was done
went_well() {
  value ExecMainPID
  JOURNAL=$(timeout -k 1 "$LIMIT" journalctl -b -q --no-pager -o cat -n 2000 _SYSTEMD_UNIT="$UNIT" _PID="$VALUE") &&
    ! printf '%s\n' "$JOURNAL" | has_undone
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

look_at() {
  if [ ! -e "$FILE" ]; then
    # a link that leads nowhere
    begin "stat-$NUMBER"
    rows_of "$FILE"
    finish "stat-$NUMBER" "$?"
    return
  fi
  next_row "$FILE" || return
  # shellcheck disable=SC2086 # size, mode, owner, mtime, ctime, and that once more for people
  set -- $ROW
  SIZE=$1
  CHANGED=$5
  DATE=$6
  TIME=$7
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
    return
  fi
  # what changed a moment ago may still be on its way
  if [ "$((NOW - CHANGED))" -ge -2 ] && [ "$((NOW - CHANGED))" -le 2 ]; then
    YOUNG=yes
  fi
  prepare
  tell_run "$UNIT" "$NUMBER"
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
DIGESTS=
NUMBER=0
while [ "$#" -gt 0 ]; do
  FILE=$1
  UNIT=$2
  NAME=$3
  OBJECT=$4
  shift 4
  if [ -e "$FILE" ] || [ -L "$FILE" ]; then
    look_at
  fi
  NUMBER=$((NUMBER + 1))
done
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


def _object_of(unit: str) -> str:
    """Return what D-Bus calls a unit."""
    escaped = re.sub(r"[^A-Za-z0-9]", lambda match: f"_{ord(match[0]):02x}", unit)
    if escaped[:1].isdigit():
        escaped = f"_{ord(escaped[0]):02x}{escaped[1:]}"
    return f"/org/freedesktop/systemd1/unit/{escaped}"


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
        **look_variables(places),
        "PROPERTIES": PROPERTIES,
        "SOURCES": "\n".join(
            f"{place.path}\n{place.unit}\n{escape_path(place.path)}\n{_object_of(place.unit)}" for place in places
        ),
        "HAS_GIVEN": "" if given is None else "yes",
        "GIVEN": given or "",
        "THOROUGH": "yes" if thorough else "",
        "SKELETON": SKELETON_SED,
        "MEMORY": MEMORY,
        "TEMPORARY": TEMPORARY,
        "SIZE_LIMIT": str(SIZE_LIMIT),
        "ALIAS_LIMIT": str(ALIAS_LIMIT),
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
    version = re.search(r"(?:version |v)([0-9][0-9A-Za-z.+-]*)", out_of(answer, "version"))
    return Look(
        os=parse_env_file(out_of(answer, "os")),
        cloudinit=printable(version[1], limit=20) if version else "",
        boot=printable(out_of(answer, "boot"), limit=40),
        addresses=[name for name in out_of(answer, "addresses").split() if re.match(r"[A-Z0-9_]{1,60}\Z", name)],
        access=_access(out_of(answer, "access")),
        given=_content(_own(answer, "given")),
        sources=_sources(answer, places, files),
        partial=_partial(answer, places),
    )


def _demand_whole(given: str | None, answer: Answer) -> None:
    """Raise unless what is given, if anything, was there to be looked at."""
    if given is None:
        return
    seen = _content(_own(answer, "given"))
    if not seen or seen.sha256 != hashlib.sha256(given.encode("utf-8", "surrogateescape")).hexdigest():
        said = printable(answer["given"].err) if "given" in answer else ""
        raise RemediationError(
            f"The given user-data could not be written to a temporary file in {TEMPORARY.rpartition('/')[0]} on the "
            f"host: '{said or 'it is not there as a whole'}'. Nothing was changed; make room there, then run again."
        )


def _sources(answer: Answer, places: t.Sequence[Place], files: t.Mapping[str, File]) -> list[Source]:
    units = {unit["Id"]: unit for unit in parse_show(out_of(answer, "units"))}
    again = _files(answer, "again")
    told = out_of(answer, "uptime").strip()
    uptime = float(told) if re.match(r"[0-9]{1,11}(\.[0-9]{1,9})?\Z", told) else None
    sources = []
    for index, place in enumerate(places):
        unit = units.get(place.unit, {})
        bare = Source(
            place,
            file=files.get(place.path),
            moving=bool(again) and again.get(place.path) != files.get(place.path),
            unit=unit,
            watches=[other for other in units.values() if other.get("Unit") == place.unit],
            watched=watched(answer, place, units.get(watch_unit(place), {})),
        )
        remembered = files.get(f"{MEMORY}/{escape_path(place.path)}")
        now = files[_OURSELVES].changed
        sources.append(_source(bare, _own(answer, str(index)), now=now, uptime=uptime, memory=remembered))
    return sources


def _own(answer: Answer, number: str) -> Answer:
    """The sections of one source, by name alone."""
    suffix = f"-{number}"
    return {name[: -len(suffix)]: section for name, section in answer.items() if name.endswith(suffix)}


def _source(bare: Source, own: Answer, *, now: float, uptime: float | None, memory: File | None) -> Source:
    """Return a source with what the host told of its content and its unit's last run, in sections of its own."""
    if not bare.file:
        said = printable(own["stat"].err) if "stat" in own else ""
        return replace(bare, error="" if "No such file or directory" in said else said)
    messages = last_run(parse_journal(out_of(own, "journal")))
    # what others could have written proves nothing
    is_ours = memory is not None and (memory.mode, memory.owner) == ("600", 0)
    return replace(
        bare,
        content=_content(own, size=bare.file.size),
        run=parse_run(message.text for message in messages) if messages else None,
        started=_by_clock(
            _started(messages[0] if messages else None, bare.unit, out_of(own, "began"), now), bare.unit, now, uptime
        ),
        memory=_memory(out_of(own, "memory")) if is_ours else None,
    )


def _content(own: Answer, *, size: int = 0) -> Content | None:
    digest = re.match(r"\s*\\?([0-9a-f]{64}) ", out_of(own, "digest"))
    if not digest:
        return None
    form = parse_env_file(out_of(own, "form"))
    counted = out_of(own, "size").strip()
    report = own.get("report")
    has_skeleton = "skeleton" in own and not own["skeleton"].rc
    return Content(
        size=int(counted) if re.match(r"[0-9]{1,15}\Z", counted) else size,
        sha256=digest[1],
        form="empty" if counted == "0" else printable(form.get("class", "")),
        counts={
            name: int(value) for name, value in form.items() if name != "class" and re.match(r"[0-9]{1,9}\Z", value)
        },
        # after a backslash it is none
        variables=[printable(name[1:], limit=20) for name in out_of(own, "variables").split() if name.startswith("$")],
        skeleton=parse_skeleton(own["skeleton"].out) if has_skeleton else None,
        validation=report.rc if report else None,
        findings=parse_findings(report.out) if report else (),
        keys=[(int(line), key) for line, key in _KEY.findall(out_of(own, "keys"))],
    )


_KEY = re.compile(r"^([0-9]{1,9}) ([0-9a-f]{64})\b", re.MULTILINE)


def _access(text: str) -> Access:
    user = file = ""
    keys: dict[str, list[str]] = {}
    for line in text.splitlines():
        what, _blank, rest = line.partition(" ")
        key = _KEY.match(line)
        if what == "user":
            user = printable(rest, limit=60)
        elif what == "file":
            file = printable(rest)
            keys.setdefault(file, [])
        elif key and file:
            keys[file].append(key[2])
    return Access(user=user, keys=keys)


_OURSELVES = "/proc/self"
_STAT = re.compile(
    r"([0-9]{1,15}) ([0-7]{1,5}) ([0-9]{1,10}) (-?[0-9]{1,11}) ([0-9]{1,11}) "
    r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}(\.[0-9]{1,9})? \+0000 ([a-z -]+) (/.*)\Z"
)


def _files(answer: Answer, name: str) -> dict[str, File]:
    """Return what stat told, by path."""
    files = {}
    for line in out_of(answer, name).split("\n"):
        match = _STAT.match(line)
        if match:
            files[match[8]] = File(
                type=match[7],
                size=int(match[1]),
                mode=match[2],
                owner=int(match[3]),
                modified=int(match[4]),
                changed=int(match[5]) + float(f"0{match[6] or '.0'}"),
            )
    return files


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
    if first and match and match[1] in _MONTHS and str(first.pid) == unit.get("ExecMainPID", str(first.pid)):
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


def _memory(text: str) -> Memory | None:
    try:
        told = json.loads(text)
        sha256, applied, boot, written = told["sha256"], told["applied"], told["boot"], told["written"]
        names = {name.name: written[name.name] for name in fields(Written)}
        if not re.match(r"[0-9a-f]{64}\Z", sha256) or not isinstance(applied, (int, float)):
            return None
        if not all(isinstance(items, list) for items in names.values()):
            return None
        return Memory(
            sha256=sha256,
            applied=float(applied),
            boot=printable(boot, limit=40),
            written=Written(**{name: [printable(item, limit=4096) for item in items] for name, items in names.items()}),
            proven=told.get("proven") is not False,
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


_ASKED = {
    "units": "systemctl show",
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
