# shellcheck shell=sh
# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# summary: the run waits for flanneld, which waits for its network config
# row: 5
# within: 60 s

# flanneld may take its time, as many a user-data of the day allowed it: without that, each try would
# end after 90 s (300 s from 1409 on) and the run would go on.
setup() {
  have_user_data <<EOF
#cloud-config

coreos:
  flannel:
    interface: \$private_ipv4
  units:
    - name: $MEMBER.service
      command: start
    - name: flanneld.service
      command: start
      drop-ins:
        - name: 30-patience.conf
          content: |
            [Service]
            TimeoutStartSec=0
    - name: docker.service
      command: start
      drop-ins:
        - name: 40-flannel.conf
          content: |
            [Unit]
            Requires=flanneld.service
            After=flanneld.service
EOF
}

symptom() {
  is "$USER_DATA_SERVICE" activating && is flanneld activating && is docker inactive &&
    journal_has flanneld.service '100: Key not found (/coreos.com)' &&
    journalctl -b -q --no-pager -u "$USER_DATA_SERVICE" -o cat | grep 'unit command' | tail -n 1 |
    grep -q -F 'Calling unit command "start" on "flanneld.service"'
}
