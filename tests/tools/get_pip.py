# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stands in for get-pip.py where that cannot be downloaded: the pip inside Python does its work.

ansible-test runs it in a fresh virtual environment, as ``get_pip.py [PIP OPTION|PACKAGE]…``.
"""

from __future__ import annotations

import ensurepip
import os
import subprocess
import sys

ensurepip.bootstrap(default_pip=True)
# ensurepip turns pip's configuration off for the whole process, and with it the package index.
os.environ.pop("PIP_CONFIG_FILE", None)
# get-pip.py's own options, which pip does not know, all begin like this.
arguments = [word for word in sys.argv[1:] if not word.startswith("--no-")]
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", *arguments]))
