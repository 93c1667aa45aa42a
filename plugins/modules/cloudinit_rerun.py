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
    C(/var/lib/coreos-install) and their Flatcar counterparts, on a config drive and in the OEM's files. Places that
    are one file, by a link, are one.
  - What lies there and nothing on the host runs is left alone with a warning, unless O(path) names it. That is what a
    host has run as CoreOS and does not as Flatcar, or what an image that uses Ignition never looks at.
  - What a host takes from a metadata service, from a URL or by Ignition is not looked at. Where it has no user-data but
    that and the OEM's, a warning says so.
  - Works without Python on the target. A host whose user-data is in force costs one read-only round trip.
  - What would fail is refused before anything is touched. The host's own validation decides, with checks for what it
    misses, such as an address that is used and not known, a unit file that is none, and a config that
    would lock out the user who is logged in.
  - Of a unit that is to be called or enabled, and that the host does not have or has masked, check mode and diff mode
    warn, unless the user-data itself brings it. It is not refused, for a generator or another unit may bring it by
    then. Else the run of coreos-cloudinit stops there, and the task fails and names the unit.
  - User-data is applied by a restart of the unit that applies it at boot, since a run of coreos-cloudinit by hand
    misses that unit's environment. Every result that coreos-cloudinit logs is read. Its exit status does not tell
    whether the units that it starts did start.
  - What requires that unit, as C(system-config.target) and C(user-config.target) do with the OEM's, systemd stops for
    its run, and starts again if that goes well. After one that failed it is down, and named. The next one that goes
    well has it started again. What an operator has stopped is left alone.
  - A path unit that would run again and again what has failed is stopped until the next boot.
  - After that the host is compared with what the user-data asks for. The content of user-data never leaves the host,
    and appears in no result, log or diff.
extends_documentation_fragment:
  - container_linux.remediation._attributes
