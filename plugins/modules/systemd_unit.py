#!/usr/bin/python
# Copyright (c) 2026 container_linux.remediation contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: systemd_unit
short_description: Ensures the state of systemd units, and says why where it cannot
version_added: 0.1.0
author:
  - container_linux.remediation contributors (@container-linux)
description:
  - Starts, stops, restarts, enables, disables, masks and unmasks systemd units, without Python on
    the target.
  - Waits for the jobs that this starts. Where one fails, the message tells the job's result, the unit
    that it waited for, and RV(journal) holds the last lines of both.
  - Reads all units first, and acts only on those that are not what is wanted, in one go. Units are told
    apart by their C(Id), since one unit may have several names.
extends_documentation_fragment:
  - container_linux.remediation._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: partial
    details:
      - With O(state=restarted), and with O(state=started) for a unit that only runs something once
        (C(Type=oneshot) without C(RemainAfterExit)), the unit is started each time.
options:
  name:
    description:
      - One or more units. A name without a type is that of a service.
      - Several names of one unit are one unit, see RV(aliases).
      - Patterns and templates are refused.
    type: list
    elements: str
    required: true
  state:
    description:
      - The state that the units should be in, or for V(restarted), be brought to anew.
      - V(started) does nothing to a unit that is active. One that systemd is starting already, or is about to
        start again, is waited for and not restarted.
      - V(stopped) also drops a start job that waits.
      - V(restarted) starts a unit that is not active. Note that a restart of flanneld restarts docker, and
        with it cuts off all containers, where docker requires it.
    type: str
    choices:
      - started
      - stopped
      - restarted
  enabled:
    description:
      - Whether the units are started at boot.
      - V(true) is refused for a unit that cannot be enabled, as for one without an C([Install]) section;
        C(systemctl) itself only hints at that and reports success.
    type: bool
  masked:
    description:
      - Whether the units are masked, so that nothing can start them. A mask lasts across reboots;
        V(false) also removes one that does not.
      - V(true) does not stop a unit that is running. Add O(state=stopped) for that.
      - Without V(false), a unit that is masked is never started or enabled, and the task fails.
    type: bool
  daemon_reload:
    description:
      - Whether systemd reads its unit files again before anything else, where the files of one of the units
        changed since it read them. If none did, nothing is done.
      - A unit's first drop-in, and a file in C(/etc/systemd/system) that overrides the vendor's, are noticed,
        though systemd itself does not. Links made by hand in C(.wants) and C(.requires) directories are not.
      - Enabling, disabling, masking and unmasking make systemd read its unit files in any case.
    type: bool
    default: false
  timeout:
    description:
      - How long to wait for the units to become what O(state) says, in seconds. It spans all units together.
      - When it passes, the task fails, but systemd goes on with the jobs.
      - The default outlasts the start time-out of systemd itself, 90 seconds, so that its verdict can be told.
    type: int
    default: 120
notes:
  - At least one of O(state), O(enabled), O(masked) and O(daemon_reload) is required.
  - Unit files are changed first (reload, unmask, enable or disable, mask, in this order), then units are
    started or stopped. The first failure ends it.
seealso:
  - module: ansible.builtin.systemd_service
"""

EXAMPLES = r"""
- name: Docker is started, and says what it waits for if it cannot
  container_linux.remediation.systemd_unit:
    name: docker
    state: started

- name: The old etcd stays away, whoever asks for it
  container_linux.remediation.systemd_unit:
    name: etcd.service
    state: stopped
    masked: true

- name: A drop-in that was just written comes into force
  container_linux.remediation.systemd_unit:
    name: flanneld.service
    daemon_reload: true

- name: Both are started at boot and now, within five minutes
  container_linux.remediation.systemd_unit:
    name:
      - etcd2.service
      - fleet.socket
    state: started
    enabled: true
    timeout: 300
"""

RETURN = r"""
units:
  description:
    - The units by the names that were given, as they are in the end. In check mode, as they were found.
  returned: always, unless the input was refused
  type: dict
  contains:
    id:
      description: The name that systemd calls the unit by.
      type: str
      sample: docker.service
    load_state:
      description: Whether systemd could load it, such as V(loaded), V(not-found) or V(masked).
      type: str
      sample: loaded
    active_state:
      description: The state, such as V(active), V(inactive), V(activating) or V(failed).
      type: str
      sample: activating
    sub_state:
      description: The state more closely, such as V(running), V(dead) or V(auto-restart).
      type: str
      sample: auto-restart
    result:
      description: How its last run ended, such as V(success), V(timeout) or V(exit-code).
      type: str
      sample: timeout
    unit_file_state:
      description: The state of its file, such as V(enabled), V(disabled), V(static) or V(masked).
      type: str
      sample: enabled
    fragment:
      description: The path of its file.
      type: str
      sample: /usr/lib/systemd/system/docker.service
    drop_ins:
      description: The paths of its drop-ins.
      type: list
      elements: str
      sample:
        - /etc/systemd/system/docker.service.d/40-flannel.conf
    job:
      description: The type and state of its job, empty where it has none.
      type: str
      sample: start waiting
    need_daemon_reload:
      description: Whether its files changed on disk since systemd read them.
      type: bool
      sample: false
aliases:
  description: The C(Id) of each given name that is another name of a unit.
  returned: always, unless the input was refused
  type: dict
  sample:
    etcd2.service: etcd.service
actions:
  description: What was done, or would be done, in order.
  returned: always, unless the input was refused
  type: list
  elements: str
  sample:
    - daemon-reload
    - start docker.service
failures:
  description: The units whose jobs failed, or are not done within O(timeout).
  returned: when a job fails
  type: list
  elements: dict
  contains:
    unit:
      description: The unit's C(Id).
      type: str
      sample: docker.service
    job_result:
      description:
        - The result of its job, such as V(dependency), V(timeout), V(failed) or V(canceled). Empty where there
          is none, as the job goes on or was never made.
      type: str
      sample: dependency
    waits_for:
      description: The units that it waits for, each waiting for the next; the last is the one to look at.
      type: list
      elements: str
      sample:
        - flanneld.service
journal:
  description: The last ten lines of this boot of each failed unit, and of the unit it waits for.
  returned: when a job fails
  type: dict
  sample:
    flanneld.service:
      - "2016-06-01T10:00:00+0000 core-01 flanneld[811]: 100: Key not found (/coreos.com/network) [3]"
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.container_linux.remediation.plugins.module_utils._module import run_module
from ansible_collections.container_linux.remediation.plugins.module_utils._systemd_unit import (
    SPEC,
    ensure,
)


def main() -> None:
    module = AnsibleModule(**SPEC, supports_check_mode=True)
    run_module(module, ensure)


if __name__ == "__main__":
    main()
