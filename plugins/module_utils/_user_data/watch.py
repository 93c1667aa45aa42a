# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""The cure for good: a path unit and a service of ours, which run user-data again whenever its file has changed.

The stock path unit asks whether the file *exists*, and a unit that stays active is not started again: it runs what it
finds at boot, and never what Vagrant brings minutes later. On the host this is

- `container-linux-remediation-user-data@.path`, which sees that the file changes (an instance for each source),
- `container-linux-remediation-user-data@.service`, which it starts: one run of the script,
- the script, which waits until the file is whole, and restarts the unit that runs it, if that has not run it already,
- a drop-in for that unit, so that each of its runs, whoever started it, notes the digest of what it runs. This is the
  evidence that needs no clock.

A change within the few milliseconds between the script's last look and systemd's watching again is seen with the next
change only: systemd has nothing that looks while a path's service still ends.
"""

from __future__ import annotations

import hashlib
import re
import typing as t

from ansible_collections.container_linux.remediation.plugins.module_utils._host import (
    RemediationError,
    ask,
    printable,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import (
    escape_path,
    parse_show,
    unescape,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.content import ALIASES_SH
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import place_of

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._host import Answer, Host
    from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import Properties
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import Place

UNITS = "/etc/systemd/system"
NAME = "container-linux-remediation-user-data"
SCRIPT = "/var/lib/container-linux-remediation/user-data-watch"
NOTES = "/run/container-linux-remediation/user-data"
DROP_IN = "50-container-linux-remediation.conf"
_LINKS = f"{UNITS}/multi-user.target.wants/"

PATH_UNIT = f"""\
# Of the Ansible collection container_linux.remediation: see {SCRIPT}.
[Unit]
Description=Watch %f for changes

[Path]
PathChanged=%f

[Install]
WantedBy=multi-user.target
"""

# It is no part of the boot: nothing waits for it, and it waits for no unit. It ends with the path unit, by a signal.
# What systemd reads here as the limit of starts it calls StartLimitIntervalSec= of [Unit] since 230, and still reads.
SERVICE_UNIT = f"""\
# Of the Ansible collection container_linux.remediation: see {SCRIPT}.
[Unit]
Description=Run %f if it has changed
PartOf={NAME}@%i.path

[Service]
Type=oneshot
ExecStart=/bin/sh {SCRIPT} follow %i %f
SyslogIdentifier={NAME}
SuccessExitStatus=SIGTERM
StartLimitInterval=0
"""

DROP_IN_TEXT = f"""\
# Of the Ansible collection container_linux.remediation: see {SCRIPT}.
[Service]
ExecStartPre=-/bin/sh {SCRIPT} note %i %f
"""

USER_DATA_WATCH_SH = (
    r"""#!/bin/sh
# Of the Ansible collection container_linux.remediation, which removes it with user_data_watch: false.
# SPDX-License-Identifier: GPL-3.0-or-later
#
# user-data-watch note INSTANCE FILE    its unit is about to run FILE: notes the digest of that
# user-data-watch follow INSTANCE FILE  FILE has changed: restarts its unit, if that has not run it already
#
# A script as user-data is left to the next boot: it would do once more what one of this boot has done. So is what
# coreos-cloudinit finds an error in. Says in the journal what it did and why, and never what the file holds.
LC_ALL=C
TZ=UTC
export LC_ALL TZ
PATH=$PATH:/usr/sbin:/sbin:/usr/bin:/bin
umask 077

NOTES=/run/container-linux-remediation/user-data
LOCK=/run/container-linux-remediation-user-data.lock
QUIET=2             # seconds without a change: the file is whole
PATIENCE=60         # seconds that the unit may take for what was there before; then that is cut off
LIMIT=600           # seconds that somebody may go on writing, or hold the lock
SIZE_LIMIT=1048576  # bytes
ALIAS_LIMIT=20      # each may stand for all those before it

INSTANCE=$2
FILE=$3
NOTE=$NOTES/$INSTANCE
case $FILE in
  /usr/share/oem/cloud-config.yml) UNIT=system-cloudinit@$INSTANCE.service ;;
  *) UNIT=user-cloudinit@$INSTANCE.service ;;
esac

say() {
  printf '%s: %s.\n' "$FILE" "$1"
}

digest() {
  timeout 30 head -c "$SIZE_LIMIT" "$FILE" | timeout 30 sha256sum | cut -d ' ' -f 1
}

# Digest, inode, size and time of change; nothing where there is no file.
state() {
  if [ -f "$FILE" ]; then
    printf '%s %s\n' "$(digest)" "$(timeout 10 stat -L -c '%i %s %z' -- "$FILE")"
  fi 2>/dev/null
}

