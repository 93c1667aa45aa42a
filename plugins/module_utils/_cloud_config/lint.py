# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""What in a cloud-config would make a run of coreos-cloudinit stop, or do less than was meant.

Its own validation looks at structure alone, and in its first versions not even at all of that.
"""

from __future__ import annotations

import posixpath
import typing as t
from dataclasses import dataclass

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.keys import complaints
from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.node import Node, plain, root
from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.sections import SERVICES
from ansible_collections.container_linux.remediation.plugins.module_utils._host import printable
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd.units import is_unit_name

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.skeleton import Skeleton

Level = t.Literal["blocker", "lockout", "warning"]

# Directories that are, or lead to, the read-only part of the operating system; the OEM's part is writable.
_READ_ONLY = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
_WRITABLE = "/usr/share/oem"

_NETWORK_TYPES = ("network", "netdev", "link")

# Commands for which systemd must be able to start the unit.
_STARTING = ("start", "restart", "reload-or-restart")


@dataclass(frozen=True)
class Remark:
    """One thing to say of a user-data.

    Attributes:
        line: where it is; 0: nowhere in particular.
        text: a sentence without its subject, which is the place: what is wrong and what to do next.
        level: whether it blocks; `lockout`: unless locking out is allowed.
        covers: marks of what the host's own validation would find there, and need not be told as well.
        unless: the mark of what makes this one superfluous.
    """

    line: int
    text: str
    level: Level = "blocker"
    covers: t.Sequence[str] = ()
    unless: str = ""


def lint(skeleton: Skeleton, *, version: str) -> list[Remark]:
    """Return what is to be said of a cloud-config's keys, units and files; `version` is coreos-cloudinit's."""
    whole = root(skeleton)
    if whole.is_given and not whole.is_mapping:
        return [Remark(1, "it has no keys at its top level, so that coreos-cloudinit would do nothing; give it keys.")]
    found = _keys(skeleton, version)
    found += [remark for unit in whole.get("coreos").get("units").items() for remark in _unit(unit)]
    found += _lifted_masks(whole.get("coreos"))
    found += [remark for file in whole.get("write_files").items() for remark in _file(file)]
    found += _unknown_parts(skeleton)
    if skeleton.second:
        text = "a second document begins here, and coreos-cloudinit reads the first one only; make one of them"
        found.append(Remark(skeleton.second, f"{text}."))
    if skeleton.tree in (None, {}) and not skeleton.unread:
        found.append(Remark(0, "it asks for nothing; if that is not what you want, check its indentation.", "warning"))
    return found


def _keys(skeleton: Skeleton, version: str) -> list[Remark]:
    found = []
    for complaint in complaints(skeleton, version=version):
        node = complaint.node
        if complaint.about == "unknown":
            key = plain(node.key)
            covers = [f"unrecognized {key}", *(["misplaced"] if node.place == "coreos.write_files" else [])]
            found.append(Remark(node.line, complaint.text, "warning", covers))
        elif complaint.about == "kind":
            found.append(Remark(node.line, complaint.text, "warning", [f"type in {node.line}"]))
        else:
            covers = [f"value in {node.line}"]
            if node.key == "encoding":
                covers += [f"encoding in {line}" for line in _content_lines(skeleton, node)]
            found.append(Remark(node.line, complaint.text, covers=covers))
    for place in _repeated(whole=root(skeleton), skeleton=skeleton):
        key = place.rpartition(".")[2]
        found.append(
            Remark(
                skeleton.lines.get(place, 0),
                f"'{printable(key, limit=60)}' is there again in the same mapping, where coreos-cloudinit joins some "
                f"and drops others; make one of them.",
            )
        )
    return found


def _content_lines(skeleton: Skeleton, encoding: Node) -> list[int]:
    """The line of the content beside an encoding: the validation tries to decode it."""
    place = encoding.place.rpartition(".")[0] + ".content"
    return [skeleton.lines[place]] if place in skeleton.lines else []


def _repeated(*, whole: Node, skeleton: Skeleton) -> list[str]:
    """Places of keys that are there twice, in one spelling or in both."""
    found = list(skeleton.repeated)
    todo = [whole]
    while todo:
        node = todo.pop()
        seen: set[str] = set()
        for child in node.children():
            key = plain(child.key)
            # several keys may be told as `_`
            if key in seen and key != "_":
                found.append(child.place)
            seen.add(key)
            todo.append(child)
        todo += node.items()
    return found


def _unknown_parts(skeleton: Skeleton) -> list[Remark]:
    found = []
    todo = [root(skeleton)]
    while todo:
        node = todo.pop()
        if node.is_folded:
            what = "an alias" if node.value == "_alias" else "written in brackets"
            where = f"'{node.key}'" if node.key not in ("", "_") else "what is here"
            # a list of texts has no structure to check
            if node.key != "groups":
                text = f"{where} is {what}, and is not checked; check it yourself."
                found.append(Remark(node.line, text, "warning", unless=f"type in {node.line}"))
        todo += node.children() + node.items()
    if skeleton.unread:
        text = "from here on it could not be read, and may lock you out; write it one key and one item to a line"
        text = f"{text}, or allow it with 'allow_lockout: true'."
        found.append(Remark(skeleton.unread, text, "lockout", unless=f"tab in {skeleton.unread}"))
    return found


def _unit(unit: Node) -> list[Remark]:
    if not unit.is_mapping:
        return []
    name = unit.get("name")
    if name.value is None:
        return [Remark(unit.line, "this unit has no name, and coreos-cloudinit skips it; give it one.", "warning")]
    if not name.word:
        text = "the name of this unit could not be read; check it yourself."
        return [] if _is_cut(name) else [Remark(name.line, text, "warning", unless=f"name in {name.line}")]
    found = _name(unit, name)
    content = unit.get("content")
    shown = content.block
    found += _unit_text(content, f"'{name.word}'", whole=name.word.endswith(_NETWORK_TYPES))
    drop_ins = unit.get("drop_ins").items()
    for drop_in in drop_ins:
        found += _drop_in(drop_in, name.word)
    has_install = any(
        text == "[Install]"
        for part in [content, *(item.get("content") for item in drop_ins)]
        for _line, text in part.block
    )
    if unit.get("enable").is_true and shown and not has_install and not unit.get("drop_ins").is_untold:
        found.append(
            Remark(
                unit.get("enable").line,
                f"'{name.word}' is to be enabled and has no [Install] section, so that nothing comes of it; add one, "
                f"such as with WantedBy=multi-user.target.",
                "warning",
            )
        )
    if unit.get("mask").is_true:
        command = unit.get("command")
        refused = [(unit.get("enable").line, "be enabled")] if unit.get("enable").is_true else []
        refused += [(command.line, command.word)] if command.word in _STARTING else []
        found += [
            Remark(
                line,
                f"'{name.word}' is to be masked and then to {what}, which systemd refuses, and the run would "
                f"stop there; leave one of them out.",
            )
            for line, what in refused
        ]
    return found


def _lifted_masks(coreos: Node) -> list[Remark]:
    """Say which masks coreos-cloudinit itself lifts again: those in /run of all services that it has a section for."""
    masked_for_update = coreos.get("update").get("reboot_strategy").word == "off"
    lifted = [name for name in SERVICES.values() if name != "locksmithd.service" or not masked_for_update]
    return [
        Remark(
            unit.get("mask").line,
            f"'{unit.get('name').word}' is to be masked until the next boot, and coreos-cloudinit lifts that itself in "
            f"the same run; leave out 'runtime'.",
        )
        for unit in coreos.get("units").items()
        if unit.get("mask").is_true and unit.get("runtime").is_true and unit.get("name").word in lifted
    ]


def _name(unit: Node, name: Node) -> list[Remark]:
    if name.word.rpartition(".")[2] in _NETWORK_TYPES:
        return []
    command = unit.get("command")
    if not is_unit_name(name.word):
        is_called = command.is_given or unit.get("enable").is_true
        follows = "and the run would stop there" if is_called else "so that nothing comes of it"
        text = f"'{name.word}' is no name that systemd would have a unit of, {follows}"
        return [Remark(name.line, f"{text}; give the whole name, such as 'docker.service'.")]
    if "@." in name.word and command.is_given:
        return [
            Remark(
                command.line,
                f"'{name.word}' is a template, which systemd cannot {command.word or 'start'}, and the run would stop "
                f"there; name an instance of it.",
            )
        ]
    return []


def _drop_in(drop_in: Node, unit: str) -> list[Remark]:
    if not drop_in.is_mapping:
        return []
    name = drop_in.get("name")
    if name.value is None:
        text = f"this drop-in of '{unit}' has no name, and coreos-cloudinit skips it; give it one"
        return [Remark(drop_in.line, f"{text}, such as '10-ours.conf'.", "warning")]
    called = f"the drop-in '{name.word}' of '{unit}'" if name.word else f"this drop-in of '{unit}'"
    found = _unit_text(drop_in.get("content"), called, whole=unit.endswith(_NETWORK_TYPES))
    if name.word and not name.word.endswith(".conf"):
        text = f"{called} does not end in '.conf', so that systemd passes over it; name it '{name.word}.conf'."
        found.append(Remark(name.line, text, "warning"))
    return found


def _unit_text(content: Node, called: str, *, whole: bool) -> list[Remark]:
    """Say what in the text of a unit or drop-in systemd would not understand, the first of it.

    Args:
        content: the text.
        called: what it is the text of.
        whole: whether any section may be one: those of networkd differ from version to version.
    """
    section = ""
    unknown: list[Remark] = []
    for line, text in content.block:
        if text.startswith("["):
            section = text
            if section == "[_]" and not whole:
                told = f"{called} has a section here that systemd does not know, so that all in it goes for nothing"
                return [Remark(line, f"{told}; correct its name, or begin it with 'X-'.")]
        elif section.startswith("[X-") or section == "[_]" or text.startswith("#") or not text:
            continue
        elif not section:
            return [Remark(line, f"{called} has text before its first section, such as [Unit]; begin with a section.")]
        elif text == "_":
            told = f"{called} has a line here that is no assignment, such as After=docker.service"
            return [Remark(line, f"{told}; correct it, or make it a comment.")]
        elif text == "_=_":
            told = f"{called} has a key here that is none of systemd's, which passes over it"
            unknown.append(Remark(line, f"{told}; correct it, or make it a comment.", "warning"))
    return unknown[:1]


def _file(file: Node) -> list[Remark]:
    if file.value is None:
        text = "this item of 'write_files' is empty, and the run would stop there; leave it out."
        return [Remark(file.line, text, covers=[f"type in {file.line}"])]
    if not file.is_mapping:
        return []
    path = file.get("path")
    found = []
    if path.value is None:
        found.append(Remark(file.line, "this file has no path, and the run would stop there; give it one."))
    elif not path.word and not _is_cut(path):
        text = "the path of this file could not be read; check it yourself."
        found.append(Remark(path.line, text, "warning", unless=f"path in {path.line}"))
    elif path.word and is_read_only(path.word):
        text = (
            f"'{path.word}' is in a part of the operating system that cannot be written to; write below /etc or /opt."
        )
        found.append(Remark(path.line, text, covers=[f"read-only in {path.line}"]))
    mode = file.get("permissions")
    if mode.is_wiped:
        text = "these permissions are no octal number, and the run would stop there; give such as '0644'."
        found.append(Remark(mode.line, text, covers=[f"value in {mode.line}"]))
    return found


def _is_cut(node: Node) -> bool:
    """Whether nobody knows of it, since from some line on nothing could be read, which is told once."""
    return node.is_untold and bool(node.skeleton.unread)


def is_read_only(path: str) -> bool:
    """Whether a path is in the read-only part of Container Linux and Flatcar."""
    clean = cleaned(path)
    return _is_below(clean, _READ_ONLY) and not _is_below(clean, (_WRITABLE,))


def cleaned(path: str) -> str:
    """Return a path as coreos-cloudinit takes it: from the root on, without `.`, `..` and double slashes."""
    clean = posixpath.normpath("/" + path.lstrip("/"))
    return clean[4:] if clean.startswith("/var/run/") else clean


def _is_below(path: str, folders: t.Iterable[str]) -> bool:
    return any(path.startswith(f"{folder}/") for folder in folders)
