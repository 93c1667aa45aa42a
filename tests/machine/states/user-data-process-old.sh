# shellcheck shell=sh
# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# summary: the new drop-in is in force, but the process has been running since before it
# row: 6
# within: 60 s

app() {
  cat <<'EOF'
#cloud-config

coreos:
  units:
    - name: app.service
      command: start
      content: |
        [Service]
        Environment=VERSION=1
        ExecStart=/usr/bin/sleep infinity
EOF
}

setup() {
  app | have_user_data
}

after_boot() {
  wait_until user_data_applied
  later
  { app; cat; } <<'EOF' | have_user_data
      drop-ins:
        - name: 10-version.conf
          content: |
            [Service]
            Environment=VERSION=2
EOF
  systemctl restart "$USER_DATA_SERVICE"
}

symptom() {
  user_data_runs 2 && user_data_says 'Result of "start" on "app.service": done' &&
    [ "$(about NeedDaemonReload app)" = no ] && about Environment app | grep -q -w VERSION=2 &&
    tr '\0' '\n' < "/proc/$(about MainPID app)/environ" | grep -q '^VERSION=1$'
}
