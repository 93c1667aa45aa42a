# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things lie, in the checkout and outside it."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["CACHE", "HOME", "MACHINES", "RELEASES", "ROOTFS", "STATES", "UNITS", "USER_DATA"]

HOME = Path(__file__).resolve().parent.parent
RELEASES = HOME / "releases"
STATES = HOME / "states"
UNITS = HOME / "units"
USER_DATA = HOME / "user-data"
ROOTFS = HOME / "image" / "rootfs"

# Keys and host keys of the machines that run; thrown away with them.
MACHINES = HOME.parent.parent / "build" / "machines"

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "container-linux-remediation"
