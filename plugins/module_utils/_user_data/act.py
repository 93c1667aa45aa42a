# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""What the module `cloudinit_rerun` does about user-data that is not in force: refuse it, or act and prove."""

from __future__ import annotations

import time
import typing as t
from dataclasses import replace

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.asked import asked
from ansible_collections.container_linux.remediation.plugins.module_utils._host import RemediationError, printable
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data import failure, result
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.apply import (
    apply,
    confirm,
    kept,
    restore,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.compare import (
    compare,
    comparison,
    question,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.dependents import (
    dependents_variables,
    lost_with,
    still_down,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.gate import (
    conflicts,
    gate,
    sentences,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.left import (
    changed_units,
    left_variables,
    names_of,
    no_longer,
    parse_leftovers,
    parse_snapshot,
    unsettled_sentences,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.metadata import with_metadata
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import Written
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.units import (
    is_between_starts,
    is_running,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.watch import (
    set_watch,
    unwatchable,
    watch_unit,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.written import (
    brought,
    to_be_written,
    together,
    was_written,
)

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._cloudinit_rerun import Task
    from ansible_collections.container_linux.remediation.plugins.module_utils._host import Answer, Host
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.apply import Applied
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.compare import Comparison
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import (
        Look,
        Source,
    )

# A unit that has failed and is about to be started again may come up at its second try: seconds, and how often.
_PAUSE = 3
_ATTEMPTS = 5


def act(
    host: Host,
    seen: Look,
    tasks: t.Sequence[Task],
    watches: t.Sequence[Source],
    params: t.Mapping[str, t.Any],
    told: dict[str, t.Any],
    *,
    check_mode: bool,
    diff: bool,
) -> None:
    """Bring user-data up to date, and have it watched or not.

    Args:
        host: the host.
        seen: what was seen of it.
        tasks: what is to be brought up to date.
        watches: the user-data that are to be watched, or not any more.
        params: the module's options.
        told: the module's result, to which is added what is done.
        check_mode: whether to tell only what would be done.
        diff: whether to tell what that changes.

    Raises:
        RemediationError: the user-data is refused (nothing has been touched then), or did not come into force.
    """
    try:
        # who gets rid of it may do so because of a file that the gate refuses
        if not params["watch"]:
            for source in watches:
                _watch(source, host, wanted=False, check_mode=check_mode, told=told)
        tasks = [task for task in tasks if not _is_there(task, host, params, told, check_mode=check_mode)]
        _pass_the_gate(tasks, seen, params, told)
        foretold = {}
        if diff or check_mode:
            from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.foretell import (
                foretell,
            )

            foretold = {task.path: foretell(task, host, params) for task in tasks}
            for task in tasks:
                told["warnings"] += sentences(task.title, foretold[task.path].refusals)
        if diff:
            told["diff"] = [known.diff(path) for path, known in foretold.items()]
        # before anything runs, for what is watched notes its runs
        if params["watch"]:
            for source in watches:
                _watch(source, host, wanted=True, check_mode=check_mode, told=told)
        for task in tasks:
            if check_mode:
                _tell_actions(task.actions(), told)
                forecast = foretold[task.path].forecast
                _tell_actions([f"systemctl restart {name}" for name in forecast.restarts], told)
                told["warnings"] += forecast.refused
            else:
                _bring_up_to_date(task, host, seen, params, told)
    except RemediationError as error:
        raise RemediationError(error.message, **{**told, **error.details}) from error


def _tell_actions(actions: t.Sequence[str], told: dict[str, t.Any]) -> None:
    told["actions"] += actions
    told["changed"] = told["changed"] or bool(actions)


def _is_there(
    task: Task, host: Host, params: t.Mapping[str, t.Any], told: dict[str, t.Any], *, check_mode: bool
) -> bool:
    """Whether all is there that a user-data asks for, where nothing but that was unknown of it."""
    if task.given is not None or task.state.name != "unproven":
        return False
    proof = _proof(task, host, None, timeout=params["timeout"])
    if failure.of_proof(proof, path=task.path):
        return False
    told.setdefault("proof", {})[task.path] = result.of_proof(proof)
    if proof.partial or not check_mode:
        _confirm(task, host, proof, told)
    return True


def _confirm(task: Task, host: Host, proof: Comparison, told: dict[str, t.Any], *, forgotten: str = "") -> None:
    """Remember that a user-data is applied and proven, or say why not; `forgotten`: why nothing can be confirmed.

    Raises RemediationError where somebody else has put another one there since.
    """
    applied = f"{printable(task.path)} is applied, but"
    if proof.partial:
        told["warnings"].append(
            f"{applied} whether all is there that it asks for is not known: {' '.join(proof.partial)} Cure that, then "
            f"run again."
        )
        return
    why = forgotten or confirm(host, task.source, sha256=task.content.sha256)
    if why:
        told["warnings"].append(f"{applied} that could not be remembered: {why}.")


def _pass_the_gate(tasks: t.Sequence[Task], seen: Look, params: t.Mapping[str, t.Any], told: dict[str, t.Any]) -> None:
    """Raise what is wrong with a user-data that is to be applied, and keep what there is to warn of."""
    refused: list[str] = []
    for task in tasks:
        found = gate(
            task.content,
            seen=seen,
            name=task.title,
            allow_scripts=params["allow_scripts"],
            allow_lockout=params["allow_lockout"],
            metadata=task.source.metadata,
        )
        told["warnings"] += found.warnings
        refused += found.blockers
    if refused:
        so = "Nothing was applied." if told["changed"] else "Nothing was changed."
        alone = " With its 'path' another user-data can be applied alone." if len(tasks) > 1 else ""
        raise RemediationError(f"{' '.join(refused)} {so}{alone}", refused=refused)
    if tasks:
        everything = {
            source.place.path: with_metadata(asked(source.content.skeleton), source.metadata)
            for source in seen.sources
            if source.content and source.content.skeleton
        }
        everything.update({task.path: task.asked for task in tasks})
        told["warnings"] += conflicts(everything)


def _bring_up_to_date(
    task: Task, host: Host, seen: Look, params: t.Mapping[str, t.Any], told: dict[str, t.Any]
) -> None:
    """Apply one user-data and prove it. Raises RemediationError."""
    now, before = to_be_written(task.asked), was_written(task.source)
    everything = together([now, *_others(task, seen)])
    # what cannot be told this time may be the next one
    unsettled = no_longer(before, everything) if task.asked.doubts else Written()
    applied = apply(
        host,
        task.source,
        given=task.given,
        sha256=task.content.sha256,
        boot=seen.boot,
        written=together([now, unsettled]),
        timeout=params["timeout"],
        wait=task.waits,
        variables={**left_variables(task.asked, before, everything), **dependents_variables(task.asked)},
        proof=question(task.asked, path=task.path, sha256=task.content.sha256),
    )
    _tell_actions([*task.actions(), *(f"systemctl start {name}" for name in applied.dependents.up)], told)
    told.setdefault("applied", {})[task.path] = result.of_run(applied.run)
    failed = failure.of_run(applied, path=task.path, unit=task.unit, timeout=params["timeout"])
    if failed:
        raise _undone(task, host, failed, params, applied)
    told["warnings"] += still_down(applied.dependents, unit=task.unit)
    proof = _prove(task, host, params, told, applied, answer=applied.proof)
    told["warnings"] += unsettled_sentences(unsettled, path=task.path, doubts=task.asked.doubts)
    if not applied.logged:
        told["warnings"].append(
            f"The journal has nothing of what {task.unit} logged, so how its calls of systemd ended is not known; what "
            f"it asks for was looked at all the same."
        )
    told["warnings"] += [
        f"{task.title} is a script, which {printable(name)} runs, and nobody has waited for its end: 'systemctl "
        f"status' of that tells what becomes of it."
        for name in applied.run.scripts
    ]
    if _restart_what_is_left(task, host, applied, params, told):
        proof = _prove(task, host, params, told, applied)
    _confirm(task, host, proof, told, forgotten=applied.remembered)


def _prove(
    task: Task,
    host: Host,
    params: t.Mapping[str, t.Any],
    told: dict[str, t.Any],
    applied: Applied,
    *,
    answer: Answer | None = None,
) -> Comparison:
    """Tell whether all that a user-data asks for is there. Raises RemediationError where it is not.

    Args:
        task: the user-data.
        host: the host.
        params: the module's options.
        told: the module's result.
        applied: how its run went.
        answer: what the host has told already, if it has.
    """
    proof = _proof(task, host, answer, timeout=params["timeout"])
    told.setdefault("proof", {})[task.path] = result.of_proof(proof)
    failed = failure.of_proof(proof, path=task.path)
    if failed:
        raise _undone(task, host, failed, params, applied, doubted=True)
    return proof


def _proof(task: Task, host: Host, answer: Answer | None, *, timeout: int) -> Comparison:
    """Compare the host with what a user-data asks for.

    A unit that systemd starts again, or that is up since its process began, must be up some seconds later without
    another start.
    """

    def look() -> Comparison:
        return compare(host, task.asked, path=task.path, sha256=task.content.sha256)

    proof = comparison(answer, task.asked, path=task.path) if answer else look()
    starts = _starts(proof)
    if all(starts.values()) and not any(unit.is_young for unit in proof.units):
        return proof
    restless: list[str] = []
    for _attempt in range(min(_ATTEMPTS, timeout // _PAUSE)):
        before = starts
        time.sleep(_PAUSE)
        proof = look()
        starts = _starts(proof)
        restless = [name for name, start in starts.items() if not start or before.get(name, start) != start]
        if not restless:
            break
    units = [
        replace(unit, as_asked=False, why="it ends, and systemd starts it again and again")
        if unit.name in restless and unit.is_to_stay and unit.as_asked
        else unit
        for unit in proof.units
    ]
    return replace(proof, units=units)


def _starts(proof: Comparison) -> dict[str, str]:
    """Return when the units came up that are to stay so, by name; empty for one that failed and is started again."""
    starts = {}
    for unit in proof.units:
        if is_between_starts(unit.properties) and not unit.as_asked:
            starts[unit.name] = ""
        elif unit.is_to_stay and is_running(unit.properties):
            starts[unit.name] = unit.properties.get("ActiveEnterTimestampMonotonic", "?")
    return starts


def _others(task: Task, seen: Look) -> list[Written]:
    """What the other user-data of the host ask for."""
    return [
        to_be_written(asked(source.content.skeleton))
        for source in seen.sources
        if source.place.path != task.path and source.content and source.content.skeleton
    ]


def _undone(
    task: Task,
    host: Host,
    failed: failure.Failure,
    params: t.Mapping[str, t.Any],
    applied: Applied,
    *,
    doubted: bool = False,
) -> RemediationError:
    """Return the error of a failure, with its cause, once what was there before is back.

    Args:
        task: what failed.
        host: the host.
        failed: how.
        params: the module's options.
        applied: how its run went. Where that has not ended, what it brings will be in force then, so its file stays.
        doubted: whether its run went well, and what it asks for is not there.
    """
    # what was not proven has been looked at for this long
    waited = min(params["timeout"], _ATTEMPTS * _PAUSE) if doubted else params["timeout"]
    why = failure.cause(host, failed, timeout=waited)
    lost = [] if doubted else lost_with(applied.dependents, unit=task.unit)
    undone = _put_back(task, host, applied)
    return RemediationError(" ".join(filter(None, [failed.sentence, *why.sentences, *lost, *undone])), **why.details)


def _put_back(task: Task, host: Host, applied: Applied) -> list[str]:
    """Put back what was there before, if anything was given, and say how things stand; see `_undone`."""
    sentences = []
    # a unit that is up again is not run anew
    stopped = applied.stopped and applied.unit.get("ActiveState") != "active"
    if stopped and task.given is None:
        names = " and ".join(printable(unit["Id"]) for unit in task.source.watches)
        sentences.append(f"Lest it be run again and again, {names} was stopped; the next boot starts it.")
    path = printable(task.path)
    if task.given is None and applied.good not in ("", task.content.sha256):
        sentences.append(f"The last one that was proven is kept as {kept(task.source, 'good')}.")
    elif task.given is not None and applied.blocked:
        sentences.append(f"The given user-data stays at {path}, for its run is not over.")
        if task.source.file:
            sentences.append(f"What was there before is kept as {kept(task.source, 'before')}.")
    elif task.given is not None:
        in_force = task.state.name == "current"
        sentences.append(restore(host, task.source, sha256=task.content.sha256, in_force=in_force, stopped=stopped))
        stays = names_of(no_longer(brought(applied.run), was_written(task.source)))
        sentences += [f"What it had brought until then stays: {stays}."] * bool(stays)
    return sentences


def _restart_what_is_left(
    task: Task, host: Host, applied: Applied, params: t.Mapping[str, t.Any], told: dict[str, t.Any]
) -> bool:
    """Tell what the run did not do: it neither restarts what runs, nor removes what is asked for no more.

    Returns:
        whether anything was restarted, since that is wished.

    Raises:
        RemediationError: a unit did not come up again; what was there before the user-data is back then.
    """
    restarts: t.Sequence[str] = ()
    changed = changed_units(parse_snapshot(applied.before), parse_snapshot(applied.after))
    left = told.setdefault("left_behind", {"changed_units": [], "no_longer_asked_for": []})
    left["no_longer_asked_for"] += [leftover.told() for leftover in parse_leftovers(applied.leftovers)]
    if changed and params["restart_changed_units"]:
        from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.restart import (
            restart_changed,
        )

        try:
            restarted = restart_changed(
                host,
                changed,
                allow_container_restart=params["allow_container_restart"],
                timeout=params["timeout"],
            )
        except RemediationError as error:
            undone = _put_back(task, host, applied)
            raise RemediationError(" ".join([error.message, *undone]), **error.details) from error
        restarts = restarted.done
        _tell_actions([f"systemctl restart {name}" for name in restarts], told)
        told["warnings"] += restarted.refused
        changed = restarted.left
    left["changed_units"] += [unit.told() for unit in changed]
    return bool(restarts)


def _watch(source: Source, host: Host, *, wanted: bool, check_mode: bool, told: dict[str, t.Any]) -> None:
    """Install or remove what applies this user-data whenever it changes."""
    reason = unwatchable(source.place, is_link=source.is_link) if wanted else ""
    if reason:
        raise RemediationError(
            f"{printable(source.place.path)} cannot be watched: {reason}. Nothing was changed; give the 'path' of "
            f"another user-data, or drop 'watch'."
        )
    if source.watched is (True if wanted else None):
        return
    told["changed"] = True
    told["actions"] += (
        [f"{'install' if wanted else 'remove'} {watch_unit(source.place)}"]
        if check_mode
        else set_watch(host, source.place, wanted=wanted)
    )
