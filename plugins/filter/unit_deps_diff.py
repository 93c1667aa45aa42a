# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: unit_deps_diff
short_description: Tells what differs between two dependency graphs, and whose file makes the difference
version_added: 0.2.0
author:
  - container_linux.remediation contributors (@container-linux)
description:
  - Compares the facts of M(container_linux.remediation.unit_deps_facts) of two hosts or of two moments, a host with
    what a release of its OS ships, or two releases with each other.
  - A dependency has two ends (C(After) and C(Before), C(Requires) and C(RequiredBy), C(Triggers) and C(TriggeredBy)).
    It is told once, from the unit that it binds or makes wait.
  - A file that moved its lines about makes no difference, and neither does the vendor's directory being called
    C(/usr/lib), C(/usr/lib64), C(/lib) or being in torcx's place under C(/run).
  - Facts hold what was reached from the units asked for. A unit that is told as removed may still be on the host, when
    nothing leads to it any more.
notes:
  - The stock of a release is the C(Requires), C(Wants), C(PartOf), C(Conflicts), C(After) and C(Before) lines, the
    C([Install]) section, and the start at boot, of the units of Docker, containerd, flannel, etcd and coreos-cloudinit
    and of the targets, sockets and paths that belong to them.
  - The lists of CoreOS were read from the public build sources of the OS. They are the unit files that the head of each
    release's branch of the overlay (C(build-899), C(build-1010)) puts into an image, so that the first images of a
    release may differ, and no list was compared with a running image. Those of Flatcar were read from single unit
    files, not from the tag of the release, and are weaker for it.
  - Against a release's stock only what files declare is compared, and of the vendor's files only those of the units
    that the stock of some release has. What systemd adds by its own rules, and the vendor's other units, make no
    difference there. A unit that the facts do not hold, or that is not loaded, is not missing.
positional: before
options:
  _input:
    description:
      - The newer side. Either facts, the value of C(ansible_facts.container_linux_unit_deps), or a release's name.
      - The releases of CoreOS are 410, 444, 494, 522, 557, 647, 681, 766, 835, 870, 899, 991, 1010, 1068, 1122, 1185,
        1235, 1298, 1353, 1409, 1465, 1520, 1576, 1632, 1688, 1745, 1911, 2023, 2135, 2247, 2345 and 2512, those of
        Flatcar 3033, 3815 and 4230. A version such as V(1010.5.0) stands for its release.
    type: raw
    required: true
  before:
    description:
      - The older side, either facts or a release's name.
      - Exactly one of O(before) and O(baseline) is needed.
    type: raw
  baseline:
    description:
      - The release whose stock is the older side.
      - V(auto) takes the release that the facts' own C(os) names. Where that one is not known it takes the newest known
        one of the same OS that is not newer, and says so in RV(_value.notes).
    type: str
  text:
    description: Whether to return lines of text for people, and not data.
    type: bool
    default: false
seealso:
  - module: container_linux.remediation.unit_deps_facts
  - plugin: container_linux.remediation.unit_deps_tree
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Say what changed between two releases
  ansible.builtin.debug:
    msg: "{{ ('1010' | container_linux.remediation.unit_deps_diff('899', text=true)).splitlines() }}"

- name: Gather the dependencies of docker.service
  container_linux.remediation.unit_deps_facts:

- name: Say what this host has besides what its release ships
  ansible.builtin.debug:
    msg: >-
      {{ (ansible_facts.container_linux_unit_deps
          | container_linux.remediation.unit_deps_diff(baseline='auto', text=true)).splitlines() }}
# before: stock of coreos 1010, systemd 225
# after:  facts of docker.service on coreos 1010.5.0, systemd 225
#
# docker.service
#   + drop-in /etc/systemd/system/docker.service.d/40-flannel.conf (yours)
#   + Requires, After flanneld.service: /etc/systemd/system/docker.service.d/40-flannel.conf:2,3 (yours)
#
# No difference in: docker.socket, early-docker.target, flanneld.service.

- name: Fail where a file of yours makes docker.service require something
  ansible.builtin.assert:
    that: mine | length == 0
    fail_msg: "{{ mine | map(attribute='declared_by') | flatten | join(', ') }}"
  vars:
    deps: "{{ ansible_facts.container_linux_unit_deps }}"
    difference: "{{ deps | container_linux.remediation.unit_deps_diff(baseline='auto') }}"
    mine: >-
      {{ difference.edges.added | selectattr('from', 'eq', 'docker.service')
         | selectattr('type', 'eq', 'Requires') | selectattr('origin', 'eq', 'yours') }}

- name: Compare with another host
  ansible.builtin.debug:
    var: >-
      ansible_facts.container_linux_unit_deps
      | container_linux.remediation.unit_deps_diff(hostvars['core-01'].ansible_facts.container_linux_unit_deps)
