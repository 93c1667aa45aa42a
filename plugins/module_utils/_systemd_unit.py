# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""The logic of the module `systemd_unit`: read the units, decide, act, and prove it by reading them again.

A converged host costs one round trip, a change two; a failure costs a third, for the journal.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.container_linux.remediation.plugins.module_utils._host import (
    Answer,
    Host,
    RemediationError,
    Section,
    ask,
    clean,
    printable,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd import (
    CHAIN_PROPERTIES,
    REQUIREMENTS,
    Job,
    Properties,
    is_unit_name,
    parse_jobs,
    parse_show,
    unit_name,
    was_skipped,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd_failure import (
    explain,
    find_failure,
    next_step,
)

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

_PROPERTIES = (
    "Id",
    "LoadState",
    "LoadError",
    "ActiveState",
    "SubState",
    "Result",
    "ConditionResult",
    "ConditionTimestampMonotonic",
    "UnitFileState",
    "NeedDaemonReload",
    "FragmentPath",
    "DropInPaths",
    "Type",
    "RemainAfterExit",
)


def _properties(names: t.Sequence[str]) -> str:
    return "".join(f" -p {name}" for name in names)


_READ_SH = (
    r"""
# shellcheck disable=SC2086 # names of units hold no blanks, and the lists of them are split here
set -f
read_units() {
  section show 20 systemctl show --no-pager"""
    + _properties(_PROPERTIES)
    + r""" -- $UNITS
  section jobs 20 systemctl list-jobs --no-pager --no-legend --full
  NUMBER=0
  for NAME in $UNITS; do
    section "enabled-$NUMBER" 20 systemctl is-enabled -- "$NAME"
    begin "disk-$NUMBER"
    unit_files
    finish "disk-$NUMBER" 0
    NUMBER=$((NUMBER + 1))
  done
}

# What systemd does not notice by itself: a unit's first drop-in, and a file that goes before its fragment.
unit_files() (
  set +f
  for DIRECTORY in /etc/systemd/system /run/systemd/system /usr/local/lib/systemd/system /usr/lib/systemd/system; do
    for FILE in "$DIRECTORY/$NAME" "$DIRECTORY/$NAME.d"/*.conf "$DIRECTORY/${NAME%%@*}@.${NAME##*.}.d"/*.conf; do
      if [ -f "$FILE" ] && [ -s "$FILE" ] && [ ! -L "$FILE" ]; then
        printf '%s\n' "$FILE"
      fi
    done
  done
)
"""
)

_PROBE_SH = _READ_SH + "read_units\n"

_ACT_SH = (
    _READ_SH
    + r"""
change() {
  section "$1" 60 systemctl --no-ask-password "$@"
}

# The unit files first: what is started must be what is on disk and asked for.
act() {
  if [ -n "$RELOAD" ]; then
    change daemon-reload || return
  fi
  if [ -n "$UNMASK" ]; then
    change unmask -- $UNMASK || return
    change unmask --runtime -- $UNMASK || return
  fi
  if [ -n "$ENABLE" ]; then
    change enable -- $ENABLE || return
  fi
  if [ -n "$DISABLE" ]; then
    change disable -- $DISABLE || return
    change disable --runtime -- $DISABLE || return
  fi
  if [ -n "$MASK" ]; then
    change mask -- $MASK || return
  fi
  if [ -n "$TARGETS" ]; then
    section job "$TIMEOUT" systemctl --no-ask-password "$VERB" -- $TARGETS || wait_for_the_starting
  fi
}

# A unit that systemd was starting before this call may be between two attempts of its own. It is not started
# again, which would only wear out its limit of starts: the next attempt is waited for.
wait_for_the_starting() {
  while [ -n "$STARTING" ] && [ "$(($(date +%s) - BEGAN))" -lt "$TIMEOUT" ] && any_starting; do
    sleep 1
  done
  return 1
}

# An attempt that was cut short is "deactivating", and for a moment "inactive" with a job.
any_starting() {
  timeout -k 1 20 systemctl show -p ActiveState -p Job -- $STARTING |
    grep -q -E '^(ActiveState=(de)?activating|Job=[1-9])'
}

section began 5 date +%s
BEGAN=$(date +%s)
DONE=1
act || DONE=
read_units
if [ -z "$DONE" ] && [ -n "$TARGETS" ]; then
  # A unit that is down leaves systemd's memory, and so the answer to '*': what is required is asked for by name.
  NEEDED=$TARGETS
  for _ in 1 2 3 4; do
    MORE=$(timeout -k 1 20 systemctl show --no-pager"""
    + _properties(REQUIREMENTS)
    + r""" -- $NEEDED)
    NEEDED=$(printf '%s\n' "$TARGETS" "$MORE" | sed 's/^[A-Za-z]*=//' | tr ' ' '\n' | sort -u)
  done
  section chain 20 systemctl show --no-pager"""
    + _properties(CHAIN_PROPERTIES)
    + r""" -- $NEEDED '*'
fi
"""
)

# What `systemctl enable` says of such a unit is a hint, and its exit status 0.
_NOT_ENABLED = {
    "static": "its unit file has no [Install] section, so it is started only by what requires it or by hand",
    "indirect": "its [Install] section only names other units with Also=",
    "generated": "its unit file is made anew by a generator at each boot",
    "transient": "its unit file exists only until it stops",
}
_UNIT_FILES_OF_THE_ADMIN = "/etc/systemd/system/"


@dataclass(frozen=True)
class Unit:
    """One unit as the host described it."""

    properties: Properties
    file_state: str
    job: Job | None
    on_disk: list[str]
    """The paths of its own files and drop-ins (regular ones), those that go before others first."""

    @property
    def id(self) -> str:
        return self.properties["Id"]

    @property
    def load(self) -> str:
        return self.properties.get("LoadState", "")

    @property
    def active(self) -> str:
        return self.properties.get("ActiveState", "")

    @property
    def fragment(self) -> str:
        return self.properties.get("FragmentPath", "")

    @property
    def masked(self) -> bool:
        return self.load == "masked" or self.file_state in ("masked", "masked-runtime")

    @property
    def enabled(self) -> bool:
        return self.file_state in ("enabled", "enabled-runtime")

    @property
    def drop_ins(self) -> list[str]:
        return self.properties.get("DropInPaths", "").split()

    @property
    def stale(self) -> bool:
        """Whether its files changed on disk since systemd read them."""
        known = {path.rpartition("/")[2] for path in self.drop_ins}
        new = [path for path in self.on_disk if ".d/" in path and path.rpartition("/")[2] not in known]
        own = [path for path in self.on_disk if ".d/" not in path]
        shadowed = bool(own) and own[0].startswith(("/etc/", "/run/")) and own[0] != self.fragment
        return (
            self.properties.get("NeedDaemonReload") == "yes"
            or (self.load == "loaded" and (bool(new) or shadowed))
            or (self.load == "not-found" and not self.missing)
        )

    @property
    def missing(self) -> bool:
        """Whether neither systemd nor the disk knows it."""
        return self.load == "not-found" and not self.file_state

    @property
    def up(self) -> bool:
        return self.active in ("active", "reloading") and not (self.job and self.job.type == "stop")

    @property
    def down(self) -> bool:
        return self.active in ("inactive", "failed") and not (self.job and self.job.type != "stop")

    @property
    def between(self) -> bool:
        """Whether systemd itself is starting it, or about to: an attempt cut short ends `inactive`, with a job."""
        return self.active in ("activating", "deactivating") or bool(self.job and self.job.type != "stop")

    @property
    def passes(self) -> bool:
        """Whether a successful start leaves it inactive, as it only runs something once."""
        return self.properties.get("Type") == "oneshot" and self.properties.get("RemainAfterExit") == "no"

    def result(self) -> dict[str, t.Any]:
        """Return the unit for the module's result."""
        shown = {
            "id": self.id,
            "load_state": self.load,
            "active_state": self.active,
            "sub_state": self.properties.get("SubState", ""),
            "result": self.properties.get("Result", ""),
            "unit_file_state": self.file_state,
            "fragment": self.fragment,
            "job": f"{self.job.type} {self.job.state}" if self.job else "",
        }
        return {
            **{key: clean(value) for key, value in shown.items()},
            "drop_ins": [clean(path) for path in self.drop_ins],
            "need_daemon_reload": self.stale,
        }


@dataclass(frozen=True)
class Plan:
    """What is to be done, by unit `Id`; a plan that is false has nothing to do."""

    reload: bool
    unmask: list[str]
    enable: list[str]
    disable: list[str]
    mask: list[str]
    verb: str
    targets: list[str]
    starting: list[str]

    def __bool__(self) -> bool:
        return bool(self.actions())

    def actions(self) -> list[str]:
        """Return the verbs and units, in the order in which they are run."""
        lists = (
            ("unmask", self.unmask),
            ("enable", self.enable),
            ("disable", self.disable),
            ("mask", self.mask),
            (self.verb, self.targets),
        )
        reload = ["daemon-reload"] if self.reload else []
        return reload + [f"{verb} {' '.join(units)}" for verb, units in lists if units]


def ensure(params: dict[str, t.Any], host: Host, *, check_mode: bool) -> dict[str, t.Any]:
    """Bring units to the wanted state and return the module's result.

    Raises:
        RemediationError: the options contradict each other, a unit cannot be what is wanted (nothing has been
            touched then), or it did not become so.
    """
    names = _checked(params)
    units = _read(ask(host, _PROBE_SH, variables={"UNITS": " ".join(names)}, needs=["systemctl"]), names)
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
        # read again by Id: an alias may be gone by then, as disabling a unit removes it
        answer = ask(
            host,
            _ACT_SH,
            variables={"UNITS": " ".join(before), **_act_variables(params, plan)},
            needs=["systemctl", "grep", "sed"],
        )
        found = _read(answer, list(before))
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


def _read(answer: Answer, names: t.Sequence[str]) -> dict[str, Unit]:
    """Return the units by the names asked for."""
    show, jobs = answer["show"], answer["jobs"]
    blocks = parse_show(show.out)
    if show.rc or len(blocks) != len(names) or not all(is_unit_name(block["Id"]) for block in blocks):
        seen = "no answer in time" if show.timed_out else f"'{printable(show.err or show.out)}'"
        raise RemediationError(
            f"'systemctl show' did not describe {', '.join(names)}: exit status {show.rc}, {seen}. "
            f"Check that the host runs systemd, and that the user may ask it, then run again."
        )
    queued = {job.unit: job for job in parse_jobs(jobs.out)}
    units = {}
    for number, (name, block) in enumerate(zip(names, blocks)):
        said = answer[f"enabled-{number}"].out.strip()
        # is-enabled looks at the disk, the property may be what systemd remembers; of an alias only the latter tells
        on_disk = said if block["Id"] == name and said != "alias" else ""
        state = on_disk or block.get("UnitFileState", "")
        units[name] = Unit(
            properties=block,
            file_state="" if state == "not-found" else state,
            job=queued.get(block["Id"]),
            on_disk=answer[f"disk-{number}"].out.splitlines(),
        )
    return units


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


def _act_variables(params: t.Mapping[str, t.Any], plan: Plan) -> dict[str, str]:
    return {
        "RELOAD": "1" if plan.reload else "",
        "UNMASK": " ".join(plan.unmask),
        "ENABLE": " ".join(plan.enable),
        "DISABLE": " ".join(plan.disable),
        "MASK": " ".join(plan.mask),
        "VERB": plan.verb,
        "TARGETS": " ".join(plan.targets),
        "STARTING": " ".join(plan.starting),
        "TIMEOUT": str(params["timeout"]),
    }


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