noted() {
  timeout 10 cat "$NOTE" 2>/dev/null
}

note() {
  [ -f "$FILE" ] || return 0
  timeout 10 mkdir -p "$NOTES" && digest >"$NOTE.new" && timeout 10 mv -f "$NOTE.new" "$NOTE"
}

# Sets SEEN to the state in which the file has stayed for a while.
settle() {
  SEEN=$(state)
  STAYED=0
  SPENT=0
  while [ "$STAYED" -lt "$QUIET" ]; do
    [ "$SPENT" -lt "$LIMIT" ] || return 1
    sleep 1
    SPENT=$((SPENT + 1))
    NOW=$(state)
    if [ "$NOW" = "$SEEN" ]; then
      STAYED=$((STAYED + 1))
    else
      SEEN=$NOW
      STAYED=0
    fi
  done
}

# about PROPERTY
about() {
  timeout 10 systemctl show --no-pager -p "$1" -- "$UNIT" | sed -n 's/^[A-Za-z]*=//p'
}

# Whether the unit has run, or is running, what is there. Before the first note there is only the time to tell.
has_run() {
  if [ -e "$NOTE" ]; then
    [ "$(noted)" = "${SEEN%% *}" ]
    return
  fi
  BEGAN=$(about ExecMainStartTimestamp)
  [ -n "$BEGAN" ] && BEGAN=$(timeout 10 date -d "$BEGAN" +%s 2>/dev/null) &&
    CHANGED=$(timeout 10 stat -L -c %Z -- "$FILE" 2>/dev/null) && [ "$BEGAN" -gt "$CHANGED" ]
}

# Whether the unit is doing something else. Also where systemd does not say: it is busy then.
is_busy() {
  case $(about ActiveState) in
    active | inactive | failed) [ -n "$(about Job | sed -n '/^[1-9]/p')" ] ;;
    *) true ;;
  esac
}

text() {
  if [ "$(timeout 10 head -c 2 "$FILE" | tr '\037\213' 'gz')" = gz ]; then
    timeout 10 gzip -dc <"$FILE"
  else
    timeout 10 cat "$FILE"
  fi 2>/dev/null | timeout 10 head -c "$SIZE_LIMIT"
}

# Prints why the file that is there is not run, if so.
misfit() {
  # shellcheck disable=SC2086 # words
  set -- $SEEN
  if [ $# -eq 0 ]; then
    [ -e "$FILE" ] && echo 'it is no regular file' || echo 'there is no such file now, and what it asked for stays'
  elif [ "$3" -eq 0 ]; then
    echo 'it is empty'
  elif [ "$3" -ge "$SIZE_LIMIT" ]; then
    echo "it is not smaller than $SIZE_LIMIT bytes"
  else
    case $(text | head -n 1 | head -c 256 | tr -d '\0' | sed -e 's/[[:space:]]*$//') in
      '#cloud-config') invalid ;;
      '#!'*) echo "it is a script, which the next boot runs; 'systemctl restart $UNIT' runs it now" ;;
      '{'*) echo 'it looks like a config for Ignition, which never runs from this file' ;;
      *) echo "it does not begin with '#cloud-config'" ;;
    esac
  fi
}
"""
    + ALIASES_SH
    + r"""
# Only errors count: coreos-cloudinit runs what it warns of. Versions that cannot validate find none.
invalid() {
  if [ "$(text | aliases)" -gt "$ALIAS_LIMIT" ]; then
    echo "it has more than $ALIAS_LIMIT aliases of YAML"
    return
  fi
  FOUND=$(timeout -k 1 30 coreos-cloudinit --validate --from-file="$FILE" 2>&1)
  case $? in
    124 | 137) echo 'coreos-cloudinit did not come to an end with validating it' ;;
  esac
  LINES=$(printf '%s\n' "$FOUND" | sed -n 's|^\([0-9/]* [0-9:]* \)\{0,1\}line \([0-9]*\): error: .*|\2|p' | sort -n -u |
    tr '\n' ' ')
  [ -z "$LINES" ] || echo "coreos-cloudinit finds an error in it (line ${LINES% })"
}

