#!/usr/bin/python
# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: etcd_key
short_description: Ensures a key in etcd
version_added: 0.1.0
author:
  - container_linux.remediation contributors (@container-linux)
description:
  - Ensures that a key in etcd holds a value, or that it does not exist, through etcd's own HTTP API, v2 or v3.
  - The key is read with quorum, so a member that has fallen behind cannot mislead. Where it is as wished,
    that one look is all that happens.
  - A write is atomic. It takes effect only if the key is still as it was read, so of any number of hosts that create
    the same key at the same time, one does, and the others find it unchanged. The key is then read again.
  - By default an existing value is never replaced; see O(policy).
  - A directory (v2) is never replaced and never removed.
options:
  key:
    description:
      - The key, from the root, such as V(/coreos.com/network/config). It begins with V(/), does not end with it, and
        has no empty, V(.) or V(..) part.
    type: str
    required: true
  value:
    description:
      - What the key shall hold. Needed where O(state=present).
      - A text is stored as it is. A dictionary or list is stored as JSON with sorted keys and without spaces. A whole
        number is stored as its digits. Anything else must be put in quotes.
      - Two values are the same if their texts are, or if both are JSON objects or arrays that say the same. So it
        does not matter that Jinja turns a JSON text into a dictionary, nor who wrote which spaces.
    type: raw
  state:
    description:
      - Whether the key shall exist.
    type: str
    choices:
      present: The key holds O(value).
      absent: The key does not exist. Whatever value it holds is removed, unless a guard names another.
    default: present
  policy:
    description:
      - What to do about a key that holds another value, where O(state=present).
    type: str
    choices:
      keep: Leave it, and report it in RV(differs) and as a warning.
      replace: Replace it, atomically. A time to live that O(ttl) does not ask for is dropped, and one that it asks
        for is added.
    default: keep
  expected_value:
    description:
      - The only value that may be replaced or removed. If the key holds another one, the task fails and nothing is
        written. A key that is already as wished is fine.
      - It is compared as O(value) is. Where O(state=present), it needs O(policy=replace).
    type: raw
  expected_index:
    description:
      - The only index (v2 C(modifiedIndex), v3 C(mod_revision)) at which the value may be replaced or removed.
      - It needs O(policy=replace) where O(state=present).
    type: int
  ttl:
    description:
      - The seconds that a written value lives. Without it, it lives for ever.
      - A key that already has the value and a time to live is left as it is; its time is not extended.
    type: int
  api:
    description:
      - Which of etcd's APIs to use. A v2 key and a v3 key of the same name are two different keys in two stores. Write
        to the one that the reader of the key uses. flannel before 0.18 uses v2 only.
    type: str
    choices:
      auto: V(v2) where etcd's v2 API is switched on (2.x always, 3.0 to 3.3 by default), V(v3) elsewhere. RV(api)
        tells which it was.
      v2: The v2 API.
      v3: The JSON gateway of the v3 API.
    default: auto
  endpoints:
    description:
      - Where etcd listens, seen from the target. Several must be members of one cluster, and are asked in this order
        until one can tell the key. The write goes to that one only. If it takes no connection any more, so that
        nothing was sent, the next one is asked anew; otherwise a write is never repeated.
      - Each is C(http://) or C(https://), a host and a port.
    type: list
    elements: str
    default:
      - http://127.0.0.1:2379
  ca_cert:
    description:
      - File on the target with the certificates (PEM) that etcd's own is checked against. Without it, the target's
        own bundle is used.
    type: str
  client_cert:
    description:
      - File on the target with the client certificate (PEM) to show to etcd.
    type: str
  client_key:
    description:
      - File on the target with the private key (PEM) of O(client_cert).
    type: str
  validate_certs:
    description:
      - Whether etcd's certificate is checked. Setting this to V(false) lets anyone between read and change the key.
    type: bool
    default: true
  username:
    description:
      - The user to log in as, where etcd's authentication is switched on.
    type: str
  password:
    description:
      - The password of O(username).
    type: str
  timeout:
    description:
      - The seconds that each request may take. etcd itself takes 7 to notice that it has no quorum.
    type: int
    default: 10
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
notes:
  - Requests are sent by C(curl) on the target. Keys, values and passwords reach it by its standard input, and stand in
    no argument list.
  - The value is part of the result and of the diff. If it is a secret, set C(no_log) on the task.
  - Control characters in what etcd holds are shown as U+FFFD in the result. They are compared as they are.
extends_documentation_fragment:
  - container_linux.remediation._attributes
"""

EXAMPLES = r"""
- name: Keys in etcd
  hosts: container_linux
  gather_facts: false # the hosts need no Python
  tasks:
    - name: Give flannel its network, unless it has one
      container_linux.remediation.etcd_key:
        key: /coreos.com/network/config
        value:
          Network: 10.2.0.0/16
          Backend:
            Type: vxlan

    - name: Change a value, but only from the one that was agreed on
      container_linux.remediation.etcd_key:
        key: /coreos.com/network/config
        value: '{"Network": "10.3.0.0/16"}'
        policy: replace
        expected_value: '{"Network": "10.2.0.0/16"}'

    - name: Announce this host for a minute, over TLS, to whichever member answers
      container_linux.remediation.etcd_key:
        key: "/hosts/{{ inventory_hostname }}"
        value: "{{ ansible_host }}"
        policy: replace
        ttl: 60
        endpoints:
          - https://10.0.0.1:2379
          - https://10.0.0.2:2379
          - https://10.0.0.3:2379
        ca_cert: /etc/ssl/etcd/ca.pem
        client_cert: /etc/ssl/etcd/client.pem
        client_key: /etc/ssl/etcd/client-key.pem

    - name: Remove a key from the v3 store, as a user
      container_linux.remediation.etcd_key:
        key: /hosts/core-01
        state: absent
        api: v3
        username: root
        password: "{{ etcd_password }}"
"""

RETURN = r"""
action:
  description: What was done, or in check mode would be. V(none), V(created), V(replaced) or V(deleted).
  returned: success
  type: str
  sample: created
differs:
  description: Whether the key is not as wished after all, since O(policy=keep).
  returned: success
  type: bool
  sample: false
key:
  description: The key.
  returned: once etcd was read
  type: str
  sample: /coreos.com/network/config
value:
  description: The value now, or in check mode as it would be; V(null) where there is none.
  returned: once etcd was read
  type: str
  sample: '{"Backend":{"Type":"vxlan"},"Network":"10.2.0.0/16"}'
index:
  description:
    - The index at which the value was written (v2 C(modifiedIndex), v3 C(mod_revision)), as O(expected_index) takes it.
    - V(null) where there is no value, or it would only be written.
  returned: once etcd was read
  type: int
  sample: 7
ttl:
  description: The seconds that the value lives on; V(null) where it lives for ever.
  returned: once etcd was read
  type: int
  sample: null
previous:
  description: What the key held before; V(null) where it held nothing.
  returned: success
  type: dict
  contains:
    value:
      description: The value.
      type: str
    index:
      description: The index at which it was written.
      type: int
    ttl:
      description: The seconds that it had left to live; V(null) where it lived for ever.
      type: int
  sample:
    value: '{"Network":"10.1.0.0/16"}'
    index: 3
    ttl: null
api:
  description: The API that was used, V(v2) or V(v3).
  returned: once etcd was read
  type: str
  sample: v2
endpoint:
  description: The endpoint that answered.
  returned: once etcd was read
  type: str
  sample: http://127.0.0.1:2379
member:
  description: The member of the cluster that answered there.
  returned: once etcd was read
  type: dict
  contains:
    id:
      description: Its id, in hexadecimal; empty where it did not say.
      type: str
    name:
      description: Its name; empty where it did not say.
      type: str
  sample:
    id: ce2a822cea30bfca
    name: core-01
cluster_id:
  description: The id of its cluster, in hexadecimal.
  returned: once etcd was read
  type: str
  sample: 7e27652122e8b2ae
etcd_version:
  description: Its version.
  returned: once etcd was read
  type: str
  sample: 2.3.8
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.container_linux.remediation.plugins.module_utils._etcd_key import SPEC, ensure
from ansible_collections.container_linux.remediation.plugins.module_utils._module import run_module


def main() -> None:
    module = AnsibleModule(**SPEC, supports_check_mode=True)
    run_module(module, ensure)


if __name__ == "__main__":
    main()
