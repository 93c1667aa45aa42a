#!/usr/bin/python
# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: diagnosis_facts
short_description: Finds out why Docker does not run on Container Linux
version_added: 0.1.0
author:
  - container_linux.remediation contributors (@container-linux)
description:
  - Looks at the whole chain that a container needs, from etcd over flannel's network config and flanneld to Docker, and
    tells the root cause with the lines that prove it, such as the line of a drop-in that makes Docker wait.
  - A healthy host takes one read-only round trip. One more is made where something is wrong, for the files behind the
    units' dependencies, and one more where flanneld's settings hide behind variables of its unit.
  - Looks where the host's own flanneld looks. Its endpoints, prefix and certificates are taken from its unit, the
    drop-ins of that and its environment files.
  - Never talks to the socket of a Docker that is down, since that would start it.
options:
  flannel_config:
    description:
      - The network config that you want flannel to have, as JSON text or as a dictionary.
      - Where given, a config in etcd that differs is told, and so is a network that collides with those of the host.
    type: raw
  wait:
    description: How many seconds (at most 600) to wait for the API of a Docker that is up but does not answer yet.
    type: int
    default: 0
extends_documentation_fragment:
  - container_linux.remediation._attributes
  - container_linux.remediation._attributes.facts
  - container_linux.remediation._attributes.read_only
seealso:
  - module: container_linux.remediation.etcd_key
  - module: container_linux.remediation.systemd_unit
  - module: container_linux.remediation.unit_deps_facts
"""

EXAMPLES = r"""
# Hosts without Python need "gather_facts: false" in the play.
- name: Find out why Docker does not run
  container_linux.remediation.diagnosis_facts:

- name: Say what was found
  ansible.builtin.debug:
    msg: "{{ ansible_facts.container_linux_diagnosis.summary }}"

- name: Also tell whether another network than the wanted one is in use
  container_linux.remediation.diagnosis_facts:
    flannel_config:
      Network: 10.1.0.0/16
