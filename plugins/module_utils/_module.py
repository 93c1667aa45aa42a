# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""What the real modules share: the host is the machine that the module runs on."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.container_linux.remediation.plugins.module_utils._host import (
    Completed,
    RemediationError,
)

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._host import Host


class Logic(t.Protocol):
    """What a module does: validated options and a host in, a result out."""

    def __call__(self, params: dict[str, t.Any], host: Host, *, check_mode: bool) -> dict[str, t.Any]:
        """Raise RemediationError to fail; anything else raised is a bug."""


class LocalHost:
    """The machine that this module runs on."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module

    def run(self, script: str) -> Completed:
        rc, stdout, stderr = self._module.run_command(["/bin/sh", "-s"], data=script, binary_data=True)
        return Completed(rc=rc, stdout=stdout, stderr=stderr)


def run_module(module: AnsibleModule, logic: Logic) -> t.NoReturn:
    """Run a module's logic on this machine and end the module."""
    try:
        result = logic(module.params, LocalHost(module), check_mode=module.check_mode)
    except RemediationError as exc:
        module.fail_json(msg=exc.message, **exc.details)
    for warning in result.pop("warnings", []):
        module.warn(warning)
    if not module._diff:
        result.pop("diff", None)
    module.exit_json(**result)
