# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""What a cloud-config asks for, as its skeleton tells it: without any content."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.keys import CLOUD_CONFIG
from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.node import (
    TRUE,
    UNTOLD,
    Node,
    plain,
    root,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.skeleton import (
    PLACEHOLDERS,
    Skeleton,
    Text,
)

SECTIONS = ("etcd", "etcd2", "fleet", "flannel", "locksmith", "update", "oem")
"""Keys of `coreos` from which coreos-cloudinit makes a drop-in or a file of its own."""

_FALSE = ("n", "no", "false", "off")

# Keys for which nothing is written that could be left behind.
_LEAVING_NOTHING = ("hostname", "ssh_authorized_keys", "users")


class Doubt(t.NamedTuple):
    """Something that the skeleton could not tell: its place, such as `coreos.units.0.name`, and a sentence."""

    place: str
    sentence: str


@dataclass(frozen=True)
class AskedFile:
    """A file of `write_files`.

    Attributes:
        path: its path, as given.
        permissions: octal digits, as given; empty: `0644`.
        owner: what is given to chown; empty: root.
        encoding: as given, such as `base64`; empty: none.
        text: where its content stands; None: it has none, so that the file is empty.
        line: the line of its path.
        untold: which of `permissions`, `owner`, `encoding` and `content` are given, or may be, and could not be read,
            so that they are empty.
    """

    path: str
    permissions: str = ""
    owner: str = ""
    encoding: str = ""
    text: Text | None = None
    line: int = 0
    untold: t.Sequence[str] = ()


@dataclass(frozen=True)
class AskedDropIn:
    """A drop-in of a unit; without a text it is not written."""

    name: str
    text: Text | None
    line: int


@dataclass(frozen=True)
class AskedUnit:
    """An item of `coreos.units`; without a text its unit file is not written.

    Attributes:
        untold: which of `mask` and `runtime` are given, or may be, and could not be read, so that they are false.
        section: of one that coreos-cloudinit adds by itself, the section of `coreos` for whose sake; else empty.
    """

    name: str
    command: str = ""
    enable: bool = False
    mask: bool = False
    runtime: bool = False
    text: Text | None = None
    drop_ins: t.Sequence[AskedDropIn] = ()
    line: int = 0
    untold: t.Sequence[str] = ()
    section: str = ""


@dataclass(frozen=True)
class Asked:
    """What a cloud-config asks for.

    Attributes:
        files: those of `write_files`, in order.
        units: those of `coreos.units`, in order.
        sections: the line of each of `SECTIONS` of which something is surely made.
        update: the keys of `coreos.update` that have a value, with `_` in them; only `reboot_strategy` has it told.
        users: names.
        ssh_keys: how many keys there are for each user; those at the top level are for `core`.
        metadata_keys: how many a config drive's meta-data adds to these for `core`.
        hostname: as given, or empty.
        manage_etc_hosts: as given, or empty.
        unclear: what the skeleton could not tell.
    """

    files: t.Sequence[AskedFile] = ()
    units: t.Sequence[AskedUnit] = ()
    sections: t.Mapping[str, int] = field(default_factory=dict)
    update: t.Mapping[str, str] = field(default_factory=dict)
    users: t.Sequence[str] = ()
    ssh_keys: t.Mapping[str, int] = field(default_factory=dict)
    metadata_keys: int = 0
    hostname: str = ""
    manage_etc_hosts: str = ""
    unclear: t.Sequence[Doubt] = ()

    @property
    def doubts(self) -> list[str]:
        """Why it cannot be told which files and units it asks for, in sentences; empty where it can."""
        return [doubt.sentence for doubt in self.unclear if plain(doubt.place.split(".")[0]) not in _LEAVING_NOTHING]


def asked(skeleton: Skeleton) -> Asked:
    """Return what a cloud-config asks for. What the skeleton does not tell is named in `unclear`; this never raises."""
    if skeleton.error:
        return Asked(unclear=[Doubt("", f"Its structure is not known: {skeleton.error}.")])
    reading = _Reading(skeleton)
    whole = root(skeleton)
    coreos = reading.child(whole, "coreos")
    answer = Asked(
        files=reading.files(reading.child(whole, "write_files")),
        units=reading.units(reading.child(coreos, "units")),
        sections=reading.sections(coreos),
        update=reading.update(reading.child(coreos, "update")),
        users=reading.users(reading.child(whole, "users")),
        ssh_keys=reading.ssh_keys(whole),
        hostname=reading.word(whole, "hostname"),
        manage_etc_hosts=reading.word(whole, "manage_etc_hosts"),
        unclear=reading.unclear,
    )
    for place in skeleton.repeated:
        text = f"'{place}' is there more than once, last in line {skeleton.lines.get(place, 0)}."
        reading.unclear.append(Doubt(place, text))
    if skeleton.unread:
        text = f"Nothing is known from line {skeleton.unread} on, which could not be understood."
        reading.unclear.append(Doubt("", text))
    return answer


class _Reading:
    def __init__(self, skeleton: Skeleton) -> None:
        self._skeleton = skeleton
        self.unclear: list[Doubt] = []

    def _doubt(self, place: Node, what: str) -> None:
        doubt = Doubt(place.place, f"{place.place or 'The cloud-config'} (line {place.line}) {what}.")
        # told once, by whoever asks for what is in it
        if doubt not in self.unclear:
            self.unclear.append(doubt)

    def child(self, parent: Node, key: str) -> Node:
        """Return the value of a key; a parent that cannot be read is unclear."""
        found = parent.get(key)
        if not parent.is_mapping and not _is_empty(parent):
            self._doubt(parent, "is no mapping that can be read")
        # what is cut off is told once, for all
        if found.is_untold and parent.is_merged:
            self._doubt(parent, "has something merged into it that is not told")
        return found

    def _list(self, parent: Node) -> list[Node]:
        if not isinstance(parent.value, list) and not _is_empty(parent):
            self._doubt(parent, "is no list that can be read")
        return parent.items()

    def word(self, parent: Node, key: str) -> str:
        """Return a value that may leave its host; one that may not is unclear."""
        place = self.child(parent, key)
        if not place.is_given:
            return ""
        if not _is_told(place):
            self._doubt(place, "is not told, for it has not the form that such a value has")
            return ""
        return str(place.value)

    def _untold(self, parent: Node, *keys: str) -> tuple[str, ...]:
        return tuple(key for key in keys if not _is_told(self.child(parent, key)))

    def _flag(self, parent: Node, key: str) -> bool:
        word = self.word(parent, key)
        if word and word.lower() not in TRUE + _FALSE:
            self._doubt(self.child(parent, key), "is neither true nor false")
        return word.lower() in TRUE

    def _text(self, parent: Node) -> Text | None:
        place = self.child(parent, "content")
        text = self._skeleton.texts.get(place.place)
        if not place.is_given or (place.value == "" and not _has_lines(text)):
            return None
        if not isinstance(place.value, str):
            self._doubt(place, "is no text")
        return text

    def files(self, parent: Node) -> list[AskedFile]:
        found = []
        for item in self._list(parent):
            path = self.word(item, "path")
            if path:
                found.append(
                    AskedFile(
                        path=path,
                        permissions=self.word(item, "permissions"),
                        owner=self.word(item, "owner"),
                        encoding=self.word(item, "encoding"),
                        text=self._text(item),
                        line=self.child(item, "path").line,
                        untold=(
                            *self._untold(item, "permissions", "owner", "encoding"),
                            *(("content",) if item.get("content").is_untold else ()),
                        ),
                    )
                )
            elif self.child(item, "path").value is None:
                self._doubt(item, "has no path")
        return found

    def units(self, parent: Node) -> list[AskedUnit]:
        found = []
        for item in self._list(parent):
            name = self.word(item, "name")
            if name:
                found.append(
                    AskedUnit(
                        name=name,
                        command=self.word(item, "command"),
                        enable=self._flag(item, "enable"),
                        mask=self._flag(item, "mask"),
                        runtime=self._flag(item, "runtime"),
                        text=self._text(item),
                        drop_ins=self._drop_ins(self.child(item, "drop_ins")),
                        line=self.child(item, "name").line,
                        untold=self._untold(item, "mask", "runtime"),
                    )
                )
        return found

    def _drop_ins(self, parent: Node) -> list[AskedDropIn]:
        found = []
        for item in self._list(parent):
            name = self.word(item, "name")
            if name:
                found.append(AskedDropIn(name=name, text=self._text(item), line=self.child(item, "name").line))
        return found

    def sections(self, coreos: Node) -> dict[str, int]:
        found = {}
        for name in SECTIONS:
            section = self.child(coreos, name)
            if isinstance(section.value, dict):
                if any(_counts(name, key, value) for key, value in section.value.items()):
                    found[name] = section.line
            elif not _is_empty(section):
                self._doubt(section, "is no mapping that can be read")
        return found

    def update(self, section: Node) -> dict[str, str]:
        known = [node for node in section.children() if _counts("update", node.key, node.value)]
        found = {plain(node.key): "" for node in known}
        if "reboot_strategy" in found:
            found["reboot_strategy"] = self.word(section, "reboot_strategy")
        return found

    def users(self, parent: Node) -> list[str]:
        return [name for name in (self.word(item, "name") for item in self._list(parent)) if name]

    def ssh_keys(self, whole: Node) -> dict[str, int]:
        owners = [("core", whole), *((self.word(user, "name"), user) for user in self.child(whole, "users").items())]
        found: dict[str, int] = {}
        for name, owner in owners:
            keys = self._list(self.child(owner, "ssh_authorized_keys"))
            if keys and name:
                found[name] = found.get(name, 0) + len(keys)
        return found


def _is_told(place: Node) -> bool:
    value = place.value
    return value is None or (isinstance(value, str) and value not in (*PLACEHOLDERS, UNTOLD) and value.isprintable())


def _is_empty(place: Node) -> bool:
    """Whether there is nothing, as far as is known."""
    return place.is_untold or place.value in (None, "", [])


def _has_lines(text: Text | None) -> bool:
    """Whether there are lines below a block's header, if only empty ones: some blocks keep them."""
    return text is not None and text.block and text.last > text.key


def _counts(section: str, key: str, value: t.Any) -> bool:
    """Whether something is made of a section for the sake of this value alone."""
    name = plain(key)
    if section == "oem" and name != "id":
        return False
    # nothing is made of a truth value that is false
    return name in CLOUD_CONFIG.keys["coreos"].keys[section].keys and value not in (None, "", "_boolean")
