# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""What in a cloud-config could keep the login user out of the host for good.

A run sets a user's keys before all else, and puts the sets of keys it knows by name together anew; the operator
learns of a lost key with the next connection.
"""

from __future__ import annotations

import posixpath
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.lint import Remark, cleaned
from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.node import Node, root
from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.skeleton import (
    MERGE,
    Skeleton,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import Metadata

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import (
        Access,
        Content,
    )

# Who gets the keys of the top level, and in which set all keys of a cloud-config are kept.
_CORE = "core"
_SET = "coreos-cloudinit"

# What coreos-cloudinit merges with the user-data of a config drive.
_METADATA = "'meta_data.json' beside it"

# Behind the last line of any user-data.
_END = 10**9

_SSH_UNITS = ("sshd.socket", "sshd.service", "sshd@.service")
# sshd may be switched from its socket to its service, or back.
_TAKES_OVER = {"sshd.socket": "sshd.service", "sshd.service": "sshd.socket"}
_NETWORK_UNITS = ("systemd-networkd.service", "systemd-networkd.socket")
_ENDING = ("poweroff.target", "halt.target", "reboot.target", "kexec.target", "rescue.target", "emergency.target")
_UP = ("start", "restart", "reload-or-restart")

# Files that decide who may log in or become root.
_ACCOUNTS = (
    "/etc/passwd",
    "/etc/shadow",
    "/etc/group",
    "/etc/gshadow",
    "/etc/sudoers",
    "/etc/nsswitch.conf",
    "/etc/nologin",
    "/run/nologin",
)
_ACCOUNT_FOLDERS = ("/etc/sudoers.d/", "/etc/pam.d/")

# Files that take part in how the host is reached; most people who write them know why.
_REACHED_BY = {
    "/etc/ssh/": "sshd may refuse the next connection",
    "/etc/systemd/system/sshd": "sshd may not take the next connection",
    "/etc/systemd/network/": "the host may not be reached the same way any more",
    "/var/lib/iptables/": "the firewall may refuse the next connection",
    "/var/lib/ip6tables/": "the firewall may refuse the next connection",
}
_KEEP_OPEN = "keep a connection open until a second one has worked"


def lockout(content: Content, access: Access, metadata: Metadata | None = None) -> list[Remark]:
    """Return what could lock the login user out, or change how the host is reached.

    Args:
        content: what the host tells of the user-data.
        access: how the login user gets in.
        metadata: what coreos-cloudinit merges with it, if anything.
    """
    whole = root(content.skeleton or Skeleton())
    found = _keys(content, whole, access, metadata or Metadata())
    units = whole.get("coreos").get("units").items()
    started = {
        unit.get("name").word for unit in units if unit.get("command").word in _UP and not unit.get("mask").is_true
    }
    found += [remark for unit in units for remark in _unit(unit, started)]
    folders = _ssh_folders(access)
    found += [remark for file in whole.get("write_files").items() for remark in _file(file, access.user, folders)]
    has_keys = any(access.keys.values())
    for user in _of_user(whole, access.user):
        if user.get("passwd").is_given:
            text = f"the password of '{access.user}', who is logged in, would change; be sure that you know the new one"
            found.append(Remark(user.get("passwd").line, f"{text}.", "warning" if has_keys else "lockout"))
    for user in whole.get("users").items():
        name = user.get("name")
        # the password matters where nobody knows of a key
        if access.user and not has_keys and _is_hidden(name) and user.get("passwd").value:
            text = f"the name of this user could not be read, and its password may be that of '{access.user}'"
            advice = "write the name plainly, or allow it with 'allow_lockout: true'"
            found.append(Remark(name.line, f"{text}; {advice}.", "lockout"))
    return found


def _of_user(whole: Node, name: str) -> list[Node]:
    return [user for user in whole.get("users").items() if name and user.get("name").word == name]


@dataclass(frozen=True)
class _Given:
    """A part of a cloud-config that gives keys to the login user, or may do so.

    Attributes:
        line: where it is.
        keys: the digests of the keys that are surely in it.
        untold: what of it could not be read; empty where all was.
        perhaps: the digests of the keys that may be in what could not be read.
        surely: whether it is sure that it gives the login user keys.
        blocker: what else is wrong with it.
        name: what to call the keys in it.
    """

    line: int
    keys: t.AbstractSet[str] = frozenset()
    untold: str = ""
    perhaps: t.AbstractSet[str] = frozenset()
    surely: bool = True
    blocker: Remark | None = None
    name: str = "these SSH keys"

    def may_replace(self, present: t.AbstractSet[str]) -> bool:
        """Whether what could not be read may leave nothing of the keys that let the login user in."""
        if self.keys & present:
            return False
        return bool(self.perhaps - present) or (self.surely and not self.perhaps)


def _keys(content: Content, whole: Node, access: Access, metadata: Metadata) -> list[Remark]:
    """Say whose keys the login user would lose.

    All keys of a cloud-config go into one set that replaces the one of the last run, those of the top level last, with
    those of a config drive's meta-data. The other sets stay; where there are none yet, the keys that are there become
    one.
    """
    if metadata.error:
        text = f"{_METADATA} could not be read ({metadata.error}), and the run may stop there with nothing written"
        advice = "correct or remove it, or allow it with 'allow_lockout: true'"
        return [Remark(0, f"{text}, or set other SSH keys for '{_CORE}'; {advice}.", "lockout")]
    present = {key for keys in access.keys.values() for key in keys}
    staying = _staying(access)
    # the last one that gives any replaces those before
    for given in reversed(_given(content, whole, access.user, metadata)):
        if given.blocker:
            return [given.blocker]
        if given.untold and present and not present & staying and given.may_replace(present):
            text = f"{given.untold}, and SSH keys in it may replace all that let '{access.user}' in now"
            advice = "write it one key and one item to a line, or allow it with 'allow_lockout: true'"
            return [Remark(given.line, f"{text}; {advice}.", "lockout")]
        if given.surely:
            return [] if given.untold else _lost(given, present, staying, access.user)
    return []


def _lost(given: _Given, present: set[str], staying: set[str], user: str) -> list[Remark]:
    gone = present - given.keys - staying
    if not gone:
        return []
    if gone == present:
        text = (
            f"{given.name} would replace all {len(present)} that let '{user}' in now"
            if len(present) > 1
            else f"{given.name} would replace the one that lets '{user}' in now"
        )
        advice = "add yours to them, or allow it with 'allow_lockout: true'"
        return [Remark(given.line, f"{text}; {advice}.", "lockout")]
    text = f"{len(gone)} of the {len(present)} SSH keys that let '{user}' in now would be gone"
    return [Remark(given.line, f"{text}; be sure that yours is none of them.", "warning")]


def _staying(access: Access) -> set[str]:
    """The keys of other sets; where there is no set yet, all keys, which then become one."""
    sets = {file: keys for file, keys in access.keys.items() if "/authorized_keys.d/" in file}
    files = {file: keys for file, keys in sets.items() if posixpath.basename(file) != _SET} if sets else access.keys
    return {key for keys in files.values() for key in keys}


def _given(content: Content, whole: Node, user: str, metadata: Metadata) -> list[_Given]:
    """Return all that gives keys to a user, or may do so, in the order in which coreos-cloudinit takes it."""
    if not user:
        return []
    found = _of_users(content, whole.get("users"), user)
    found += [_untold(content, node, "'<<' merges something in here") for node in _merged(whole)]
    if user != _CORE:
        return found
    # to this list what is merged or repeated is joined, and so a key of it stays
    own = _of_list(content, whole.get("ssh_authorized_keys"))
    return found + ([_joined(own, metadata)] if metadata.entries else own)


def _joined(own: t.Sequence[_Given], metadata: Metadata) -> _Given:
    """Return what the list at the top level, if any, gives together with a config drive's meta-data."""
    keys = frozenset(metadata.keys)
    if not keys:
        return own[0] if own else _Given(0, blocker=_no_keys(0, f"none of the public keys in {_METADATA}"))
    if not own:
        return _Given(0, keys, name=f"the SSH keys of {_METADATA}")
    return replace(own[0], keys=own[0].keys | keys, blocker=None, name=f"{own[0].name}, with those of {_METADATA},")


