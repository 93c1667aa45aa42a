# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""What applying a user-data would do, as check mode and a diff tell it. No other run needs it, or imports it."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.compare import compare
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.diff import predict
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.forecast import Forecast, forecast
from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.refusal import refusals

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.asked import Asked
    from ansible_collections.container_linux.remediation.plugins.module_utils._cloud_config.lint import Remark
    from ansible_collections.container_linux.remediation.plugins.module_utils._cloudinit_rerun import Task
    from ansible_collections.container_linux.remediation.plugins.module_utils._host import Host
    from ansible_collections.container_linux.remediation.plugins.module_utils._user_data.compare import Comparison


@dataclass(frozen=True)
class Foretold:
    """What a user-data asks for, how the host stands to that, and what would be restarted for it."""

    asked: Asked
    comparison: Comparison
    forecast: Forecast

    @property
    def refusals(self) -> list[Remark]:
        """What systemd would refuse."""
        return refusals(self.asked, self.comparison)

    def diff(self, path: str) -> dict[str, str]:
        """Return it as Ansible's diff of the user-data at this path."""
        return predict(path, self.asked, self.comparison, self.forecast)


def foretell(task: Task, host: Host, params: t.Mapping[str, t.Any]) -> Foretold:
    """Ask the host, in one round trip or two, what applying a user-data would do; nothing is changed."""
    asked, restarts = task.asked, params["restart_changed_units"]
    comparison = compare(host, asked, path=task.path, content=task.given, snapshot=restarts)
    if not restarts:
        return Foretold(asked, comparison, Forecast())
    allowed = params["allow_container_restart"]
    return Foretold(asked, comparison, forecast(host, asked, comparison, allow_container_restart=allowed))
