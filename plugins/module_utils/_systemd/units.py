# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""Reading what systemctl prints: unit properties, the job table, how a job ended and what it waits for."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.container_linux.remediation.plugins.module_utils._host import (
    RemediationError,
    printable,
)

UNIT_TYPES = (
    "service",
    "socket",
    "target",
    "device",
    "mount",
    "automount",
    "swap",
    "timer",
    "path",
    "slice",
    "scope",
)
_UNIT_NAME = re.compile(rf"[A-Za-z0-9:_.\\][A-Za-z0-9:_.\\@-]*\.(?:{'|'.join(UNIT_TYPES)})\Z")

# An item of a list property: quoted, a path that may hold blanks, or a plain word.
_ITEM = re.compile(r'("(?:[^"\\]|\\.)*")(?=\s|\Z)|(/\S*(?: +(?![/"])\S+)*|\S+)')

# The Overridable kinds are those of systemd before 230.
REQUIREMENTS = ("Requires", "Requisite", "BindsTo", "RequiresOverridable", "RequisiteOverridable")

STOPS = ("RequiredBy", "RequiredByOverridable", "RequisiteOf", "BoundBy", "ConsistsOf", "PropagatesStopTo")
"""In these a unit names those that are stopped, and restarted, with it."""

CHAIN_PROPERTIES = (
    "Id",
    "LoadState",
    "ActiveState",
    "SubState",
    "Result",
    "ConditionResult",
    "ConditionTimestampMonotonic",
    "AssertResult",
    "AssertTimestampMonotonic",
    "Type",
    "RemainAfterExit",
    "InactiveExitTimestampMonotonic",
    "After",
    "Before",
    *REQUIREMENTS,
)
"""What a walk along the dependencies needs to know of each unit."""

# What systemctl says of a job that did not end well (in the C locale), and the job's result.
_TOLD = (
    (re.compile(r"A dependency job for (\S+) failed"), "dependency"),
    (re.compile(r"Job for (\S+) timed out"), "timeout"),
    (re.compile(r"Job for (\S+) (?:was )?cancell?ed"), "canceled"),
    (re.compile(r"Job for (\S+) is invalid"), "invalid"),
    (re.compile(r"Assertion failed on job for (\S+)"), "assert"),
    (re.compile(r"Operation on or unit type of (\S+) not supported"), "unsupported"),
    (re.compile(r"Job for (\S+) failed"), "failed"),
)

Properties = t.Dict[str, str]
"""The properties of one unit as `systemctl show` prints them. A property printed on several lines (ExecStart,
EnvironmentFiles, Listen) is one text with line breaks. One that the host's systemd does not know is absent."""


class Job(t.NamedTuple):
    """One line of the job table: for docker.service behind flanneld.service, type `start`, state `waiting`."""

    id: int
    unit: str
    type: str
    state: str


def shown(properties: t.Sequence[str]) -> str:
    """Return what `systemctl show` is to tell, as words of its command line, with a blank before each."""
    return "".join(f" -p {name}" for name in properties)


def parse_show(text: str) -> list[Properties]:
    """Return the units of `systemctl show -p Id -p ... UNIT...`, in the order asked for.

    The properties asked for must hold `Id`: a block without one is the rest of a value with an empty line in it.
    """
    units: list[Properties] = []
    unit: Properties = {}
    key = ""
    for block in text.split("\n\n"):
        lines = block.strip("\n").split("\n")
        if any(line.startswith("Id=") for line in lines):
            unit = {}
            units.append(unit)
        if not units:
            continue
        for line in lines:
            name, equals, value = line.partition("=")
            if equals and name.isalnum() and name[0].isupper():
                key = name
                unit[key] = f"{unit[key]}\n{value}" if key in unit else value
            elif key in unit:
                unit[key] += f"\n{line}"
    return units


def words(value: str) -> list[str]:
    """Return the items of a list property, such as `Requires` or `DropInPaths`.

    systemctl of systemd 240 and later puts an item with a backslash or a blank in double quotes, as a shell would; an
    earlier one prints it as it is, where a blank before a `/` begins the next path.
    """
    if '"' not in value and "/" not in value:
        return value.split()
    found = []
    for quoted, bare in _ITEM.findall(value):
        found.append(re.sub(r'\\(["\\$`])', r"\1", quoted[1:-1]) if quoted else bare)
    return found