def _of_users(content: Content, users: Node, user: str) -> list[_Given]:
    if users.is_folded:
        return [_untold(content, users, f"'users' is {_folding(users)}")]
    found = []
    for item in users.items():
        name = item.get("name")
        own = _of_list(content, item.get("ssh_authorized_keys"))
        if item.is_folded:
            found.append(_untold(content, item, f"this user is {_folding(item)}"))
        elif _merged(item):
            found.append(_untold(content, item, "'<<' merges something into this user"))
        elif name.word == user:
            found += own
        elif name.value is not None and not name.word:
            untold = "the name of this user could not be read"
            found += [
                replace(given, line=name.line, untold=untold, perhaps=given.keys | given.perhaps, surely=False)
                for given in own
                if not given.blocker
            ]
    return found


def _of_list(content: Content, node: Node) -> list[_Given]:
    """Return what a list of keys gives: nothing where it is empty, or no list for coreos-cloudinit."""
    if node.value == "_alias":
        return [replace(_untold(content, node, f"'{node.key}' is {_folding(node)}"), surely=True)]
    if node.is_folded:
        return [_Given(node.line, set(_in_lines(content, node.line, _end(node))))]
    items = node.items()
    if not items:
        return []
    # whatever follows a key in one item is its comment
    keys = {
        key
        for item in items
        if isinstance(item.value, str) and not item.is_folded
        for key in _in_lines(content, item.line, _end(item))[:1]
    }
    aliases = [item for item in items if item.value == "_alias"]
    if aliases:
        return [replace(_untold(content, aliases[0], "this SSH key is an alias"), keys=keys, surely=True)]
    if keys:
        return [_Given(node.line, keys)]
    return [_Given(node.line, blocker=_no_keys(node.line, "none of these"))]


