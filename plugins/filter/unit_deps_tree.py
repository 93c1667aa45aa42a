# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: unit_deps_tree
short_description: Draws the dependencies of units as text, with the file behind each
version_added: 0.2.0
author:
  - container_linux.remediation contributors (@container-linux)
description:
  - Draws the facts of M(container_linux.remediation.unit_deps_facts) as a tree, much like
    C(systemctl list-dependencies). Each line has the unit's state and job where there is something to tell, the types
    of the dependency, and the file and line that declare it.
  - Where a unit is held up, the units on the way to what holds it up are marked, and the files to blame are told with
    their full paths below the tree.
  - Shows what people wrote. What systemd adds to nearly every unit by rules of its own (dependencies on
    C(sysinit.target), on C(basic.target), on slices) is shown only where something is wrong with it, and C(PartOf) not
    at all, since no start waits for it. A line below the tree says how many were left out, and O(all=true) shows them.
  - C(Conflicts), C(OnFailure), C(OnSuccess), C(Triggers) and C(TriggeredBy) are in the facts and not in the tree, not
    even with O(all=true). C(Before) is drawn as the C(After) of the other unit.
  - Each unit tells its dependencies once, where it is nearest to the top; C(see above) or C(see below) stands where it
    is met again.
  - The signs are C(●) up, C(↻) on its way, C(○) not up, C(✗) failed, C(?) not known. A dashed branch is an ordering
    and no more, so that the unit is waited for, but not asked for.
positional: unit
options:
  reverse:
    description:
      - Whether to draw the units that need a unit, and not those that it needs.
      - Complete only for facts that were gathered with
        O(container_linux.remediation.unit_deps_facts#module:direction) set to V(reverse) or V(both).
    type: bool
    default: false
  ascii:
    description: Whether to use no character beyond ASCII.
    type: bool
    default: false
extends_documentation_fragment:
  - container_linux.remediation._unit_deps
seealso:
  - module: container_linux.remediation.unit_deps_facts
  - plugin: container_linux.remediation.unit_deps_dot
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Gather the dependencies of docker.service
  container_linux.remediation.unit_deps_facts:

- name: Show why it does not start
  ansible.builtin.debug:
    msg: "{{ (ansible_facts.container_linux_unit_deps | container_linux.remediation.unit_deps_tree).splitlines() }}"

- name: Begin with flanneld.service, and show what systemd's own rules add
  ansible.builtin.debug:
    msg: >-
      {{ ansible_facts.container_linux_unit_deps
         | container_linux.remediation.unit_deps_tree('flanneld.service', all=true, ascii=true) }}
"""

RETURN = r"""
_value:
  description: The trees, and below them what else there is to know, as lines of text.
  type: str
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.container_linux.remediation.plugins.module_utils._host import RemediationError
from ansible_collections.container_linux.remediation.plugins.plugin_utils._unit_deps.tree import draw
from ansible_collections.container_linux.remediation.plugins.plugin_utils._unit_deps.view import (
    View,
    no_more_options,
    switch,
)

_NAME: t.Final = "unit_deps_tree"
_OPTIONS: t.Final = ("unit", "all", "reverse", "ascii")


def unit_deps_tree(
    facts: t.Any, unit: t.Any = None, *, all: t.Any = False, reverse: t.Any = False, ascii: t.Any = False, **more: t.Any
) -> str:
    """See DOCUMENTATION."""
    try:
        no_more_options(more, known=_OPTIONS, reader=_NAME)
        return draw(
            View(facts, reader=_NAME),
            unit=unit,
            everything=switch(all, option="all", reader=_NAME),
            reverse=switch(reverse, option="reverse", reader=_NAME),
            ascii_only=switch(ascii, option="ascii", reader=_NAME),
        )
    except RemediationError as exc:
        raise AnsibleFilterError(exc.message) from exc


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, t.Callable[..., str]]:
        return {_NAME: unit_deps_tree}
