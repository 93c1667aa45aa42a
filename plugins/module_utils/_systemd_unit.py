# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""The logic of the module `systemd_unit`: read the units, decide, act, and prove it by reading them again.

A converged host costs one round trip, a change two; a failure costs a third, for the journal.
"""

from __future__ import annotations

import typing as t

from ansible_collections.container_linux.remediation.plugins.module_utils._host import (
    RemediationError,
    clean,
    printable,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.failure import (
    explain,
    find_failure,
    next_step,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.manager import (
    Plan,
    Unit,
    act,
    look,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import (
    is_unit_name,
    unit_name,
    was_skipped,
)

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._host import Answer, Host, Section

SPEC: dict[str, t.Any] = {
    "argument_spec": {
        "name": {"type": "list", "elements": "str", "required": True},
        "state": {"type": "str", "choices": ["started", "stopped", "restarted"]},
        "enabled": {"type": "bool"},
        "masked": {"type": "bool"},
        "daemon_reload": {"type": "bool", "default": False},
        "timeout": {"type": "int", "default": 120},
    },
}

# What `systemctl enable` says of such a unit is a hint, and its exit status 0.
_NOT_ENABLED = {
    "static": "its unit file has no [Install] section, so it is started only by what requires it or by hand",
    "indirect": "its [Install] section only names other units with Also=",
    "generated": "its unit file is made anew by a generator at each boot",
    "transient": "its unit file exists only until it stops",
}
_UNIT_FILES_OF_THE_ADMIN = "/etc/systemd/system/"


def ensure(params: dict[str, t.Any], host: Host, *, check_mode: bool) -> dict[str, t.Any]:
    """Bring units to the wanted state and return the module's result.

    Raises:
        RemediationError: the options contradict each other, a unit cannot be what is wanted (nothing has been
            touched then), or it did not become so.
    """
    names = _checked(params)
    units = look(host, names)
    for name in names:
        _refuse_the_impossible(params, name, units[name])
    plan = decide(params, list({unit.id: unit for unit in units.values()}.values()))

    before = {unit.id: _aspects(params, unit) for unit in units.values()}
    result: dict[str, t.Any] = {
        "changed": bool(plan),
        "actions": plan.actions(),
        "aliases": {name: clean(unit.id) for name, unit in units.items() if name != unit.id},
    }
    if check_mode:
        after = {unit.id: _predicted(params, unit) for unit in units.values()}
    elif plan:
        answer, found = act(host, list(before), plan, timeout=params["timeout"])
        after = {name: _aspects(params, unit) for name, unit in found.items()}
        units = {name: found[unit.id] for name, unit in units.items()}
        details = {**result, "changed": before != after, "units": _results(units)}
        _prove(params, host, plan, answer, found, details)
    else:
        after = before
    return {
        **result,
        "units": _results(units),
        "diff": {"before": before, "after": after},
        "warnings": _warnings(params, units),
    }


def _prove(
    params: t.Mapping[str, t.Any],
    host: Host,
    plan: Plan,
    answer: Answer,
    units: t.Mapping[str, Unit],
    details: t.Mapping[str, t.Any],
) -> None:
    """Raise why the units did not become what is wanted, if so."""
    told = answer.get("job")
    failed = [units[name] for name in plan.targets if not told or not _as_wanted(units[name], plan.verb, told)]
    if told and failed:
        failures = [
            find_failure(unit.properties, unit.job, plan.verb, answer, late=told.timed_out or unit.id in plan.starting)
            for unit in failed
        ]
        message, more = explain(host, failures, told=told, began=answer["began"].out.strip(), timeout=params["timeout"])
        raise RemediationError(message, **details, **more)
    sentence = _unfulfilled(params, plan, answer, list(units.values()))
    if sentence:
        raise RemediationError(sentence, **details)


def decide(params: t.Mapping[str, t.Any], units: t.Sequence[Unit]) -> Plan:
    """Return what is to be done to units that no option forbids."""
    state, enabled, masked = params["state"], params["enabled"], params["masked"]
    unmask = [unit.id for unit in units if masked is False and unit.masked]
    targets = {
        "started": [unit.id for unit in units if not unit.up],
        "stopped": [unit.id for unit in units if not unit.down],
        "restarted": [unit.id for unit in units],
        None: [],
    }[state]
    return Plan(
        reload=params["daemon_reload"] and any(unit.stale for unit in units),
        unmask=unmask,
        # whether a masked unit is enabled shows only once its mask is gone
        enable=[u.id for u in units if enabled is True and (u.file_state != "enabled" or u.id in unmask)],
        disable=[u.id for u in units if enabled is False and (u.enabled or u.id in unmask)],
        mask=[unit.id for unit in units if masked is True and unit.file_state != "masked"],
        verb={"started": "start", "stopped": "stop", "restarted": "restart", None: ""}[state],
        targets=targets,
        starting=[unit.id for unit in units if state == "started" and unit.active == "activating" and not unit.passes],
    )


def _checked(params: t.Mapping[str, t.Any]) -> list[str]:
    """Return the units' full names, each once."""
    names = list(dict.fromkeys(unit_name(name) for name in params["name"]))
    state, masked = params["state"], params["masked"]
    if not names:
        raise RemediationError("The list 'name' is empty. Give at least one unit.")
    if state is None and params["enabled"] is None and masked is None and not params["daemon_reload"]:
        raise RemediationError(
            "Nothing is wanted of the units. Give at least one of 'state', 'enabled', 'masked' and 'daemon_reload'."
        )
    if masked and (state in ("started", "restarted") or params["enabled"]):
        raise RemediationError(
            "A masked unit can be neither started nor enabled, and both are wanted. Drop 'masked', or the other."
        )
    if not 1 <= params["timeout"] <= 86400:
        raise RemediationError(
            f"The time limit of {params['timeout']} seconds is out of range. Give 1 to 86400 seconds."
        )
    return names


