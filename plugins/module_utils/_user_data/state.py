# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""Whether what was applied last is what is there now, and by what evidence."""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import dataclass

from ansible_collections.container_linux.remediation.plugins.module_utils._host import printable
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import state_words

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import (
        File,
        Source,
    )

NAMES = (
    "absent",
    "unusable",
    "unknown",
    "arriving",
    "not_applicable",
    "applying",
    "unapplied",
    "stale",
    "failed",
    "unproven",
    "current",
)
"""What `State.name` may be."""

TO_APPLY = ("applying", "unapplied", "stale", "failed", "unproven")
"""Those in which there is something to do: to run it, to wait for its run, or to prove one."""

_INERT = {
    "empty": "the file is empty, and its unit skips it",
    "ignition": "the file is a config for Ignition, which runs at the first boot only and never from this file",
}


@dataclass(frozen=True)
class State:
    """How a user-data stands: one of `NAMES`, the evidence in words, and whether a remembered digest was that."""

    name: str
    why: str
    by_digest: bool = False


def judge(source: Source, *, boot: str, wanted: bool = False) -> State:
    """Return how a user-data stands.

    A file's mtime is no evidence: `mv` keeps it. Its ctime is that of the last change by this host's clock, of its
    content or of anything else about it; where only a digest can tell the difference, the digest that is remembered
    of the last apply in this boot does.

    Args:
        source: what was seen of it.
        boot: the kernel's boot id now. What was applied in an earlier boot is not in force: what lay in /run is gone.
        wanted: whether somebody asks for this very one, so that nothing else need run it.
    """
    file = source.file
    if file is None:
        return State("unusable", source.error) if source.error else State("absent", "there is no such file")
    if not file.type.startswith("regular"):
        return State("unusable", f"it is a {file.type} and no file")
    if source.moving:
        return State("arriving", "the file changed while it was looked at: somebody is still writing it")
    if source.form in _INERT:
        return State("not_applicable", _INERT[source.form])
    if not source.unit:
        return State("unknown", "systemd told nothing of its unit")
    if source.unit.get("LoadState") == "masked":
        return State("not_applicable", f"its unit {source.place.unit} is masked, so that nothing applies it")
    if source.unit.get("LoadState") != "loaded":
        return State(
            "unusable", f"the host has no unit that runs it: {source.place.unit} is {state_words(source.unit)}"
        )
    if source.unit.get("ActiveState") in ("activating", "reloading"):
        doing = source.run.doing if source.run else ""
        at = f", at: {doing}" if doing else ""
        if source.started and file.changed >= sum(source.started):
            return State("stale", f"its unit is running what was there before it changed{at}")
        return State("applying", f"its unit is running it now{at}")
    remembered = _remembered(source, boot=boot)
    if remembered:
        return remembered
    if source.started is None and not (source.runs_at_boot or wanted):
        return State(
            "not_applicable",
            f"nothing on this host runs it: its unit {source.place.unit} has not run in this boot, and neither a path "
            f"unit nor a target starts it; remove it, or name it with 'path' (in the role 'user_data_path') to have it "
            f"applied",
        )
    if source.started is None:
        return State("unapplied", "its unit has not run in this boot")
    return _by_note(source) or _by_time(source, file)


def _remembered(source: Source, *, boot: str) -> State | None:
    """What the digest of the last apply tells, if nobody has applied anything since."""
    memory = source.memory
    if not memory or not source.sha256 or not boot or memory.boot != boot:
        return None
    if source.started and source.started[0] > memory.applied:
        return None
    told = f"applied last, at {_clock(memory.applied)}, was a file with the digest {memory.sha256[:12]}…"
    if memory.sha256 == source.sha256 and not memory.proven:
        why = "and nobody has seen that all that it asks for was there after that"
        return State("unproven", f"{told}, {why}", by_digest=True)
    if memory.sha256 == source.sha256:
        return State("current", f"{told}, which is the file that is there", by_digest=True)
    return State("stale", f"{told}, and the file that is there has {source.sha256[:12]}…", by_digest=True)


def _by_note(source: Source) -> State | None:
    """What the digest tells that a watched unit noted when it ran last."""
    if not source.noted or not source.sha256:
        return None
    told = f"its unit noted that what it ran last has the digest {source.noted[:12]}…"
    if source.noted != source.sha256:
        return State("stale", f"{told}, and the file that is there has {source.sha256[:12]}…", by_digest=True)
    why = _failed(source)
    if why:
        return State("failed", f"{told}, which is the file that is there; that run failed: {why}", by_digest=True)
    return State("current", f"{told}, which is the file that is there{_unlogged(source)}", by_digest=True)


def _by_time(source: Source, file: File) -> State:
    began, exact = source.started or (0.0, 0.0)
    told = f"its unit began its last run at {_clock(began)}, and the file changed at {_clock(file.changed)}"
    if file.changed >= began + exact:
        return State("stale", f"{told}, after it")
    if file.changed >= began:
        return State("stale", f"{told}, so close to it that nobody can tell which came first")
    why = _failed(source)
    if why:
        return State("failed", f"{told}, before it; that run failed: {why}")
    return State("current", f"{told}, before it{_unlogged(source)}")


def _failed(source: Source) -> str:
    """Why the last run failed, or an empty text."""
    run = source.run
    if run and run.errors:
        return printable(run.errors[-1])
    if run and run.failed_commands:
        failed = run.failed_commands[0]
        return printable(f"its '{failed.verb}' of {failed.unit} ended with '{failed.result}'")
    return state_words(source.unit) if source.unit.get("Result", "success") != "success" else ""


def _unlogged(source: Source) -> str:
    """What there is to add where nobody knows how the last run ended: a journal does not keep all for ever."""
    if not source.form or (source.run and all(command.result for command in source.run.commands)):
        return ""
    told = "only a part" if source.run else "nothing"
    return f"; the journal has {told} of that run any more, so how its calls of systemd ended is not known"


def _clock(seconds: float) -> str:
    """A time for people; milliseconds, because a boot's first second is a busy one."""
    try:
        when = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    except (ValueError, OverflowError, OSError):
        return "a time that no clock has"
    return f"{when:%Y-%m-%d %H:%M:%S}.{when.microsecond // 1000:03} UTC"
