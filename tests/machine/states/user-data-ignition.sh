# shellcheck shell=sh
# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# summary: the run ended well and did nothing: this is a config for Ignition
# row: 12
# within: 60 s

setup() {
  have_user_data <<'EOF'
{
  "ignition": { "version": "2.0.0" },
  "storage": {
    "files": [
      { "filesystem": "root", "path": "/etc/test.txt", "contents": { "source": "data:,hello" } }
    ]
  }
}
EOF
}

symptom() {
  user_data_applied && [ ! -e /etc/test.txt ] &&
    user_data_says 'Detected an Ignition config. Exiting...'
}