# Restarts the unit without waiting for its end, but until it has noted what it runs. The path unit that has started it
# is stopped: it would start again and again what fails, and it has nothing more to do in this boot. Not so what
# requires it: user-config.target does.
run() {
  for STARTER in $(about TriggeredBy | tr ' ' '\n' | sed -e 's/^"\(.*\)"$/\1/' -e 's/\\\\/\\/g' | grep '[.]path$'); do
    timeout 30 systemctl --job-mode=ignore-dependencies stop -- "$STARTER" >/dev/null 2>&1
  done
  timeout 10 systemctl reset-failed -- "$UNIT" >/dev/null 2>&1
  if ! SAID=$(timeout 30 systemctl --no-block restart -- "$UNIT" 2>&1); then
    say "it has changed, and $UNIT could not be restarted to run it: $(printf '%s\n' "$SAID" | head -n 1)"
    return
  fi
  LEFT=50
  until [ "$(noted)" = "${SEEN%% *}" ] || [ "$LEFT" -eq 0 ]; do
    sleep 0.2
    LEFT=$((LEFT - 1))
  done
  say "it has changed since $UNIT ran last, so that was restarted to run it$CUT"
}

# Ends with 1 where it is not yet time. Nobody else may come between the look and the restart.
attempt() {
  exec 9>"$LOCK"
  timeout 10 flock -n 9
  if [ $? -eq 1 ]; then
    exec 9>&-
    HELD=$((HELD + 1))
    [ "$HELD" -gt "$LIMIT" ] || return 1
    say "it has changed, and is not run, because somebody has held $LOCK for $LIMIT s"
    return 0
  fi
  CUT=
  if has_run; then
    say "$UNIT has run it meanwhile, so nothing is to be done"
  elif is_busy; then
    if [ "$BUSY" -lt "$PATIENCE" ]; then
      exec 9>&-
      BUSY=$((BUSY + 1))
      return 1
    fi
    CUT=", and the run of what was there before, which had not ended in $PATIENCE s, was cut off"
    run
  else
    run
  fi
  exec 9>&-
}

consider() {
  REASON=$(misfit)
  if [ -n "$SEEN" ] && has_run; then
    say "$UNIT has run what is there, so nothing is to be done"
  elif [ -n "$REASON" ]; then
    say "it has changed, and nothing is run: $REASON"
  else
    until attempt; do
      sleep 1
      [ "$(state)" = "$SEEN" ] || return 0
    done
  fi
}

# systemd sees no change while this runs, so the last look is at whether there was one.
follow() {
  BUSY=0
  HELD=0
  while settle; do
    consider
    [ "$(state)" != "$SEEN" ] || return 0
  done
  say "somebody has been writing it for $LIMIT s, so nothing is run until it changes again"
}

case $1 in
  note) note ;;
  follow) follow ;;
esac
"""
)

FILES = {
    SCRIPT: USER_DATA_WATCH_SH,
    f"{UNITS}/{NAME}@.path": PATH_UNIT,
    f"{UNITS}/{NAME}@.service": SERVICE_UNIT,
}
"""What all instances share: path and text."""

_WATCH_SET_SH = r"""
# put NAME FILE MODE TEXT: in place by rename, where it is not that already
put() {
  [ -z "$FAILED" ] || return 0
  if [ "$(stat -c '%a %u' -- "$2" 2>/dev/null)" = "$3 0" ] && [ "$(cat -- "$2" && echo .)" = "$4." ]; then
    return 0
  fi
  begin "$1"
  (
    umask 022
    mkdir -p "${2%/*}" && NEW=$(mktemp "$2.XXXXXX") || exit 1
    printf '%s' "$4" >"$NEW" && chmod "$3" "$NEW" && mv -f -T -- "$NEW" "$2" && exit
    rm -f "$NEW"
    exit 1
  )
  STATUS=$?
  finish "$1" "$STATUS"
  [ "$STATUS" -eq 0 ] || FAILED=yes
}

# act NAME COMMAND...
act() {
  [ -z "$FAILED" ] || return 0
  NAME=$1
  shift
  section "$NAME" 60 systemctl --no-ask-password "$@" || FAILED=yes
}

about() {
  timeout 10 systemctl show --no-pager -p LoadState -p ActiveState -p NeedDaemonReload -- "$@"
}

install_watch() {
  put script "$SCRIPT" 755 "$SCRIPT_TEXT"
  put service "$UNITS/$TEMPLATE@.service" 644 "$SERVICE_TEXT"
  put drop_in "$UNITS/$UNIT.d/$DROP_IN" 644 "$DROP_IN_TEXT"
  BEFORE=$(stat -c '%i' -- "$UNITS/$TEMPLATE@.path" 2>/dev/null)
  put path "$UNITS/$TEMPLATE@.path" 644 "$PATH_TEXT"
  if about "$WATCH" "$SERVICE" "$UNIT" | grep -q -x -e 'NeedDaemonReload=yes' -e 'LoadState=not-found'; then
    act reload daemon-reload
  fi
  [ "$(timeout 10 systemctl is-enabled -- "$WATCH" 2>/dev/null)" = enabled ] || act enable enable -- "$WATCH"
  if ! about "$WATCH" | grep -q -x 'ActiveState=active'; then
    timeout 10 systemctl reset-failed -- "$WATCH" 2>/dev/null
    act start start -- "$WATCH"
  elif [ "$(stat -c '%i' -- "$UNITS/$TEMPLATE@.path" 2>/dev/null)" != "$BEFORE" ]; then
    # a service that is at work begins anew with it
    act start restart -- "$WATCH"
  fi
}

