# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Attributes that the modules share. Private: for this collection's own use only."""

from __future__ import annotations


class ModuleDocFragment:
    # Every module: what is left open here (support, details) the module itself fills in.
    DOCUMENTATION = r"""
options: {}
notes:
  - >-
    The target needs no Python. It needs C(sh), C(systemctl), C(journalctl), C(curl), C(grep), C(sed),
    C(flock) and the core utilities, which every release of Container Linux and Flatcar has. Plays should say
    C(gather_facts: false), since gathering facts does need Python.
attributes:
  action:
    description: Runs on the controller and reaches the target by shell scripts.
    support: full
  action_group:
    description: Belongs to the group whose options C(module_defaults) can set in one place.
    support: full
    membership:
      - container_linux.remediation.container_linux
  async:
    description: Can be used with the C(async) keyword.
    support: partial
    details:
      - In the background Ansible runs the module itself, and that needs Python on the target.
  become:
    description: Obeys the C(become) keywords.
    support: full
  check_mode:
    description: In check mode tells what would change, and changes nothing.
  diff_mode:
    description: In diff mode shows what changed, or would change, before and after.
  idempotent:
    description: Run again with the same options on an unchanged target, reports no change.
  platform:
    description: The operating systems it is made for.
    platforms: Container Linux, Flatcar
    support: full
"""

    # Beside the first, for a module that only looks.
    READ_ONLY = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - Only reads, in check mode and out of it.
  diff_mode:
    support: N/A
    details:
      - Only reads; there is nothing to compare.
  idempotent:
    support: full
    details:
      - Only reads.
"""

    # Beside the first, for a module that returns facts.
    FACTS = r"""
options: {}
attributes:
  facts:
    description: Returns C(ansible_facts), which join the facts of the host.
    support: full
"""
