#!/usr/bin/python
# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: unit_deps_facts
short_description: Tells what a systemd unit depends on, and which file says so
version_added: 0.2.0
author:
  - container_linux.remediation contributors (@container-linux)
description:
  - Gathers the dependencies of units, and of all that they depend on, in one read-only round trip.
  - Each dependency comes with all that declares it, be it a line of a unit file or drop-in, a link in a C(.wants/),
    C(.requires/) or C(.upholds/) directory, or a rule of systemd itself.
  - Tells what holds up a unit that is not running.
options:
  units:
    description:
      - The units to look at; a name without a type is a service.
      - The one pattern is V(*), which stands for all the units that systemd has loaded.
    type: list
    elements: str
    default: [docker.service]
  direction:
    description:
      - V(forward) tells and follows what the units need, pull in or wait for.
      - V(reverse) tells and follows who needs them, pulls them in or waits for them.
      - V(both) does both.
      - C(After), C(Before), C(Conflicts), C(Triggers) and C(TriggeredBy) are told in each of them.
        With V(forward), the C(Before) of a unit that was not asked for is left out, as it is the C(After) of another.
    type: str
    choices: [forward, reverse, both]
    default: forward
  depth:
    description:
      - How many dependencies deep to follow, 0 for the units alone. Without it all are followed to their end.
      - C(Conflicts), C(Before), C(OnFailure), C(OnSuccess), C(Triggers) and C(TriggeredBy) are told and not followed.
    type: int
  strict:
    description: Whether to fail when the host has no unit of a name; else it is listed as C(missing).
    type: bool
    default: false
notes:
  - What comes back of unit files is limited to their dependencies. Commands and environments never leave the host.
  - A dependency cannot be taken back in a unit file. C(After=) with nothing behind it does nothing, in systemd as well
    as here.
  - C(systemd-analyze dump), where it is to be had, is asked for one thing that nothing else tells, systemd's word for
    what a mount brings along. It depends on the order in which systemd read its units. Without it, and before systemd
    236, the word told may be another one than systemd's.
  - One command of the look may take ten seconds. What did not come in that time is listed as C(partial), and the
    rest is told without it.
extends_documentation_fragment:
  - container_linux.remediation._attributes
  - container_linux.remediation._attributes.facts
  - container_linux.remediation._attributes.read_only
seealso:
  - module: container_linux.remediation.diagnosis_facts
  - plugin: container_linux.remediation.unit_deps_tree
    plugin_type: filter
  - plugin: container_linux.remediation.unit_deps_dot
    plugin_type: filter
  - plugin: container_linux.remediation.unit_deps_diff
    plugin_type: filter
"""

EXAMPLES = r"""
# Hosts without Python need "gather_facts: false" in the play.
- name: See what docker.service depends on
  container_linux.remediation.unit_deps_facts:

- name: Say which file makes Docker require flanneld
  ansible.builtin.debug:
    msg: "{{ ansible_facts.container_linux_unit_deps.nodes['docker.service'].edges.Requires['flanneld.service'] }}"

- name: Say what holds Docker up
  ansible.builtin.debug:
    msg: "{{ chain | map(attribute='unit') | join(' waits for ') }}"
  vars:
    chain: "{{ ansible_facts.container_linux_unit_deps.blocked_by['docker.service'] }}"

- name: See who needs etcd2, directly
  container_linux.remediation.unit_deps_facts:
    units: [etcd2.service]
    direction: reverse
    depth: 0

- name: Read all the units of the host
  container_linux.remediation.unit_deps_facts:
    units: ["*"]
    direction: both
