# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""What the action plugins share: the Python-free way in.

The logic of a module runs on the controller and reaches the host with shell scripts alone. Only where Ansible
needs a module (async) the real module is run instead.
"""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase

from ansible_collections.container_linux.remediation.plugins.module_utils._host import (
    Completed,
    RemediationError,
    printable,
)

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._module import Logic


class ShellHost:
    """The task's host, reached over whatever connection and become method the task has."""

    def __init__(self, action: ActionBase) -> None:
        self._action = action

    def run(self, script: str) -> Completed:
        connection = self._action._connection
        become = connection.become
        unfit = "" if connection.has_pipelining else connection.ansible_name
        if become is not None and not become.pipelining:
            unfit = become.ansible_name
        if unfit:
            raise RemediationError(
                f"The plugin '{unfit}' cannot send a script on standard input, which is how this action works. "
                f"Use a connection and a become plugin that support pipelining, such as ssh and sudo."
            )
        command = f"{self._action._compute_environment_string()} /bin/sh -s".strip()
        try:
            done = self._action._low_level_execute_command(command, in_data=script.encode())
        except AnsibleConnectionFailure:
            raise
        except AnsibleError as exc:
            # the become plugin's own check of a password, which the shell never gets to see
            raise RemediationError(
                f"The login user could not become another user on the host: {printable(exc.message)}. "
                f"Let it become root (passwordless sudo, or the right become password), then run again."
            ) from exc
        return Completed(rc=done["rc"], stdout=done["stdout"], stderr=done["stderr"])


class RemediationAction(ActionBase):
    """Runs one module's logic against the task's host.

    A subclass names the module's argument spec (keyword arguments of AnsibleModule) and, as a static method, its
    logic: both are those of the real module.
    """

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = True

    spec: t.ClassVar[dict[str, t.Any]]
    logic: t.ClassVar[Logic]

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        if self._task.async_val:
            # async runs a module detached on the target, so here alone the target needs Python
            result.update(self._execute_module(task_vars=task_vars, wrap_async=True))
            return result

        _validation, params = self.validate_argument_spec(**self.spec)
        options = self.spec["argument_spec"]
        hidden = {str(params[name]) for name in options if options[name].get("no_log") and params[name]}
        try:
            outcome = self.logic(params, ShellHost(self), check_mode=self._task.check_mode)
        except RemediationError as exc:
            outcome = {"failed": True, "msg": exc.message, **exc.details}
        if not self._task.diff:
            outcome.pop("diff", None)
        outcome["invocation"] = {"module_args": params}
        result.update(remove_values(outcome, hidden) if hidden else outcome)
        return result