def _refuse_the_impossible(params: t.Mapping[str, t.Any], name: str, unit: Unit) -> None:
    """Raise the reason why a unit cannot be what is wanted, before anything is touched."""
    state, enabled, masked = params["state"], params["enabled"], params["masked"]
    wanted = state is not None or enabled is not None
    if unit.missing and (wanted or masked is None):
        raise RemediationError(
            f"The unit {name} does not exist on the host: systemd has found no unit file for it. "
            f"Check the name, or install its unit file first."
        )
    if unit.load not in ("loaded", "masked", "not-found") and wanted and not (params["daemon_reload"] and unit.stale):
        raise RemediationError(
            f"systemd could not load the unit {name}: its state is '{printable(unit.load)}', "
            f"'{printable(unit.properties.get('LoadError', ''))}'. "
            f"Correct {printable(unit.fragment) or 'its unit file'}, then run again with 'daemon_reload: true'."
        )
    if unit.load == "not-found" and not unit.missing and wanted and not params["daemon_reload"]:
        raise RemediationError(
            f"The unit file of {name} came after systemd last read its files. Run again with 'daemon_reload: true'."
        )
    if unit.masked and masked is not False:
        deed = {"started": "started", "restarted": "restarted"}.get(state or "")
        if (deed == "started" and not unit.up) or deed == "restarted" or enabled:
            raise RemediationError(
                f"The unit {name} is masked, so it cannot be {deed or 'enabled'}. "
                f"Find out who masked it and why, then add 'masked: false'."
            )
    if enabled and unit.file_state in _NOT_ENABLED:
        raise RemediationError(
            f"The unit {name} is '{unit.file_state}' and cannot be enabled: {_NOT_ENABLED[unit.file_state]}. "
            f"Drop 'enabled', or give it a drop-in with WantedBy= in a section [Install]."
        )
    if masked and not unit.masked and unit.fragment.startswith(_UNIT_FILES_OF_THE_ADMIN):
        raise RemediationError(
            f"The unit {name} cannot be masked: its own file {printable(unit.fragment)} stands where the mask would "
            f"go. Move that file away, or use 'enabled: false' instead."
        )


