# shellcheck shell=sh
# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# summary: CoreOS before, Flatcar now: the user-data of before is still there, and nothing runs it
# within: 60 s

# asks_for CONTENT
asks_for() {
  cat <<EOF
#cloud-config

write_files:
  - path: /etc/test.txt
    content: $1
EOF
}

setup() {
  sed -i 's/^ID=.*/ID=flatcar/' "$(readlink -f /etc/os-release)"
  sed 's/coreos\\x2dinstall/flatcar\\x2dinstall/' /usr/lib/systemd/system/user-config.target |
    write_file /etc/systemd/system/user-config.target
  asks_for before | write_file /var/lib/coreos-install/user_data
  asks_for now | write_file /var/lib/flatcar-install/user_data
}

symptom() {
  is 'user-cloudinit@var-lib-flatcar\x2dinstall-user_data.service' active &&
    is 'user-cloudinit@var-lib-coreos\x2dinstall-user_data.service' inactive &&
    [ "$(cat /etc/test.txt)" = now ]
}
