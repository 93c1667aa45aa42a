# shellcheck shell=sh
# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# summary: the first `vagrant up`: the path has run the user-data when Vagrant brought it
# within: 60 s

setup() {
  forget_addresses
}

after_boot() {
  wait_until is "$USER_DATA_WATCH" active
  vagrant_says_addresses
  seed_user_data 1 | vagrant_provisions
}

symptom() {
  user_data_applied && user_data_runs 1 &&
    [ "$(user_data_run_at)" -ge "$(stat -c %Z "$USER_DATA")" ] &&
    seed_in_force && [ ! -e /etc/test.txt ]
}