def _aspects(params: t.Mapping[str, t.Any], unit: Unit) -> dict[str, t.Any]:
    """Return what of a unit the options speak of, for before and after."""
    aspects: dict[str, t.Any] = {}
    if params["state"] is not None:
        aspects["active"] = clean(unit.active)
        aspects["job"] = clean(f"{unit.job.type} {unit.job.state}") if unit.job else None
    if params["enabled"] is not None:
        aspects["enabled"] = unit.enabled
    if params["masked"] is not None:
        aspects["masked"] = unit.masked
    if params["daemon_reload"]:
        aspects["need_daemon_reload"] = unit.stale
    return aspects


def _predicted(params: t.Mapping[str, t.Any], unit: Unit) -> dict[str, t.Any]:
    """Return what `_aspects` will say when all is done."""
    aspects = _aspects(params, unit)
    if params["state"] == "stopped":
        aspects.update(active=unit.active if unit.down else "inactive", job=None)
    elif params["state"] is not None:
        ends_up = "inactive" if unit.passes else "active"
        stays = params["state"] == "started" and unit.up
        aspects.update(active=unit.active if stays else ends_up, job=None)
    for name in ("enabled", "masked"):
        if params[name] is not None:
            aspects[name] = params[name]
    if params["daemon_reload"]:
        aspects["need_daemon_reload"] = False
    return aspects


def _unfulfilled(params: t.Mapping[str, t.Any], plan: Plan, answer: Answer, units: t.Sequence[Unit]) -> str:
    """Return the sentence about a change of unit files that failed, or an empty text."""
    for verb in ("daemon-reload", "unmask", "enable", "disable", "mask"):
        step = answer.get(verb)
        if step and step.rc:
            said = "nothing in 60 s" if step.timed_out else f"'{printable(step.err)}'"
            command = " ".join(["systemctl", *(act for act in plan.actions() if act.split()[0] == verb)])
            return f"'{command}' ended with exit status {step.rc} and said {said}. {next_step(step.err)}"
    for unit in units:
        for aspect, found in (("enabled", unit.enabled), ("masked", unit.masked)):
            if params[aspect] is not None and params[aspect] != found:
                return (
                    f"The unit {unit.id} should be {'' if params[aspect] else 'not '}{aspect}, systemctl reported "
                    f"success, yet its unit file state is '{printable(unit.file_state)}'. "
                    f"Look at {printable(unit.fragment) or 'its unit file'} and the links to it."
                )
    return ""


def _as_wanted(unit: Unit, verb: str, job: Section) -> bool:
    """Whether a unit became what its job was to make of it."""
    named = {word.strip(".:,'\"") for word in job.err.split()}
    blamed = job.rc != 0 and (unit.id in named or not any(is_unit_name(word) for word in named))
    if verb == "stop":
        return unit.down
    if verb == "start" and not unit.passes:
        return unit.up
    if unit.job or blamed:
        return False
    if not unit.passes:
        return unit.up
    well = unit.properties.get("Result", "success") == "success"
    return unit.active == "inactive" and well and not was_skipped(unit.properties)


def _results(units: t.Mapping[str, Unit]) -> dict[str, t.Any]:
    return {name: unit.result() for name, unit in units.items()}


def _warnings(params: t.Mapping[str, t.Any], units: t.Mapping[str, Unit]) -> list[str]:
    stale = [name for name, unit in units.items() if unit.stale and not params["daemon_reload"]]
    if not stale:
        return []
    return [
        f"Unit files of {', '.join(stale)} changed on disk since systemd read them: what runs, or was started, is "
        f"what they said before. Use 'daemon_reload: true' to have them read."
    ]
