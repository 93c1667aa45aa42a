# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import signal
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: kill
type: notification
short_description: Kills the controller after a task, for tests of what is left then
description:
  - Kills ansible-playbook, without a chance to clean up, as soon as the task is done whose name the environment
    variable C(KILL_AFTER) holds; does nothing without one.
requirements:
  - enabled in the configuration
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "kill"
    CALLBACK_NEEDS_ENABLED = True

    def v2_runner_on_ok(self, result: Any) -> None:
        if result.task.get_name().rpartition(" : ")[2] == os.environ.get("KILL_AFTER"):
            os.kill(os.getpid(), signal.SIGKILL)
