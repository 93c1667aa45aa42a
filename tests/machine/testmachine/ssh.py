# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and the ways in: each machine has its own, made when it is made."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from .console import MachineError
from .paths import MACHINES

__all__ = ["Keys", "forget_keys", "login_options", "make_keys", "read_keys", "trust"]


class Keys:
    """The files of one machine in the state folder."""

    def __init__(self, name: str) -> None:
        self.folder: Path = MACHINES / name
        self.identity = self.folder / "id_ed25519"
        self.host_key = self.folder / "ssh_host_ed25519_key"
        self.known_hosts = self.folder / "known_hosts"


def make_keys(name: str) -> Keys:
    """Make the user's key and the machine's host key."""
    for program in ("ssh", "ssh-keygen"):
        if not shutil.which(program):
            raise MachineError(
                f"{program} is missing: install Debian's openssh-client (`make setup` does it)."
            )
    forget_keys(name)
    keys = Keys(name)
    keys.folder.mkdir(parents=True)
    keys.folder.chmod(0o700)
    for path, comment in ((keys.identity, f"core@{name}"), (keys.host_key, name)):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)],
            check=True,
            stdin=subprocess.DEVNULL,
        )
    return keys


def read_keys(name: str) -> Keys:
    """Return the machine's files; a machine without them is a MachineError."""
    keys = Keys(name)
    if not keys.identity.exists():
        raise MachineError(
            f"The key of machine {name} is not in {keys.folder}: it was made from another"
            f" checkout; use that one, or remove the machine with `down {name}`."
        )
    return keys


def trust(keys: Keys, port: int) -> None:
    """Record the machine's host key, so that host key checking can stay strict."""
    kind, key, *_ = keys.host_key.with_suffix(".pub").read_text().split()
    keys.known_hosts.write_text(f"[127.0.0.1]:{port} {kind} {key}\n")


def forget_keys(name: str) -> None:
    """Remove the machine's files."""
    shutil.rmtree(MACHINES / name, ignore_errors=True)


def login_options(keys: Keys) -> list[str]:
    """The options of `ssh` besides port, user and address."""
    return [
        "-o", f"UserKnownHostsFile={keys.known_hosts}",
        "-o", "GlobalKnownHostsFile=/dev/null",
        "-o", "StrictHostKeyChecking=yes",
        "-o", "IdentitiesOnly=yes",
        "-o", "LogLevel=ERROR",
    ]  # fmt: skip
