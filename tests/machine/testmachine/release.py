# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release is data: what its file in releases/ says, and the files a machine of it has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

from .console import MachineError
from .paths import RELEASES, UNITS

__all__ = ["File", "Release", "read_release", "release_names", "render_files", "render_unit"]

# The order in which people expect the sections of a unit file.
_SECTIONS = ("Unit", "Socket", "Path", "Service", "Install")

# Where a release has its units, unless it says otherwise for one of them.
_FOLDER = "/usr/lib/systemd/system"

_SECTION = re.compile(r"^\[(\w+)\]$")


@dataclass(frozen=True)
class File:
    """One file of the machine; `link` is the target of a symbolic link."""

    path: str
    content: bytes = b""
    mode: int = 0o644
    link: str | None = None


@dataclass(frozen=True)
class Release:
    """The content of one file in releases/."""

    name: str
    base: str
    cloudinit: str
    """The version of coreos-cloudinit that the machine runs: the release's own, or the nearest."""
    layers: tuple[str, ...]
    """The folders image/rootfs-NAME that its machines have besides image/rootfs."""
    os_release: dict[str, str]
    lsb_release: dict[str, str]
    release: dict[str, str]
    update_conf: dict[str, dict[str, str]]
    units: dict[str, dict[str, Any]]

    @property
    def etcd3(self) -> bool:
        """Whether it has etcd-member.service, which runs an etcd 3."""
        return "etcd-member.service" in self.units


def release_names() -> list[str]:
    """The releases that can be had, oldest first."""
    return sorted((path.stem for path in RELEASES.glob("*.yml")), key=lambda name: (len(name), name))


def read_release(name: str) -> Release:
    """Read the release's file; a name without a file is a MachineError."""
    if name not in release_names():
        raise MachineError(f"There is no release {name!r}; there are {', '.join(release_names())}.")
    data = yaml.safe_load((RELEASES / f"{name}.yml").read_text())
    return Release(
        name=name,
        base=data["base"],
        cloudinit=str(data["cloudinit"]),
        layers=tuple(data.get("layers", ())),
        os_release=data["os_release"],
        lsb_release=data["lsb_release"],
        release=data["release"],
        update_conf=data["update_conf"],
        units=data["units"],
    )


def render_unit(stand_in: str, lines: dict[str, Any]) -> str:
    """Join what a unit runs here (a unit file) with the release's own lines for it.

    `lines` is {section: {key: value}}; a value is one line, a list one for each of its items. Keys with
    a lower-case initial are not for the unit file.
    """
    sections: dict[str, list[str]] = {}
    current: list[str] = []
    for line in stand_in.splitlines():
        if match := _SECTION.match(line):
            current = sections.setdefault(match[1], [])
        elif line:
            current.append(line)
    for section, values in lines.items():
        if section[0].isupper():
            sections.setdefault(section, []).extend(
                f"{key}={line}"
                for key, value in values.items()
                for line in (value if isinstance(value, list) else [value])
            )
    return "\n".join("\n".join([f"[{name}]", *sections[name], ""]) for name in _SECTIONS if name in sections)


def render_files(release: Release) -> list[File]:
    """Every file of the machine that differs from release to release."""
    files = [
        _assignments("/usr/lib/os-release", release.os_release),
        File("/usr/share/coreos/os-release", link="../../lib/os-release"),
        _assignments("/usr/share/coreos/lsb-release", release.lsb_release),
        File("/etc/lsb-release", link="../usr/share/coreos/lsb-release"),
        _assignments("/usr/share/coreos/release", release.release),
        _assignments("/usr/share/coreos/update.conf", release.update_conf["usr"]),
        _assignments("/etc/coreos/update.conf", release.update_conf["etc"]),
    ]
    for name, lines in release.units.items():
        stand_in = UNITS / lines.get("stand_in", name)
        folder = lines.get("folder", _FOLDER)
        if not stand_in.exists():
            raise MachineError(f"Release {release.name} has {name}, but what it runs is not said: write {stand_in}.")
        text = render_unit(stand_in.read_text(), lines)
        files.append(File(f"{folder}/{name}", text.encode()))
        if wants := lines.get("enabled_in"):
            files.append(File(f"{folder}/{wants}/{name}", link=f"../{name}"))
    return files


def _assignments(path: str, values: dict[str, str]) -> File:
    """A file of NAME=value lines, quoted where a shell would need it."""
    plain = re.compile(r"[\w.:/-]+")
    lines = [
        f"{key}={text}" if plain.fullmatch(text := str(value)) else f'{key}="{text}"' for key, value in values.items()
    ]
    return File(path, ("\n".join(lines) + "\n").encode())
