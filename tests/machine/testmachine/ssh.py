# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way in: each machine has a key of its own, made when it is made."""

from __future__ import annotations

import io
import shlex
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from docker.errors import NotFound
from docker.models.containers import Container

from .console import MachineError
from .paths import MACHINES

__all__ = ["Login", "forget_login", "login", "prepare_login", "write_files"]

_CORE = 500

_AUTHORIZED = "/home/core/.ssh/authorized_keys"
# A further set of keys, beside the one of the OEM: update-ssh-keys joins them anew at each boot.
_FURTHER = "/home/core/.ssh/authorized_keys.d/test-machine"
_HOST_KEY = "/etc/ssh/ssh_host_ed25519_key.pub"


@dataclass(frozen=True)
class Login:
    """The files in the state folder with which one machine lets us in."""

    folder: Path

    @property
    def identity(self) -> Path:
        """The private key of core."""
        return self.folder / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        """The machine's own host key, so that host key checking can stay strict."""
        return self.folder / "known_hosts"

    @property
    def options(self) -> list[str]:
        """What `ssh` needs besides key, port and address."""
        return [
            "-o", f"UserKnownHostsFile={self.known_hosts}",
            "-o", "GlobalKnownHostsFile=/dev/null",
            "-o", "StrictHostKeyChecking=yes",
            "-o", "IdentitiesOnly=yes",
            "-o", "LogLevel=ERROR",
        ]  # fmt: skip


def prepare_login(container: Container, name: str) -> Login:
    """Make a key and let it in; works before the machine runs."""
    if not shutil.which("ssh-keygen"):
        raise MachineError("ssh-keygen is missing: install Debian's openssh-client (`make setup` does it).")
    forget_login(name)
    ways = Login(MACHINES / name)
    ways.folder.mkdir(parents=True, mode=0o700)
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"core@{name}", "-f", ways.identity],
        check=True,
        stdin=subprocess.DEVNULL,
    )
    public = ways.identity.with_suffix(".pub").read_bytes()
    # A machine of another checkout is listed here, too: its own key must stay good.
    try:
        known = _read_file(container, name, _AUTHORIZED).encode()
    except MachineError:
        keys = {_AUTHORIZED: public}
    else:
        keys = {_AUTHORIZED: known + public, _FURTHER: public}
    write_files(container, keys, owner=_CORE, mode=0o600)
    return ways


def login(container: Container, name: str, port: int) -> Login:
    """Return the files, made again when the state folder was cleaned under a running machine."""
    ways = Login(MACHINES / name)
    if not ways.identity.exists():
        prepare_login(container, name)
    if not ways.known_hosts.exists():
        kind, key = _read_file(container, name, _HOST_KEY).split()[:2]
        ways.known_hosts.write_text(f"[127.0.0.1]:{port} {kind} {key}\n")
    return ways


def forget_login(name: str) -> None:
    """Remove the machine's files from the state folder."""
    shutil.rmtree(MACHINES / name, ignore_errors=True)


def write_files(container: Container, files: dict[str, bytes], *, owner: int = 0, mode: int = 0o644) -> None:
    """Put files on the machine, running or not."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, content in files.items():
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.mode, entry.uid, entry.gid, entry.size = mode, owner, owner, len(content)
            archive.addfile(entry, io.BytesIO(content))
    container.put_archive("/", buffer.getvalue())


def _read_file(container: Container, name: str, path: str) -> str:
    try:
        chunks, _about = container.get_archive(path)
    except NotFound as exc:
        raise MachineError(f"Machine {name} has no {shlex.quote(path)} (yet).") from exc
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        member = archive.extractfile(archive.getmembers()[0])
        return member.read().decode() if member else ""
