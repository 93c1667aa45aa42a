# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""Why user-data did not come into force, in sentences.

The exit status of coreos-cloudinit does not tell: it is 0 where what a unit's start needs had failed.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from ansible_collections.container_linux.remediation.plugins.module_utils._host import RemediationError, printable
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.failure import (
    blocked_by,
    next_step,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import (
    is_unit_name,
    state_words,
    was_skipped,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.log import Command

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._host import Host
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.apply import Applied
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.compare import Comparison

_MOST = 3
"""Of so many failed commands the cause is looked for; each costs two round trips."""

# The chain that the diagnosis knows: what waits behind one of these waits behind user-data's own doing.
_DIAGNOSED = ("docker", "early-docker", "flanneld", "flannel-docker-opts", "etcd", "etcd2", "etcd-member")


@dataclass(frozen=True)
class Failure:
    """What failed: a sentence, and the calls of systemd whose units tell why."""

    sentence: str
    commands: t.Sequence[Command] = ()


@dataclass(frozen=True)
class Cause:
    """Why: sentences, and the result keys that go with them."""

    sentences: t.Sequence[str] = ()
    details: t.Mapping[str, t.Any] = field(default_factory=dict)


def of_run(applied: Applied, *, path: str, unit: str, timeout: int) -> Failure | None:
    """Return how a run failed, or None."""
    run = applied.run
    state = state_words(applied.unit) if applied.unit else "unknown to systemd"
    if applied.blocked and applied.unit.get("ActiveState") in ("active", "inactive", "failed"):
        return Failure(
            f"{path} is not applied yet: {unit} has not begun after {timeout} s, and is {state}.",
            _askable([Command("start", unit)]),
        )
    if applied.blocked:
        waiting = _askable(command for command in run.commands if not command.result)[-1:]
        hint = "" if waiting else " Look with 'systemctl list-jobs' what it waits for, or give a longer 'timeout'."
        return Failure(
            f"{path} is not applied whole: {unit} is {state} after {timeout} s{_at(run.doing)}, and goes on without "
            f"Ansible.{hint}",
            waiting,
        )
    if applied.unit and was_skipped(applied.unit):
        return Failure(
            f"{path} was not applied: systemd skipped {unit}, for a condition in its unit file is not met. "
            f"Find out which with 'systemctl status' of it, cure that, then run again."
        )
    # a path unit may have run it once more meanwhile, and well
    is_well = applied.logged and applied.unit.get("ActiveState") == "active"
    if (applied.job.rc and not is_well) or applied.unit.get("Result", "success") != "success" or run.errors:
        said = printable(applied.job.err)
        if run.errors:
            error = run.errors[-1]
            at = "" if _REFUSED.search(error) else _at(run.failed_at)
            why = f", and coreos-cloudinit said '{error}'{at}. {_advice(error, unit)}"
        elif said:
            why = f", and systemctl said '{said}'. {next_step(said)}"
        else:
            why = f". {_LOOK_AT_LOG.format(unit=unit)}"
        return Failure(f"{path} was not applied whole: {unit} is {state}{why}", _askable(run.failed_commands))
    if not applied.same:
        return Failure(
            f"{path} was changed by somebody else while it was applied, so nobody can tell which of both is in force. "
            f"See who does, then run again."
        )
    if run.failed_commands:
        ended = ", ".join(f"'{c.verb} {c.unit}' with '{c.result}'" for c in run.failed_commands)
        failed = _askable(run.failed_commands)
        hint = "" if failed else f" {_LOOK_AT_LOG.format(unit=unit)}"
        return Failure(f"{path} was applied, but not all that it calls systemd for went well: {ended}.{hint}", failed)
    return None


def _at(doing: str) -> str:
    # up to 1.12 the line of a call ends with a quote that nothing opens
    told = doing[:-1] if doing.endswith("\"'") else doing
    return f", at '{told}'" if told else ""


_LOOK_AT_LOG = "Look at what it logged with 'journalctl -b _SYSTEMD_UNIT={unit}', cure that, then run again."

# What systemd says of a unit that it has not, or that is masked: of a call, and, with `file`, where it is to enable it.
_REFUSED = re.compile(
    r"Unit (?:file )?(?:\S*/)?([^\s/]+) "
    r"(?:(is masked)|not found|not loaded|does not exist|failed to load: No such file or directory)"
)

_CALLED_FOR_UPDATE = ("locksmithd.service", "update-engine.service")


def _advice(error: str, unit: str) -> str:
    """Return what to do about what ended a run."""
    refused = _REFUSED.search(error)
    if refused:
        name, is_masked = refused.groups()
        what = f"what calls for {name}{', as coreos.update does,' * (name in _CALLED_FOR_UPDATE)}"
        or_else = "lift its mask with 'systemctl unmask'" if is_masked else "bring the unit with 'content'"
        return f"Take {what} out of the user-data, or {or_else}, then run again."
    # of a program that it calls, such as hostnamectl, it tells no more than how that ended
    if re.search(r"exit status [0-9]+\Z", error):
        return _LOOK_AT_LOG.format(unit=unit)
    return "Correct what it names, then run again."


def _askable(commands: t.Iterable[Command]) -> list[Command]:
    """Those whose unit systemd can be asked about: the log may have anything in the place of a name."""
    return [command for command in commands if is_unit_name(command.unit)]


def of_proof(proof: Comparison, *, path: str) -> Failure | None:
    """Return what of a user-data is not there although its run went well, or None."""
    items = [
        f"{item.kind.replace('_', '-')} {item.name} {item.state}{f' ({item.why})' if item.why else ''}"
        for item in proof.items
        if item.state in ("differs", "missing")
    ]
    units = [
        f"{unit.name} should be {unit.wanted} and is not{f' ({unit.why})' if unit.why else ''}"
        for unit in proof.units
        if not unit.as_asked
    ]
    if not items and not units:
        return None
    # of what did not stay up the unit itself tells why
    down = [unit for unit in proof.units if not unit.as_asked and unit.asked.startswith(("started", "restarted"))]
    advice = " Find out what changed it since (another user-data, a unit, an operator), then run again."
    return Failure(
        f"{path} was applied without an error, yet not all that it asks for is there: "
        f"{printable('; '.join(items + units), limit=1000)}.{advice if len(down) < len(items + units) else ''}",
        _askable(Command("start", unit.name) for unit in down),
    )


def cause(host: Host, failure: Failure, *, timeout: int) -> Cause:
    """Ask the host why the units of a failure did not do as they were told."""
    sentences: list[str] = []
    details: dict[str, t.Any] = {"failures": [], "journal": {}}
    names: set[str] = set()
    for command in failure.commands[:_MOST]:
        verb = command.verb if command.verb in ("start", "stop") else "restart"
        try:
            sentence, more = blocked_by(host, command.unit, verb, timeout, result=command.result)
        except RemediationError as error:
            sentence, more = error.message, {}
        sentences.append(sentence)
        for told in more.get("failures", []):
            details["failures"].append(told)
            names.update([told["unit"], *told["waits_for"]])
        details["journal"].update(more.get("journal", {}))
    if any(name.partition(".")[0] in _DIAGNOSED for name in names):
        try:
            # all that these bring along would cost each host a tenth of the play whose user-data is in force
            from ansible_collections.container_linux.remediation.plugins.module_utils._diagnosis.judgement import (
                judge as diagnose,
            )
            from ansible_collections.container_linux.remediation.plugins.module_utils._diagnosis.probe import observe

            diagnosis = diagnose(observe(host))
        except RemediationError as error:
            sentences.append(error.message)
        else:
            causes = [verdict for verdict in diagnosis["verdicts"] if verdict["kind"] == "cause"]
            sentences += [f"{verdict['cause']} {verdict['remedy']}" for verdict in causes[:1]]
            details["diagnosis"] = diagnosis
    return Cause(sentences, details if failure.commands else {})
