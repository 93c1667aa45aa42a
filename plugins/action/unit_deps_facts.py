# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps_facts import SPEC, gather
from ansible_collections.container_linux.remediation.plugins.plugin_utils._action import RemediationAction


class ActionModule(RemediationAction):
    """Runs unit_deps_facts without Python on the target."""

    spec = SPEC
    logic = staticmethod(gather)
