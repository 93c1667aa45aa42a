#!/usr/bin/python
# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cloudinit_rerun
short_description: Brings a host's user-data up to date, and proves it
version_added: 0.3.0
author:
  - container_linux.remediation contributors (@container-linux)
description:
  - Tells for each user-data of a host whether what was applied last is what is there now, and applies what is not.
    The usual reason is C(vagrant reload --provision), which puts the new user-data on the host after
    coreos-cloudinit has run in that boot.
  - Looks for user-data where the operating system does, that is in C(/var/lib/coreos-vagrant),
    C(/var/lib/coreos-install) and their Flatcar counterparts, on a config drive and in the OEM's files.
  - Works without Python on the target.
  - What would fail is refused before anything is touched. The host's own validation decides, with checks for what it
    misses, such as an address that is used and not known, a unit file that is none, and a config that
    would lock out the user who is logged in.
  - User-data is applied by a restart of the unit that applies it at boot, since a run of coreos-cloudinit by hand misses
    that unit's environment. Every result that coreos-cloudinit logs is read. Its exit status does not tell
    whether the units that it starts did start.
  - After that the host is compared with what the user-data asks for. The content of user-data never leaves the host, and
    appears in no result, log or diff.
extends_documentation_fragment:
  - container_linux.remediation._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  path:
    description:
      - The path of one user-data on the host.
      - Without it, all that the operating system looks for are brought up to date.
    type: str
  content:
    description:
      - What is to be at O(path).
      - It takes the place of the file that is there in one step, after it has passed all checks. If it then cannot be
        applied, what was there before is put back, and the message says so.
      - Without O(path) it takes the place of the only user-data that is there, or goes where the host waits for one.
        Two that are there are refused.
      - Without it, what is there is applied as it is, and never changed.
    type: str
  allow_scripts:
    description:
      - Whether user-data may be a script, which begins with C(#!). Nobody can tell what a second run of one does, and what
        becomes of it is not waited for.
    type: bool
    default: false
  allow_lockout:
    description:
      - Whether a cloud-config may be applied that takes from the user who is logged in the last of its SSH keys, or that
        stops or masks the SSH daemon.
    type: bool
    default: false
  restart_changed_units:
    description:
      - Whether to restart the units that run with the content that their files had before. coreos-cloudinit starts
        units and does not restart them.
      - Never done to what lets you in, such as the SSH daemon.
    type: bool
    default: false
  allow_container_restart:
    description:
      - Whether O(restart_changed_units) may restart Docker, flanneld and the units whose restart brings about
        theirs, while containers run. That ends all containers.
    type: bool
    default: false
  watch:
    description:
      - Whether the host applies the user-data by itself whenever its file changes, from now on. That makes the next
        C(vagrant reload --provision) right in the same boot.
      - V(true) installs the units C(container-linux-remediation-user-data@.path) and
        C(container-linux-remediation-user-data@.service), V(false) removes them. By default they are left as they are.
      - This concerns the user-data at O(path), or without it the one that O(content) would replace.
    type: bool
  timeout:
    description:
      - How long one run may take, in seconds.
      - When it passes, the task fails and tells what the run waits for, but the run goes on.
    type: int
    default: 120
notes:
  - The digest of what was applied last is remembered in C(/var/lib/container-linux-remediation/user-data), in a file of mode
    0600 for each user-data, beside it the user-data itself with the suffix C(.good). Without it, the times at which
    the file changed and the unit ran are the evidence. A file's modification time is none, for C(mv) keeps it.
  - Of two runs at the same time one waits a few seconds, and then refuses to act.
seealso:
  - module: container_linux.remediation.diagnosis_facts
"""

EXAMPLES = r"""
- name: The user-data that Vagrant has just put there comes into force
  container_linux.remediation.cloudinit_rerun:

- name: From now on it does by itself
  container_linux.remediation.cloudinit_rerun:
    watch: true

- name: The host has this user-data, and is as it says
  container_linux.remediation.cloudinit_rerun:
    path: /var/lib/coreos-install/user_data
    content: "{{ lookup('ansible.builtin.template', 'user-data.yml.j2') }}"
    restart_changed_units: true
"""

RETURN = r"""
sources:
  description: Each user-data that is there, by its path, as it was found.
  returned: always, unless the options were refused
  type: dict
  contains:
    kind:
      description: Where it comes from, V(vagrant), V(install), V(configdrive), V(oem) or V(given).
      type: str
      sample: vagrant
    unit:
      description: The unit that applies it.
      type: str
      sample: user-cloudinit@var-lib-coreos\x2dvagrant-vagrantfile\x2duser\x2ddata.service
    state:
      description:
        - How it stands. V(current) means applied, V(stale) changed since it was applied, V(unapplied) never applied in
          this boot, V(failed) applied in vain, V(applying) being applied now.
        - V(not_applicable) is one that is empty or meant for Ignition.
      type: str
      sample: stale
    why:
      description: The evidence for that.
      type: str
      sample: >-
        its unit began its last run at 2016-06-01 10:00:06.934 UTC, and the file changed at 2016-06-01 10:02:08.421 UTC,
        after it
    sha256:
      description: Its digest.
      type: str
      sample: 5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef
    findings:
      description: What the host's own validation says of it, where it was asked.
      type: list
      elements: dict
      contains:
        line:
          description: The line, or V(0).
          type: int
          sample: 3
        level:
          description: One of V(error), V(warning) and V(info).
          type: str
          sample: warning
        text:
          description: What is to be said. Values are left out.
          type: str
          sample: unrecognized key "etcd3"
actions:
  description: What was done, or would be done, in order.
  returned: always, unless the input was refused
  type: list
  elements: str
  sample:
    - systemctl restart 'user-cloudinit@var-lib-coreos\x2dvagrant-vagrantfile\x2duser\x2ddata.service'
applied:
  description: What coreos-cloudinit logged of each run, by the user-data's path.
  returned: when user-data was applied
  type: dict
  contains:
    files:
      description: The files that it wrote, other than those of units.
      type: list
      elements: str
      sample:
        - /etc/test.txt
    units:
      description: The units that it wrote, each with C(name) and C(path).
      type: list
      elements: dict
    drop_ins:
      description: The drop-ins that it wrote, each with C(name) and C(path).
      type: list
      elements: dict
    enabled:
      description: The units that it enabled.
      type: list
      elements: str
    masked:
      description: The units that it masked.
      type: list
      elements: str
    commands:
      description: What it called systemd for, each with C(verb), C(unit) and C(result), such as V(done) or V(dependency).
      type: list
      elements: dict
    scripts:
      description: The transient units that run the user's script.
      type: list
      elements: str
    said:
      description: What it said of users, keys, the host's name and skipped items.
      type: list
      elements: str
    errors:
      description: Why it has not done all of it.
      type: list
      elements: str
    doing:
      description: What it had begun and not ended, or empty.
      type: str
proof:
  description: What is there now of what each user-data asks for, by its path.
  returned: when user-data was applied
  type: dict
  contains:
    items:
      description:
        - Each file, unit and drop-in, with C(kind), C(name), C(path), C(state) and C(why). The state is
          V(same), V(differs), V(missing) or V(not_compared).
      type: list
      elements: dict
    units:
      description: Each unit of which a state is asked for, with C(name), C(asked), C(as_asked) and C(why).
      type: list
      elements: dict
    partial:
      description: What could not be looked at.
      type: list
      elements: str
left_behind:
  description: What applying user-data does not do.
  returned: when user-data was applied
  type: dict
  contains:
    changed_units:
      description: The units that run with the content that their files had before, each with C(name) and C(files).
      type: list
      elements: dict
    no_longer_asked_for:
      description:
        - What the user-data before this one has brought, is still there, and is not asked for any more, each with C(kind),
          C(name) and C(path). It is never removed.
      type: list
      elements: dict
refused:
  description: Why the user-data was refused, a sentence each.
  returned: when it was refused
  type: list
  elements: str
failures:
  description: The units that did not do as they were told, as M(container_linux.remediation.systemd_unit) tells of them.
  returned: when a unit failed
  type: list
  elements: dict
journal:
  description: The last lines of this boot of each of those units, and of the unit that it waits for.
  returned: when a unit failed
  type: dict
diagnosis:
  description: What M(container_linux.remediation.diagnosis_facts) tells of the host.
  returned: when what failed waits for flanneld, etcd or Docker
  type: dict
"""

import functools

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.container_linux.remediation.plugins.module_utils._cloudinit_rerun import (
    SPEC,
    rerun,
)
from ansible_collections.container_linux.remediation.plugins.module_utils._module import run_module


def main() -> None:
    module = AnsibleModule(**SPEC, supports_check_mode=True)
    run_module(module, functools.partial(rerun, diff=module._diff))


if __name__ == "__main__":
    main()