def _no_keys(line: int, what: str) -> Remark:
    text = f"{what} is an SSH public key, and the run would stop there before it has written anything"
    return Remark(line, f"{text}; give keys such as 'ssh-ed25519 AAAA... name'.")


def _untold(content: Content, node: Node, what: str) -> _Given:
    """Return what may give keys in a way that the skeleton does not tell."""
    first, last = (1, _END) if _has_aliases(content) else (node.line, _end(node))
    return _Given(node.line, untold=what, perhaps=set(_in_lines(content, first, last)), surely=False)


def _has_aliases(content: Content) -> bool:
    """Whether there may be aliases: what they stand for may be anywhere before."""
    return content.counts.get("aliases", 0) > 0


def _merged(node: Node) -> list[Node]:
    return [child for child in node.children() if child.key == MERGE and child.value is not None]


def _folding(node: Node) -> str:
    return "an alias" if node.value == "_alias" else "written in brackets"


def _in_lines(content: Content, first: int, last: int) -> list[str]:
    """Return the digests of the keys in these lines, in their order."""
    return [key for line, key in content.keys if first <= line <= last]


def _end(node: Node) -> int:
    """Return the last line of a value that can be read."""
    unread = node.skeleton.unread
    return min(node.last_line, unread - 1) if unread else node.last_line


def _is_hidden(node: Node) -> bool:
    """Whether there is, or may be, a value that is not told. Where nothing is told from a line on, `lint` says that."""
    if node.is_untold:
        return not node.skeleton.unread
    # an address makes a name of none that matters here
    return node.is_given and not node.word and node.value not in ("", "_address")


