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

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config_lint import Remark, cleaned
from ansible_collections.container_linux.remediation.plugins.module_utils._skeleton_node import Node, root

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data_seen import (
        Access,
        Content,
    )
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data_skeleton import Skeleton

# Who gets the keys of the top level, and in which set all keys of a cloud-config are kept.
_CORE = "core"
_SET = "coreos-cloudinit"

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


def lockout(content: Content, access: Access) -> list[Remark]:
    """Return what could lock the login user out, or change how the host is reached."""
    skeleton = content.skeleton
    if skeleton is None:
        return []
    found = _keys(content, skeleton, access)
    whole = root(skeleton)
    units = whole.get("coreos").get("units").items()
    started = {
        unit.get("name").word for unit in units if unit.get("command").word in _UP and not unit.get("mask").is_true
    }
    found += [remark for unit in units for remark in _unit(unit, started)]
    folders = _ssh_folders(access)
    found += [remark for file in whole.get("write_files").items() for remark in _file(file, access.user, folders)]
    for user in _of_user(whole, access.user):
        if user.get("passwd").value is not None:
            has_keys = any(access.keys.values())
            text = f"the password of '{access.user}', who is logged in, would change; be sure that you know the new one"
            found.append(Remark(user.get("passwd").line, f"{text}.", "warning" if has_keys else "lockout"))
    return found


def _of_user(whole: Node, name: str) -> list[Node]:
    return [user for user in whole.get("users").items() if name and user.get("name").word == name]


def _keys(content: Content, skeleton: Skeleton, access: Access) -> list[Remark]:
    """Say whose keys the login user would lose.

    All keys of a cloud-config go into one set that replaces the one of the last run, those of the top level last. The
    other sets stay; where there are none yet, the keys that are there become one.
    """
    given = _given(content, root(skeleton), access.user)
    if given is None:
        return _unseen(content, skeleton, access)
    node, bodies = given
    no_key = _no_key(node, bodies)
    if no_key:
        return no_key
    present = {key for keys in access.keys.values() for key in keys}
    gone = present - bodies - _staying(access)
    if not gone:
        return []
    if gone == present:
        text = (
            f"these SSH keys would replace all {len(present)} that let '{access.user}' in now"
            if len(present) > 1
            else f"these SSH keys would replace the one that lets '{access.user}' in now"
        )
        advice = "add yours to them, or allow it with 'allow_lockout: true'"
        return [Remark(node.line, f"{text}; {advice}.", "lockout")]
    text = f"{len(gone)} of the {len(present)} SSH keys that let '{access.user}' in now would be gone"
    return [Remark(node.line, f"{text}; be sure that yours is none of them.", "warning")]


def _staying(access: Access) -> set[str]:
    """The keys of other sets; where there is no set yet, all keys, which then become one."""
    sets = {file: keys for file, keys in access.keys.items() if "/authorized_keys.d/" in file}
    files = {file: keys for file, keys in sets.items() if posixpath.basename(file) != _SET} if sets else access.keys
    return {key for keys in files.values() for key in keys}


def _given(content: Content, whole: Node, user: str) -> tuple[Node, set[str]] | None:
    """Return the list of keys that decides, and the digests of the keys in it; None where the user is given none."""
    lists = [node.get("ssh_authorized_keys") for node in _of_user(whole, user)]
    if user == _CORE:
        lists.append(whole.get("ssh_authorized_keys"))
    # the last one that is not empty replaces those before
    for node in reversed(lists):
        if (isinstance(node.value, list) and node.value) or node.is_folded:
            last = node.last_line
            return node, {key for line, key in content.keys if node.line <= line <= last}
    return None


def _no_key(node: Node, bodies: set[str]) -> list[Remark]:
    if bodies or node.is_folded or any(item.is_folded for item in node.items()):
        return []
    text = "none of these is an SSH public key, and the run would stop there before it has written anything"
    return [Remark(node.line, f"{text}; give keys such as 'ssh-ed25519 AAAA... name'.")]


def _unseen(content: Content, skeleton: Skeleton, access: Access) -> list[Remark]:
    """Keys may be given in a part that could not be read."""
    present = {key for keys in access.keys.values() for key in keys}
    unseen = {key for line, key in content.keys if skeleton.unread and line >= skeleton.unread}
    if not unseen or not present or present & (unseen | _staying(access)):
        return []
    text = f"from here on it could not be read, and SSH keys in it may replace all that let '{access.user}' in now"
    return [Remark(skeleton.unread, f"{text}; write it one key and one item to a line.", "lockout")]


def _unit(unit: Node, started: t.Collection[str]) -> list[Remark]:
    name, command = unit.get("name"), unit.get("command")
    masked = unit.get("mask").is_true
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
    has_text = unit.get("content").value is not None or unit.get("drop_ins").value is not None
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
