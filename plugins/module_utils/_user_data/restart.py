# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""Restarting units that are older than their files, but none that containers or the operator's own way in stand on.

One round trip, so that whether containers run is known the moment before; a failure costs a second, for the journal.
What would be restarted is told by the same script, which then ends before it touches anything.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.container_linux.remediation.plugins.module_utils._host import (
    RemediationError,
    Section,
    ask,
    out_of,
    printable,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.failure import (
    CHAIN_SH,
    explain,
    find_failure,
    next_step,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import (
    CHAIN_PROPERTIES,
    REQUIREMENTS,
    STOPS,
    is_active,
    is_unit_name,
    parse_jobs,
    parse_show,
    shown,
)

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._host import Answer, Host
    from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import Properties
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.left import ChangedUnit

_HOLDS_CONTAINERS = ("docker.service", "early-docker.service", "containerd.service", "flanneld.service")
_LETS_IN = ("sshd.socket", "sshd.service", "ssh.socket", "ssh.service", "systemd-networkd.service", "dbus.service")
_SESSION = re.compile(r"sshd?@.*\.service\Z")
_RUNS_USER_DATA = re.compile(
    r"(user-cloudinit|system-cloudinit|user-configdrive|user-configvirtfs)[@.]|(coreos-cloudinit|container-linux-remediation)-"
)

# A unit is stopped, and restarted, with those that it names so.
_STOPPED_WITH = (*REQUIREMENTS, "PartOf", "StopPropagatedFrom")

_RESTART_SH = (
    CHAIN_SH
    + r"""
is_up() {
  case $(timeout -k 1 20 systemctl is-active -- "$1" 2>/dev/null) in
    inactive | failed | unknown) return 1 ;;
  esac
}

# A docker that is up and says nothing has containers, for all that is known. One that is not up is not asked: the
# question would start it.
ask_docker() {
  CONTAINERS=
  for DOCKER in docker early-docker; do
    if is_up "$DOCKER.service"; then
      SAID=$(timeout -k 1 10 curl -q -gsS --noproxy '*' --max-time 5 --unix-socket "/var/run/$DOCKER.sock" \
        http://docker/containers/json 2>/dev/null | head -c 2)
      case $SAID in
        '[]') ;;
        '[{') CONTAINERS="$CONTAINERS$DOCKER.service runs$LINE" ;;
        *) CONTAINERS="$CONTAINERS$DOCKER.service silent$LINE" ;;
      esac
    fi
  done
  begin containers
  printf '%s' "$CONTAINERS"
  finish containers 0
}

choose() {
  begin refused
  while read -r NAME SERVICES; do
    ! is_among "$NAME" "$CALLED" || continue
    UP=
    for SERVICE in $SERVICES; do
      ! is_up "$SERVICE" || UP=$UP$LINE$SERVICE
    done
    AGAINST=
    for ONE in "$NAME" $UP; do
      if is_among "$ONE" "$DOORS"; then
        AGAINST=door
      elif [ -z "$AGAINST" ] && is_among "$ONE" "$SPARED"; then
        AGAINST=containers
      fi
    done
    if [ -n "$AGAINST" ]; then
      printf '%s %s\n' "$AGAINST" "$NAME"
    elif [ -n "$UP" ]; then
      WITH_SERVICES=$WITH_SERVICES$LINE$NAME
      STOPPED=$STOPPED$UP
    else
      PLAIN=$PLAIN$LINE$NAME
    fi
  done <<END
$ROWS
END
  STATUS=$?
  finish refused "$STATUS"
  return "$STATUS"
}

# limited COMMAND...: within what is left of the time
limited() {
  LEFT=$((BEGAN + TIMEOUT - $(date +%s)))
  [ "$LEFT" -ge 1 ] || LEFT=1
  timeout -k 1 "$LEFT" "$@"
}

# systemd starts no socket whose service is up. Another socket may start it again in between, so not only once.
# shellcheck disable=SC2086 # names of units hold no blanks, and the lists of them are split here
restart_sockets() {
  begin sockets
  for _ in 1 2 3; do
    limited systemctl --no-ask-password stop -- $STOPPED &&
      limited systemctl --no-ask-password restart -- $WITH_SERVICES
    STATUS=$?
    [ "$STATUS" -ne 0 ] || break
  done
  limited systemctl --no-ask-password start -- $STOPPED || STATUS=$?
  finish sockets "$STATUS"
}

# systemctl waits for the units that it was given, and not for what systemd restarts with them.
wait_for_the_rest() {
  while [ "$(($(date +%s) - BEGAN))" -lt "$TIMEOUT" ] && any_has_a_job; do
    sleep 0.2
  done
}

any_has_a_job() {
  JOBS=$(timeout -k 1 20 systemctl list-jobs --no-pager --no-legend --full) || return
  for WORD in $JOBS; do
    ! is_among "$WORD" "$ALL" || return 0
  done
  return 1
}

# shellcheck disable=SC2086
restart() {
  [ -n "$FORETOLD" ] || section reload 60 systemctl --no-ask-password daemon-reload || return
  section began 5 date +%s
  BEGAN=$(date +%s)
  SPARED=
  DOORS=$(walk "$LETS_IN" "$STOPPED_WITH") || return
  if [ -z "$ALLOWED" ]; then
    ask_docker
    [ -z "$CONTAINERS" ] || SPARED=$(walk "$HOLDS_CONTAINERS" "$STOPPED_WITH") || return
  fi
  [ -z "$CALLED" ] || CALLED=$(walk "$CALLED" "$STOPS") || return
  PLAIN=
  WITH_SERVICES=
  STOPPED=
  choose || return
  CHOSEN=$(printf '%s\n' $WITH_SERVICES $STOPPED $PLAIN | sort -u)
  if [ -n "$CHOSEN" ]; then
    ALL=$(walk "$CHOSEN" "$STOPS") || return
    BEFORE=$(timeout -k 1 20 systemctl show --no-pager -p Id -p ActiveState -p ActiveEnterTimestampMonotonic -- $ALL) ||
      return
    begin before
    printf '%s\n' "$BEFORE"
    finish before 0
    # what is up, and so is restarted with them; systemd tells the name first
    ALL=$(printf '%s\n' "$BEFORE" | sed -n -e '/^Id=/{ s/^Id=//; h; }' -e '/^ActiveState=[ar]/{ x; p; }')
  fi
  begin known
  finish known 0
  if [ -z "$CHOSEN" ] || [ -n "$FORETOLD" ]; then return 0; fi
  [ -z "$WITH_SERVICES" ] || restart_sockets
  REST=
  for NAME in $PLAIN; do
    is_among "$NAME" "$STOPPED" || REST=$REST$LINE$NAME
  done
  if [ -n "$REST" ]; then
    begin job
    limited systemctl --no-ask-password restart -- $REST
    finish job "$?"
  fi
  wait_for_the_rest
  AFTER=$(timeout -k 1 20 systemctl show --no-pager"""
    + shown(CHAIN_PROPERTIES)
    + r""" -p ActiveEnterTimestampMonotonic -- $ALL)
  STATUS=$?
  begin show
  printf '%s\n' "$AFTER"
  finish show "$STATUS"
  section jobs 20 systemctl list-jobs --no-pager --no-legend --full
  case $AFTER in
    *ActiveState=activating* | *ActiveState=deactivating* | *ActiveState=inactive* | *ActiveState=failed*)
      chain "$ALL"
      ;;
  esac
}

set -f
restart
"""
)


@dataclass(frozen=True)
class Restarted:
    """What came of it.

    Attributes:
        done: the names of the units that were restarted, and of those that are always restarted with them.
        refused: why others were not, in sentences.
        left: those others.
    """

    done: list[str]
    refused: list[str]
    left: list[ChangedUnit]


def restart_changed(
    host: Host, units: t.Sequence[ChangedUnit], *, allow_container_restart: bool, timeout: int
) -> Restarted:
    """Restart units that are older than their files, all but those that must not be.

    systemd reads its files anew before that: coreos-cloudinit has it do so only where it wrote a unit.

    Args:
        host: the host.
        units: what `changed_units` returned.
        allow_container_restart: whether containers may be stopped by it.
        timeout: seconds that it may take, all of them together.

    Raises:
        RemediationError: a unit did not come up again. Its details hold `restarted` and `refused`.
    """
    refused = [sentence for unit in units for sentence in _refusals(unit, _WAS_NOT)]
    allowed = [unit for unit in units if not _refusals(unit, _WAS_NOT)]
    if not allowed:
        return Restarted([], refused, list(units))
    answer = ask(
        host,
        _RESTART_SH,
        variables=_variables(allowed, allow_container_restart=allow_container_restart, timeout=timeout),
        needs=_NEEDS,
    )
    reload = answer["reload"]
    if reload.rc:
        said = "nothing in 60 s" if reload.timed_out else f"'{printable(reload.err)}'"
        raise RemediationError(
            f"'systemctl daemon-reload' ended with exit status {reload.rc} and said {said}, so no unit was restarted. "
            f"{next_step(reload.err)}",
            restarted=[],
            refused=refused,
        )
    if "known" not in answer:
        return Restarted([], [*refused, _not_known(allowed)], list(units))
    for name, sentence in _found_out(answer, _WAS_NOT).items():
        refused.append(sentence)
        allowed = [unit for unit in allowed if unit.name != name]
    done = _proven(host, answer, [unit.name for unit in allowed], refused, timeout=timeout)
    return Restarted(done, refused, [unit for unit in units if unit.name not in done])


def foretell_restart(
    host: Host, units: t.Sequence[ChangedUnit], *, called: t.Sequence[str], allow_container_restart: bool
) -> Restarted:
    """Return what `restart_changed` would do with units, from what they depend on now; nothing is changed.

    Args:
        host: the host.
        units: those that will be older than their files.
        called: the names of units that will be stopped or restarted before that, and with them what needs them.
        allow_container_restart: whether containers may be stopped by it.
    """
    refused = [sentence for unit in units for sentence in _refusals(unit, _WOULD_NOT)]
    allowed = [unit for unit in units if not _refusals(unit, _WOULD_NOT)]
    if not allowed:
        return Restarted([], refused, list(units))
    variables = _variables(allowed, allow_container_restart=allow_container_restart, timeout=1)
    variables.update(FORETOLD="yes", CALLED="\n".join(called))
    answer = ask(host, _RESTART_SH, variables=variables, needs=_NEEDS)
    if "known" not in answer:
        return Restarted([], [*refused, _not_known(allowed)], list(units))
    found = _found_out(answer, _WOULD_NOT)
    up = [unit for unit in parse_show(out_of(answer, "before")) if is_unit_name(unit["Id"])]
    done = [unit["Id"] for unit in up if unit.get("ActiveState", "").startswith(("a", "r"))]
    return Restarted(done, [*refused, *found.values()], [unit for unit in units if unit.name not in done])


_NEEDS = ("systemctl", "sed", "curl")


def _variables(units: t.Sequence[ChangedUnit], *, allow_container_restart: bool, timeout: int) -> dict[str, str]:
    """Return what the script reads."""
    return {
        "ROWS": "\n".join(" ".join([unit.name, *unit.services]) for unit in units),
        "ALLOWED": "yes" if allow_container_restart else "",
        "HOLDS_CONTAINERS": "\n".join(_HOLDS_CONTAINERS),
        "LETS_IN": "\n".join(_LETS_IN),
        "STOPPED_WITH": shown(_STOPPED_WITH).strip(),
        "STOPS": shown(STOPS).strip(),
        "TIMEOUT": str(timeout),
        "FORETOLD": "",
        "CALLED": "",
    }


def _not_known(units: t.Sequence[ChangedUnit]) -> str:
    names = ", ".join(unit.name for unit in units)
    why = "systemd did not tell what would be stopped with them; check that 'systemctl show' answers, then run again"
    return f"Not restarted: {names}, for {why}."


_WAS_NOT = "was not restarted"
_WOULD_NOT = "would not be restarted"


def _refusals(unit: ChangedUnit, what: str) -> list[str]:
    """Why a unit is not restarted whatever the host says: a sentence, or none; `what` is its predicate."""
    if unit.name in _LETS_IN or _SESSION.match(unit.name):
        return [_DOOR.format(unit.name, what)]
    if _RUNS_USER_DATA.match(unit.name):
        return [f"{unit.name} {what}, for it is what runs user-data. Its new files are in force at its next run."]
    if unit.hindrance:
        return [f"{unit.name} {what}, for {unit.hindrance}."]
    return []


_DOOR = "{} {}, for that could cut the operator off from the host. Restart it where you have a console, or reboot."


def _found_out(answer: Answer, what: str) -> dict[str, str]:
    """Return why units are not restarted, as the host told it, by their names; `what` is the predicate."""
    sentences = {}
    for line in answer["refused"].out.splitlines():
        why, _blank, name = line.partition(" ")
        if why == "door":
            sentences[name] = _DOOR.format(printable(name), what)
        elif why == "containers":
            sentences[name] = (
                f"{printable(name)} {what}, for that would stop containers: {_dockers(answer)}. Restart "
                f"it when none runs, or give 'allow_container_restart: true'."
            )
    return sentences


def _dockers(answer: Answer) -> str:
    told = []
    for line in answer["containers"].out.splitlines():
        name, _blank, state = line.partition(" ")
        if state == "runs":
            told.append(f"{printable(name)} runs some")
        elif state == "silent":
            told.append(f"{printable(name)} is up and does not say whether it runs any")
    return ", ".join(told)


def _proven(host: Host, answer: Answer, names: t.Sequence[str], refused: t.Sequence[str], *, timeout: int) -> list[str]:
    """Return the units that were restarted, or raise why one is not up again."""
    if not names:
        return []
    show, calls = answer["show"], [answer[name] for name in ("sockets", "job") if name in answer]
    entered = {unit["Id"]: unit.get(_ENTERED, "") for unit in parse_show(answer["before"].out)}
    queued = {job.unit: job for job in parse_jobs(answer["jobs"].out)}
    found = {unit["Id"]: unit for unit in parse_show(show.out) if is_unit_name(unit["Id"])}
    missing = [name for name in names if name not in found]
    if missing:
        said = "nothing in 20 s" if show.timed_out else f"'{printable(show.err)}'"
        raise RemediationError(
            f"{', '.join(missing)} should have been restarted, and 'systemctl show' does not tell how that went: it "
            f"said {said}. Check that the host's systemd answers, then run again.",
            restarted=[],
            refused=list(refused),
        )
    new = [name for name, unit in found.items() if _is_new(unit, entered.get(name, ""))]
    failed = [
        unit
        for name, unit in found.items()
        if name in queued or not (name in new or (is_active(unit) and name not in names))
    ]
    done = [name for name in new if name not in queued]
    if failed:
        told = Section(max(call.rc for call in calls), "", "".join(call.err for call in calls))
        failures = [
            find_failure(unit, queued.get(unit["Id"]), "restart", answer, late=told.timed_out or unit["Id"] in queued)
            for unit in failed
        ]
        message, more = explain(host, failures, told=told, began=answer["began"].out.strip(), timeout=timeout)
        raise RemediationError(message, restarted=done, refused=list(refused), **more)
    return done


_ENTERED = "ActiveEnterTimestampMonotonic"


def _is_new(unit: Properties, entered: str) -> bool:
    """Whether a unit has come up since; one that only runs something once has then gone down again."""
    if is_active(unit):
        return unit.get(_ENTERED) != entered
    once = unit.get("Type") == "oneshot" and unit.get("RemainAfterExit") == "no"
    return once and unit.get("ActiveState") == "inactive" and unit.get("Result") == "success"