def _unit(unit: Node, started: t.Collection[str]) -> list[Remark]:
    name, command = unit.get("name"), unit.get("command")
    masked = unit.get("mask").is_true
    is_hidden = _is_hidden(command) or _is_hidden(unit.get("mask"))
    may_end = masked or command.word in ("stop", *_UP) or is_hidden
    if (_is_hidden(name) and may_end) or (is_hidden and name.word in (*_SSH_UNITS, *_NETWORK_UNITS)):
        what = "the name of this unit" if _is_hidden(name) else f"what is to become of '{name.word}'"
        text = f"{what} could not be read, and nobody may be able to log in any more"
        advice = "write it plainly, or allow it with 'allow_lockout: true'"
        return [Remark(name.line, f"{text}; {advice}.", "lockout", [f"name in {name.line}"])]
    down = masked or command.word == "stop"
    line = unit.get("mask").line if masked else command.line
    verb = "masked" if masked else "stopped"
    if name.word in _SSH_UNITS and down and _TAKES_OVER.get(name.word) not in started:
        text = f"'{name.word}' would be {verb}, and nobody could log in any more"
        return [Remark(line, f"{text}; leave that out, or allow it with 'allow_lockout: true'.", "lockout")]
    if name.word in _NETWORK_UNITS and down:
        text = f"'{name.word}' would be {verb}, and the host may lose its addresses"
        return [Remark(line, f"{text}; leave that out, or allow it with 'allow_lockout: true'.", "lockout")]
    if name.word in _ENDING and command.word in _UP:
        text = f"'{name.word}' would be started, at every boot anew"
        return [Remark(line, f"{text}; leave that out, or allow it with 'allow_lockout: true'.", "lockout")]
    has_text = unit.get("content").is_given or unit.get("drop_ins").is_given
    if name.word in _SSH_UNITS and has_text:
        text = f"'{name.word}' is changed, and sshd may not take the next connection, or at another port"
        return [Remark(name.line, f"{text}; {_KEEP_OPEN}.", "warning")]
    if name.word.endswith((".network", ".netdev", ".link")):
        text = f"'{name.word}' restarts the host's network, which may not be reached the same way any more"
        return [Remark(name.line, f"{text}; be sure of what is in it.", "warning")]
    return []


def _ssh_folders(access: Access) -> list[str]:
    """Where the login user's keys are: the folders that are known, and the usual one."""
    found = {posixpath.dirname(file) for file in access.keys if file.startswith("/")}
    found = {posixpath.dirname(folder) if folder.endswith(".d") else folder for folder in found}
    usual = "/root" if access.user == "root" else f"/home/{access.user or _CORE}"
    return sorted({cleaned(folder) for folder in found} | {f"{usual}/.ssh"})


def _file(file: Node, user: str, folders: t.Sequence[str]) -> list[Remark]:
    path = file.get("path")
    if file.is_mapping and _is_hidden(path):
        text = "the path of this file could not be read, and it may be one that decides who can log in"
        advice = "write it plainly, or allow it with 'allow_lockout: true'"
        return [Remark(path.line, f"{text}; {advice}.", "lockout", [f"path in {path.line}"])]
    if not path.word:
        return []
    clean = cleaned(path.word)
    if clean.startswith(tuple(f"{folder}/authorized_keys" for folder in folders)):
        text = f"'{path.word}' holds the SSH keys of '{user or _CORE}', who is logged in, and would be replaced"
        advice = "give keys in 'ssh_authorized_keys'"
    elif clean in _ACCOUNTS or clean.startswith(_ACCOUNT_FOLDERS):
        text = f"'{path.word}' decides who may log in and become root, and would be replaced"
        advice = "leave it out"
    else:
        for begin, what in _REACHED_BY.items():
            if clean.startswith(begin):
                text = f"'{path.word}' takes part in how the host is reached: {what}; {_KEEP_OPEN}."
                return [Remark(path.line, text, "warning")]
        return []
    return [Remark(path.line, f"{text}; {advice}, or allow it with 'allow_lockout: true'.", "lockout")]
