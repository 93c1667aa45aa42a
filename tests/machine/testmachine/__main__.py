# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m testmachine`."""

from __future__ import annotations

import sys

from .cli import main

sys.exit(main())
