# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.container_linux.remediation.plugins.module_utils._cloudinit_rerun import SPEC, rerun
from ansible_collections.container_linux.remediation.plugins.plugin_utils._action import RemediationAction


class ActionModule(RemediationAction):
    """Runs cloudinit_rerun without Python on the target."""

    spec = SPEC

    def logic(self, *args: t.Any, **options: t.Any) -> dict[str, t.Any]:
        """A diff costs a round trip of its own, so it is made only where it is wanted."""
        return rerun(*args, diff=self._task.diff, **options)
