# shellcheck shell=sh
# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# summary: nothing of it is applied: its first line is not #cloud-config
# row: 8
# within: 60 s

setup() {
  have_user_data <<'EOF'

#cloud-config
write_files:
  - path: /etc/test.txt
    content: |
      hello, write_files
EOF
}

symptom() {
  is "$USER_DATA_SERVICE" failed && is "$USER_DATA_WATCH" failed && [ ! -e /etc/test.txt ] &&
    user_data_says 'Unrecognized user-data'
}
