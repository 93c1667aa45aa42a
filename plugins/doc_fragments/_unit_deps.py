# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that the filters share which draw dependencies. Private: for this collection's own use only."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  _input:
    description: The facts, C(ansible_facts.container_linux_unit_deps).
    type: dict
    required: true
  unit:
    description:
      - The unit to begin with, or a list of units.
      - The units that the facts were gathered for are the default.
    type: raw
  all:
    description: Whether to show C(PartOf) and the dependencies of the boot and of systemd's own rules, too.
    type: bool
    default: false
"""