def quoted(item: str) -> str:
    """Return an item of a list property as systemctl prints it, which `words` undoes."""
    return '"' + re.sub(r'(["\\$`])', r"\\\1", item) + '"'


def parse_jobs(text: str) -> list[Job]:
    """Return the jobs of `systemctl list-jobs --no-legend --full`."""
    jobs = []
    for line in text.splitlines():
        fields = line.split()
        if len(fields) >= 4 and re.match(r"[0-9]{1,10}\Z", fields[0]):
            jobs.append(Job(id=int(fields[0]), unit=fields[1], type=fields[2], state=fields[3]))
    return jobs


def unit_name(text: str) -> str:
    """Return a unit's full name; one without a type is a service, as for `systemctl` itself.

    Raises:
        RemediationError: no unit can have this name, or it is a template and not a unit. `systemctl` would take
            a name with `*`, `?` or `[` for a pattern, and one that begins with `-` for an option.
    """
    name = text if text.rpartition(".")[2] in UNIT_TYPES else f"{text}.service"
    if not is_unit_name(name):
        raise RemediationError(
            f"'{printable(text, limit=80)}' is not the name of a unit: a name is at most 255 letters, digits and "
            f"':', '_', '.', '\\', '@', '-', and does not begin with '-'. Give the unit's plain name, such as "
            f"'docker.service'."
        )
    if "@." in name:
        raise RemediationError(
            f"'{name}' is a template and not a unit: only an instance of it can be started or enabled. "
            f"Put the instance between '@' and '.'."
        )
    return name


def is_unit_name(name: str) -> bool:
    """Whether systemd could have a unit of this name, and the name is safe as an argument of its tools."""
    return len(name) <= 255 and _UNIT_NAME.match(name) is not None


def escape_path(path: str) -> str:
    """Return a path as systemd writes it in a unit's name; `systemd-escape --path` does the same."""
    parts = [part for part in path.split("/") if part]
    if not parts:
        return "-"
    escaped = []
    for index, byte in enumerate("/".join(parts).encode("utf-8", "surrogateescape")):
        char = chr(byte)
        if char == "/":
            escaped.append("-")
        elif re.match(r"[A-Za-z0-9:_.]", char) and (index or char != "."):
            escaped.append(char)
        else:
            escaped.append(f"\\x{byte:02x}")
    return "".join(escaped)


def unescape(name: str) -> str:
    r"""Return what a unit name's escaped part stands for: `var-lib\x2dx` is `var/lib-x`."""
    plain = name.replace("-", "/").encode("utf-8", "surrogateescape")
    found = re.sub(rb"\\x([0-9a-fA-F]{2})", lambda match: bytes([int(match[1], 16)]), plain)
    return found.decode("utf-8", "surrogateescape")


def state_words(unit: Properties) -> str:
    """Return a unit's state for people, such as `activating (auto-restart), result 'timeout'`."""
    load = unit.get("LoadState", "loaded")
    if load != "loaded":
        return printable(load)
    active, sub, result = unit.get("ActiveState", "unknown"), unit.get("SubState", ""), unit.get("Result", "")
    told = f"{active} ({sub})" if sub not in ("", active) else active
    if result not in ("", "success"):
        told = f"{told}, result '{result}'"
    elif active == "inactive" and was_skipped(unit):
        told = f"{told}, skipped by a condition of its unit file"
    elif active == "inactive" and unit.get("AssertResult") == "no" and _was_checked(unit, "Assert"):
        told = f"{told}, refused by an assertion of its unit file"
    return printable(told)


def job_result(unit: str, *, told: str, logged: str) -> str:
    """Return how a unit's job ended (`dependency`, `timeout`, `canceled`, `failed`, ...), or an empty text.

    Args:
        unit: the unit's name.
        told: what `systemctl` said on its standard error; it knows the result of every job it waited for.
        logged: the unit's journal since the job began; systemd writes the results `dependency` and `timeout`.
    """
    for pattern, result in _TOLD:
        if unit in (name.rstrip(".") for name in pattern.findall(told)):
            return result
    found = re.findall(rf"Job {re.escape(unit)}/\S+ failed with result '([a-z-]+)'", logged)
    return found[-1] if found else ""