"""

RETURN = r"""
_value:
  description: The difference; with O(text=true) lines of text that tell it.
  type: dict
  contains:
    before:
      description: What the older side is.
      type: dict
      contains: &side
        stock:
          description: The release whose stock it is; empty for facts.
          type: str
          sample: '1010'
        os:
          description: ID and VERSION_ID of the OS. The version of a stock is its release.
          type: dict
          sample: {id: coreos, version: 1010.5.0}
        systemd:
          description: The version of systemd; empty where it is not known.
          type: str
          sample: '225'
        units:
          description: The units that the facts were asked for; empty for a stock.
          type: list
          elements: str
          sample: [docker.service]
    after:
      description: What the newer side is.
      type: dict
      contains: *side
    same:
      description: Whether there is no difference.
      type: bool
    nodes:
      description: The units.
      type: dict
      contains:
        added:
          description: Units that only the newer side has.
          type: list
          elements: dict
          contains: &unit
            unit:
              description: The unit's name.
              type: str
              sample: etcd2.service
            fragment:
              description: Its unit file; empty where it has none.
              type: str
              sample: /etc/systemd/system/etcd2.service
            origin:
              description: Whose that file is, with the words of RV(_value.edges.added[].origin).
              type: str
              sample: yours
        removed:
          description: Units that only the older side has.
          type: list
          elements: dict
          contains: *unit
        changed:
          description:
            - What else changed about units that both sides have.
            - Of a unit that was masked or unmasked, what follows from that is not told.
          type: list
          elements: dict
          contains:
            unit:
              description: The unit's name.
              type: str
              sample: flanneld.service
            field:
              description:
                - The name of what changed, as in the facts. One of V(load_state), V(masked), V(enabled), V(install),
                  V(fragment) and V(drop_ins); between two facts also V(active_state), V(sub_state), V(result), V(job),
                  V(condition) and V(need_reload).
                - Against a stock V(enabled) tells only a unit that somebody else than the vendor enabled.
              type: str
              sample: install
            before:
              description: The older value.
              type: raw
              sample: {}
            after:
              description: The newer value.
              type: raw
              sample: {WantedBy: [multi-user.target]}
        unchanged:
          description: The units that both sides have, without a change of their own or of what they depend on.
          type: list
          elements: str
          sample: [docker.service, docker.socket]
    edges:
      description: The dependencies.
      type: dict
      contains:
        added:
          description: Dependencies that only the newer side has.
          type: list
          elements: dict
          contains: &edge
            from:
              description: The unit that has the dependency.
              type: str
              sample: docker.service
            type:
              description: Its type.
              type: str
              sample: Requires
            to:
              description: The unit that it depends on.
              type: str
              sample: flanneld.service
            declared_by:
              description: What declares it, as in the facts. A file of a stock has no line number.
              type: list
              elements: str
              sample: ['/etc/systemd/system/docker.service.d/40-flannel.conf:2']
            origin:
              description:
                - V(generated), when a file declares it that a generator made at boot, from C(/etc/fstab) for example;
                  V(vendor), when a file of the OS or of its torcx images does, such as any under C(/usr) but for
                  C(/usr/local); V(yours), when any other file does, be it in C(/etc), C(/run) or C(/opt); V(systemd),
                  when it follows from a rule of systemd; V(unknown), when the facts do not tell.
                - Where several of them declare it, the first of V(yours), V(generated), V(vendor), V(systemd).
              type: str
              sample: yours
        removed:
          description: Dependencies that only the older side has.
          type: list
          elements: dict
          contains: *edge
        moved:
          description: Dependencies that both sides have, and that other files declare.
          type: list
          elements: dict
          contains:
            from:
              description: The unit that has the dependency.
              type: str
              sample: docker.service
            type:
              description: Its type.
              type: str
              sample: After
            to:
              description: The unit that it depends on.
              type: str
              sample: docker.socket
            before:
              description: What declared it.
              type: list
              elements: str
              sample: [/usr/lib/systemd/system/docker.service]
            after:
              description: What declares it now.
              type: list
              elements: str
              sample: ['/etc/systemd/system/docker.service:5']
            origin:
              description: Whose the newer files are.
              type: str
              sample: yours
    notes:
      description: Sentences on what to bear in mind, such as another release than the host's being compared with.
      type: list
      elements: str
      sample: []
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.container_linux.remediation.plugins.module_utils._host import RemediationError
from ansible_collections.container_linux.remediation.plugins.plugin_utils._unit_deps.diff import diff
from ansible_collections.container_linux.remediation.plugins.plugin_utils._unit_deps.diff_text import text as as_text
from ansible_collections.container_linux.remediation.plugins.plugin_utils._unit_deps.view import (
    no_more_options,
    switch,
)

_NAME: t.Final = "unit_deps_diff"


def unit_deps_diff(
    after: t.Any, before: t.Any = None, *, baseline: t.Any = None, text: t.Any = False, **more: t.Any
) -> dict[str, t.Any] | str:
    """See DOCUMENTATION."""
    try:
        no_more_options(more, known=("before", "baseline", "text"), reader=_NAME)
        wants_text = switch(text, option="text", reader=_NAME)
        result = diff(after, before, baseline=baseline)
    except RemediationError as exc:
        raise AnsibleFilterError(exc.message) from exc
    return as_text(result) if wants_text else result


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, t.Callable[..., dict[str, t.Any] | str]]:
        return {_NAME: unit_deps_diff}
