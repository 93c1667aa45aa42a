# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""What coreos-cloudinit writes for a cloud-config, and where."""

from __future__ import annotations

import posixpath
import re
import typing as t
from dataclasses import dataclass

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.sections import (
    SERVICES,
    all_units,
)

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.asked import (
        Asked,
        AskedUnit,
    )
    from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.skeleton import Text

# Where the files of a host are; elsewhere only in tests.
_ROOT = ""

# What is made from sections of `coreos`.
_FILES = {
    "oem": "/etc/oem-release",
    "update": "/etc/coreos/update.conf",
    "flannel": "/run/flannel/options.env",
}


@dataclass(frozen=True)
class Target:
    """A file that coreos-cloudinit would write, and how."""

    kind: str
    name: str
    path: str
    mode: int = 0o644
    owner: str = ""
    encoding: str = ""
    text: Text | None = None
    made: str = ""
    """Why the content is not that of a text: it is made from something else."""
    untold: t.Sequence[str] = ()
    """What is asked for and could not be read: of a file `permissions`, `owner`, `encoding`, `content`; of a unit
    `mask` and `runtime`, which decide where it is written, if at all."""


def targets(asked: Asked) -> list[Target]:
    """Return what coreos-cloudinit would write, each path once: of several the one that it writes last."""
    found = [
        Target(
            "file",
            file.path,
            host_path("/", file.path),
            # what is beyond rwx is lost: Go has bits of its own for it
            mode=int(file.permissions, 8) & 0o777 if re.match(r"[0-7]+\Z", file.permissions) else 0o644,
            owner=file.owner,
            encoding=file.encoding,
            text=file.text,
            untold=file.untold,
        )
        for file in asked.files
    ]
    found += [
        Target("file", path, host_path("/", path), made=f"it is made from the section coreos.{section}")
        for section, path in _FILES.items()
        if section in asked.sections
    ]
    if asked.manage_etc_hosts:
        found.append(
            Target("file", "/etc/hosts", host_path("/", "/etc/hosts"), made="it is made from manage_etc_hosts")
        )
    for unit in all_units(asked):
        path = host_path(_folder(unit), unit.name)
        if unit.mask:
            # a mask takes the place of the unit's file
            found = [target for target in found if target.path != path]
        elif unit.text:
            found.append(Target("unit", unit.name, path, text=unit.text, untold=unit.untold))
        for drop_in in unit.drop_ins:
            if drop_in.text:
                path = host_path(_folder(unit), f"{unit.name}.d/{drop_in.name}")
                name = f"{unit.name}/{drop_in.name}"
                found.append(Target("drop_in", name, path, text=drop_in.text, untold=unit.untold))
    for section, service in SERVICES.items():
        if section in asked.sections:
            name = f"{service}/20-cloudinit.conf"
            path = host_path("/run/systemd/system", f"{service}.d/20-cloudinit.conf")
            found.append(Target("drop_in", name, path, made=f"it is made from the section coreos.{section}"))
    return list({target.path: target for target in found}.values())


def masked(asked: Asked) -> dict[str, str]:
    """Return the units that coreos-cloudinit leaves masked, each with the path of the link that does it."""
    lasting: dict[str, str] = {}
    until_reboot: dict[str, str] = {}
    for unit in all_units(asked):
        links = until_reboot if unit.runtime else lasting
        if unit.mask:
            links[unit.name] = host_path(_folder(unit), unit.name)
        elif unit.text or unit.runtime:
            links.pop(unit.name, None)
    # of both folders systemd takes what is in /etc
    own = {unit.name for unit in asked.units if unit.text and not unit.runtime}
    return {**{name: path for name, path in until_reboot.items() if name not in own}, **lasting}


def is_network(name: str) -> bool:
    """Whether a unit is one for networkd, of which coreos-cloudinit writes only the file."""
    return name.rpartition(".")[2] in ("network", "netdev", "link")


def _folder(unit: AskedUnit) -> str:
    return f"/{'run' if unit.runtime else 'etc'}/systemd/{'network' if is_network(unit.name) else 'system'}"


def host_path(folder: str, name: str) -> str:
    """Return the path of a name in a folder, as coreos-cloudinit tidies it."""
    return _ROOT + posixpath.normpath(f"{folder.rstrip('/')}/{name.lstrip('/')}")
