# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""What one look at a host's user-data sees, and where user-data lies. Content itself has no place in it."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from ansible_collections.container_linux.remediation.plugins.module_utils._host import (
    RemediationError,
    printable,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import (
    escape_path,
    is_unit_name,
)

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.skeleton import Skeleton
    from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import Properties
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.log import Finding, Run

SIZE_LIMIT = 1048576
"""Bytes of a user-data; nothing but its digest is made of one that is larger."""


ALIAS_LIMIT = 20
"""Aliases of a user-data; one with more is not validated, for each may stand for all those before it."""


@dataclass(frozen=True)
class Place:
    """Where user-data may lie: what it is called, its path, and the unit that runs it."""

    kind: str
    path: str
    unit: str


@dataclass(frozen=True)
class File:
    """What stat tells of a file: size in bytes, mode such as `644`, owner's number, times in seconds since 1970.

    Two paths with the same `identity` lead to one file.
    """

    type: str
    size: int
    mode: str
    owner: int
    modified: int
    changed: float
    identity: str = ""


@dataclass(frozen=True)
class Content:
    """What a host tells of a user-data's content.

    Attributes:
        size: its bytes.
        sha256: its digest.
        form: `cloud-config`, `script`, `ignition`, `gzip`, `binary`, `empty` or `other`; empty where it was not asked
            for, or the content is too large.
        counts: how many `crlf`, `tabs` (at the beginning of a line), `aliases`, and `bom` it has.
        variables: those that it uses, such as `public_ipv4`.
        skeleton: its structure, where it is a cloud-config.
        validation: how the host's own validation ended: 0, 1 for any finding, 2 where it has none; None if not run.
        findings: what that found.
        keys: line and digest of each SSH public key in a cloud-config.
    """

    size: int
    sha256: str
    form: str = ""
    counts: t.Mapping[str, int] = field(default_factory=dict)
    variables: t.Sequence[str] = ()
    skeleton: Skeleton | None = None
    validation: int | None = None
    findings: t.Sequence[Finding] = ()
    keys: t.Sequence[tuple[int, str]] = ()


@dataclass(frozen=True)
class Metadata:
    """What a config drive's meta-data sets.

    Attributes:
        hostname: as given, `…` where it is not told; empty: none.
        entries: how many entries its public keys have, all of which go to `core`.
        keys: the digests of the SSH public keys in these.
        error: why nothing is known of it, or empty.
    """

    hostname: str = ""
    entries: int = 0
    keys: t.Sequence[str] = ()
    error: str = ""


@dataclass(frozen=True)
class Written:
    """What a run of coreos-cloudinit has put in place: paths of files, names of units, `unit/name` of drop-ins."""

    files: t.Sequence[str] = ()
    units: t.Sequence[str] = ()
    drop_ins: t.Sequence[str] = ()
    enabled: t.Sequence[str] = ()
    masked: t.Sequence[str] = ()


@dataclass(frozen=True)
class Memory:
    """What was applied last, as we remember it: digest, when in seconds since 1970, the boot's id, and its effects.

    `proven` is false until it is known that all of these were there after it.
    """

    sha256: str
    applied: float
    boot: str
    written: Written = Written()
    proven: bool = True


@dataclass(frozen=True)
class Access:
    """How the login user gets in: its name, and the digests of its SSH public keys by the file they are in."""

    user: str = ""
    keys: t.Mapping[str, t.Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """What one look saw of one user-data.

    Attributes:
        place: where it lies, and what runs it.
        file: what stat tells; None where there is none.
        is_link: whether what is there is a symbolic link; the rest is of where it leads.
        error: why stat told nothing, though there is something.
        moving: whether the file changed while it was looked at.
        content: what is in it; None where nothing can be read.
        unit: the properties of the unit that runs it; empty where systemd told nothing, or was not asked since there is
            neither a file nor anything to take its place.
        watches: the path units that start that unit.
        run: the last run in this boot, as its log tells it; None where there is none, or it was not asked for.
        started: when that run began, in seconds since 1970, and how exact that is, in seconds; None if there is none.
        memory: what we remember, if anything, and if nobody else could have written it.
        watched: whether it is applied whenever it changes, see `watch.watched`.
        noted: the digest of what its unit ran last, as a watched unit notes it; empty where it does not, or was not
            asked for.
        runs_at_boot: whether anything on the host runs it at boot, or when it changes; only asked where its unit has
            not run in this boot.
        metadata: what is merged with it; None where there is none, or it was not asked for.
    """

    place: Place
    file: File | None = None
    is_link: bool = False
    error: str = ""
    moving: bool = False
    content: Content | None = None
    unit: Properties = field(default_factory=dict)
    watches: t.Sequence[Properties] = ()
    run: Run | None = None
    started: tuple[float, float] | None = None
    memory: Memory | None = None
    watched: bool | None = None
    noted: str = ""
    runs_at_boot: bool = True
    metadata: Metadata | None = None

    @property
    def sha256(self) -> str:
        """The digest of what is there, or empty."""
        return self.content.sha256 if self.content else ""

    @property
    def form(self) -> str:
        """The form of what is there, or empty."""
        return self.content.form if self.content else ""


@dataclass(frozen=True)
class Look:
    """What one look at a host saw.

    Attributes:
        os: the variables of os-release.
        cloudinit: the version of coreos-cloudinit, such as `1.14.0`; empty where there is none or it was not asked.
        boot: the kernel's boot id.
        addresses: names of the COREOS_... variables that /etc/environment sets.
        access: how the login user gets in.
        given: what is to take the place of one of them, if anything.
        sources: every place, in the order in which they were asked for. Of those that are one file, by a link, only one
            has it.
        partial: what is not known, and why, in sentences.
        watches: every place that is applied whenever it changes, also where nobody has asked for it.
    """

    os: t.Mapping[str, str]
    cloudinit: str
    boot: str
    addresses: t.Sequence[str]
    access: Access
    sources: t.Sequence[Source]
    given: Content | None = None
    partial: t.Sequence[str] = ()
    watches: t.Sequence[Place] = ()


def _user(kind: str, path: str) -> Place:
    return Place(kind, path, f"user-cloudinit@{escape_path(path)}.service")


PLACES = (
    _user("vagrant", "/var/lib/coreos-vagrant/vagrantfile-user-data"),
    _user("vagrant", "/var/lib/flatcar-vagrant/vagrantfile-user-data"),
    _user("install", "/var/lib/coreos-install/user_data"),
    _user("install", "/var/lib/flatcar-install/user_data"),
    Place("configdrive", "/media/configdrive/openstack/latest/user_data", "user-configdrive.service"),
    Place("configdrive", "/media/configvirtfs/openstack/latest/user_data", "user-configvirtfs.service"),
    Place(
        "oem",
        "/usr/share/oem/cloud-config.yml",
        f"system-cloudinit@{escape_path('/usr/share/oem/cloud-config.yml')}.service",
    ),
)
"""Where the operating system looks for user-data."""


def place_of(path: str) -> Place:
    """Return the place of a given path.

    Raises:
        RemediationError: no unit can run a file of this path.
    """
    for place in PLACES:
        if place.path == path:
            return place
    place = _user("given", path)
    if not path.startswith("/") or re.search(r"/(\.{1,2})?(/|\Z)|\n", path) or not is_unit_name(place.unit):
        raise RemediationError(
            f"'{printable(path, limit=80)}' cannot be a user-data's path: give an absolute path without '.', '..' and "
            f"'//' in it and without a '/' at its end, with which the name of its unit stays below 256 characters."
        )
    return place
