# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: unit_deps_dot
short_description: Draws the dependencies of units as a graph for Graphviz
version_added: 0.2.0
author:
  - container_linux.remediation contributors (@container-linux)
description:
  - Returns the facts of M(container_linux.remediation.unit_deps_facts) as a graph in the DOT language. The program
    C(dot) of L(Graphviz, https://graphviz.org/) makes a picture of it.
  - An arrow leads from a unit to one that it depends on. It is solid for a requirement, dashed for a wish (C(Wants),
    C(Upholds)), and dotted for an ordering and no more. Its label has the file and line that declare it.
  - The colour of a unit is that of its state, which is also told in words. Where a unit is held up, the way down to
    what holds it up is thick, and what holds it up has a double border.
  - Shows what people wrote. What systemd adds to nearly every unit by rules of its own (dependencies on
    C(sysinit.target), on C(basic.target), on slices) is shown only where something is wrong with it, and C(PartOf) not
    at all, since no start waits for it. O(all=true) shows them.
  - C(Conflicts), C(OnFailure), C(OnSuccess), C(Triggers) and C(TriggeredBy) are in the facts and not in the graph, not
    even with O(all=true). C(Before) is drawn as the C(After) of the other unit.
  - The same facts give the same text.
positional: unit
extends_documentation_fragment:
  - container_linux.remediation._unit_deps
seealso:
  - module: container_linux.remediation.unit_deps_facts
  - plugin: container_linux.remediation.unit_deps_tree
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Gather the dependencies of docker.service
  container_linux.remediation.unit_deps_facts:

# Then, for a picture: dot -Tsvg docker.dot -o docker.svg
- name: Write them as a graph
  ansible.builtin.copy:
    content: "{{ ansible_facts.container_linux_unit_deps | container_linux.remediation.unit_deps_dot }}"
    dest: docker.dot
    mode: "0644"
  delegate_to: localhost
  become: false
"""

RETURN = r"""
_value:
  description: The graph's source.
  type: str
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.container_linux.remediation.plugins.module_utils._host import RemediationError
from ansible_collections.container_linux.remediation.plugins.plugin_utils._unit_deps.dot import draw
from ansible_collections.container_linux.remediation.plugins.plugin_utils._unit_deps.view import (
    View,
    no_more_options,
    switch,
)

_NAME: t.Final = "unit_deps_dot"
_OPTIONS: t.Final = ("unit", "all")


def unit_deps_dot(facts: t.Any, unit: t.Any = None, *, all: t.Any = False, **more: t.Any) -> str:
    """See DOCUMENTATION."""
    try:
        no_more_options(more, known=_OPTIONS, reader=_NAME)
        return draw(View(facts, reader=_NAME), unit=unit, everything=switch(all, option="all", reader=_NAME))
    except RemediationError as exc:
        raise AnsibleFilterError(exc.message) from exc


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, t.Callable[..., str]]:
        return {_NAME: unit_deps_dot}
