# shellcheck shell=sh
# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# summary: an empty user-data: the path starts without end what is skipped; systemctl hangs
# within: 60 s

# This systemd has no limit for it (252 gives up: trigger-limit-hit), and fills the journal with it.
setup() {
  printf '[Journal]\nSystemMaxUse=64M\n' | write_file /etc/systemd/journald.conf.d/40-small.conf
}

after_boot() {
  wait_until is "$USER_DATA_WATCH" active
  : | have_user_data
}

symptom() {
  [ -e "$USER_DATA" ] && [ ! -s "$USER_DATA" ] &&
    [ "$(journalctl -b -q --no-pager -o cat -n 3000 | grep -c -F 'Load cloud-config from')" -gt 2000 ] && systemctl_hangs
}

systemctl_hangs() {
  timeout 3 systemctl is-active "$USER_DATA_WATCH" >/dev/null 2>&1
  [ $? = 124 ]
}
