# shellcheck shell=sh
# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# summary: two sources write the same unit; both have run, one has won
# row: 11
# within: 60 s

# app FROM
app() {
  cat <<EOF
#cloud-config

coreos:
  units:
    - name: app.service
      command: start
      content: |
        [Service]
        Environment=FROM=$1
        ExecStart=/usr/bin/sleep infinity
EOF
}

setup() {
  app vagrant | have_user_data
  app coreos-install | write_file /var/lib/coreos-install/user_data
}

symptom() {
  other='user-cloudinit@var-lib-coreos\x2dinstall-user_data.service'
  user_data_applied && is "$other" active && is app active &&
    user_data_says 'Wrote unit "app.service"' && journal_has "$other" 'Wrote unit "app.service"'
}
