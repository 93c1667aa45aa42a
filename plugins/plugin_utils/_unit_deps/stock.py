# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""What each release of the OS ships: the dependencies of its units, from `stock.yml`, in the shape of facts.

That file says where its lists come from and what they do not tell.
"""

from __future__ import annotations

import functools
import re
import typing as t
from pathlib import Path

import yaml

from ansible_collections.container_linux.remediation.plugins.module_utils._host import RemediationError, printable

Record = t.Mapping[str, str]

_INSTALL = ("WantedBy", "RequiredBy", "Also", "Alias")
_FOLDER = "/usr/lib/systemd/system"
TORCX_FOLDER = "/run/torcx/unpack/docker/lib/systemd/system"
"""Where torcx unpacks the units of its image."""


def releases() -> list[str]:
    """Return the names of the releases whose stock is known, oldest first."""
    return sorted(_os_of_release(), key=int)


@functools.cache
def units() -> frozenset[str]:
    """Return every unit that some known release ships; a release that lacks one of these really has none."""
    return frozenset(_data()["units"])


def release_of(os_id: str, version: str) -> str:
    """Return the release whose stock a host has, by ID and VERSION_ID of its os-release.

    Where that release is not known it is the newest known one of the same OS that is not newer, since a unit keeps
    its lines until a release changes them. `major` tells whether this happened.

    Raises:
        RemediationError: another OS, no version, or one from before the first known release.
    """
    known = [name for name, os in _os_of_release().items() if os == os_id]
    number = major(version)
    older = [name for name in known if number and int(name) <= int(number)]
    if not older:
        host = f"{os_id} {version}".strip()
        raise RemediationError(
            f"What a host with '{printable(host)}' ships is not known. Name the release to compare with: {_known()}."
            if host
            else f"The facts do not say which OS the host runs. Name the release to compare with: {_known()}."
        )
    return max(older, key=int)


def major(version: str) -> str:
    """Return the number that a version begins with, which names its release; nothing where it begins with none."""
    found = re.match(r"[0-9]{1,9}(?![0-9])", version)
    return found[0] if found else ""


def stock(release: str) -> dict[str, t.Any]:
    """Return what a release ships, in the shape of the facts of `unit_deps_facts`, its `nodes` by unit.

    Every edge and fragment has the path of the vendor's file, without a line number. `enabled` is `enabled` where the
    vendor starts the unit at boot, else `disabled`, or `static` for one without an [Install] section.

    Raises:
        RemediationError: no such release is known.
    """
    if release not in _os_of_release():
        raise RemediationError(f"There is no stock of a release '{printable(release)}'. The known ones are {_known()}.")
    os_id = _os_of_release()[release]
    nodes = {}
    for unit, records in _data()["units"].items():
        for ranges, record in records.items():
            if _covers(str(ranges), int(release)):
                nodes[unit] = _node(unit, record)
    return {
        "units": sorted(nodes),
        "os": {"id": os_id, "version": release},
        "systemd": str(_data()["systemd"][os_id][int(release)]),
        "nodes": nodes,
    }


def _node(unit: str, record: Record) -> dict[str, t.Any]:
    folder = TORCX_FOLDER if "torcx.target" in record.get("Requires", "").split() else _FOLDER
    fragment = f"{folder}/{unit}"
    install = {key: value.split() for key, value in record.items() if key in _INSTALL}
    edges = {
        key: {other: [fragment] for other in value.split()}
        for key, value in record.items()
        if key not in (*_INSTALL, "enabled_in")
    }
    if "enabled_in" in record:
        edges.update(_pulled_in(unit, f"{folder}/{record['enabled_in']}"))
    return {
        "load_state": "loaded",
        "masked": False,
        "enabled": "enabled" if "enabled_in" in record else "disabled" if install else "static",
        "install": install,
        "fragment": fragment,
        "drop_ins": [],
        "edges": edges,
    }


def _pulled_in(unit: str, place: str) -> dict[str, dict[str, list[str]]]:
    """The edge that starts a unit at boot, from a .wants directory or a drop-in with Upholds=."""
    if place.endswith(".wants"):
        return {"WantedBy": {Path(place).stem: [f"{place}/{unit}"]}}
    return {"UpheldBy": {Path(place).parent.stem: [place]}}


def _covers(ranges: str, number: int) -> bool:
    for part in ranges.split(", "):
        first, _dash, last = part.partition("-")
        if int(first) <= number <= int(last or first):
            return True
    return False


def _known() -> str:
    by_os: dict[str, list[str]] = {}
    for name in releases():
        by_os.setdefault(_os_of_release()[name], []).append(name)
    return "; ".join(f"{os_id} {', '.join(names)}" for os_id, names in by_os.items())


@functools.cache
def _os_of_release() -> dict[str, str]:
    return {str(name): os_id for os_id, versions in _data()["systemd"].items() for name in versions}


@functools.cache
def _data() -> dict[str, t.Any]:
    data: dict[str, t.Any] = yaml.safe_load(Path(__file__).with_name("stock.yml").read_text(encoding="utf-8"))
    return data