# discard FILE...
discard() {
  for FILE in "$@"; do
    if [ -e "$FILE" ] || [ -L "$FILE" ]; then
      rm -f -- "$FILE" && printf '%s\n' "$FILE" || FAILED=yes
    fi
  done
}

remove_watch() {
  # while it is known to systemd
  if about "$WATCH" "$SERVICE" | grep -q -x -e 'ActiveState=active' -e 'ActiveState=activating'; then
    act stop stop -- "$WATCH" "$SERVICE"
  fi
  LINK=$UNITS/multi-user.target.wants/$WATCH
  [ ! -L "$LINK" ] || act disable disable -- "$WATCH"
  [ -z "$FAILED" ] || return 0
  begin remove
  discard "$UNITS/$UNIT.d/$DROP_IN" "$NOTES/$INSTANCE"
  # where they are empty
  rmdir -- "$UNITS/$UNIT.d" "$NOTES" "${NOTES%/*}" 2>/dev/null
  set -- "$UNITS/multi-user.target.wants/$TEMPLATE@"*.path
  if [ ! -L "$1" ]; then
    discard "$SCRIPT" "$UNITS/$TEMPLATE@.path" "$UNITS/$TEMPLATE@.service"
    rmdir -- "${SCRIPT%/*}" 2>/dev/null
  fi
  finish remove "$([ -z "$FAILED" ] && echo 0 || echo 1)"
  if about "$WATCH" "$SERVICE" "$UNIT" | grep -q -x 'NeedDaemonReload=yes'; then
    act reload daemon-reload
  fi
}

FAILED=
if [ "$WANTED" = yes ]; then
  install_watch
else
  remove_watch
fi
section state 10 systemctl show --no-pager -p Id -p ActiveState -p LoadState -- "$WATCH"
"""

WATCH_LOOK_SH = r"""
if [ -e "$WATCH_SCRIPT" ]; then
  set -f
  IFS='
'
  # shellcheck disable=SC2086 # files are a list of lines
  set -- $WATCH_FILES
  unset IFS
  set +f
  # whatever else is watched
  section watch "$LIMIT" sha256sum -- "$@" "$WATCH_LINKS"*.path
fi
"""
"""Part of the look at user-data: the section `watch`, one process, and none where nothing was installed.

Reads the variables of `look_variables`, and LIMIT."""


def look_variables(places: t.Sequence[Place]) -> dict[str, str]:
    """Return what `WATCH_LOOK_SH` reads, and where the digests are noted."""
    files = [*FILES, *(path for place in places for path in _files_of(place))]
    return {"WATCH_SCRIPT": SCRIPT, "WATCH_FILES": "\n".join(files), "WATCH_LINKS": f"{_LINKS}{NAME}@", "NOTES": NOTES}


def noted(text: str) -> str:
    """Return the digest of what a watched unit has run last, from its note; empty if it holds none."""
    match = re.match(r"([0-9a-f]{64})\s*\Z", text)
    return match[1] if match else ""


def watch_unit(place: Place) -> str:
    """Return the path unit that watches a source."""
    return f"{NAME}@{escape_path(place.path)}.path"


def watched(answer: Answer, place: Place, unit: Properties) -> bool | None:
    """Return whether a source is watched as this version of the collection does it; None: not at all.

    Args:
        answer: of a script with `WATCH_LOOK_SH`.
        place: the source.
        unit: what systemd says of its `watch_unit`.
    """
    found = _digests(answer["watch"].out) if "watch" in answer else {}
    wanted = {**FILES, **_files_of(place)}
    active = unit.get("ActiveState") == "active"
    if not active and not any(path in found for path in _files_of(place)):
        return None
    return active and all(found.get(path) == hashlib.sha256(text.encode()).hexdigest() for path, text in wanted.items())


def watched_places(answer: Answer, units: t.Iterable[str]) -> list[Place]:
    """Return all that is watched, wherever it lies.

    Args:
        answer: of a script with `WATCH_LOOK_SH`, which tells of what is enabled.
        units: the names of the units that are up.
    """
    linked = _digests(answer["watch"].out) if "watch" in answer else {}
    names = [*(path[len(_LINKS) :] for path in linked if path.startswith(_LINKS)), *units]
    places = []
    for name in dict.fromkeys(names):
        instance = re.match(rf"{NAME}@(.+)\.path\Z", name)
        if instance:
            try:
                places.append(place_of(f"/{unescape(instance[1])}"))
            except RemediationError:
                # no watch of ours is called so
                continue
    return places


def unwatchable(place: Place, *, is_link: bool = False) -> str:
    """Return why a source cannot be watched, or an empty text."""
    if is_link:
        return "it is a symbolic link, and what takes its place goes unseen, for systemd watches where it leads"
    if place.kind == "configdrive":
        return "no change of a config drive reaches a running host"
    if re.search(r"""["'$%\\]""", place.path):
        return "systemd would read a character of its path as something else"
    return ""


