# shellcheck shell=sh
# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# summary: applied and in force, but validation ends with 1: it counts warnings
# row: 9, 10
# within: 60 s

# From 1.14 on `fleet` is a deprecated key; `etcd_endpoint` was never one.
setup() {
  have_user_data <<'EOF'
#cloud-config

coreos:
  flannel:
    etcd_endpoint: http://127.0.0.1:2379
    interface: $private_ipv4
  fleet:
    public-ip: $public_ipv4
write_files:
  - path: /etc/test.txt
    content: |
      hello, write_files
EOF
}

symptom() {
  user_data_applied && [ -e /etc/test.txt ] &&
    ! grep -q etcd_endpoint /run/flannel/options.env &&
    user_data_says 'warning: unrecognized key "etcd_endpoint"' &&
    report=$(coreos-cloudinit -validate --from-file="$USER_DATA" 2>&1)
  [ $? = 1 ] && ! echo "$report" | grep -q ': error: '
}
