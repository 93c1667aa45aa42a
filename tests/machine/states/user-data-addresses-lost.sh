# shellcheck shell=sh
# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# summary: applied again by hand, without /etc/environment: the unit has no address any more
# row: 3
# within: 60 s

setup() {
  have_user_data <<'EOF'
#cloud-config

coreos:
  units:
    - name: app.service
      command: start
      content: |
        [Service]
        Environment=ADDRESS=$public_ipv4
        ExecStart=/usr/bin/sleep infinity
EOF
}

after_boot() {
  wait_until user_data_applied
  env -i PATH="$PATH" coreos-cloudinit --from-file="$USER_DATA"
}

# The process still has its address: it loses it when it is started the next time.
symptom() {
  address=$(hostname -i)
  is app active && [ "$(about Environment app)" = ADDRESS= ] &&
    grep -q "^COREOS_PUBLIC_IPV4=${address%% *}" /etc/environment &&
    tr '\0' '\n' < "/proc/$(about MainPID app)/environ" | grep -q "^ADDRESS=${address%% *}"
}
