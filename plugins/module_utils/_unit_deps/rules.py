# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""The dependencies that systemd adds of itself: one record for each of its rules.

A rule never claims that a dependency exists. It says where one that systemd told of can come from, so a rule that
only some versions have does no harm on the others.

Origins are systemd's own words, as `systemd-analyze dump` prints them since version 236. `file` is also its word for
what a setting brings along (a service's slice, the journal's socket).
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.unit_file import (
    mount_path,
    split_quoted,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import REQUIREMENTS, words

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.unit_file import Setting
    from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import Properties


@dataclass(frozen=True)
class Unit:
    """A unit as the rules see it.

    Attributes:
        id: its main name.
        properties: what `systemctl show` tells of it.
        settings: what its fragment and drop-ins set, in the order in which systemd reads them.
        edges: the units at the other end of its dependencies, by type, as `systemctl show` tells them.
    """

    id: str
    properties: Properties
    settings: t.Sequence[Setting]
    edges: t.Mapping[str, t.Sequence[str]]

    @property
    def kind(self) -> str:
        return self.id.rpartition(".")[2]

    @property
    def has_defaults(self) -> bool:
        return self.properties.get("DefaultDependencies", "yes") == "yes"

    def last(self, *keys: str) -> Setting | None:
        """The last line that sets one of some settings."""
        found = [setting for setting in self.settings if setting.key in keys and setting.value]
        return found[-1] if found else None


Holds = t.Callable[[Unit, Unit], bool]
Cites = t.Callable[[Unit, Unit], t.Optional["Setting"]]


class Rule(t.NamedTuple):
    """A rule by which systemd makes a unit depend on another one.

    Attributes:
        origin: systemd's word for where such a dependency comes from. `mount` stands for one of several: systemd
            picks it by whether a file or the kernel told of the mount, and by which unit it read first.
        text: what the rule is about.
        kinds: the types of the units that the rule is for.
        types: the types of dependency that it makes.
        other: the names of the units that these become dependent on.
        holds: whether it holds for a unit and that other unit.
        cites: the line of the unit's files that sets it off, where there is one.
    """

    origin: str
    text: str
    kinds: frozenset[str]
    types: frozenset[str]
    other: t.Pattern[str]
    holds: Holds
    cites: Cites


def _always(_unit: Unit, _other: Unit) -> bool:
    return True


def _nothing(_unit: Unit, _other: Unit) -> Setting | None:
    return None


def _rule(
    origin: str, text: str, kinds: str, types: str, other: str, holds: Holds = _always, cites: Cites = _nothing
) -> Rule:
    return Rule(
        origin=origin,
        text=text,
        kinds=frozenset(kinds.split()),
        types=frozenset(types.split()),
        other=re.compile(other + r"\Z"),
        holds=holds,
        cites=cites,
    )


def _default(text: str, kinds: str, types: str, other: str, holds: Holds = _always, origin: str = "default") -> Rule:
    """A rule that DefaultDependencies=no switches off."""
    return _rule(origin, text, kinds, types, other, lambda unit, other: unit.has_defaults and holds(unit, other))


def _set(text: str, kinds: str, types: str, other: str, *keys: str, origin: str = "file") -> Rule:
    """A rule that one of some settings switches on."""
    return _rule(
        origin,
        text,
        kinds,
        types,
        other,
        holds=lambda unit, _other: unit.last(*keys) is not None,
        cites=lambda unit, _other: unit.last(*keys),
    )


def _pulled_in(target: Unit, other: Unit) -> bool:
    types = (*REQUIREMENTS, "Wants", "Upholds", "PartOf")
    loaded = other.properties.get("LoadState") == "loaded"
    return loaded and other.has_defaults and any(other.id in target.edges.get(kind, ()) for kind in types)


def _triggers(unit: Unit, other: Unit) -> bool:
    """Whether the one starts the other, by systemd's own choice where it is no socket."""
    loaded = unit.properties.get("LoadState") == "loaded"
    return loaded and other.id in unit.edges.get("Triggers", ()) and unit.last("Unit") is None


def _on_the_bus(unit: Unit, _other: Unit) -> bool:
    return _bus(unit) is not None


def _bus(unit: Unit) -> Setting | None:
    """The line that makes a service one of Type=dbus, which a BusName= alone does as well."""
    kind = unit.last("Type")
    if kind is None or kind.section != "Service":
        return unit.last("BusName")
    return kind if kind.value == "dbus" else None


# Settings whose whole value is one path, blanks and quotes included.
_PATH = frozenset(
    (
        *("WorkingDirectory", "RootDirectory", "RootImage", "What", "Where"),
        *("PathExists", "PathExistsGlob", "PathChanged", "PathModified", "DirectoryNotEmpty"),
        *("ListenStream", "ListenDatagram", "ListenSequentialPacket"),
        *("ListenFIFO", "ListenSpecial", "ListenUSBFunction"),
    )
)
# Settings that are lists of paths, and what stands before each path.
_PATHS = {
    "RequiresMountsFor": "",
    "WantsMountsFor": "",
    "RuntimeDirectory": "/run/",
    "StateDirectory": "/var/lib/",
    "CacheDirectory": "/var/cache/",
    "LogsDirectory": "/var/log/",
    "ConfigurationDirectory": "/etc/",
}


def _needs_mount(unit: Unit, mount: Unit) -> bool:
    where = mount_path(mount.id)
    paths = unit.properties.get("RequiresMountsFor", "") + " " + unit.properties.get("WantsMountsFor", "")
    return any(_is_below(path, where) for path in words(paths))


def _mount_setting(unit: Unit, mount: Unit) -> Setting | None:
    where = mount_path(mount.id)
    for setting in reversed(unit.settings):
        if any(_is_below(path, where) for path in _paths(setting)):
            return setting
    return None


def _paths(setting: Setting) -> list[str]:
    if setting.key in _PATH:
        return [setting.value.lstrip("-!~=+")]
    if setting.key in _PATHS:
        return [_PATHS[setting.key] + item for item in split_quoted(setting.value)]
    return []


def _is_below(path: str, directory: str) -> bool:
    return path.startswith("/") and (directory == "/" or f"{path}/".startswith(f"{directory}/"))


_EXECUTES = "service socket mount swap"
_IN_SLICES = f"{_EXECUTES} scope"

RULES: t.Sequence[Rule] = (
    _default("services", "service", "Requires After", r"(sysinit|basic)\.target"),
    _default("services", "service", "Conflicts Before", r"shutdown\.target"),
    _default("sockets", "socket", "Requires After", r"sysinit\.target"),
    _default("sockets", "socket", "Before", r"sockets\.target"),
    _default("sockets", "socket", "Conflicts Before", r"shutdown\.target"),
    _default("timers", "timer", "Requires After", r"sysinit\.target"),
    _default("timers", "timer", "Before", r"timers\.target"),
    _default("timers", "timer", "Conflicts Before", r"shutdown\.target"),
    _default("timers by the calendar", "timer", "After", r"time-(sync|set)\.target"),
    _default("paths", "path", "Requires After", r"sysinit\.target"),
    _default("paths", "path", "Before", r"paths\.target"),
    _default("paths", "path", "Conflicts Before", r"shutdown\.target"),
    _default("targets", "target", "Conflicts Before", r"shutdown\.target"),
    _default("targets follow what they pull in", "target", "After", r".+", _pulled_in),
    _default("slices", "slice", "Conflicts Before", r"shutdown\.target"),
    _default("scopes", "scope", "Conflicts Before", r"shutdown\.target"),
    _default("automounts", "automount", "After", r"(local|remote)-fs-pre\.target"),
    _default("automounts", "automount", "Before", r"(local|remote)-fs\.target"),
    _default("automounts", "automount", "Conflicts Before", r"umount\.target"),
    _default("swaps", "swap", "Before", r"swap\.target"),
    _default("swaps", "swap", "Conflicts Before", r"umount\.target"),
    _default("mounts", "mount", "After", r"(local|remote)-fs-pre\.target", origin="mount"),
    _default("mounts", "mount", "Before", r"((local|remote)-fs|initrd-(root-|usr-)?fs)\.target", origin="mount"),
    _default("mounts", "mount", "Conflicts Before", r"umount\.target", origin="mount"),
    _default("mounts over the network", "mount", "Wants After", r"network(-online)?\.target", origin="mount"),
    _default("mounts of a tmpfs", "mount", "After", r"swap\.target", origin="mount"),
    # by name or by nature
    _rule("implicit", "a slice in its parent", "slice", "Requires After", r".+\.slice"),
    _rule("file", "Slice=", _IN_SLICES, "Requires After", r".+\.slice", cites=lambda unit, _other: unit.last("Slice")),
    _rule("implicit", "a socket and its service", "socket", "Triggers Before", r".+\.service", _triggers),
    _rule("implicit", "a timer and its unit", "timer", "Triggers Before", r".+", _triggers),
    _rule("implicit", "a path and its unit", "path", "Triggers Before", r".+", _triggers),
    _rule("implicit", "an automount and its mount", "automount", "Triggers Before", r".+\.mount", _triggers),
    # paths and devices
    _rule(
        "mount",
        "RequiresMountsFor=",
        "service socket mount swap path timer automount target slice scope device",
        "Requires Wants After",
        r".+\.mount",
        _needs_mount,
        _mount_setting,
    ),
    _rule("mount", "the device of a mount", "mount", "Requires BindsTo Wants After", r".+\.device"),
    _rule("mount", "the device of a mount", "mount", "After", r"blockdev@.+\.target"),
    _rule("mount", "quotas of a mount", "mount", "Wants Before", r"(systemd-)?quota.+\.service"),
    _rule("mount", "the device of a swap", "swap", "Requires After", r".+\.device"),
    _rule("mount", "the device of a swap", "swap", "After", r"blockdev@.+\.target"),
    _rule("mount", "a swap in a file", "swap", "After", r"systemd-remount-fs\.service"),
    _rule("udev", "SYSTEMD_WANTS of udev", "device", "Wants", r".+"),
    _set("BindToDevice=", "socket", "BindsTo After", r".+\.device", "BindToDevice"),
    # what a process needs
    _rule("file", "output to the journal", _EXECUTES, "After", r"systemd-journald\.socket"),
    _set(
        "LogNamespace=",
        _EXECUTES,
        "Requires After",
        r"systemd-journald(-varlink@.+\.socket|@.+\.socket|-sync@.+\.service)",
        "LogNamespace",
    ),
    _set("PrivateTmp=", _EXECUTES, "After", r"systemd-tmpfiles-setup\.service", "PrivateTmp", "DynamicUser"),
    # some versions go by way of the mounts for /tmp, others straight to the unit
    _set("PrivateTmp=", _EXECUTES, "Wants After", r"tmp\.mount", "PrivateTmp", "DynamicUser", origin="mount"),
    _set(
        "a directory below /var",
        _EXECUTES,
        "After",
        r"systemd-remount-fs\.service",
        *("StateDirectory", "CacheDirectory", "LogsDirectory"),
    ),
    _set("RootImage=", _EXECUTES, "Wants After", r"(systemd-udevd|modprobe@.+)\.service", "RootImage"),
    _rule(
        "file", "Type=dbus", "service", "Requires After", r"dbus\.socket", _on_the_bus, lambda unit, _other: _bus(unit)
    ),
    _set(
        "ManagedOOM...=",
        f"{_IN_SLICES} slice",
        "Wants After",
        r"systemd-oomd\.service",
        *("ManagedOOMSwap", "ManagedOOMMemoryPressure"),
    ),
)


def _by_kind_and_type() -> dict[tuple[str, str], list[Rule]]:
    index: dict[tuple[str, str], list[Rule]] = {}
    for rule in RULES:
        for kind in rule.kinds:
            for type_ in rule.types:
                index.setdefault((kind, type_), []).append(rule)
    return index


_INDEX = _by_kind_and_type()


def rules_for(unit: Unit, type_: str, other: Unit) -> t.Iterator[Rule]:
    """Yield the rules by which systemd can have made a unit depend on another one."""
    for rule in _INDEX.get((unit.kind, type_), ()):
        if rule.other.match(other.id) and rule.holds(unit, other):
            yield rule
