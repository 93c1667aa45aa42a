# shellcheck shell=sh
# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# summary: the run ended well, but docker's start in it with the result dependency
# row: 4
# within: 60 s

setup() {
  have_user_data <<'EOF'
#cloud-config

coreos:
  units:
    - name: storage.service
      content: |
        [Service]
        Type=oneshot
        ExecStart=/usr/bin/false
    - name: docker.service
      command: start
      drop-ins:
        - name: 40-storage.conf
          content: |
            [Unit]
            Requires=storage.service
            After=storage.service
EOF
}

symptom() {
  user_data_applied && [ "$(about ExecMainStatus "$USER_DATA_SERVICE")" = 0 ] &&
    user_data_says 'Result of "start" on "docker.service": dependency' &&
    is storage failed && is docker inactive
}