"""

RETURN = r"""
ansible_facts:
  description: The facts that are added to the host.
  returned: success
  type: dict
  contains:
    container_linux_unit_deps:
      description: The units and their dependencies.
      returned: success
      type: dict
      contains:
        units:
          description: The units asked for, by their main names.
          returned: success
          type: list
          elements: str
          sample: [docker.service]
        missing:
          description: Names asked for that no unit has.
          returned: success
          type: list
          elements: str
          sample: []
        os:
          description: The operating system's C(id) and C(version).
          returned: success
          type: dict
          sample: {id: coreos, version: 1010.5.0}
        systemd:
          description: The version of systemd; empty where it does not tell.
          returned: success
          type: str
          sample: "225"
        nodes:
          description:
            - The units asked for and all that are reached from them, by main name.
            - C(load_state), C(active_state), C(sub_state) and C(result) are systemd's words; C(load_state) is
              V(unknown) where systemd did not answer and the unit's files alone were read. C(job) is the C(type) and
              C(state) of its job in the queue, null where it has none. C(enabled) is systemd's word for the state of
              the unit file, and C(install) what its C([Install]) section says.
            - C(aliases) are its other names, C(fragment) its unit file and C(drop_ins) the files that change it.
              C(shadows) is the unit file of the operating system that its own one hides, empty where it hides none.
              C(masked) tells whether it is masked, C(condition) how the last check of its conditions ended, null where
              there was none.
            - C(started_at) is when it last left the state inactive, in UTC, empty where it is not up. C(files_newer)
              tells whether one of its files, read or not, has changed in a later second. C(need_reload) is systemd's
              own word on whether it has read them; of a new directory of drop-ins it does not know.
            - C(edges) are its dependencies by type, as C(systemctl show) names the types, and in each the units at
              the other end, with the list of what declares the dependency. An item of it is C(FILE:LINE) for a line of
              a unit file or drop-in, C(FILE) for a link, C(ORIGIN:) C(RULE) for a rule of systemd, or C(ORIGIN:)
              C(RULE) C((FILE:LINE)) for a rule that a line sets off. The origin is systemd's word for where the
              dependency comes from, such as C(default) or C(implicit).
          returned: success
          type: dict
          sample:
            docker.service:
              aliases: []
              load_state: loaded
              active_state: inactive
              sub_state: dead
              result: success
              job: {type: start, state: waiting}
              enabled: enabled
              install: {WantedBy: [multi-user.target]}
              fragment: /usr/lib/systemd/system/docker.service
              shadows: ""
              drop_ins: [/etc/systemd/system/docker.service.d/40-flannel.conf]
              condition: null
              need_reload: false
              masked: false
              started_at: ""
              files_newer: false
              edges:
                Requires:
                  flanneld.service: ["/etc/systemd/system/docker.service.d/40-flannel.conf:2"]
                  system.slice: ["file: Slice="]
                  sysinit.target: ["default: services"]
        blocked_by:
          description:
            - For each unit asked for, the chain from it down to the deepest one that is not up; empty where it is up.
            - Each item has the C(unit), its C(state) for people and its C(job). C(kind) tells how the one before it
              depends on it, V(requirement) or V(ordering); C(types) and C(declared_by) are those of that dependency.
              C(also) names what else the one before it waits for at the same time.
          returned: success
          type: dict
          sample:
            docker.service:
              - unit: docker.service
                state: inactive (dead)
                job: {type: start, state: waiting}
                kind: ""
                types: []
                declared_by: []
                also: []
              - unit: flanneld.service
                state: activating (start)
                job: {type: start, state: running}
                kind: requirement
                types: [Requires, After]
                declared_by:
                  - /etc/systemd/system/docker.service.d/40-flannel.conf:2
                  - /etc/systemd/system/docker.service.d/40-flannel.conf:3
                also: []
        cycles:
          description:
            - Ordering cycles that one of the units told is part of. In C(units) each is ordered after the next one,
              and the last after the first; C(edges) are these dependencies and C(files) what declares them.
          returned: success
          type: list
          elements: dict
          sample: []
        not_loaded:
          description:
            - What the units' files declare and systemd does not have, since it has not read the file yet or cannot
              make a dependency of it. Each item has C(from), C(type), C(to) and C(declared_by).
          returned: success
          type: list
          elements: dict
          sample: []
        unexplained:
          description:
            - Dependencies that nothing known declares, such as those of a file that is C(unread). C(count) is their
              number, C(edges) the first fifty of them with C(from), C(type) and C(to).
            - Those that an answer leaves open that is C(partial) are counted there.
          returned: success
          type: dict
          sample: {count: 0, edges: []}
        unread:
          description: Unit files that are there and could not be read.
          returned: success
          type: list
          elements: str
          sample: []
        partial:
          description: What is not known, and why, in sentences; empty where the answer is whole.
          returned: success
          type: list
          elements: str
          sample: []
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.container_linux.remediation.plugins.module_utils._module import run_module
from ansible_collections.container_linux.remediation.plugins.module_utils._unit_deps_facts import SPEC, gather


def main() -> None:
    run_module(AnsibleModule(**SPEC, supports_check_mode=True), gather)


if __name__ == "__main__":
    main()
