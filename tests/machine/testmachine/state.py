# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A state is one shell file in states/; only its heading is read here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from .console import MachineError
from .paths import STATES

__all__ = ["State", "read_state", "state_names"]

_SUMMARY = re.compile(r"^# summary: (.+)$", re.MULTILINE)
_EARLIER_BOOT = re.compile(r"^earlier_boot\(\)", re.MULTILINE)
_UNITS = re.compile(r"^# units: (.+)$", re.MULTILINE)
_WITHIN = re.compile(r"^# within: (\d+) s$", re.MULTILINE)


@dataclass(frozen=True)
class State:
    """A state: its file, what it is in a line, and how many seconds its symptom may take.

    `reboots` tells that its file says what happens in an earlier boot; `units` are those that it needs
    and not every release has.
    """

    name: str
    path: Path
    summary: str
    within: int
    reboots: bool
    units: tuple[str, ...]


def state_names() -> list[str]:
    """The states that can be had, in alphabetical order."""
    return sorted(path.stem for path in STATES.glob("*.sh"))


def read_state(name: str) -> State:
    """Read the heading of the state's file; a name without a file is a MachineError."""
    if name not in state_names():
        raise MachineError(f"There is no state {name!r}; there are {', '.join(state_names())}.")
    path = STATES / f"{name}.sh"
    text = path.read_text()
    summary, within = _SUMMARY.search(text), _WITHIN.search(text)
    if not summary or not within:
        raise MachineError(f"{path} lacks a heading line '# summary: TEXT' or '# within: SECONDS s'.")
    return State(
        name=name,
        path=path,
        summary=summary[1],
        within=int(within[1]),
        reboots=bool(_EARLIER_BOOT.search(text)),
        units=tuple(units[1].split()) if (units := _UNITS.search(text)) else (),
    )