def blocking_chain(unit: str, units: t.Mapping[str, Properties], jobs: t.Sequence[Job]) -> list[str]:
    """Return the units from one that cannot start down to the one that holds it up.

    For docker.service behind flanneld.service: `[docker.service, flanneld.service]`. A chain of one means that
    nothing else holds the unit up.

    Args:
        unit: the unit's `Id`.
        units: the properties of the loaded units by `Id`, with `CHAIN_PROPERTIES`.
        jobs: the job table.
    """
    queued = {job.unit: job for job in jobs}
    chain = [unit]
    while True:
        found = [name for name in blockers(chain[-1], units, queued) if name not in chain]
        if not found:
            return chain
        chain.append(found[0])


def blockers(unit: str, units: t.Mapping[str, Properties], queued: t.Mapping[str, Job]) -> list[str]:
    """Return the units that hold a unit up by themselves, the likeliest first; none where it is its own fault.

    A waiting job waits for the jobs of units it is ordered after, required or not, and for those that stop a unit
    that is ordered after it. (`systemctl list-jobs --after` would say so, but came with systemd 232.) Without a job,
    what a unit requires and is not up is what stopped it.

    Args:
        unit: the unit's `Id`.
        units: the properties of the loaded units by `Id`, with `CHAIN_PROPERTIES`.
        queued: the job of each unit that has one.
    """
    here = units.get(unit, {})
    job = queued.get(unit)
    needed = requirements(here)
    found: list[str] = []
    if job and job.state == "waiting":
        found = [name for name in words(here.get("After", "")) if name in queued]
        found += [name for name in words(here.get("Before", "")) if name in queued and queued[name].type == "stop"]
        # of several that run, systemd's own order is that of a hash table
        found.sort(key=lambda name: (queued[name].state != "running", name not in needed, name))
    elif job or _stands_by_itself(here):
        return []
    if not found:
        found = [name for kind in REQUIREMENTS for name in words(here.get(kind, "")) if _lacks(units, name, kind)]
        found.sort(key=lambda name: not _stands_by_itself(units[name]))
    return list(dict.fromkeys(found))


def _lacks(units: t.Mapping[str, Properties], name: str, kind: str) -> bool:
    """Whether a requirement is not met."""
    if name not in units or _is_done(units[name]):
        return False
    # a unit that was skipped will do for a plain requirement alone
    return not is_up(units[name]) or (was_skipped(units[name]) and not kind.startswith("Requires"))


def _is_done(unit: Properties) -> bool:
    """Whether a unit has run to its end, as a oneshot does that does not remain after it."""
    ended = unit.get("ActiveState") == "inactive" and unit.get("Result") == "success"
    oneshot = unit.get("Type") == "oneshot" and unit.get("RemainAfterExit") == "no"
    return ended and oneshot and unit.get("InactiveExitTimestampMonotonic", "0") != "0"


def requirements(unit: Properties) -> list[str]:
    """Return the units without which a unit cannot start, as far as its properties were asked for."""
    return [name for kind in REQUIREMENTS for name in words(unit.get(kind, ""))]


def was_skipped(unit: Properties) -> bool:
    """Whether systemd took a unit's start for done, since a condition of its unit file was not met."""
    return unit.get("ConditionResult") == "no" and _was_checked(unit, "Condition")


def _was_checked(unit: Properties, what: str) -> bool:
    return unit.get(f"{what}TimestampMonotonic", "0") not in ("", "0")


def is_active(unit: Properties) -> bool:
    """Whether a unit is up."""
    return unit.get("ActiveState") in ("active", "reloading")


def is_up(unit: Properties) -> bool:
    """Whether a unit is up, or was skipped by its conditions, so that nothing waits for it."""
    return is_active(unit) or was_skipped(unit)


def _stands_by_itself(unit: Properties) -> bool:
    """Whether a unit is down by its own fault, and not because of another."""
    return (
        unit.get("LoadState", "not-found") != "loaded"
        or unit.get("ActiveState") in ("activating", "failed", "deactivating")
        or unit.get("Result", "success") not in ("", "success")
    )