"""

RETURN = r"""
ansible_facts:
  description: The facts that are added to the host.
  returned: success
  type: dict
  contains:
    container_linux_diagnosis:
      description: The diagnosis.
      returned: success
      type: dict
      contains:
        healthy:
          description: Whether Docker answers and no cause of trouble was found.
          returned: success
          type: bool
          sample: false
        curable:
          description: Whether the roles of this collection have a safe cure for every cause; true for a healthy host.
          returned: success
          type: bool
          sample: true
        summary:
          description: One sentence for people.
          returned: success
          type: str
          sample: >-
            flanneld waits for a network config that nobody has written: /coreos.com/network/config in
            http://127.0.0.1:2379 (etcd2.service).
        chain:
          description: The links of the chain, from etcd to Docker.
          returned: success
          type: list
          elements: dict
          contains:
            link:
              description: The link, one of V(etcd), V(flannel config), V(flanneld), V(docker0) and V(docker).
              returned: success
              type: str
              sample: flanneld
            subject:
              description: The unit, key or device that is meant.
              returned: success
              type: str
              sample: flanneld.service
            state:
              description: V(ok), V(broken), V(unknown), or V(unused) where this host does without it.
              returned: success
              type: str
              sample: broken
            says:
              description: What was seen.
              returned: success
              type: str
              sample: activating (start)
        verdicts:
          description: What was found, causes first.
          returned: success
          type: list
          elements: dict
          contains:
            name:
              description: A short name for programs.
              returned: success
              type: str
              sample: key-missing
            row:
              description: The number in the failure catalogue; null for a finding outside of it.
              returned: success
              type: int
              sample: 24
            kind:
              description:
                - V(cause) for what makes the host unhealthy, V(consequence) for what follows from that, and V(note) for
                  what is worth knowing.
              returned: success
              type: str
              sample: cause
            cause:
              description: What is the matter, in one sentence.
              returned: success
              type: str
              sample: etcd has no quorum, so flanneld cannot read /coreos.com/network/config in http://127.0.0.1:2379.
            culprit:
              description: The unit, file, key or endpoint to blame.
              returned: success
              type: str
              sample: /etc/systemd/system/docker.service.d/40-flannel.conf
            evidence:
              description: The lines that were seen, each with its source.
              returned: success
              type: list
              elements: dict
              sample:
                - source: http://127.0.0.1:2379/v2/keys/coreos.com/network/config
                  line: "HTTP 404: 100: Key not found (/coreos.com/network)"
            remedy:
              description: What to do.
              returned: success
              type: str
              sample: Create the key, and only if it is still absent; flanneld finds it within seconds.
            risk:
              description: What the remedy may break.
              returned: success
              type: str
              sample: Every flanneld of this etcd cluster takes the network over at once.
            cure:
              description: The role that applies the remedy safely; empty where only a person should.
              returned: success
              type: str
              sample: flannel_config
            consent:
              description: The variable that must be true for that role to act; empty where none is needed.
              returned: success
              type: str
              sample: ""
        flannel:
          description:
            - What the host's flanneld really uses. C(wanted) tells whether this host means to run it;
              C(key), C(endpoints) and C(api) where it looks for its config; C(options) each option's C(value) and the
              C(source) that sets it; C(lease) its C(network) and C(subnet), empty where it has none; C(overlaps) the
              networks of the host that its network collides with.
          returned: success
          type: dict
          sample:
            wanted: true
            key: /coreos.com/network/config
            endpoints: ["http://127.0.0.1:2379"]
            api: v2
            kubernetes: false
            options:
              etcd-prefix: {value: /coreos.com/network, source: "flanneld's default"}
            lease: {network: 10.1.0.0/16, subnet: 10.1.23.1/24}
            overlaps: []
        etcd:
          description:
            - The etcd that answered. C(endpoint), C(version) and the C(unit) that serves it (empty where it is not on
              this host). What is at flannel's C(key), one of V(value), V(directory), V(absent), V(error) and
              V(unknown), with its C(value) and C(index) and the C(problems) that flanneld has with it. Whether
              etcd.service runs C(in_place_of_etcd2), and the files that it is C(pulled_in_by). Whether
              etcd-member.service is the etcd of this host, C(member_used).
          returned: success
          type: dict
          sample:
            endpoint: http://127.0.0.1:2379
            unit: etcd2.service
            version: 2.3.8
            key: absent
            value: ""
            index: 0
            problems: []
            in_place_of_etcd2: false
            member_used: false
            pulled_in_by: []
        docker:
          description:
            - Whether its API C(answers), the network of its C(bridge), how many C(containers) run (asked only where the
              bridge is not in the lease, else null), and which other units were C(left_behind) when Docker or flanneld
              did not come up.
          returned: success
          type: dict
          sample: {answers: false, bridge: "", containers: null, left_behind: []}
        units:
          description:
            - The units of the chain by name, each with C(id), C(load_state), C(active_state), C(sub_state), C(result),
              C(unit_file_state), C(fragment) and C(drop_ins).
          returned: success
          type: dict
          sample:
            docker.service:
              id: docker.service
              load_state: loaded
              active_state: inactive
              sub_state: dead
              result: success
              unit_file_state: disabled
              fragment: /usr/lib/systemd/system/docker.service
              drop_ins: [/etc/systemd/system/docker.service.d/40-flannel.conf]
        host:
          description: The operating system's C(id) and C(version), and the C(networks) that the host uses.
          returned: success
          type: dict
          sample: {id: coreos, version: 1010.5.0, networks: [192.0.2.0/24]}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.container_linux.remediation.plugins.module_utils._diagnosis_facts import SPEC, diagnose
from ansible_collections.container_linux.remediation.plugins.module_utils._module import run_module


def main() -> None:
    run_module(AnsibleModule(**SPEC, supports_check_mode=True), diagnose)


if __name__ == "__main__":
    main()
