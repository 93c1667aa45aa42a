# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""User-data as a look at a host would tell of it, made by the look's own sed."""

from __future__ import annotations

import hashlib
import re
import subprocess
import tempfile
import typing as t

from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.skeleton import (
    SKELETON_SED,
    Skeleton,
    parse_skeleton,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.access import (
    ACCESS_SH,
    parse_keys,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.log import parse_findings
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.seen import (
    Access,
    Content,
    Look,
)

SET = "/home/core/.ssh/authorized_keys.d/coreos-cloudinit"


def skeleton(text: str) -> Skeleton:
    """The skeleton of a cloud-config without its header, whose lines count from 2."""
    done = subprocess.run(
        ["/bin/sed", "-e", SKELETON_SED],
        input=f"#cloud-config\n{text}",
        capture_output=True,
        text=True,
        check=True,
        env={"LC_ALL": "C"},
        timeout=20,
    )
    return parse_skeleton(done.stdout)


def keys(text: str) -> list[tuple[int, str]]:
    """Line and digest of each key in a cloud-config without its header."""
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(f"#cloud-config\n{text}")
        file.flush()
        done = subprocess.run(
            ["/bin/sh", "-c", f'{ACCESS_SH}\nkeys_asked "$1"', "-", file.name],
            capture_output=True,
            text=True,
            check=True,
            env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
            timeout=20,
        )
    assert not done.stderr
    return parse_keys(done.stdout)


def key(name: str) -> str:
    """The body of an SSH public key of that name."""
    return "AAAAC3NzaC1lZDI1NTE5AAAAI" + hashlib.sha256(name.encode()).hexdigest()[:43]


def digest(name: str) -> str:
    return hashlib.sha256(key(name).encode()).hexdigest()


def cloud_config(text: str, report: str = "", *, validation: int | None = 0, **told: t.Any) -> Content:
    """A cloud-config with what the host's validation said of it; `KEY(name)` in it becomes an SSH public key."""
    text = re.sub(r"KEY\((\w+)\)", lambda match: f"ssh-ed25519 {key(match[1])} {match[1]}", text)
    told = {"counts": {"aliases": len(re.findall(r"(?m)(?:^|[\s{[,:])[*][\w-]+", text))}, **told}
    return Content(
        **{
            "size": len(text) + 14,
            "sha256": "0" * 64,
            "form": "cloud-config",
            "variables": sorted(set(re.findall(r"\$((?:public|private)_ipv[46])", text))),
            "skeleton": skeleton(text),
            "validation": 1 if report else validation,
            "findings": parse_findings(report),
            "keys": keys(text),
            **told,
        }
    )


def seen(**told: t.Any) -> Look:
    """A look at a host of 1010 that knows its addresses; `core` gets in with one key of coreos-cloudinit's."""
    return Look(
        **{
            "os": {},
            "cloudinit": "1.11.0",
            "boot": "boot",
            "addresses": ["COREOS_PUBLIC_IPV4", "COREOS_PRIVATE_IPV4"],
            "access": Access("core", {SET: [digest("mine")]}),
            "sources": [],
            **told,
        }
    )
