# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""The logic of the module `cloudinit_rerun`: know, refuse or act, prove.

A host whose user-data is in force costs one round trip. One that is brought up to date costs three for each
user-data; a failure costs more, to tell why and to undo what can be undone.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.container_linux.remediation.plugins.module_utils._host import RemediationError, printable
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import state_words
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data import result
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.look import look
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.metadata import with_metadata
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import (
    PLACES,
    SIZE_LIMIT,
    Source,
    place_of,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.state import TO_APPLY, judge

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.asked import Asked
    from ansible_collections.container_linux.remediation.plugins.module_utils._host import Host
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import (
        Content,
        Look,
    )
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.state import State

SPEC: dict[str, t.Any] = {
    "argument_spec": {
        "path": {"type": "str"},
        "content": {"type": "str", "no_log": True},
        "allow_scripts": {"type": "bool", "default": False},
        "allow_lockout": {"type": "bool", "default": False},
        "restart_changed_units": {"type": "bool", "default": False},
        "allow_container_restart": {"type": "bool", "default": False},
        "watch": {"type": "bool"},
        "timeout": {"type": "int", "default": 120},
    },
}

# Neither can be sent to a host; a byte that is no UTF-8 is half of a surrogate pair to Python.
_NO_TEXT = re.compile("[\\0\\ud800-\\udfff]")


@dataclass(frozen=True)
class Task:
    """One user-data to be brought up to date: what was seen of it, and what is to be applied.

    Attributes:
        source: what was seen of it.
        state: how it stands.
        content: what is to be applied.
        given: the text that is to take the file's place, or None where the file is to be applied as it is.
    """

    source: Source
    state: State
    content: Content
    given: str | None = None

    @property
    def path(self) -> str:
        return self.source.place.path

    @property
    def unit(self) -> str:
        return self.source.place.unit

    @property
    def title(self) -> str:
        """What to call it in sentences."""
        return printable(self.path) if self.given is None else "The given user-data"

    @property
    def asked(self) -> Asked:
        from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.asked import (
            Asked,
            asked,
        )

        return with_metadata(asked(self.content.skeleton) if self.content.skeleton else Asked(), self.source.metadata)

    @property
    def waits(self) -> bool:
        """Whether a run of it goes on already, and is waited for."""
        return self.given is None and self.state.name == "applying"

    def actions(self) -> list[str]:
        """What is to be done, in words and commands."""
        placed = [f"put the given user-data at {self.path}"] if self.given is not None else []
        return placed + ([] if self.waits else [f"systemctl restart '{self.unit}'"])


def rerun(params: dict[str, t.Any], host: Host, *, check_mode: bool, diff: bool = False) -> dict[str, t.Any]:
    """Bring a host's user-data up to date, and return the module's result.

    Raises:
        RemediationError: the user-data is refused (nothing has been touched then), or did not come into force.
    """
    _check(params)
    places = [place_of(params["path"])] if params["path"] else PLACES
    seen = look(host, places, given=params["content"])
    _require_systemd(seen)
    states = _states(seen, params)
    tasks = _tasks(seen, states, params)
    if any(not task.content.form for task in tasks):
        # by what is remembered, a file is stale that was taken for settled
        seen = look(host, places, given=params["content"], thorough=True)
        states = _states(seen, params)
        tasks = _tasks(seen, states, params)
    watches = _watches(seen, params)

    told: dict[str, t.Any] = {
        "changed": False,
        "sources": {
            source.place.path: result.of_source(source, states[source.place.path])
            for source in seen.sources
            if source.file or source.error
        },
        "actions": [],
        "warnings": [*seen.partial, *_inert(states, tasks), *_missed(seen, params)],
    }
    if diff:
        told["diff"] = []
    if tasks or watches:
        # all that this brings along would cost each host a tenth of the play whose user-data is in force
        from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.act import act

        # what nothing runs is in nobody's way
        live = [source for source in seen.sources if states[source.place.path].name != "not_applicable"]
        act(host, replace(seen, sources=live), tasks, watches, params, told, check_mode=check_mode, diff=diff)
    return told


def _check(params: t.Mapping[str, t.Any]) -> None:
    if not 1 <= params["timeout"] <= 86400:
        raise RemediationError(
            f"The timeout of {params['timeout']} seconds is out of range. Nothing was changed; give 1 to 86400 seconds."
        )
    if params["path"] == "":
        raise RemediationError(
            "The path is empty. Nothing was changed; give that of a user-data, or none at all for every one that the "
            "operating system knows of."
        )
    given = params["content"] or ""
    wrong = _NO_TEXT.search(given)
    if wrong:
        line = given.count("\n", 0, wrong.start()) + 1
        what = "a NUL character" if wrong[0] == "\0" else "a character that is no UTF-8"
        raise RemediationError(
            f"The given user-data is no text: line {line} has {what}. Nothing was "
            f"changed; look whether it is the right file, and give it as UTF-8 and unpacked."
        )
    size = len(given.encode())
    if size >= SIZE_LIMIT:
        raise RemediationError(
            f"The given user-data has {size} bytes, and {SIZE_LIMIT} are too many to be applied. Nothing was changed; "
            f"have a unit fetch what is large, then run again."
        )


def _states(seen: Look, params: t.Mapping[str, t.Any]) -> dict[str, State]:
    """Return how the user-data at each place stands, by its path. Raises RemediationError."""
    asks_for_one = params["path"] or params["content"] is not None or params["watch"]
    wanted = _target(seen, explicit=bool(params["path"])) if asks_for_one else None
    return {source.place.path: judge(source, boot=seen.boot, wanted=source is wanted) for source in seen.sources}


def _tasks(seen: Look, states: t.Mapping[str, State], params: t.Mapping[str, t.Any]) -> list[Task]:
    """Return what is to be brought up to date. Raises RemediationError for what cannot be."""
    given, explicit = params["content"], bool(params["path"])
    sources = [source for source in seen.sources if source.file or source.error]
    if given is not None:
        target = _target(seen, explicit=explicit)
        state = states[target.place.path]
        _refuse(target, state)
        _require_unit(target)
        if seen.given is None:
            raise RemediationError("The host told nothing of the given user-data. Nothing was changed; run again.")
        if seen.given.sha256 != target.sha256:
            return [Task(target, state, seen.given, given)]
        sources = [target]
    elif explicit and not sources:
        raise RemediationError(
            f"There is no user-data at {printable(params['path'])}. Give what is to be there with 'content', or the "
            f"path of one that is there; without 'path' all are taken that the operating system knows of."
        )
    tasks = []
    for source in sources:
        state = states[source.place.path]
        _refuse(source, state)
        if explicit and source.unit.get("LoadState") == "masked":
            _require_unit(source)
        if state.name in TO_APPLY:
            if not source.content:
                raise RemediationError(
                    f"{printable(source.place.path)} could not be read on the host, though it is to be applied, for "
                    f"{state.why}. Nothing was changed; see to its disk, then run again.",
                    warnings=list(seen.partial),
                )
            tasks.append(Task(source, state, source.content))
    if any(task.source.place.kind == "oem" for task in tasks):
        tasks += _overridden(sources, tasks, states)
    # as at boot: what the user asks for, such as SSH keys, overrides what the OEM does
    return sorted(tasks, key=lambda task: task.source.place.kind != "oem")


def _overridden(sources: t.Sequence[Source], tasks: t.Sequence[Task], states: t.Mapping[str, State]) -> list[Task]:
    """Return what is in force, and would not be any more once the OEM's user-data has run."""
    chosen = {task.path for task in tasks}
    return [
        Task(source, states[source.place.path], source.content)
        for source in sources
        if source.place.path not in chosen and states[source.place.path].name == "current" and source.content
    ]


def _require_systemd(seen: Look) -> None:
    """Raise what is known of a systemd that told of no unit at all, although some were asked for."""
    there = [source for source in seen.sources if source.file]
    if any(source.unit for source in seen.sources) or not (there or seen.given):
        return
    # a path unit starts without end what its condition skips; systemd has time for nothing else then
    looping = [printable(source.place.path) for source in there if source.form == "empty"]
    advice = (
        f"{looping[0]} is empty, and its path unit starts again and again what skips it: remove it, then run again."
        if looping
        else "Look what systemd is busy with, then run again."
    )
    seen_so = " ".join(seen.partial) or "it was asked, and named none of them."
    raise RemediationError(
        f"systemd told nothing of the units that run user-data: {seen_so} Nothing was changed. {advice}"
    )


def _inert(states: t.Mapping[str, State], tasks: t.Sequence[Task]) -> list[str]:
    """Say which user-data is there and would do nothing."""
    replaced = {task.path for task in tasks}
    return [
        f"{printable(path)} is left alone: {state.why}."
        for path, state in states.items()
        if state.name == "not_applicable" and path not in replaced
    ]


def _missed(seen: Look, params: t.Mapping[str, t.Any]) -> list[str]:
    """Say that no user has brought user-data; where somebody asks for one in particular, that goes without saying."""
    there = {source.place.kind for source in seen.sources if source.file or source.error}
    if there - {"oem"} or any(params[name] is not None for name in ("path", "content", "watch")):
        return []
    none = "No user-data but the OEM's" if there else "No user-data"
    return [
        f"{none} was found where the operating system looks for it; one that lies elsewhere needs its 'path' (in the "
        f"role 'user_data_path'), and what a host takes from a metadata service, from a URL or by Ignition is not "
        f"looked at."
    ]


def _refuse(source: Source, state: State) -> None:
    """Raise why nothing can be done about a user-data, if so."""
    path = printable(source.place.path)
    if state.name == "arriving":
        raise RemediationError(
            f"{path} is not whole yet: {state.why}. Nothing was changed; run again when it has been written."
        )
    if state.name == "unknown":
        raise RemediationError(f"Nothing is known of {path}: {state.why}. Nothing was changed; see to systemd first.")
    if state.name == "unusable":
        raise RemediationError(
            f"{path} cannot be applied: {state.why}. Nothing was changed; put a file there whose unit the host has."
        )


def _require_unit(source: Source) -> None:
    known = source.unit.get("LoadState")
    if known != "loaded":
        state = state_words(source.unit) if source.unit else "unknown to systemd"
        advice = (
            f"if it is to run again, have it back with \"systemctl unmask '{source.place.unit}'\"."
            if known == "masked"
            else "give the path of a place from which this host runs user-data."
        )
        raise RemediationError(
            f"A user-data at {printable(source.place.path)} would never be applied: its unit {source.place.unit} is "
            f"{state}. Nothing was changed; {advice}"
        )


def _watches(seen: Look, params: t.Mapping[str, t.Any]) -> list[Source]:
    """Return what is to be watched, or to be watched no more. Raises RemediationError."""
    explicit = bool(params["path"])
    if params["watch"]:
        return [_target(seen, explicit=explicit)]
    if params["watch"] is None:
        return []
    known = {source.place for source in seen.sources}
    others = [Source(place, watched=True) for place in seen.watches if not explicit and place not in known]
    return [*(source for source in seen.sources if source.watched is not None), *others]


def _target(seen: Look, *, explicit: bool) -> Source:
    """Return the user-data that is meant where only one can be. Raises RemediationError."""
    if explicit:
        return seen.sources[0]
    users = [source for source in seen.sources if source.place.kind in ("vagrant", "install")]
    there = [source for source in users if (source.file or source.error) and source.runs_at_boot]
    if len(there) > 1:
        paths = " and ".join(printable(source.place.path) for source in there)
        raise RemediationError(
            f"There is user-data at {paths}, and which of them is meant cannot be told. Nothing was changed; give its "
            f"'path'."
        )
    # a Vagrant box waits for its file with a path unit; systemd forgets that once it is stopped, as our watch does
    awaited = [
        source for source in users if source.watched is not None or (source.place.kind == "vagrant" and source.watches)
    ]
    family = "flatcar" if seen.os.get("ID") == "flatcar" else "coreos"
    usual = [source for source in users if source.place.path == f"/var/lib/{family}-install/user_data"]
    return (there or awaited or usual)[0]
