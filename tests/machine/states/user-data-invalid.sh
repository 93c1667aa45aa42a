# shellcheck shell=sh
# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# summary: nothing of it is applied: its YAML is broken; the path has given up
# row: 8
# within: 60 s

# A tab where YAML wants blanks.
setup() {
  tr @ '\t' <<'EOF' | have_user_data
#cloud-config

write_files:
  - path: /etc/test.txt
    content: |
      hello, write_files
coreos:
  units:
    - name: app.service
@command: start
EOF
}

# A failed service lets the path look again, and the file is still there.
symptom() {
  is "$USER_DATA_SERVICE" failed && is "$USER_DATA_WATCH" failed && [ ! -e /etc/test.txt ] &&
    user_data_says 'Failed to parse user-data: YAML error: line '
}
