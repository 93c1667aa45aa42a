# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real programs that Debian does not have: built once, kept in the cache."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .console import MachineError, step
from .paths import CACHE, HOME

__all__ = ["CLOUDINIT_VERSIONS", "PARTS", "Part", "build_cloudinit", "build_parts", "locked"]

# Debian's own compiler, not the first one on PATH: what Go >= 1.22 makes of etcd 2.3 panics at
# start ("encoding alphabet includes duplicate symbols").
_GO = "/usr/bin/go"

# What a build calls, and the Debian package that has it.
_TOOLS = {_GO: "golang-go", "/usr/bin/gcc": "gcc", "/usr/include/stdio.h": "libc6-dev"}

# How this host reaches the modules is its own affair; nothing else of the caller's Go settings is.
_PASSED_ON = (
    *("GOPROXY", "GOSUMDB", "GONOSUMDB", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
)

_CLOUDINIT = HOME / "parts" / "coreos-cloudinit"
_CLOUDINIT_MODULE = "github.com/coreos/coreos-cloudinit"

# Those that can be had as Go modules; 1.10 and older cannot.
CLOUDINIT_VERSIONS = ("1.11.0", "1.12.0", "1.13.0", "1.14.0")


@dataclass(frozen=True)
class Part:
    """One build: the programs it yields and how `go` is called for them."""

    name: str
    version: str
    programs: tuple[str, ...]
    arguments: tuple[str, ...]
    cgo: bool = False
    source: Path | None = None
    requires: str | None = None
    """What the module in `source` is to require: a module path, `@` and a version."""

    @property
    def folder(self) -> Path:
        """Where the built programs lie: one folder for each version and way of building it."""
        digest = hashlib.sha256("\0".join(self.arguments).encode())
        for path in sorted(self.source.rglob("*")) if self.source else ():
            if path.is_file():
                digest.update(path.read_bytes())
        return CACHE / "parts" / f"{self.name}-{self.version}-{digest.hexdigest()[:8]}"


PARTS = (
    Part(
        name="etcd",
        version="2.3.8",
        programs=("etcd", "etcdctl"),
        arguments=(
            "install",
            "-ldflags=-s -w",
            "github.com/coreos/etcd@v2.3.8+incompatible",
            "github.com/coreos/etcd/etcdctl@v2.3.8+incompatible",
        ),
    ),
    Part(
        name="flannel",
        version="0.14.0",
        programs=("flannel",),
        # Its udp backend is C; static, because the machine's C library is older than this one.
        arguments=(
            "install",
            "-ldflags=-linkmode external -extldflags -static -s -w"
            " -X github.com/flannel-io/flannel/version.Version=v0.14.0",
            "github.com/flannel-io/flannel@v0.14.0",
        ),
        cgo=True,
    ),
)


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the lock of this name against every other run of this command by this user."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def build_parts() -> dict[str, Path]:
    """Build what every release has and is not in the cache; return where each program lies."""
    return _built(PARTS)


def build_cloudinit(version: str) -> dict[str, Path]:
    """Build this coreos-cloudinit, unless it is in the cache; return where it lies."""
    if version not in CLOUDINIT_VERSIONS:
        raise MachineError(
            f"coreos-cloudinit {version} cannot be built; there are {', '.join(CLOUDINIT_VERSIONS)}:"
            " name the nearest in the release's file."
        )
    part = Part(
        name="coreos-cloudinit",
        version=version,
        programs=("coreos-cloudinit",),
        arguments=("install", f"-ldflags=-s -w -X main.version=v{version}", _CLOUDINIT_MODULE),
        source=_CLOUDINIT,
        requires=f"{_CLOUDINIT_MODULE}@v{version}",
    )
    return _built((part,))


def _built(parts: tuple[Part, ...]) -> dict[str, Path]:
    with locked("parts"):
        missing = [part for part in parts if not all((part.folder / program).exists() for program in part.programs)]
        if missing:
            _check_tools()
            # One scratch folder for all: they share most of the standard library's compilation.
            with tempfile.TemporaryDirectory(prefix="container-linux-remediation-") as scratch:
                for part in missing:
                    _build(part, scratch)
    return {program: part.folder / program for part in parts for program in part.programs}


def _check_tools() -> None:
    for program, package in _TOOLS.items():
        if not Path(program).exists():
            raise MachineError(f"{program} is missing: install Debian's {package} (`make setup` does it).")
    asked = subprocess.run([_GO, "env", "GOVERSION"], check=False, capture_output=True, text=True)
    answer = asked.stdout.strip()
    found = re.match(r"go1\.(\d+)", answer)
    if not found or int(found[1]) >= 22:
        raise MachineError(
            f"{_GO} is {answer or 'no Go'}, but etcd 2.3 needs one older than 1.22: use Debian 12's golang-go."
        )


def _build(part: Part, scratch: str) -> None:
    with step(f"Building {part.name} {part.version} (once)"):
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(Path.home()),
            "GOPATH": f"{scratch}/go",
            "GOCACHE": f"{scratch}/cache",
            "GOTOOLCHAIN": "local",
            "GOFLAGS": "-trimpath -modcacherw",
            "CGO_ENABLED": "1" if part.cgo else "0",
        }
        for name in _PASSED_ON:
            if name in os.environ:
                environment[name] = os.environ[name]
        place = Path(scratch)
        if part.source:
            place = place / part.name
            shutil.copytree(part.source, place, dirs_exist_ok=True)
        steps = [part.arguments]
        if part.requires:
            steps.insert(0, ("mod", "edit", f"-require={part.requires}"))
        for arguments in steps:
            run = subprocess.run(
                [_GO, *arguments],
                cwd=place,
                env=environment,
                stdin=subprocess.DEVNULL,
                check=False,
                capture_output=True,
                text=True,
            )
            if run.returncode:
                raise MachineError(f"Building {part.name} {part.version} failed; go said:\n{run.stderr.strip()}")
        # Whole or not at all: a half-filled folder would pass for a finished build.
        part.folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=part.folder.parent))
        for program in part.programs:
            shutil.copy2(Path(scratch) / "go" / "bin" / program, fresh / program)
        shutil.rmtree(part.folder, ignore_errors=True)
        fresh.rename(part.folder)
        part.folder.chmod(0o755)