def set_watch(host: Host, place: Place, *, wanted: bool) -> list[str]:
    """Install the watch of a source, or remove it, in one round trip; what is already so is not touched.

    Nothing is run by it. What other sources share goes with the last of them.

    Returns:
        what was done, such as `start container-linux-remediation-user-data@….path`; empty when nothing was.

    Raises:
        RemediationError: the source cannot be watched (nothing has been touched then), or a step failed.
    """
    reason = unwatchable(place)
    if wanted and reason:
        raise RemediationError(
            f"{printable(place.path)} cannot be watched: {reason}. Set the path of another user-data, or no watch."
        )
    watch = watch_unit(place)
    variables = {
        "WANTED": "yes" if wanted else "no",
        "INSTANCE": escape_path(place.path),
        "UNIT": place.unit,
        "WATCH": watch,
        "SERVICE": watch[: -len("path")] + "service",
        "TEMPLATE": NAME,
        "UNITS": UNITS,
        "SCRIPT": SCRIPT,
        "NOTES": NOTES,
        "DROP_IN": DROP_IN,
        "SCRIPT_TEXT": USER_DATA_WATCH_SH,
        "PATH_TEXT": PATH_UNIT,
        "SERVICE_TEXT": SERVICE_UNIT,
        "DROP_IN_TEXT": DROP_IN_TEXT,
    }
    answer = ask(host, _WATCH_SET_SH, variables=variables, needs=("systemctl", "mktemp"))
    steps = {
        "script": f"write {SCRIPT}",
        "service": f"write {UNITS}/{NAME}@.service",
        "drop_in": f"write {UNITS}/{place.unit}.d/{DROP_IN}",
        "path": f"write {UNITS}/{NAME}@.path",
        "stop": f"stop {watch}",
        "disable": f"disable {watch}",
        "remove": "remove its files",
        "reload": "daemon-reload",
        "enable": f"enable {watch}",
        "start": f"start {watch}",
    }
    for name, step in steps.items():
        if name in answer and answer[name].rc:
            said = "nothing in 60 s" if answer[name].timed_out else f"'{printable(answer[name].err)}'"
            raise RemediationError(
                f"The watch of {printable(place.path)} could not be {'installed' if wanted else 'removed'}: the step "
                f"'{step}' ended with exit status {answer[name].rc} and said {said}. "
                f"Cure that, then run again: the steps before it stay done."
            )
    shown = parse_show(answer["state"].out)[:1] if "state" in answer else []
    if wanted and not (shown and shown[0].get("ActiveState") == "active"):
        seen = printable(shown[0].get("ActiveState", "")) if shown else "unknown"
        raise RemediationError(
            f"The watch of {printable(place.path)} was installed, yet {watch} is '{seen}' and not active. "
            f"Look at 'systemctl status {watch}'."
        )
    done = [step for name, step in steps.items() if name in answer and name != "remove"]
    removed = answer["remove"].out.split("\n") if "remove" in answer else []
    return done + [f"remove {printable(line)}" for line in removed if line.strip()]


def _files_of(place: Place) -> dict[str, str]:
    """The files that a source has for itself; the link that enables its path unit leads to the template."""
    return {f"{UNITS}/{place.unit}.d/{DROP_IN}": DROP_IN_TEXT, f"{_LINKS}{watch_unit(place)}": PATH_UNIT}


def _digests(text: str) -> dict[str, str]:
    """Read what sha256sum says: a name with backslashes comes with each of them doubled, after one in front."""
    found = {}
    for line in text.splitlines():
        match = re.match(r"(\\?)([0-9a-f]{64}) [ *](.+)\Z", line)
        if match:
            found[match[3].replace("\\\\", "\\") if match[1] else match[3]] = match[2]
    return found
