# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""Applying user-data through the unit that runs it at boot, in one round trip; and undoing the part of it that is ours.

A run of coreos-cloudinit by hand would miss the unit's environment and its ordering.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.container_linux.remediation.plugins.module_utils._host import (
    RemediationError,
    Section,
    ask,
    out_of,
    printable,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import (
    escape_path,
    parse_show,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.dependents import (
    DEPENDENTS_SH,
    Dependents,
    parse_dependents,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.left import (
    LEFTOVERS_SH,
    SNAPSHOT_SH,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.log import (
    HIDE_SH,
    UNDONE_SH,
    Run,
    last_run,
    parse_journal,
    parse_run,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.look import LIMIT
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.memory import (
    MEMORY,
    UNPROVEN,
    memory_text,
    parse_memory,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.run import PROPERTIES
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.watch import NAME, watch_unit

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._host import Answer, Host
    from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import Properties
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.compare import Question
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import (
        Place,
        Source,
        Written,
    )

LOCK = "/run/container-linux-remediation-user-data.lock"
"""Held with flock(1) by whoever places or applies user-data: this module, and the watch."""

_PATIENCE = 10
"""Seconds to wait for the lock."""

_HELD = (1, 124, 137)
"""How flock ends, under a time limit, where somebody else holds the lock for longer."""

# `keep FROM TO [DIGEST]` and `put TO [DIGEST]`: a file is there whole or not at all, also after a crash. Where a digest
# is given, only what has it takes the place.
_FILES_SH = r"""
put() {
  # one whom somebody killed has left it; what is put there is put with the lock held
  rm -f -- "${1%/*}"/.container-linux-remediation.??????
  PART=$(mktemp "${1%/*}/.container-linux-remediation.XXXXXX") || return
  if dd of="$PART" bs=65536 conv=fsync status=none && { [ -z "$2" ] || [ "$(digest_of "$PART")" = "$2" ]; } &&
    dress "$1" && mv -f -T -- "$PART" "$1"; then
    return 0
  fi
  rm -f -- "$PART"
  return 1
}

# a file that takes another's place is the same users' to read
dress() {
  [ ! -f "$1" ] || [ "${1#"$MEMORY/"}" != "$1" ] ||
    { chown --reference="$1" -- "$PART" && chmod --reference="$1" -- "$PART"; }
}

keep() {
  put "$2" "$3" <"$1"
}

digest_of() {
  if [ -e "$1" ]; then
    # a name that is quoted has a backslash before all
    SUM=$(timeout -k 1 "$LIMIT" sha256sum -- "$1") && SUM=${SUM#\\} && printf '%s\n' "${SUM%% *}"
  fi
}

lock() {
  begin lock
  timeout -k 1 "$((PATIENCE + 5))" flock -w "$PATIENCE" 9
  STATUS=$?
  finish lock "$STATUS"
  return "$STATUS"
}
"""

_APPLY_SH = (
    HIDE_SH
    + UNDONE_SH
    + SNAPSHOT_SH
    + LEFTOVERS_SH
    + DEPENDENTS_SH
    + _FILES_SH
    + r"""
is_as_seen() {
  begin as-seen
  [ "$(digest_of "$REAL")" = "$EXPECTED" ]
  STATUS=$?
  finish as-seen "$STATUS"
  return "$STATUS"
}

place() {
  begin place
  mkdir -p -- "$MEMORY" &&
    if [ -f "$REAL" ]; then keep "$REAL" "$KEPT.before"; else rm -f -- "$KEPT.before"; fi &&
    (umask 022 && mkdir -p -- "${REAL%/*}/") &&
    printf '%s' "$GIVEN" | put "$REAL"
  STATUS=$?
  finish place "$STATUS"
  return "$STATUS"
}

# whether it runs, or is about to; PROCESS is what does, or did
is_going_on() {
  SHOWN=$(timeout -k 1 "$LIMIT" systemctl show -p ActiveState -p ExecMainPID -p Job -- "$UNIT")
  PROCESS=${SHOWN#*ExecMainPID=}
  PROCESS=${PROCESS%%[!0-9]*}
  case $SHOWN in
    *ActiveState=activating* | *ActiveState=reloading* | *Job=[1-9]*) return 0 ;;
  esac
  return 1
}

has_time() {
  [ "$(($(date +%s) - BEGAN))" -lt "$TIMEOUT" ]
}

# A path unit starts what failed again and again, without end where each run has systemd reload its units, and so would
# run what is put back.
calm() {
  if [ -n "$WATCHES" ]; then
    # user-config.target requires one of them, and would be stopped with it
    # shellcheck disable=SC2086 # names of units hold no blanks
    section calm "$LIMIT" systemctl --no-ask-password --job-mode=ignore-dependencies stop -- $WATCHES
  fi
  while is_going_on && has_time; do
    sleep 1
  done
}

# Waits for the end of a run that somebody else has begun; of one that begins anew each time it has failed, for three.
follow() {
  RUNS=
  while is_going_on && has_time; do
    case "$RUNS " in
      *" $PROCESS "*) ;;
      *) RUNS="$RUNS $PROCESS" ;;
    esac
    case $RUNS in
      " "*" "*" "*)
        calm
        return
        ;;
    esac
    sleep 1
  done
  case $(timeout -k 1 "$LIMIT" systemctl show -p Result -- "$UNIT") in
    *Result=success*) ;;
    *) calm ;;
  esac
}

run() {
  BEGAN=$(date +%s)
  begin began
  printf '%s\n' "$BEGAN"
  finish began 0
  if [ -n "$GOES_ON" ]; then
    follow
    begin job
    STATUS=0
    ! is_going_on || STATUS=124
    finish job "$STATUS"
    return
  fi
  # a start limit that was reached would refuse this start, too
  # shellcheck disable=SC2086
  timeout -k 1 "$LIMIT" systemctl reset-failed -- "$UNIT" $WATCHES 2>/dev/null
  section job "$TIMEOUT" systemctl --no-ask-password restart -- "$UNIT"
  JOB=$STATUS
  case $JOB in
    0 | 124 | 137)
      # shellcheck disable=SC2086
      [ -z "$WATCHES" ] || timeout -k 1 "$LIMIT" systemctl --no-ask-password start -- $WATCHES 2>/dev/null
      ;;
    *) calm ;;
  esac
  STATUS=$JOB
}

report() {
  begin unit
  # shellcheck disable=SC2086 # properties are a list of words
  SHOWN=$(timeout -k 1 "$LIMIT" systemctl show --no-pager $PROPERTIES -- "$UNIT")
  STATUS=$?
  printf '%s\n' "$SHOWN"
  finish unit "$STATUS"
  # what a process wrote just before its end may still be on its way to the journal; systemd before 228 cannot wait
  timeout -k 1 "$LIMIT" journalctl --sync >/dev/null 2>&1 || sleep 1
  begin journal
  # where the unit did not get to run, its process is that of the run before
  set --
  [ -n "$GOES_ON" ] || set -- --since "@$BEGAN"
  # systemd forgets a unit that does not stay active, and has no process of it then
  MAIN=$(printf '%s\n' "$SHOWN" | sed -n 's/^ExecMainPID=//p')
  [ "${MAIN:-0}" = 0 ] || set -- "$@" _PID="$MAIN"
  LOG=$(timeout -k 1 "$LIMIT" journalctl -b -q --no-pager -o short-precise -n 5000 "$@" _SYSTEMD_UNIT="$UNIT")
  STATUS=$?
  printf '%s\n' "$LOG" | hide
  finish journal "$STATUS"
  begin digest
  DIGEST=$(digest_of "$REAL")
  STATUS=$?
  printf '%s\n' "$DIGEST"
  finish digest "$STATUS"
  begin good
  digest_of "$KEPT.good"
  finish good "$?"
}

ended_well() {
  case "
$SHOWN
" in
    *"
ConditionTimestampMonotonic=0
"*)
      # of a unit that systemd has forgotten, the log alone tells whether it ran
      [ -n "$LOG" ] || return 1
      ;;
    *"
ConditionResult=no
"*) return 1 ;;
  esac
  case "
$SHOWN
" in
    *"
Result=success
"*) ;;
    *) return 1 ;;
  esac
  ! printf '%s\n' "$LOG" | has_undone
}

# what was applied, for the next look
remember() {
  begin remember
  mkdir -p -- "$MEMORY" &&
    printf '%s%s%s\n' "$REMEMBER_HEAD" "$(date +%s.%N)" "$REMEMBER_TAIL" | put "$KEPT"
  finish remember "$?"
}

apply() {
  lock && is_as_seen || return
  [ -z "$HAS_GIVEN" ] || place || return
  snapshot before
  find_dependents
  run
  JOB=$STATUS
  report
  snapshot after
  leftovers
  if [ "$JOB" -eq 0 ] && ended_well && [ "$DIGEST" = "$NEW" ]; then
    remember
    tell_dependents revive
    # while nobody else may put something in its place
    prove
  else
    tell_dependents
  fi
}

# it ends what it has begun, and remembers it, also when nobody listens any more
trap '' HUP PIPE
REAL=$(readlink -f -- "$PLACE") || REAL=$PLACE
apply 9>"$LOCK"
"""
)

_RESTORE_SH = (
    _FILES_SH
    + r"""
restore() {
  lock || return
  # what somebody else has put there since is theirs, and our watch's to run
  if [ "$(digest_of "$REAL")" != "$NEW" ]; then
    begin restore
    finish restore 3
    return
  fi
  OURS=
  if section watched "$LIMIT" systemctl is-active -- "$WATCH" && [ -n "$HUSH" ]; then
    OURS=$WATCH
    section hush "$LIMIT" systemctl --no-ask-password stop -- "$OURS" "${OURS%path}service"
  fi
  begin restore
  if [ -n "$WAS_THERE" ]; then
    keep "$KEPT.before" "$REAL"
    STATUS=$?
  else
    rm -f -- "$REAL"
    STATUS=$?
  fi
  if [ "$STATUS" -eq 0 ] && [ -n "$WATCHES" ] && [ -n "$WATCH_AGAIN" ]; then
    # shellcheck disable=SC2086 # names of units hold no blanks
    timeout -k 1 "$LIMIT" systemctl reset-failed -- "$UNIT" $WATCHES 2>/dev/null
    # shellcheck disable=SC2086
    timeout -k 1 "$LIMIT" systemctl --no-ask-password start -- $WATCHES
  fi
  finish restore "$STATUS"
  [ -z "$OURS" ] || section wake "$LIMIT" systemctl --no-ask-password start -- "$OURS"
}

trap '' HUP PIPE
REAL=$(readlink -f -- "$PLACE") || REAL=$PLACE
restore 9>"$LOCK"
"""
)

_CONFIRM_SH = (
    _FILES_SH
    + r"""
# what somebody else may have brought since, and be applying at this moment
tell_what_is_there() {
  begin there
  digest_of "$REAL"
  finish there "$?"
  begin remembered
  IFS= read -r REMEMBERED <"$KEPT"
  STATUS=$?
  printf '%s\n' "$REMEMBERED"
  finish remembered "$STATUS"
}

# for the next look, and for the next who must go back to it
confirm() {
  if ! lock; then
    tell_what_is_there
    return
  fi
  tell_what_is_there
  begin confirm
  case $REMEMBERED in
    *"\"$NEW\""*"$UNPROVEN")
      keep "$REAL" "$KEPT.good" "$NEW" && printf '%s\n' "${REMEMBERED%"$UNPROVEN"}}" | put "$KEPT"
      ;;
    # somebody else has applied and proven the same
    *"\"$NEW\""*) ;;
    *) false ;;
  esac
  finish confirm "$?"
}

trap '' HUP PIPE
REAL=$(readlink -f -- "$PLACE") || REAL=$PLACE
confirm 9>"$LOCK"
"""
)


@dataclass(frozen=True)
class Applied:
    """How one run of a user-data's unit went.

    Attributes:
        began: when it was asked for, in seconds since 1970 by the host's clock.
        job: how the call of systemd ended.
        unit: the properties of the unit after it.
        run: what coreos-cloudinit logged.
        logged: whether the journal had anything of that.
        same: whether the file is still the one that was to be applied.
        good: the digest of the last user-data that was proven, which is kept; empty if there is none.
        remembered: why it could not be remembered; empty if it was, or if there was nothing to remember.
        stopped: whether the path units that would have started a failed run again were stopped.
        proof: what the host told, after a run that went well, to the `Question` that came with it.
        before: what `snapshot` told before the run.
        after: what it told after it.
        leftovers: what `leftovers` told.
        dependents: what needs the unit, and went down with it.
    """

    began: str
    job: Section
    unit: Properties
    run: Run
    logged: bool
    same: bool
    good: str = ""
    remembered: str = ""
    stopped: bool = False
    proof: Answer | None = None
    before: str = ""
    after: str = ""
    leftovers: str = ""
    dependents: Dependents = field(default_factory=Dependents)

    @property
    def blocked(self) -> bool:
        """Whether the run had not ended within the time limit."""
        return self.job.timed_out


def apply(
    host: Host,
    source: Source,
    *,
    given: str | None,
    sha256: str,
    boot: str,
    written: Written,
    timeout: int,
    wait: bool,
    variables: t.Mapping[str, str],
    proof: Question,
) -> Applied:
    """Put what is given in place, if anything is, and have the unit run it. Raises RemediationError.

    Args:
        host: the host.
        source: what was seen of the user-data; the host must still be as it was then.
        given: what is to take the file's place, or None.
        sha256: the digest of what is to be applied.
        boot: the kernel's boot id.
        written: what the user-data asks for, to be remembered.
        timeout: seconds that the run may take.
        wait: whether to wait for a run that goes on, instead of a new one.
        variables: those that `snapshot` and `leftovers` read.
        proof: what to ask once the run has gone well.
    """
    place = source.place
    head, tail = memory_text(sha256, boot, written)
    answer = ask(
        host,
        f"prove() (\n{proof.script})\n{_APPLY_SH}",
        variables={
            **proof.variables,
            **_of(source),
            **variables,
            "EXPECTED": source.sha256,
            "NEW": sha256,
            "HAS_GIVEN": "" if given is None else "yes",
            "GIVEN": given or "",
            "GOES_ON": "yes" if wait else "",
            "TIMEOUT": str(timeout),
            "PROPERTIES": PROPERTIES,
            "REMEMBER_HEAD": head,
            "REMEMBER_TAIL": tail,
        },
        needs=(
            *("systemctl", "journalctl", "coreos-cloudinit", "sed", "grep", "sha256sum"),
            *("flock", "mktemp", "dd", "readlink", "truncate"),
        ),
    )
    _refuse(answer, place)
    units = parse_show(out_of(answer, "unit"))
    messages = last_run(parse_journal(out_of(answer, "journal")))
    remember = answer.get("remember")
    return Applied(
        began=out_of(answer, "began").strip(),
        job=answer["job"],
        unit=units[0] if units else {},
        run=parse_run(message.text for message in messages),
        logged=bool(messages),
        same=out_of(answer, "digest").strip() == sha256,
        good=out_of(answer, "good").strip(),
        stopped="calm" in answer,
        proof=answer if "masks" in answer else None,
        remembered=printable(remember.err) or f"exit status {remember.rc}" if remember and remember.rc else "",
        before=out_of(answer, "before"),
        after=out_of(answer, "after"),
        leftovers=out_of(answer, "leftovers"),
        dependents=parse_dependents(answer),
    )


def kept(source: Source, what: str) -> str:
    """Where on the host a user-data is kept: the one `before` what was given, or the last `good` one, proven."""
    return f"{MEMORY}/{escape_path(source.place.path)}.{what}"


def restore(host: Host, source: Source, *, sha256: str, in_force: bool, stopped: bool) -> str:
    """Put back what was there before `apply` put something else in place, and say so in a sentence.

    What was in force may be run again, by its path units or by our watch. What nobody has looked at is not run.

    Args:
        host: the host.
        source: what was seen before it.
        sha256: the digest of what was put in place.
        in_force: whether what was there had been applied.
        stopped: whether `apply` has stopped its path units; a file that is there they run as soon as they start.
    """
    path = printable(source.place.path)
    may_run = in_force or not source.file
    watch = watch_unit(source.place)
    before = kept(source, "before")
    if source.file:
        failed = f"What was at {path} before could not be put back"
        stays = f"it is kept as {before}"
    else:
        failed = f"There was no {path} before, and the given user-data could not be removed again"
        stays = "remove it"
    try:
        answer = ask(
            host,
            _RESTORE_SH,
            variables={
                **_of(source),
                "NEW": sha256,
                "WAS_THERE": "yes" if source.file else "",
                "WATCH_AGAIN": "yes" if stopped and may_run else "",
                "WATCH": watch,
                "HUSH": "" if may_run else "yes",
            },
            needs=("systemctl", "flock", "mktemp", "dd", "sha256sum", "readlink"),
        )
    except RemediationError as error:
        return f"{failed}, {stays}: {error.message}"
    hushed = _is_done(answer, "hush")
    asleep = ""
    if hushed and not _is_done(answer, "wake"):
        asleep = f" {watch} could not be started again{_said(answer.get('wake'))}; start it, then run again."
    ended = answer.get("restore")
    if ended is None or ended.rc not in (0, 3):
        lock = answer.get("lock")
        why = ", for somebody else holds the lock" if lock and lock.rc in _HELD else _said(ended or lock)
        return f"{failed}{why}; {stays}.{asleep}"
    if ended.rc:
        theirs = (
            f"nothing was put back; what was there before is kept as {before}" if source.file else "it was left alone"
        )
        return f"Somebody has changed {path} since, so {theirs}."
    if not source.file:
        return f"There was no {path} before, so it was removed again."
    back = f"What was at {path} before was put back"
    if stopped and may_run and source.watches:
        return f"{back}, and {_watches(source)} has it run again, as at boot."
    if _is_done(answer, "watched") and not hushed:
        return f"{back}; its watch sees that, and 'journalctl -t {NAME}' tells whether it was run again."
    return f"{back}, and nothing of it was run.{asleep}"


def confirm(host: Host, source: Source, *, sha256: str) -> str:
    """Remember that all is there that a user-data asks for, so that it counts as applied; say why if that failed.

    It is kept as the last good one then.

    Raises:
        RemediationError: somebody else has put another one there since.
    """
    variables = {**_of(source), "NEW": sha256, "UNPROVEN": UNPROVEN}
    try:
        answer = ask(host, _CONFIRM_SH, variables=variables, needs=("flock", "mktemp", "dd", "sha256sum"))
    except RemediationError as error:
        return error.message.rstrip(".")
    theirs = _brought_since(answer, sha256)
    if theirs:
        raise RemediationError(
            f"{printable(source.place.path)} was applied, and somebody else has put another user-data there since"
            f"{theirs}. See who does, then run again."
        )
    if _is_done(answer, "confirm"):
        return ""
    lock = answer.get("lock")
    if lock and lock.rc in _HELD:
        return "somebody else holds the lock"
    said = [printable(answer[name].err) for name in ("lock", "remembered", "confirm") if name in answer]
    return next(filter(None, said), "what is remembered is not what was written")


def _brought_since(answer: Answer, sha256: str) -> str:
    """Return what became of a user-data that has another digest, if there is one now; else an empty text."""
    remembered = parse_memory(out_of(answer, "remembered"))
    if remembered and remembered.sha256 != sha256:
        return " and applied it, so what this run has brought is in force no more"
    if out_of(answer, "there").strip() not in ("", sha256):
        return ", so what is there is not what this run has brought"
    return ""


def _is_done(answer: Answer, name: str) -> bool:
    return name in answer and answer[name].rc == 0


def _watches(source: Source) -> str:
    return " ".join(unit["Id"] for unit in source.watches)


def _of(source: Source) -> dict[str, str]:
    place = source.place
    return {
        "PLACE": place.path,
        "MEMORY": MEMORY,
        "KEPT": f"{MEMORY}/{escape_path(place.path)}",
        "LOCK": LOCK,
        "LIMIT": str(LIMIT),
        "PATIENCE": str(_PATIENCE),
        "UNIT": place.unit,
        "WATCHES": _watches(source),
    }


def _refuse(answer: Answer, place: Place) -> None:
    """Raise why the host did nothing, if it did nothing."""
    path = printable(place.path)
    if "lock" not in answer or answer["lock"].rc not in (0, *_HELD):
        raise RemediationError(
            f"The lock {LOCK} could not be taken on the host{_said(answer.get('lock'))}, so nothing was changed. Make "
            f"room in {LOCK.rpartition('/')[0]}, or remove what is in its place, then run again."
        )
    if answer["lock"].rc:
        raise RemediationError(
            f"Somebody else is applying user-data on the host at this moment, and held {LOCK} for more than "
            f"{_PATIENCE} s, so nothing was changed. Wait for the other run to end, then run again."
        )
    if answer["as-seen"].rc:
        raise RemediationError(
            f"{path} changed after it had been looked at: somebody else has replaced it at the same time. "
            f"Nothing was changed; see who does, then run again."
        )
    if "place" in answer and answer["place"].rc:
        raise RemediationError(
            f"The given user-data could not be put at {path}: '{printable(answer['place'].err)}'. "
            f"What was there is still there, and nothing was run; cure that, then run again."
        )


def _said(section: Section | None) -> str:
    return f": '{printable(section.err)}'" if section and section.err.strip() else ""
