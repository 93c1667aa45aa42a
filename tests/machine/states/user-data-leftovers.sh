# shellcheck shell=sh
# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# summary: unit, drop-in and file that the user-data no longer has are still there
# row: 7
# within: 60 s

before() {
  cat <<'EOF'
#cloud-config

coreos:
  units:
    - name: app.service
      command: start
      content: |
        [Service]
        ExecStart=/usr/bin/sleep infinity
EOF
}

setup() {
  { before; cat; } <<'EOF' | have_user_data
      drop-ins:
        - name: 10-old.conf
          content: |
            [Service]
            Environment=OLD=1
    - name: old.service
      command: start
      enable: true
      content: |
        [Service]
        ExecStart=/usr/bin/sleep infinity

        [Install]
        WantedBy=multi-user.target
write_files:
  - path: /etc/old.txt
    content: old
EOF
}

after_boot() {
  wait_until user_data_applied
  later
  before | have_user_data
  systemctl restart "$USER_DATA_SERVICE"
}

symptom() {
  user_data_runs 2 && ! grep -q old "$USER_DATA" &&
    is old active && [ -e /etc/old.txt ] && [ -e /etc/systemd/system/old.service ] &&
    [ -L /etc/systemd/system/multi-user.target.wants/old.service ] &&
    about Environment app | grep -q -w OLD=1
}
