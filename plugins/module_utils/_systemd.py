# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""Reading what systemctl prints: unit properties and the job table."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

Properties = t.Dict[str, str]
"""The properties of one unit as `systemctl show` prints them. A property printed on several lines (ExecStart,
EnvironmentFiles, Listen) is one text with line breaks. One that the host's systemd does not know is absent."""


@dataclass(frozen=True)
class Job:
    """One line of the job table: for docker.service behind flanneld.service, type `start`, state `waiting`."""

    id: int
    unit: str
    type: str
    state: str


def parse_show(text: str) -> list[Properties]:
    """Return the units of `systemctl show -p Id -p ... UNIT...`, in the order asked for.

    The properties asked for must hold `Id`: a block without one is the rest of a value with an empty line in it.
    """
    units: list[Properties] = []
    key = ""
    for block in text.split("\n\n"):
        lines = block.strip("\n").split("\n")
        names = [line.partition("=")[0] for line in lines]
        if "Id" in names:
            units.append({})
        if not units:
            continue
        for line in lines:
            name, equals, value = line.partition("=")
            if equals and name.isalnum() and name[0].isupper():
                key = name
                units[-1][key] = f"{units[-1][key]}\n{value}" if key in units[-1] else value
            elif key in units[-1]:
                units[-1][key] += f"\n{line}"
    return units


def parse_jobs(text: str) -> list[Job]:
    """Return the jobs of `systemctl list-jobs --no-legend --full`."""
    jobs = []
    for line in text.splitlines():
        fields = line.split()
        if len(fields) >= 4 and fields[0].isdigit():
            jobs.append(Job(id=int(fields[0]), unit=fields[1], type=fields[2], state=fields[3]))
    return jobs
