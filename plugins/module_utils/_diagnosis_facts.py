# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change in any release.

"""The logic of the module diagnosis_facts."""

from __future__ import annotations

import typing as t

from ansible_collections.container_linux.remediation.plugins.module_utils._diagnosis.judgement import judge
from ansible_collections.container_linux.remediation.plugins.module_utils._diagnosis.probe import observe
from ansible_collections.container_linux.remediation.plugins.module_utils._flannel import config as flannel_config
from ansible_collections.container_linux.remediation.plugins.module_utils._host import RemediationError

if t.TYPE_CHECKING:
    from ansible_collections.container_linux.remediation.plugins.module_utils._host import Host

SPEC: dict[str, t.Any] = {
    "argument_spec": {
        "flannel_config": {"type": "raw"},
        "wait": {"type": "int", "default": 0},
    },
}


def diagnose(params: dict[str, t.Any], host: Host, *, check_mode: bool) -> dict[str, t.Any]:
    """Look once, judge, and return the facts; check mode makes no difference to a look."""
    desired, wait = params["flannel_config"], params["wait"]
    problems = [] if desired is None else flannel_config.problems(desired)
    if problems:
        raise RemediationError(
            f"flannel_config is not a config that flannel accepts: {problems[0]}. "
            'Give one such as {"Network": "10.1.0.0/16"}.'
        )
    if not 0 <= wait <= 600:
        raise RemediationError(f"wait is {wait}, and must be 0 to 600 seconds.")
    diagnosis = judge(observe(host, wait=wait), desired=desired)
    return {"changed": False, "ansible_facts": {"container_linux_diagnosis": diagnosis}}