attributes:
  check_mode:
    support: partial
    details:
      - Which units O(restart_changed_units) would restart is told by their files and dependencies as they are now, for
        a run that goes well. What cannot be known before it is a dependency that a new file brings, whether containers
        run by then, and whether a section such as C(coreos.etcd2) changes the drop-in that it has made before. The
        diff names the units of which it is not known.
      - Of several user-data each is foretold as if it were the only one.
      - What requires a user-data's unit and is down since a run that failed is not foretold to be started again.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  path:
    description:
      - The path of one user-data on the host.
      - Without it, all are brought up to date that the host has run in this boot, or would run at the next one.
    type: str
  content:
    description:
      - What is to be at O(path).
      - It takes the place of the file that is there in one step, after it has passed all checks. If it then cannot be
        applied, what was there before is put back, and the message says so, and what the run had brought until then,
        for that stays. Only where O(timeout) passes it stays itself, since its run goes on.
      - What is put back and was in force is run again where its path unit or O(watch) sees it. What was not is left to
        the next boot.
      - Without O(path) it takes the place of the only user-data that the host runs, or goes where the host waits for
        one. Where it runs two, that is refused.
      - Without it, what is there is applied as it is, and never changed.
    type: str
  allow_scripts:
    description:
      - Whether user-data may be a script, which begins with C(#!). Nobody can tell what a second run of one does, and
        what becomes of it is not waited for. A warning names the unit that runs it.
    type: bool
    default: false
  allow_lockout:
    description:
      - Whether a cloud-config may be applied that takes from the user who is logged in the last of its SSH keys, or
        that stops or masks the SSH daemon.
      - What may lock out and cannot be read counts as well, such as C(users) in brackets, keys of others that are
        merged with C(<<), the path of a file or the name of a unit that is an alias, and all that follows a key behind
        C(?).
      - So do the SSH keys that C(meta_data.json) of a config drive adds, and such a file that cannot be read.
    type: bool
    default: false
  restart_changed_units:
    description:
      - Whether to restart the units that run with the content that their files had before. coreos-cloudinit starts
        units and does not restart them.
      - Never done to what lets you in, such as the SSH daemon.
      - Without it they are told as RV(left_behind.changed_units).
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
        C(container-linux-remediation-user-data@.service), the script that they run, and a drop-in of the unit that
        applies the user-data. V(false) removes all four. By default they are left as they are.
      - Whoever may write the file then becomes root without a reboot, which the user C(core) may anyhow.
      - A run of what was there before is cut off when it has not ended within a minute. A script is left to the next
        boot. What is a symbolic link cannot be watched.
      - This concerns the user-data at O(path). Without it, V(true) is for the one that O(content) would replace, and
        V(false) for each that is watched, wherever it lies.
    type: bool
  timeout:
    description:
      - How long one run may take, in seconds.
      - When it passes, the task fails and tells what the run waits for. The run goes on, and the user-data stays.
    type: int
    default: 120
notes:
  - The digest of what was applied last is remembered in C(/var/lib/container-linux-remediation/user-data), in a file of
    mode 0600 for each user-data. Without it, the times at which the file changed and the unit ran are the evidence. A
    file's modification time is none, for C(mv) keeps it.
  - Beside it lie two copies of the user-data itself, with the suffix C(.good) the last one that was applied and proven,
    and with the suffix C(.before) the one that O(content) has replaced.
  - Where that goes by the times alone and the journal has nothing of the run any more, nobody knows how its calls of
    systemd ended. The user-data is taken for in force then, and RV(sources) says so.
  - The addresses that coreos-cloudinit puts in for C($public_ipv4) and C($private_ipv4) come from C(/etc/environment)
    and are no part of the evidence. A change of that file alone is not noticed. Run the unit again then
    (C(systemctl restart), its name is in RV(sources)), or change anything in the user-data.
  - The user-data of a config drive is applied together with the hostname and the SSH keys of the C(meta_data.json)
    beside it, which are checked and foretold as its own are. A change of that file alone is not noticed.
  - Where the OEM's user-data has to be applied again, the user's is, too, because both set the same SSH keys.
  - For the section C(coreos.update), coreos-cloudinit itself restarts locksmithd, or stops and masks it where the
    C(reboot-strategy) is V(off), and restarts the update engine where there is a C(group) or a C(server). That is
    foretold, and proved but for one thing. These services need not stay up, as a locksmithd does not that waits for
    etcd.
  - Of two runs at the same time the second one waits a few seconds for its turn, and then refuses to act. Where it
    brings another user-data before the first one has ended, the first one fails and says so.
seealso:
  - module: container_linux.remediation.diagnosis_facts
"""

EXAMPLES = r"""
# Hosts without Python need "gather_facts: false" in the play.
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
  returned: on success, and when user-data was refused by its content or did not come into force
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
        - V(unproven) was applied, and it is not known whether all was there then that it asks for. That is looked at
          before anything is run.
        - V(not_applicable) is one that is empty or meant for Ignition, whose unit is masked, or that nothing on the
          host runs.
        - V(unusable) cannot be applied, for it is no file, cannot be reached, or no unit runs it. V(arriving) is still
          being written, and V(unknown) has a unit of which systemd told nothing. The task fails where it is to apply
          one of these three.
      type: str
      sample: stale
    why:
      description: The evidence for that.
      type: str
      sample: >-
        its unit began its last run at 2016-06-01 10:00:06.934 UTC, and the file changed at 2016-06-01 10:02:08.421 UTC,
        after it
    sha256:
      description: Its digest, or empty.
      type: str
      sample: 5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef
    findings:
      description: What the host's own validation says of it, where it was asked.
      type: list
      elements: dict
      contains:
        line:
          description: The line, or V(0) where it is about none.
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
  description: What was done, or in check mode would be done, in order.
  returned: on success, and when user-data was refused by its content or did not come into force
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
        - /etc/environment
    units:
      description: The units whose files it wrote.
      type: list
      elements: dict
      contains:
        name:
          description: Its name.
          type: str
          sample: docker-tcp.socket
        path:
          description: Its file, or empty where the version of coreos-cloudinit does not tell.
          type: str
          sample: /etc/systemd/system/docker-tcp.socket
    drop_ins:
      description: The drop-ins that it wrote.
      type: list
      elements: dict
      contains:
        name:
          description: Its name.
          type: str
          sample: 20-cloudinit.conf
        path:
          description: Its file, or empty where the version of coreos-cloudinit does not tell.
          type: str
          sample: /run/systemd/system/etcd.service.d/20-cloudinit.conf
    enabled:
      description: The units that it enabled.
      type: list
      elements: str
      sample:
        - docker-tcp.socket
    masked:
      description: The units that it masked.
      type: list
      elements: str
      sample: []
    commands:
      description: What it called systemd for, in order.
      type: list
      elements: dict
      contains:
        verb:
          description: What the unit was told, such as V(start) or V(restart).
          type: str
          sample: start
        unit:
          description: The unit.
          type: str
          sample: etcd.service
        result:
          description:
            - How that ended. V(done) is the one good end; others are V(dependency), V(failed), V(timeout) and
              V(canceled). Empty where the run does not tell, as it still waits.
          type: str
          sample: done
    scripts:
      description: The transient units that run the user's script.
      type: list
      elements: str
      sample: []
    said:
      description: What it said of users, keys, the host's name and skipped items.
      type: list
      elements: str
      sample: []
    errors:
      description: Why it has not done all of it.
      type: list
      elements: str
      sample: []
    doing:
      description: What it had begun and not ended, or empty.
      type: str
      sample: ""
proof:
  description: What is there now of what each user-data asks for, by its path.
  returned: when user-data was applied, and its run went well
  type: dict
  contains:
    items:
      description: Each file that the user-data asks for, and what coreos-cloudinit makes from its sections.
      type: list
      elements: dict
      contains:
        kind:
          description: One of V(file), V(unit) and V(drop_in).
          type: str
          sample: file
        name:
          description: What it is called, a drop-in by its unit and its own name.
          type: str
          sample: etcd.service/20-cloudinit.conf
        path:
          description: Where it is.
          type: str
          sample: /run/systemd/system/etcd.service.d/20-cloudinit.conf
        state:
          description: One of V(same), V(differs), V(missing) and V(not_compared).
          type: str
          sample: not_compared
        why:
          description: What differs, or why it was not compared.
          type: str
          sample: it is made from the section coreos.etcd
    units:
      description: Each state that the user-data asks for.
      type: list
      elements: dict
      contains:
        name:
          description: The unit.
          type: str
          sample: docker-tcp.socket
        asked:
          description:
            - What it should be, such as V(started), V(enabled) or V(masked).
            - With the section behind it where that is not C(coreos.units), as in V(masked for coreos.update).
          type: str
          sample: enabled
        as_asked:
          description: Whether it is.
          type: bool
          sample: true
        why:
          description: What it is instead, or what else there is to say.
          type: str
          sample: ""
    partial:
      description: What could not be looked at.
      type: list
      elements: str
      sample: []
left_behind:
  description: What applying user-data does not do.
  returned: when user-data was applied, and that was proved
  type: dict
  contains:
    changed_units:
      description: The units that run with the content that their files had before.
      type: list
      elements: dict
      contains:
        name:
          description: The unit.
          type: str
          sample: docker.service
        type:
          description: The unit's type; V(oneshot) for a service that is one.
          type: str
          sample: service
        process:
          description: Its process, or V(0).
          type: int
          sample: 811
        files:
          description: Its files that have changed.
          type: list
          elements: str
          sample:
            - /etc/systemd/system/docker.service.d/40-flannel.conf
        hindrance:
          description: Why it cannot be restarted, such as a mask, or empty.
          type: str
          sample: ""
    no_longer_asked_for:
      description:
        - What the user-data before this one has brought, is still there, and is not asked for any more. It is never
          removed.
        - Where a part of the new user-data is written so that it cannot be read, nothing is told here. A warning names
          what may be left then, and it is told by the next user-data that can be read throughout.
      type: list
      elements: dict
      contains:
        kind:
          description: One of V(file), V(unit), V(drop_in), V(enabled) and V(masked).
          type: str
          sample: unit
        name:
          description: The unit, a drop-in by its unit and its own name, or the file's path.
          type: str
          sample: docker-tcp.socket
        path:
          description: The file, or the link that enables or masks.
          type: str
          sample: /etc/systemd/system/docker-tcp.socket
        state:
          description: The C(ActiveState) of a unit, else empty.
          type: str
          sample: active
refused:
  description:
    - Why the user-data was refused, a sentence each. Where a unit was refused its restart, why, and the task has
      failed because of another one.
  returned: when the user-data was refused, or a unit did not come back from its restart
  type: list
  elements: str
  sample:
    - >-
      /var/lib/coreos-vagrant/vagrantfile-user-data uses $public_ipv4, and /etc/environment has no COREOS_PUBLIC_IPV4.
restarted:
  description: The changed units that did come back from their restart.
  returned: when another one did not
  type: list
  elements: str
  sample:
    - fleet.service
failures:
  description: The units that did not do as they were told.
  returned: when a unit failed
  type: list
  elements: dict
  contains:
    unit:
      description: The unit's C(Id).
      type: str
      sample: docker.service
    job_result:
      description: The result of its job, such as V(dependency); empty where there is none, as the job goes on.
      type: str
      sample: dependency
    waits_for:
      description: The units that it waits for, each waiting for the next. The last is the one to look at.
      type: list
      elements: str
      sample:
        - flanneld.service
journal:
  description: The last lines of this boot of each of those units, and of the unit that it waits for.
  returned: when a unit failed
  type: dict
  sample:
    flanneld.service:
      - "2016-06-01T10:00:00+0000 core-01 flanneld[811]: 100: Key not found (/coreos.com/network) [3]"
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
